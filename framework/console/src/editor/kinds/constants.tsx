// Forms of constants: a text stays a text, a number a number.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { type ExactNumber, isExactNumber, parseJson } from "../../core/json";
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

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** A number keeps each of its digits, so it is edited as text. */
export function NumberEditor({ value, onChange, label }: KindProps): JSX.Element {
  const shown = isExactNumber(value) ? value.rawJSON : String(value);
  const [typed, setTyped] = useState(shown);
  const isNumber = NUMBER.test(typed);
  return (
    <>
      <input
        type="text"
        inputMode="decimal"
        aria-label={label}
        aria-invalid={!isNumber}
        value={isNumber ? shown : typed}
        onInput={(event) => {
          const text = event.currentTarget.value.trim();
          setTyped(text);
          if (NUMBER.test(text)) onChange(parseJson(text) as number | ExactNumber);
        }}
      />
      {!isNumber && <p class="field-fault">Write a number, as in 12 or 0.5</p>}
    </>
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
