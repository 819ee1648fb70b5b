// How the events of a mapping share requests, within what its action allows.
import type { JSX } from "preact";
import type { BatchLimitsShape, BatchShape } from "../api-types";
import type { Json, JsonObject } from "../core/json";
import { countText, plural } from "../core/texts";
import { Checkbox } from "../parts/field";
import { Card } from "../parts/page";
import { settingOf } from "../settings/options";
import { ValueFields } from "../settings/value-fields";
import { withKey } from "./state";

export interface BatchingProps {
  limits: BatchLimitsShape;
  batch: JsonObject;
  /** What holds for the saved mapping; `undefined` for a new one, `null` if each event is sent alone. */
  effective: BatchShape | null | undefined;
  onChange: (batch: JsonObject) => void;
}

const ENABLED = "enabled";

export function Batching({ limits, batch, effective, onChange }: BatchingProps): JSX.Element {
  const isOn = batch[ENABLED] !== false;
  const settings = limits.options
    .filter((each) => each.key !== ENABLED)
    .map((each) => settingOf(each, each.key === "keys" ? undefined : (limits[each.key as keyof BatchShape] as Json)));
  return (
    <Card title="Batching" class="settings-card">
      <p class="muted">
        The action takes up to {batchText(limits)} in a request{limits.keys.length > 0 && `, with the same ${limits.keys.join(", ")}`}.
        {effective !== undefined && ` Saved: ${effective === null ? "each event is sent alone" : `up to ${batchText(effective)}`}.`}
      </p>
      <Checkbox
        label="Events share requests"
        description="Otherwise each is sent alone."
        isChecked={isOn}
        onChange={(on) => onChange(withKey(batch, ENABLED, on ? undefined : false))}
      />
      {isOn && <ValueFields settings={settings} values={batch} onChange={({ key }, value) => onChange(withKey(batch, key, value))} />}
    </Card>
  );
}

function batchText({ max_events, max_bytes, linger }: BatchShape): string {
  const waiting = linger > 0 ? `, the first of which waits up to ${plural(linger, "second")}` : "";
  return `${plural(max_events, "event")} of ${countText(max_bytes)} bytes together${waiting}`;
}
