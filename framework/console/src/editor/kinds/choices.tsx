// Forms of choices: the first value that exists, and if/else.
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { type Json, type JsonObject, isObject } from "../../core/json";
import { Button, IconButton } from "../../parts/button";
import { focusAdd } from "../../parts/focus";
import { Select } from "../../parts/field";
import { coalesceOf, coalesceParts, directiveOf } from "../kinds";
import { pointerTo } from "../scope";
import type { KindProps } from "../value-props";

/** `@if` of a value that exists, then that value, else the next one. */
export function CoalesceEditor({ value, onChange, pointer, label, choices, Part }: KindProps): JSX.Element {
  const parts = coalesceParts(value);
  const list = useRef<HTMLOListElement>(null);
  const write = (next: (Json | undefined)[]) => onChange(coalesceOf(next));
  function remove(index: number): void {
    write(parts.filter((_, at) => at !== index));
    focusAdd(list.current);
  }
  return (
    <ol ref={list} class="parts" aria-label={label}>
      {parts.map((part, index) => (
        <li key={index} class="part">
          <span class="part-label">{index === 0 ? "Use" : "else"}</span>
          <Part
            value={part}
            label={`${label}, choice ${index + 1}`}
            choices={choices}
            pointer={partPointer(pointer, index, parts.length)}
            onChange={(next) => write(parts.map((other, at) => (at === index ? next : other)))}
          />
          {parts.length > 2 && (
            <IconButton
              icon="close"
              label={`Remove choice ${index + 1} of ${label}`}
              onClick={() => remove(index)}
            />
          )}
        </li>
      ))}
      <li>
        <Button look="quiet" icon="plus" onClick={() => write([...parts.filter((part) => part !== undefined), { "@path": "$." }])}>
          Add a choice
        </Button>
      </li>
    </ol>
  );
}

function partPointer(pointer: string, index: number, count: number): string {
  let at = pointer;
  for (let step = 0; step < index; step++) at = pointerTo(at, "@if", "else");
  return index === count - 1 ? at : pointerTo(at, "@if", "then");
}

const TESTS = [
  { value: "exists", label: "exists" },
  { value: "blank", label: "has content" },
] as const;

export function IfEditor({ value, onChange, pointer, label, choices, Part }: KindProps): JSX.Element {
  const option = optionOf(value);
  const test = "blank" in option ? "blank" : "exists";
  const inner = pointerTo(pointer, "@if");
  function write(key: string, next: Json | undefined): void {
    const { [key]: _, ...rest } = option;
    onChange({ "@if": next === undefined ? rest : { ...option, [key]: next } });
  }
  function changeTest(next: "exists" | "blank"): void {
    const { exists, blank, ...rest } = option;
    onChange({ "@if": { [next]: exists ?? blank ?? { "@path": "$." }, ...rest } });
  }
  return (
    <div class="parts" role="group" aria-label={label}>
      <div class="part">
        <span class="part-label">If</span>
        <Part value={option[test]} label={`${label}, condition`} pointer={pointerTo(inner, test)} onChange={(next) => write(test, next ?? null)} />
        <Select aria-label={`Test of ${label}`} value={test} choices={TESTS} onChange={changeTest} />
      </div>
      {(["then", "else"] as const).map((key) => (
        <div key={key} class="part">
          <span class="part-label">{key}</span>
          <Part value={option[key]} label={`${label}, ${key}`} choices={choices} pointer={pointerTo(inner, key)} onChange={(next) => write(key, next)} />
        </div>
      ))}
    </div>
  );
}

function optionOf(value: Json): JsonObject {
  const option = directiveOf(value)?.[1];
  return isObject(option) ? option : {};
}
