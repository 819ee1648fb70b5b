// Forms of constants: a text stays a text, a number a number.
import type { JSX } from "preact";
import { type ExactNumber, digitsOf, parseJson } from "../../core/json";
import { NumberBox } from "../../parts/number-box";
import type { KindProps } from "../value-props";

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
      digits={digitsOf(value as number | ExactNumber)}
      label={label}
      onNumber={(digits) => onChange(parseJson(digits) as number | ExactNumber)}
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
