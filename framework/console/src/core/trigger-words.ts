// Triggers in words, as the host says them; a trigger is asked for once.
import { useEffect, useState } from "preact/hooks";
import { call } from "./client";

const known = new Map<string, string>();

/** The words of each trigger, by its text; until the host has answered, and where it cannot, there are none. */
export function useTriggerWords(all: readonly (string | null)[]): ReadonlyMap<string, string> {
  const [, draw] = useState(0);
  const triggers = all.filter((each) => each !== null);
  const key = triggers.join("\n");
  useEffect(() => {
    let isGone = false;
    const asked = [...new Set(triggers)].filter((each) => !known.has(each));
    void Promise.all(asked.map(ask)).then(() => isGone || draw((old) => old + 1));
    return () => {
      isGone = true;
    };
  }, [key]);
  return known;
}

async function ask(text: string): Promise<void> {
  try {
    const { nodes } = await call("POST /api/triggers/parse", { body: { text } });
    const [root] = nodes;
    if (root) known.set(text, root.words);
  } catch {
    // The page shows the trigger's own text.
  }
}
