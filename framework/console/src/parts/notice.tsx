// Notices: inside a page, and short ones at the bottom of the window that go by themselves.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { ErrorShape } from "../api-types";
import { ApiError, messageOf } from "../core/client";
import { keysOf } from "../core/faults";
import { sentence } from "../core/texts";
import { Button } from "./button";
import { Icon, type IconName } from "./icon";

export type NoticeKind = "info" | "success" | "warning" | "error";

const ICONS: Record<NoticeKind, IconName> = {
  info: "info",
  success: "check",
  warning: "warning",
  error: "error",
};

/** A notice inside a page; errors are announced at once. */
export function Notice({
  kind = "info",
  title,
  children,
}: {
  kind?: NoticeKind;
  title?: string;
  children?: ComponentChildren;
}): JSX.Element {
  return (
    <div class={`notice notice-${kind}`} role={kind === "error" ? "alert" : "status"}>
      <Icon name={ICONS[kind]} />
      <div class="notice-text">
        {title && <strong>{title}</strong>}
        {/* In one element, as the parts of a sentence stay on a line. */}
        <div class="notice-body">{children}</div>
      </div>
    </div>
  );
}

/** What went wrong with a call: each error of the body with its place, or else the whole text. */
export function ErrorNotice({
  error,
  title,
  onRetry,
}: {
  error: unknown;
  title?: string;
  onRetry?: () => void;
}): JSX.Element {
  // Errors of parameters are about the call, which the page made: the text says what they mean.
  const located = error instanceof ApiError ? error.errors.filter((each) => each.pointer !== undefined) : [];
  return (
    <Notice kind="error" {...(title === undefined ? {} : { title })}>
      {located.length === 0 && <p>{sentence(messageOf(error))}</p>}
      {located.length === 1 && located[0] && (
        <p>
          <Located error={located[0]} />
        </p>
      )}
      {located.length > 1 && (
        <ul>
          {located.map((each) => (
            <li key={`${each.pointer}${each.detail}`}>
              <Located error={each} />
            </li>
          ))}
        </ul>
      )}
      {onRetry && (
        <Button icon="refresh" onClick={onRetry}>
          Try again
        </Button>
      )}
    </Notice>
  );
}

/** One error with its place, as `mapping / customer_id`; none if it is about the whole. */
export function Located({ error: { pointer, detail } }: { error: ErrorShape }): JSX.Element {
  const keys = pointer === undefined ? [] : keysOf(pointer);
  return keys.length === 0 ? (
    <>{sentence(detail)}</>
  ) : (
    <>
      <code>{keys.join(" / ")}</code> {detail}
    </>
  );
}

interface Toast {
  id: number;
  kind: NoticeKind;
  text: string;
  action?: { label: string; run: () => void } | undefined;
}

const SHOWN_MS = 6_000;
let toasts: Toast[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

function publish(next: Toast[]): void {
  toasts = next;
  for (const each of listeners) each();
}

/** Show a short notice, maybe with one action such as Undo. */
export function toast(text: string, kind: NoticeKind = "success", action?: Toast["action"]): void {
  const id = nextId++;
  publish([...toasts, { id, kind, text, action }]);
  setTimeout(() => publish(toasts.filter((each) => each.id !== id)), action ? 2 * SHOWN_MS : SHOWN_MS);
}

/** Where short notices are shown; once in the page. */
export function Toasts(): JSX.Element {
  const [, draw] = useState(0);
  useEffect(() => {
    const changed = () => draw((old) => old + 1);
    listeners.add(changed);
    return () => void listeners.delete(changed);
  }, []);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.map((each) => (
        <div key={each.id} class={`toast toast-${each.kind}`}>
          <Icon name={ICONS[each.kind]} />
          <span>{each.text}</span>
          {each.action && (
            <Button
              look="quiet"
              onClick={() => {
                each.action?.run();
                publish(toasts.filter((other) => other.id !== each.id));
              }}
            >
              {each.action.label}
            </Button>
          )}
        </div>
      ))}
    </div>
  );
}
