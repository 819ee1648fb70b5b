// Forms of what is read from the event: a variable, a text with variables, Liquid.
import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Button, IconButton } from "../../parts/button";
import { directiveOf } from "../kinds";
import { useScope } from "../scope";
import { inserted, segmentsOf, templateText } from "../template";
import type { KindProps } from "../value-props";
import { shortText, variablesOf } from "../variables";
import { VariableBox } from "../variable-box";

function optionText(value: KindProps["value"]): string {
  const option = directiveOf(value)?.[1];
  return typeof option === "string" ? option : "";
}

export function VariableEditor({ value, onChange, label, pointer }: KindProps): JSX.Element {
  const { sample, faults } = useScope();
  return (
    <VariableBox
      path={optionText(value)}
      sample={sample}
      label={label}
      isInvalid={faults.has(pointer)}
      onChange={(path) => onChange({ "@path": path })}
    />
  );
}

/** A row of texts and chips; a variable typed as `{{userId}}` becomes a chip too. */
export function TemplateEditor({ value, onChange, label }: KindProps): JSX.Element {
  const { sample } = useScope();
  const segments = segmentsOf(optionText(value));
  const caret = useRef<{ at: number; position: number | undefined } | null>(null);
  const [isAdding, setAdding] = useState(false);
  const [path, setPath] = useState("");
  const variables = variablesOf(sample);
  const write = (text: string) => onChange({ "@template": text });
  const { element, moveTo } = useCaret(isAdding);
  function type(index: number, { value: text, selectionStart }: HTMLInputElement): void {
    const written = templateText(segments.map((other, at) => (at === index ? { text } : other)));
    const added = segmentsOf(written).length - segments.length;
    // What is typed next stands behind the variable that was typed.
    if (added > 0) moveTo(index + added, (selectionStart ?? text.length) - text.length);
    write(written);
  }
  function remove(index: number): void {
    const before = segments[index - 1];
    moveTo(index - 1, 0, before && "text" in before ? before.text.length : 0);
    write(templateText(segments.filter((_, at) => at !== index)));
  }
  function add(): void {
    const at = caret.current?.at ?? segments.length - 1;
    write(templateText(inserted(segments, at, caret.current?.position, path.replace(/^\$\.?/, ""))));
    caret.current = null;
    moveTo(at + 2, 0, 0);
    setPath("");
    setAdding(false);
  }
  return (
    <div class="template" ref={element}>
      <div class="template-row" role="group" aria-label={label}>
        {segments.map((each, index) =>
          "text" in each ? (
            <input
              key={index}
              type="text"
              class="template-text"
              size={Math.max(2, each.text.length)}
              aria-label={`${label}, text ${index / 2 + 1}`}
              value={each.text}
              spellcheck={false}
              onInput={(event) => type(index, event.currentTarget)}
              onSelect={(event) => {
                caret.current = { at: index, position: event.currentTarget.selectionStart ?? undefined };
              }}
            />
          ) : (
            <span key={index} class="chip" title={shortText(variables.find((one) => one.path === `$.${each.variable}`)?.value)}>
              {each.variable}
              <IconButton
                icon="close"
                label={`Remove ${each.variable}`}
                onClick={() => remove(index)}
              />
            </span>
          ),
        )}
      </div>
      {isAdding ? (
        <div class="template-add">
          <VariableBox path={path} sample={sample} label={`Variable to insert into ${label}`} onChange={setPath} />
          <Button disabled={path.replace(/^\$\.?/, "") === ""} onClick={add}>
            Insert
          </Button>
          <Button look="quiet" onClick={() => setAdding(false)}>
            Cancel
          </Button>
        </div>
      ) : (
        <Button look="quiet" icon="plus" onClick={() => setAdding(true)}>
          Insert variable
        </Button>
      )}
    </div>
  );
}

/** Keeps the focus in a template whose parts come and go. */
function useCaret(isAdding: boolean) {
  const element = useRef<HTMLDivElement>(null);
  const next = useRef<{ index: number; fromEnd: number; position: number | undefined } | undefined>(undefined);
  const wasAdding = useRef(isAdding);
  useLayoutEffect(() => {
    const opened = isAdding && !wasAdding.current;
    const cancelled = !isAdding && wasAdding.current && next.current === undefined;
    wasAdding.current = isAdding;
    if (opened) element.current?.querySelector<HTMLElement>(".template-add input")?.focus();
    if (cancelled) element.current?.querySelector<HTMLElement>(":scope > button")?.focus();
    if (next.current === undefined) return;
    const { index, fromEnd, position } = next.current;
    const input = element.current?.querySelectorAll<HTMLInputElement>(".template-text")[index / 2];
    next.current = undefined;
    input?.focus();
    const at = position ?? Math.max(0, (input?.value.length ?? 0) + fromEnd);
    input?.setSelectionRange(at, at);
  });
  return {
    element,
    /** Once it is drawn, put the caret into the text at an index: at a position, or so far from its end. */
    moveTo(index: number, fromEnd: number, position?: number): void {
      next.current = { index, fromEnd, position };
    },
  };
}

export function LiquidEditor({ value, onChange, label }: KindProps): JSX.Element {
  return (
    <textarea
      rows={2}
      class="code-input"
      aria-label={`${label}, Liquid`}
      value={optionText(value)}
      spellcheck={false}
      onInput={(event) => onChange({ "@liquid": event.currentTarget.value })}
    />
  );
}
