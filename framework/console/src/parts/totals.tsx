// The counts of an instance or a mapping: delivered, failed, waiting.
import type { JSX } from "preact";
import type { Totals } from "../core/instance-state";
import { countText } from "../core/texts";

export function TotalsList({ totals }: { totals: Totals }): JSX.Element {
  return (
    <dl class="outcomes">
      <Total label="Delivered" count={totals.delivered} />
      <Total label="Failed" count={totals.failed} isBad />
      <Total label="Waiting" count={totals.waiting} />
    </dl>
  );
}

function Total({ label, count, isBad = false }: { label: string; count: number; isBad?: boolean }): JSX.Element {
  return (
    <div class={isBad && count ? "outcome outcome-bad" : "outcome"}>
      <dt>{label}</dt>
      <dd>{countText(count)}</dd>
    </div>
  );
}
