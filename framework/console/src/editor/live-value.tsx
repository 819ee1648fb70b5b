// The value that a part of a mapping has for the sample event.
import type { JSX } from "preact";
import { useScope } from "./scope";
import { shortText } from "./variables";

/** The value that a part has for the sample event. */
export function LiveValue({ pointer, label }: { pointer: string; label: string }): JSX.Element | null {
  const { results, sample } = useScope();
  const result = results.get(pointer);
  if (sample === undefined || result === undefined) return null;
  return (
    <output class={result.found ? "live" : "live live-none"} aria-label={`Value of ${label}`}>
      {result.found ? shortText(result.value, 120) : "no value"}
    </output>
  );
}
