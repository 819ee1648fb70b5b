// Forms of constants: a text stays a text, a number a number.
import type { JSX } from "preact";
import { type Json, isNumberText, parseJson, scalarText, writeJson } from "../../core/json";
import { ChoiceSelect } from "../../parts/choice-select";
import { ChoicesBox } from "../../parts/choices-box";
import { NumberBox } from "../../parts/number-box";
import { useChoicesAt } from "../dynamic";
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

/** A constant of a field whose choices the partner lists; any other can be typed. */
export function DynamicEditor({ value, onChange, pointer, label }: KindProps): JSX.Element {
  const ask = useChoicesAt(pointer);
  if (ask === undefined) return <></>;
  // A number stays one as long as what is typed is one.
  const typed = (text: string): Json => (typeof value !== "string" && isNumberText(text) ? parseJson(text) : text);
  return (
    <ChoicesBox
      text={scalarText(value)}
      aria-label={label}
      name={label}
      ask={ask}
      onText={(text) => onChange(typed(text))}
      onChoose={(choice) => onChange(choice.value as Json)}
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
