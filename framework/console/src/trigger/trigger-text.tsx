// A trigger as lists show it: in words, or by its own text; some presets and disabled mappings have none.
import type { JSX } from "preact";

export function TriggerText({ trigger, words }: { trigger: string; words: ReadonlyMap<string, string> }): JSX.Element {
  return <>{words.get(trigger) ?? <code>{trigger}</code>}</>;
}

/** What a list says of a preset without a trigger. */
export const NO_TRIGGER = "No trigger: its mapping stays disabled until you select events";
