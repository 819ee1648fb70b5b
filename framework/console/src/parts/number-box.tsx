// A number as it is typed: with each of its digits, and also while it is no whole number yet.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useIncomplete } from "../core/incomplete";
import { isNumberText, parseJson, scalarText } from "../core/json";

export interface NumberBoxProps {
  /** The number that counts at present. */
  digits: string;
  /** Gets each whole number as it was typed. */
  onNumber: (digits: string) => void;
  label: string;
  class?: string;
}

export function NumberBox({ digits, onNumber, label, class: extra }: NumberBoxProps): JSX.Element {
  const [typed, setTyped] = useState(digits);
  const isNumber = isNumberText(typed);
  useIncomplete(!isNumber);
  useEffect(() => {
    // `1.0` stays while it is typed, as `1.05` begins like it; a change from elsewhere replaces it.
    if (!isNumber || plain(typed) !== plain(digits)) setTyped(digits);
  }, [digits]);
  return (
    <>
      <input
        type="text"
        inputMode="decimal"
        class={extra}
        aria-label={label}
        aria-invalid={!isNumber}
        value={typed}
        onInput={(event) => {
          const text = event.currentTarget.value.trim();
          setTyped(text);
          if (isNumberText(text)) onNumber(text);
        }}
      />
      {!isNumber && <p class="field-fault">Write a number, as in 12 or 0.5</p>}
    </>
  );
}

/** Numbers of one value have one such text. */
function plain(digits: string): string {
  return isNumberText(digits) ? scalarText(parseJson(digits)) : digits;
}
