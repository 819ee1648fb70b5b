// Tries a trigger on the latest events: how many match, and why the others do not.
import type { ComponentChildren, JSX } from "preact";
import type { RecentRow } from "../api-types";
import { call } from "../core/client";
import { useLoaded, useSettled } from "../core/loaded";
import { agoText, plural } from "../core/texts";
import { Button } from "../parts/button";
import { ErrorNotice } from "../parts/notice";
import { Badge } from "../parts/page";
import { Table } from "../parts/table";
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
      <Table label="Latest events" heads={["Event", "Accepted", "Matches", "Sample"]} rows={data.rows.map((row) => cellsOf(row, onSample))} />
    </details>
  );
}

function cellsOf(row: RecentRow, onSample: (messageId: string) => void): ComponentChildren[] {
  return [
    <>
      {row.name || row.type} <code class="muted">{row.message_id}</code>
    </>,
    agoText(row.accepted_at),
    row.why ? (
      <>
        <Badge kind="warning">No</Badge> {row.why.words}: {actualText(row.why.actual)}
      </>
    ) : row.matches ? (
      <Badge kind="success">Yes</Badge>
    ) : (
      <Badge>No longer kept</Badge>
    ),
    <Button look="quiet" aria-label={`Use ${row.message_id} as the sample event`} onClick={() => onSample(row.message_id)}>
      Use as sample
    </Button>,
  ];
}
