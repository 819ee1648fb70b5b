// Forms of what is read from the event: a variable, a text with variables, Liquid.
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
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
  function add(): void {
    const at = caret.current?.at ?? segments.length - 1;
    write(templateText(inserted(segments, at, caret.current?.position, path.replace(/^\$\.?/, ""))));
    caret.current = null;
    setPath("");
    setAdding(false);
  }
  return (
    <div class="template">
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
              onInput={(event) => {
                const text = event.currentTarget.value;
                write(templateText(segments.map((other, at) => (at === index ? { text } : other))));
              }}
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
                onClick={() => write(templateText(segments.filter((_, at) => at !== index)))}
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
