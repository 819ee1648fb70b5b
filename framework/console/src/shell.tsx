// The frame around every page: navigation, connection, the way out.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { call, onConnection } from "./core/client";
import { hrefTo } from "./core/router";
import { Button, IconButton } from "./parts/button";
import { useKeptFocus } from "./parts/focus";
import { Icon, type IconName } from "./parts/icon";

const SECTIONS: { section: string; label: string; icon: IconName }[] = [
  { section: "", label: "Home", icon: "home" },
  { section: "sources", label: "Sources", icon: "source" },
  { section: "destinations", label: "Destinations", icon: "destination" },
  { section: "catalog", label: "Catalog", icon: "catalog" },
];

export function Shell({
  section,
  onSignOut,
  children,
}: {
  section: string;
  onSignOut: () => void;
  children: ComponentChildren;
}): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  const isLost = useLostConnection();
  useEffect(() => setOpen(false), [section]);
  useKeptFocus();
  async function signOut(): Promise<void> {
    await call("DELETE /api/sessions/current").catch(() => undefined);
    onSignOut();
  }
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={skip}>
        Skip to the content
      </a>
      <header class="sidebar">
        <div class="brand">
          <Logo /> Offramp
          <IconButton
            class="sidebar-toggle"
            icon="menu"
            label="Menu"
            aria-expanded={isOpen}
            aria-controls="navigation"
            onClick={() => setOpen(!isOpen)}
          />
        </div>
        <nav id="navigation" aria-label="Console" class={isOpen ? "is-open" : ""}>
          {SECTIONS.map((each) => (
            <a
              key={each.section}
              href={each.section ? hrefTo(each.section) : "#/"}
              aria-current={each.section === section ? "page" : undefined}
            >
              <Icon name={each.icon} /> {each.label}
            </a>
          ))}
          <Button look="quiet" icon="signOut" class="sign-out" onClick={() => void signOut()}>
            Sign out
          </Button>
        </nav>
      </header>
      <main id="main" tabIndex={-1}>
        {isLost && (
          <div class="lost" role="alert">
            The host does not answer. What you entered is kept.
          </div>
        )}
        {children}
      </main>
    </div>
  );
}

/** Moves the focus; the address stays, as it names the page. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

const CHECK_MS = 3_000;

/** Whether calls fail to reach the host; it is asked again until it answers. */
function useLostConnection(): boolean {
  const [isLost, setLost] = useState(false);
  useEffect(() => onConnection(setLost), []);
  useEffect(() => {
    if (!isLost) return undefined;
    const timer = setInterval(
      () => void call("GET /api/sessions/current").catch(() => undefined),
      CHECK_MS,
    );
    return () => clearInterval(timer);
  }, [isLost]);
  return isLost;
}

export function Logo(): JSX.Element {
  return (
    <svg class="logo" width="28" height="28" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" />
      <path d="M10 25V7m0 13c0-5 3-8 8-8h6m-4.5-4.5 4.5 4.5-4.5 4.5" />
    </svg>
  );
}
