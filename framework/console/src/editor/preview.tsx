// What the mapping makes of the sample event: whether it matches, the exact request, and a real test.
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import type { Explained, RequestShape } from "../api-types";
import { writeJson } from "../core/json";
import { Code, JsonCode } from "../parts/code";
import { Checkbox } from "../parts/field";
import { ErrorNotice, Located, Notice } from "../parts/notice";
import { Badge, Card } from "../parts/page";
import type { Explanation } from "./state";

export function Preview({
  explanation,
  hasSample,
  children,
}: {
  explanation: Explanation;
  hasSample: boolean;
  children?: ComponentChildren;
}): JSX.Element {
  const { explained, error, isLoading } = explanation;
  return (
    <Card title="Preview" actions={isLoading ? <span class="muted">Updating …</span> : explained && <MatchBadge explained={explained} />}>
      {!hasSample && <p class="muted">Choose a sample event to see the exact request.</p>}
      {error !== undefined && <ErrorNotice error={error} title="The sample event could not be tried" />}
      {explained && <Result explained={explained} />}
      {children}
    </Card>
  );
}

function Result({ explained }: { explained: Explained }): JSX.Element {
  const { errors, why, missing, request, payload, stopped, no_request: noRequest } = explained;
  return (
    <>
      {why && (
        <Notice kind="warning" title="The trigger does not select this event">
          <p>
            {why.words}: {actualText(why.actual)}
          </p>
        </Notice>
      )}
      {errors.length > 0 && (
        <Notice kind="error" title="This event would be rejected">
          <ul>
            {errors.map((each) => (
              <li key={`${each.pointer}${each.detail}`}>
                <Located error={each} />
              </li>
            ))}
          </ul>
        </Notice>
      )}
      {missing.length > 0 && (
        <p class="muted">
          The sample event has nothing at <code>{missing.join(", ")}</code>.
        </p>
      )}
      {request ? <Request request={request} /> : noRequest && errors.length === 0 && <p class="muted">No request: {noRequest}</p>}
      {request?.earlier && <p class="muted">As if the destination answered each request with 200 and {"{}"}.</p>}
      {stopped !== null && (
        <p class="muted">
          The action does not go on with the answer 200 and {"{}"}: {stopped}
        </p>
      )}
      {payload !== null && payload !== undefined && (
        <details>
          <summary>Payload</summary>
          <JsonCode value={payload} label="Payload" />
        </details>
      )}
    </>
  );
}

function MatchBadge({ explained }: { explained: Explained }): JSX.Element | null {
  if (explained.matches === null) return null;
  return explained.matches ? <Badge kind="success">The trigger matches</Badge> : <Badge kind="warning">The trigger does not match</Badge>;
}

/** What an event has at the paths of a condition, in words. */
export function actualText(actual: Record<string, unknown>): string {
  const found = Object.entries(actual).map(([path, value]) => `${path} is ${writeJson(value)}`);
  return found.length === 0 ? "the event has no such value" : found.join(", ");
}

/** The requests of a call as text, oldest first, masked by the host: method, address, headers, body. */
export function Request({ request }: { request: RequestShape }): JSX.Element {
  const [isWhole, setWhole] = useState(false);
  const texts = [...(request.earlier ?? []), request].map((each) => requestText(each, isWhole));
  return (
    <>
      <Checkbox label="Show headers" isChecked={isWhole} onChange={setWhole} />
      <Code text={texts.join("\n\n")} label="Request" />
    </>
  );
}

function requestText(request: RequestShape, isWhole: boolean): string {
  const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`);
  return [`${request.method} ${request.url}`, ...(isWhole ? headers : []), "", bodyText(request.body)].join("\n");
}

/** A body with lines and indents, if it is JSON. */
export function bodyText(body: string): string {
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
