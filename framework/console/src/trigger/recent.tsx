// Tries a trigger on the latest events: how many match, and why the others do not.
import type { JSX } from "preact";
import { call } from "../core/client";
import { useLoaded, useSettled } from "../core/loaded";
import { agoText, plural } from "../core/texts";
import { Button } from "../parts/button";
import { ErrorNotice } from "../parts/notice";
import { Badge } from "../parts/page";
import { actualText } from "../editor/preview";

/** How many of the latest events are tried. */
const LATEST = 50;

export function RecentEvents({
  trigger,
  source,
  onSample,
}: {
  trigger: string;
  source: string;
  /** Take an event as the sample, by its message id. */
  onSample: (messageId: string) => void;
}): JSX.Element {
  const settled = useSettled(trigger, 300);
  const recent = useLoaded(`recent ${source} ${settled}`, (signal) =>
    call("POST /api/triggers/recent", { body: { trigger: settled, source, limit: LATEST }, signal }),
  );
  if (recent.error) return <ErrorNotice error={recent.error} title="The latest events could not be tried" />;
  const { data } = recent;
  if (data === undefined) return <p class="muted" role="status">Trying it on the latest events …</p>;
  if (data.rows.length === 0)
    return <p class="muted">{source} has sent no event yet. Send one to see whether it matches.</p>;
  return (
    <details class="recent">
      <summary>
        <strong>
          {data.matching} of the latest {plural(data.rows.length, "event")}
        </strong>{" "}
        {data.matching === 1 ? "matches" : "match"}
      </summary>
      <div class="table-scroll" tabIndex={0} role="region" aria-label="Latest events">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Event</th>
              <th scope="col">Accepted</th>
              <th scope="col">Matches</th>
              <th scope="col">
                <span class="visually-hidden">Action</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {data.rows.map((row) => (
              <tr key={row.message_id}>
                <td>
                  {row.name || row.type} <code class="muted">{row.message_id}</code>
                </td>
                <td>{agoText(row.accepted_at)}</td>
                <td>
                  {row.matches === true && <Badge kind="success">Yes</Badge>}
                  {row.matches === null && <Badge>No longer kept</Badge>}
                  {row.why && (
                    <>
                      <Badge kind="warning">No</Badge> {row.why.words}: <code>{actualText(row.why.actual)}</code>
                    </>
                  )}
                </td>
                <td>
                  <Button look="quiet" aria-label={`Use ${row.message_id} as the sample event`} onClick={() => onSample(row.message_id)}>
                    Use as sample
                  </Button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
