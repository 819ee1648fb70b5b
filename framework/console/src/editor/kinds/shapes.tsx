// Forms of shapes: an object key by key, a list, and what is made of each item of the event's list.
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { type Json, type JsonObject, isObject } from "../../core/json";
import { Button, IconButton } from "../../parts/button";
import { ChoicesBox, textOf } from "../../parts/choices-box";
import { focusAdd } from "../../parts/focus";
import { directiveOf } from "../kinds";
import { useChoicesAt } from "../dynamic";
import { ScopeContext, pointerTo, useScope } from "../scope";
import { LiveValue } from "../live-value";
import type { KindProps } from "../value-props";
import { firstItem } from "../variables";
import { VariableBox } from "../variable-box";

export function ObjectEditor({ value, onChange, pointer, label, Part }: KindProps): JSX.Element {
  const object = isObject(value) ? value : {};
  const list = useRef<HTMLUListElement>(null);
  function remove(key: string): void {
    onChange(without(object, key));
    focusAdd(list.current);
  }
  return (
    <ul ref={list} class="parts" aria-label={label}>
      {Object.entries(object).map(([key, inner], index) => (
        <li key={index} class="part">
          <KeyField
            name={key}
            label={label}
            pointer={pointer}
            taken={Object.keys(object)}
            onRename={(next) => onChange(renamed(object, key, next))}
          />
          <Part
            value={inner}
            label={`${label}.${key}`}
            pointer={pointerTo(pointer, key)}
            onChange={(next) => onChange(next === undefined ? without(object, key) : { ...object, [key]: next })}
          />
          <LiveValue pointer={pointerTo(pointer, key)} label={`${label}.${key}`} />
          <IconButton icon="close" label={`Remove ${label}.${key}`} onClick={() => remove(key)} />
        </li>
      ))}
      <li>
        <Button look="quiet" icon="plus" onClick={() => onChange({ ...object, [freeKey(object)]: { "@path": "$." } })}>
          Add a key
        </Button>
      </li>
    </ul>
  );
}

/** The key of one value; it is renamed when the field is left, so that no half name is taken. */
function KeyField({
  name,
  label,
  pointer,
  taken,
  onRename,
}: {
  name: string;
  label: string;
  /** Of the object. */
  pointer: string;
  taken: string[];
  onRename: (name: string) => void;
}): JSX.Element {
  const [typed, setTyped] = useState<string>();
  const isFaulty = typed !== undefined && typed !== name && (typed === "" || typed.startsWith("@") || taken.includes(typed));
  const ask = useChoicesAt(pointer, "__keys__");
  function leave(): void {
    if (typed !== undefined && typed !== name && !isFaulty) onRename(typed);
    setTyped(undefined);
  }
  const control = { class: "key-input", "aria-label": `Key ${name} of ${label}`, "aria-invalid": isFaulty };
  if (ask !== undefined)
    return (
      <ChoicesBox
        {...control}
        text={typed ?? name}
        name={`keys of ${label}`}
        ask={ask}
        onText={setTyped}
        onChoose={(choice) => setTyped(textOf(choice))}
        onLeave={leave}
      />
    );
  return (
    <input
      {...control}
      type="text"
      value={typed ?? name}
      spellcheck={false}
      onInput={(event) => setTyped(event.currentTarget.value)}
      onBlur={leave}
    />
  );
}

function renamed(object: JsonObject, key: string, next: string): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name === key ? next : name, value]));
}

function without(object: JsonObject, key: string): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
}

function freeKey(object: JsonObject): string {
  let number = 1;
  while (`key${number}` in object) number++;
  return `key${number}`;
}

export function ListEditor({ value, onChange, pointer, label, choices, Part }: KindProps): JSX.Element {
  const list = Array.isArray(value) ? value : [];
  const element = useRef<HTMLOListElement>(null);
  function remove(index: number): void {
    onChange(list.filter((_, at) => at !== index));
    focusAdd(element.current);
  }
  return (
    <ol ref={element} class="parts" aria-label={label}>
      {list.map((inner, index) => (
        <li key={index} class="part">
          <span class="part-label">{index + 1}.</span>
          <Part
            value={inner}
            label={`${label}, item ${index + 1}`}
            choices={choices}
            pointer={pointerTo(pointer, index)}
            onChange={(next) => onChange(list.map((other, at) => (at === index ? (next ?? null) : other)))}
          />
          <IconButton
            icon="close"
            label={`Remove item ${index + 1} of ${label}`}
            onClick={() => remove(index)}
          />
        </li>
      ))}
      <li>
        <Button look="quiet" icon="plus" onClick={() => onChange([...list, { "@path": "$." }])}>
          Add an item
        </Button>
      </li>
    </ol>
  );
}

/** `@arrayPath`: the variables inside are those of one item. */
export function ItemsEditor({ value, onChange, pointer, label, Part }: KindProps): JSX.Element {
  const scope = useScope();
  const option = directiveOf(value)?.[1];
  const [path, shape] = Array.isArray(option) ? option : [];
  const written = typeof path === "string" ? path : "";
  const write = (next: string, object: Json | undefined) => onChange({ "@arrayPath": object === undefined ? [next] : [next, object] });
  return (
    <div class="parts" role="group" aria-label={label}>
      <VariableBox path={written} sample={scope.sample} label={`${label}, list`} onChange={(next) => write(next, shape)} />
      <span class="part-label">For each item</span>
      <ScopeContext.Provider value={{ ...scope, sample: firstItem(scope.sample, written) }}>
        <ObjectEditor
          Part={Part}
          value={shape ?? {}}
          label={`${label}, item`}
          pointer={pointerTo(pointer, "@arrayPath", 1)}
          onChange={(next) => write(written, next)}
        />
      </ScopeContext.Provider>
    </div>
  );
}
