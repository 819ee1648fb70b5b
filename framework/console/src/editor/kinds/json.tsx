// Any part of a mapping as JSON.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { messageOf } from "../../core/client";
import { useIncomplete } from "../../core/incomplete";
import { isSame } from "../kinds";
import { type Json, parseJson, writeJson } from "../../core/json";
import type { KindProps } from "../value-props";

export function JsonEditor({ value, onChange, label }: KindProps): JSX.Element {
  const [text, setText] = useState(() => writeJson(value, true));
  const [fault, setFault] = useState<string>();
  useIncomplete(fault !== undefined);
  useEffect(() => {
    // A change from elsewhere replaces the text, but what was just typed here stays as it is.
    if (isSame(valueOf(text), value)) return;
    setText(writeJson(value, true));
    setFault(undefined);
  }, [value]);
  function onInput(typed: string): void {
    setText(typed);
    try {
      onChange(parseJson(typed));
      setFault(undefined);
    } catch (error) {
      setFault(messageOf(error));
    }
  }
  return (
    <>
      <textarea
        rows={3}
        class="code-input"
        aria-label={`${label}, JSON`}
        aria-invalid={fault !== undefined}
        value={text}
        spellcheck={false}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      {fault !== undefined && <p class="field-fault">This is no JSON yet: {fault}</p>}
    </>
  );
}

function valueOf(text: string): Json | undefined {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
