// Forms of functions on a text: change its case, replace parts of it.
import type { JSX } from "preact";
import { type Json, type JsonObject, isObject } from "../../core/json";
import { Button } from "../../parts/button";
import { Checkbox, Select, TextField } from "../../parts/field";
import { directiveOf } from "../kinds";
import { pointerTo } from "../scope";
import type { KindProps } from "../value-props";

const CASES = [
  { value: "lower", label: "to lower case" },
  { value: "upper", label: "TO UPPER CASE" },
];

export function CaseEditor({ value, onChange, pointer, label, Part }: KindProps): JSX.Element {
  const option = optionOf(value);
  return (
    <div class="parts" role="group" aria-label={label}>
      <Select
        aria-label={`Case of ${label}`}
        value={String(option["operator"])}
        choices={CASES}
        onChange={(operator) => onChange({ "@case": { ...option, operator } })}
      />
      <Part
        value={option["value"]}
        label={`${label}, text`}
        pointer={pointerTo(pointer, "@case", "value")}
        onChange={(next) => onChange({ "@case": { ...option, value: next ?? null } })}
      />
    </div>
  );
}

const PAIRS = [
  { pattern: "pattern", replacement: "replacement", name: "" },
  { pattern: "pattern2", replacement: "replacement2", name: " 2" },
] as const;

export function ReplaceEditor({ value, onChange, pointer, label, Part }: KindProps): JSX.Element {
  const option = optionOf(value);
  const write = (changes: JsonObject) => onChange({ "@replace": { ...option, ...changes } });
  function leaveSecond(): void {
    const { pattern2: _, replacement2: __, ...rest } = option;
    onChange({ "@replace": rest });
  }
  const pairs = "pattern2" in option ? PAIRS : PAIRS.slice(0, 1);
  return (
    <div class="parts" role="group" aria-label={label}>
      <Part
        value={option["value"]}
        label={`${label}, text`}
        pointer={pointerTo(pointer, "@replace", "value")}
        onChange={(next) => write({ value: next ?? null })}
      />
      {pairs.map(({ pattern, replacement, name }) => (
        <div key={pattern} class="replace-pair">
          <TextField label={`Find${name}`} value={textOf(option[pattern])} onInput={(text) => write({ [pattern]: text })} />
          <TextField label={`Replace with${name}`} value={textOf(option[replacement])} onInput={(text) => write({ [replacement]: text })} />
        </div>
      ))}
      {pairs.length === 1 ? (
        <Button look="quiet" icon="plus" onClick={() => write({ pattern2: "", replacement2: "" })}>
          Replace a second text
        </Button>
      ) : (
        <Button look="quiet" icon="close" onClick={leaveSecond}>
          Only one text
        </Button>
      )}
      <Checkbox label="Ignore case" isChecked={option["ignorecase"] === true} onChange={(ignorecase) => write({ ignorecase })} />
      <Checkbox label="Replace every occurrence" isChecked={option["global"] !== false} onChange={(global) => write({ global })} />
    </div>
  );
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

function optionOf(value: Json): JsonObject {
  const option = directiveOf(value)?.[1];
  return isObject(option) ? option : {};
}
