// Code and JSON to read and to copy.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { writeJson } from "../core/json";
import { IconButton } from "./button";

/** A block of text in a fixed-width font, with a button that copies it. */
export function Code({ text, label }: { text: string; label: string }): JSX.Element {
  return (
    <div class="code">
      {/* It can be scrolled, so it can be reached by keyboard. */}
      <pre tabIndex={0} aria-label={label}>
        {text}
      </pre>
      <CopyButton text={text} label={`Copy ${label}`} />
    </div>
  );
}

/** A JSON value, indented. */
export function JsonCode({ value, label }: { value: unknown; label: string }): JSX.Element {
  return <Code text={writeJson(value, true)} label={label} />;
}

export function CopyButton({ text, label }: { text: string; label: string }): JSX.Element {
  const [isCopied, setCopied] = useState(false);
  async function copy(): Promise<void> {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2_000);
  }
  return (
    <IconButton icon={isCopied ? "check" : "copy"} label={isCopied ? "Copied" : label} onClick={() => void copy()} />
  );
}
