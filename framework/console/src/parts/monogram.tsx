// The first letter of a destination, where others would show a logo; it says nothing of its own.
import type { JSX } from "preact";

const HUES = 12;

export function Monogram({ name }: { name: string }): JSX.Element {
  const sum = [...name].reduce((total, letter) => total + (letter.codePointAt(0) ?? 0), 0);
  return (
    <span class={`monogram monogram-${sum % HUES}`} aria-hidden="true">
      {[...name][0]?.toUpperCase()}
    </span>
  );
}
