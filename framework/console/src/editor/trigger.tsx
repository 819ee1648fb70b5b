// The trigger of a mapping: which events it selects.
import type { JSX } from "preact";
import { TextField } from "../parts/field";
import { Card } from "../parts/page";

export interface TriggerProps {
  trigger: string;
  onChange: (trigger: string) => void;
  /** The source whose recent events the trigger is tried on. */
  source: string;
}

export function Trigger({ trigger, onChange }: TriggerProps): JSX.Element {
  return (
    <Card title="Select events to map and send">
      <TextField label="Trigger" value={trigger} onInput={onChange} />
    </Card>
  );
}
