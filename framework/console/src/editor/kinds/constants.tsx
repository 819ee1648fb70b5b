// Forms of constants: a text stays a text, a number a number.
import type { JSX } from "preact";
import { parseJson, scalarText, writeJson } from "../../core/json";
import { ChoiceSelect } from "../../parts/choice-select";
import { NumberBox } from "../../parts/number-box";
import type { KindProps } from "../value-props";

/** A constant of a field with choices. */
export function ChoiceEditor({ value, onChange, label, choices }: KindProps): JSX.Element {
  return (
    <ChoiceSelect
      aria-label={label}
      choices={choices ?? []}
      json={value === "" ? "" : writeJson(value)}
      onChange={(json) => onChange(json === "" ? "" : parseJson(json))}
    />
  );
}

export function TextEditor({ value, onChange, label }: KindProps): JSX.Element {
  return (
    <textarea
      rows={1}
      aria-label={label}
      value={String(value)}
      spellcheck={false}
      onInput={(event) => onChange(event.currentTarget.value)}
    />
  );
}

/** A number keeps each of its digits, so it is edited as text. */
export function NumberEditor({ value, onChange, label }: KindProps): JSX.Element {
  return (
    <NumberBox
      digits={scalarText(value)}
      label={label}
      onNumber={(digits) => onChange(parseJson(digits))}
    />
  );
}

export function BooleanEditor({ value, onChange, label }: KindProps): JSX.Element {
  return (
    <select aria-label={label} value={String(value)} onChange={(event) => onChange(event.currentTarget.value === "true")}>
      <option value="true">true</option>
      <option value="false">false</option>
    </select>
  );
}
