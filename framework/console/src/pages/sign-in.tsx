// Signs in with the host's token once, or with the code of `offramp console`.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { call, messageOf } from "../core/client";
import { goTo } from "../core/router";
import { Button } from "../parts/button";
import { TextField } from "../parts/field";
import { Notice } from "../parts/notice";
import { Logo } from "../shell";

export function SignIn({
  code,
  isEnded,
  onSignedIn,
}: {
  code: string | null;
  /** Whether a session has ended while a page was open. */
  isEnded: boolean;
  onSignedIn: () => void;
}): JSX.Element {
  const [token, setToken] = useState("");
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  async function signIn(body: { token: string } | { code: string }): Promise<void> {
    setBusy(true);
    setError(undefined);
    try {
      await call("POST /api/sessions", { body });
      onSignedIn();
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  }
  useEffect(() => {
    document.title = "Sign in - Offramp";
    if (code === null) return;
    // The code works once, so it does not stay in the address.
    goTo("#/", true);
    void signIn({ code });
  }, []);
  return (
    <main class="sign-in">
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          void signIn({ token });
        }}
      >
        <Logo />
        <h1>Sign in to Offramp</h1>
        {isEnded && error === undefined && (
          <Notice>Your session has ended. Sign in again to go on: what you entered is kept in this tab, except secrets.</Notice>
        )}
        <TextField
          label="API token"
          type="password"
          value={token}
          onInput={setToken}
          isRequired
          autoFocus
          autoComplete="current-password"
          description={
            <>
              The host shows it once at its first start and keeps it in the file <code>token</code> of its data folder.{" "}
              <code>offramp console</code> opens this page signed in.
            </>
          }
        />
        {error !== undefined && <Notice kind="error">{messageOf(error)}</Notice>}
        <Button type="submit" look="primary" isBusy={isBusy}>
          Sign in
        </Button>
      </form>
    </main>
  );
}
