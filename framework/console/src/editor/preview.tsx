// What the mapping makes of the sample event: whether it matches, the exact request, and a real test.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { messageOf } from "../core/client";
import { isObject } from "../core/json";
import { Code, JsonCode } from "../parts/code";
import { ErrorNotice, Notice } from "../parts/notice";
import { Badge, Card } from "../parts/page";
import type { Explanation } from "./state";

export function Preview({ explanation, hasSample, children }: { explanation: Explanation; hasSample: boolean; children?: JSX.Element }): JSX.Element {
  const { explained, errors, error, isLoading } = explanation;
  return (
    <Card title="Preview" actions={isLoading ? <span class="muted">Updating …</span> : explained && <MatchBadge isMatch={explained.matches} />}>
      {!hasSample && <p class="muted">Choose a sample event to see the exact request.</p>}
      {error !== undefined && errors.length === 0 && <ErrorNotice error={error} />}
      {errors.length > 0 && (
        <Notice kind="warning" title="Not up to date">
          <p>{error && messageOf(error)}</p>
        </Notice>
      )}
      {explained && (
        <>
          {explained.errors.length > 0 && (
            <Notice kind="error" title="This event would be rejected">
              <ul>
                {explained.errors.map((each) => (
                  <li key={`${each.pointer}${each.detail}`}>
                    {each.pointer && <code>{each.pointer.replace(/^#\//, "")}</code>} {each.detail}
                  </li>
                ))}
              </ul>
            </Notice>
          )}
          <Request request={explained.request} />
          {explained.payload !== null && (
            <details>
              <summary>Payload</summary>
              <JsonCode value={explained.payload} label="Payload" />
            </details>
          )}
        </>
      )}
      {children}
    </Card>
  );
}

function MatchBadge({ isMatch }: { isMatch: boolean }): JSX.Element {
  return isMatch ? <Badge kind="success">The trigger matches</Badge> : <Badge kind="warning">The trigger does not match</Badge>;
}

/** A request as text, masked by the host: method, address, headers, body. */
function Request({ request }: { request: Record<string, unknown> | null }): JSX.Element | null {
  const [isWhole, setWhole] = useState(false);
  if (request === null) return null;
  const headers = isObject(request["headers"]) ? Object.entries(request["headers"]) : [];
  const head = `${String(request["method"])} ${String(request["url"])}`;
  const lines = headers.map(([name, value]) => `${name}: ${String(value)}`);
  return (
    <>
      <label class="checkbox">
        <input type="checkbox" checked={isWhole} onChange={(event) => setWhole(event.currentTarget.checked)} />
        <span>Show headers</span>
      </label>
      <Code text={[head, ...(isWhole ? lines : []), "", bodyText(request["body"])].join("\n")} label="Request" />
    </>
  );
}

function bodyText(body: unknown): string {
  if (typeof body !== "string") return body === null || body === undefined ? "" : JSON.stringify(body, null, 2);
  try {
    return indented(body);
  } catch {
    return body;
  }
}

/** JSON text with lines and indents, and each character of its values as it is sent. */
function indented(text: string): string {
  JSON.parse(text);
  let depth = 0;
  return text.replace(/("(?:[^"\\]|\\.)*")|([{[])\s*([}\]]?)|([}\]])|(,)\s*|(:)\s*|\s+/g, (found, string, open, closed, close, comma, colon) => {
    if (string) return found;
    if (open) return closed ? `${open}${closed}` : `${open}\n${"  ".repeat(++depth)}`;
    if (close) return `\n${"  ".repeat(--depth)}${close}`;
    if (comma) return `,\n${"  ".repeat(depth)}`;
    return colon ? ": " : "";
  });
}
