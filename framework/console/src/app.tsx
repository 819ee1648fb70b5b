// The console: asks to sign in, then shows the page that the address names.
import type { JSX } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { call, onSignedOut } from "./core/client";
import { useLocation } from "./core/router";
import { pageOf } from "./pages";
import { SignIn } from "./pages/sign-in";
import { Toasts } from "./parts/notice";
import { Shell } from "./shell";

type Access = "asking" | "signed-in" | "signed-out" | "ended";

export function App(): JSX.Element {
  const location = useLocation();
  const [access, setAccess] = useState<Access>("asking");
  const ask = useCallback(async () => {
    try {
      await call("GET /api/sessions/current");
      setAccess("signed-in");
    } catch {
      setAccess("signed-out");
    }
  }, []);
  useEffect(() => {
    void ask();
    return onSignedOut(() => setAccess((old) => (old === "signed-in" ? "ended" : old)));
  }, [ask]);
  if (access === "asking") return <p class="loading">Loading …</p>;
  return (
    <>
      {access === "signed-out" || access === "ended" ? (
        <SignIn isEnded={access === "ended"} code={location.query.get("code")} onSignedIn={() => setAccess("signed-in")} />
      ) : (
        <Shell section={location.parts[0] ?? ""} onSignOut={() => setAccess("signed-out")}>
          {pageOf(location)}
        </Shell>
      )}
      <Toasts />
    </>
  );
}
