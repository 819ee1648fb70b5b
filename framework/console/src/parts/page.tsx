// The frame of a page's content: heading, way back, actions, tabs, and what is shown while it loads.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Loaded } from "../core/loaded";
import { Icon } from "./icon";
import { ErrorNotice } from "./notice";

/** A page: its title is the window's title too, and gets the focus when the page is opened. */
export function Page({
  title,
  subtitle,
  back,
  actions,
  children,
}: {
  title: string;
  subtitle?: ComponentChildren;
  back?: { href: string; label: string };
  actions?: ComponentChildren;
  children: ComponentChildren;
}): JSX.Element {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} - Offramp`;
    // Not where a control has taken the focus already (`autofocus`).
    if (document.activeElement === document.body || document.activeElement === null)
      heading.current?.focus({ preventScroll: true });
  }, [title]);
  return (
    <div class="page">
      {back && (
        <a class="back" href={back.href}>
          <Icon name="back" size={14} /> {back.label}
        </a>
      )}
      <header class="page-header">
        <div>
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {subtitle && <div class="page-subtitle">{subtitle}</div>}
        </div>
        {actions && <div class="page-actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

/** Links between the parts of one thing, as "Mappings" and "Settings". */
export function Tabs({
  label,
  tabs,
}: {
  label: string;
  tabs: { label: string; href: string; isCurrent: boolean }[];
}): JSX.Element {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map((tab) => (
        <a key={tab.href} href={tab.href} aria-current={tab.isCurrent ? "page" : undefined}>
          {tab.label}
        </a>
      ))}
    </nav>
  );
}

/** Draws what was loaded; until then a placeholder, and the error with a way to try again. */
export function Loading<T>({
  of,
  children,
}: {
  of: Loaded<T>;
  children: (data: T) => ComponentChildren;
}): JSX.Element {
  return (
    <>
      {of.error && <ErrorNotice error={of.error} onRetry={of.reload} />}
      {of.data !== undefined && children(of.data)}
      {of.data === undefined && !of.error && (
        <p class="loading" role="status">
          Loading …
        </p>
      )}
    </>
  );
}

/** What a list shows where there is nothing yet, and what to do about it. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }): JSX.Element {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** A section of a page in a frame of its own. */
export function Card({
  title,
  actions,
  children,
  class: extra = "",
}: {
  title?: string;
  actions?: ComponentChildren;
  children: ComponentChildren;
  class?: string;
}): JSX.Element {
  return (
    <section class={`card ${extra}`}>
      {(title || actions) && (
        <header class="card-header">
          {title && <h2>{title}</h2>}
          {actions && <div class="card-actions">{actions}</div>}
        </header>
      )}
      {children}
    </section>
  );
}

export type BadgeKind = "neutral" | "success" | "warning" | "error" | "accent";

/** A short state, as "Enabled". */
export function Badge({ kind = "neutral", children }: { kind?: BadgeKind; children: ComponentChildren }): JSX.Element {
  return <span class={`badge badge-${kind}`}>{children}</span>;
}
