// The sample event: what the mapping is tried with.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { messageOf } from "../core/client";
import { type JsonObject, isObject, parseJson, writeJson } from "../core/json";
import { Field } from "../parts/field";
import { Card } from "../parts/page";

export interface SampleProps {
  sample: JsonObject | undefined;
  onChange: (sample: JsonObject | undefined) => void;
  source: string;
  trigger: string;
}

export function Sample({ sample, onChange }: SampleProps): JSX.Element {
  const [text, setText] = useState(() => (sample ? writeJson(sample, true) : ""));
  const [fault, setFault] = useState<string>();
  function read(typed: string): void {
    setText(typed);
    try {
      const value = parseJson(typed);
      setFault(isObject(value) ? undefined : "An event is a JSON object");
      if (isObject(value)) onChange(value);
    } catch (error) {
      setFault(messageOf(error));
    }
  }
  return (
    <Card title="Sample event">
      <Field label="Event" fault={fault}>
        {(control) => <textarea {...control} rows={8} class="code-input" value={text} onInput={(event) => read(event.currentTarget.value)} />}
      </Field>
    </Card>
  );
}
