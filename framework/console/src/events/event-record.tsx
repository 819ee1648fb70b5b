// What becomes of one event: its delivery to each mapping, with the reason, the request and the answer.
import type { JSX } from "preact";
import type { ExplainedDelivery } from "../api-types";
import { call } from "../core/client";
import { useLoaded } from "../core/loaded";
import { hrefTo } from "../core/router";
import { plural } from "../core/texts";
import { JsonCode } from "../parts/code";
import { ErrorNotice, Notice } from "../parts/notice";
import { Badge, type BadgeKind } from "../parts/page";

const FOLLOW_MS = 1_000;

/** It is read again every second, as deliveries go on. */
export function EventRecord({ id }: { id: string }): JSX.Element {
  const record = useLoaded(`event ${id}`, (signal) => call("GET /api/events/{message_id}", { path: { message_id: id }, signal }), FOLLOW_MS);
  if (record.error) return <ErrorNotice error={record.error} />;
  const deliveries = record.data?.events.flatMap((each) => each.deliveries) ?? [];
  if (deliveries.length === 0)
    return <Notice>The event {id} is stored. No mapping selects it, so it is not delivered: look at the trigger, or at the source of the destination.</Notice>;
  return (
    <ul class="rows" aria-label="Deliveries">
      {deliveries.map((each) => (
        <DeliveryRow key={each.id} delivery={each} />
      ))}
    </ul>
  );
}

const KINDS: Record<ExplainedDelivery["stage"], BadgeKind> = {
  delivered: "success",
  filtered: "neutral",
  rejected: "error",
  expired: "error",
  waiting: "accent",
  retrying: "warning",
};

function DeliveryRow({ delivery }: { delivery: ExplainedDelivery }): JSX.Element {
  return (
    <li class="row">
      <a href={hrefTo("destinations", delivery.subscription.split("/")[0] ?? "", "mappings", delivery.subscription)}>{delivery.subscription}</a>
      <span class="muted">{attemptsText(delivery)}</span>
      <Badge kind={KINDS[delivery.stage]}>{delivery.stage}</Badge>
      {delivery.why && <p class="row-text">{delivery.why.text}</p>}
      {delivery.why?.fix && <p class="row-text muted">{delivery.why.fix}</p>}
      {delivery.exchange !== null && (
        <details class="row-text">
          <summary>Request and answer</summary>
          <JsonCode value={delivery.exchange} label="Request and answer" />
        </details>
      )}
    </li>
  );
}

function attemptsText({ attempts, unknown_answers: unknown }: ExplainedDelivery): string {
  if (attempts === 0) return "";
  return unknown === 0 ? plural(attempts, "attempt") : `${plural(attempts, "attempt")}, ${unknown} without an answer`;
}
