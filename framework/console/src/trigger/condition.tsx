// One condition of a trigger: a part of the event, a test, and a value, all in words.
import type { JSX } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import type { Vocabulary } from "../api-types";
import { type Json, isObject } from "../core/json";
import { Select } from "../parts/field";
import { NumberBox } from "../parts/number-box";
import {
  type Condition,
  type Value,
  type ValueKind,
  emptyOf,
  insideOf,
  kindOfValue,
  listOf,
  listText,
  numberValue,
  operatorWords,
  valueText,
  withOperator,
  withType,
} from "./tree";

export interface ConditionProps {
  condition: Condition;
  onChange: (condition: Condition) => void;
  vocabulary: Vocabulary;
  /** What the condition is called, as in "Condition 2". */
  label: string;
  sample: Json | undefined;
}

export function ConditionForm({ condition, onChange, vocabulary, label, sample }: ConditionProps): JSX.Element {
  const words = vocabulary.fields.find((each) => each.type === condition.type);
  const operators = vocabulary.operators.filter(
    (each) => words?.operators.includes(each.operator) || each.operator === condition.operator,
  );
  const kinds = operatorWords(condition.operator, vocabulary)?.values ?? [];
  return (
    <>
      <Select
        aria-label={`Field of ${label}`}
        value={condition.type}
        choices={vocabulary.fields.map((each) => ({ value: each.type, label: each.label }))}
        onChange={(type) => {
          const next = vocabulary.fields.find((each) => each.type === type);
          if (next) onChange(withType(condition, next, vocabulary));
        }}
      />
      {"name" in condition && (
        <NameField
          name={condition.name}
          label={`Name of ${label}`}
          inside={insideOf(sample, words?.inside ?? null)}
          onChange={(name) => onChange({ ...condition, name } as Condition)}
        />
      )}
      <Select
        aria-label={`Operator of ${label}`}
        value={condition.operator}
        choices={operators.map((each) => ({ value: each.operator, label: each.label }))}
        onChange={(operator) => onChange(withOperator(condition, operator, vocabulary))}
      />
      {kinds.length > 0 && (
        <ValueForm
          value={condition.value}
          kinds={kinds}
          choices={words?.choices ?? []}
          label={`Value of ${label}`}
          onChange={(value) => onChange({ ...condition, value } as Condition)}
        />
      )}
    </>
  );
}

/** The rest of a path, with the keys of the sample event as suggestions. */
function NameField({
  name,
  label,
  inside,
  onChange,
}: {
  name: string;
  label: string;
  inside: Json | undefined;
  onChange: (name: string) => void;
}): JSX.Element {
  const id = useId();
  return (
    <>
      <input
        type="text"
        class="condition-name"
        aria-label={label}
        aria-invalid={name === ""}
        placeholder="name"
        list={id}
        value={name}
        spellcheck={false}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      <datalist id={id}>
        {isObject(inside) && Object.keys(inside).map((key) => <option key={key} value={key} />)}
      </datalist>
    </>
  );
}

const KIND_LABELS: Record<ValueKind, string> = {
  text: "text",
  pattern: "pattern",
  number: "number",
  boolean: "true or false",
  list: "list",
};

interface ValueFormProps {
  value: Value;
  kinds: readonly ValueKind[];
  choices: readonly string[];
  label: string;
  onChange: (value: Value) => void;
}

function ValueForm({ value, kinds, choices, label, onChange }: ValueFormProps): JSX.Element {
  const kind = kindOfValue(value, kinds);
  return (
    <>
      <ValueInput value={value} kind={kind} choices={choices} label={label} onChange={onChange} />
      {kinds.length > 1 && choices.length === 0 && (
        <Select
          class="condition-kind"
          aria-label={`Kind of ${label}`}
          value={kind}
          choices={kinds.map((each) => ({ value: each, label: KIND_LABELS[each] }))}
          onChange={(next) => onChange(emptyOf(next))}
        />
      )}
    </>
  );
}

function ValueInput({ value, kind, choices, label, onChange }: Omit<ValueFormProps, "kinds"> & { kind: ValueKind }): JSX.Element {
  if (kind === "boolean")
    return (
      <Select
        aria-label={label}
        value={String(value === true)}
        choices={[
          { value: "true", label: "true" },
          { value: "false", label: "false" },
        ]}
        onChange={(next) => onChange(next === "true")}
      />
    );
  if (kind === "list")
    return <ListInput value={value} label={label} onChange={onChange} />;
  if (choices.length > 0)
    return (
      <Select
        aria-label={label}
        value={String(value)}
        choices={choices.map((each) => ({ value: each, label: each }))}
        onChange={onChange}
      />
    );
  if (kind === "number")
    return <NumberBox class="condition-value" digits={valueText(value)} label={label} onNumber={(digits) => onChange(numberValue(digits))} />;
  return (
    <input
      type="text"
      class="condition-value"
      aria-label={label}
      value={valueText(value)}
      spellcheck={false}
      onInput={(event) => onChange(event.currentTarget.value)}
    />
  );
}

/** A list, one item a line: an empty line stays while it is typed into. */
function ListInput({ value, label, onChange }: { value: Value; label: string; onChange: (value: Value) => void }): JSX.Element {
  const [typed, setTyped] = useState(() => listText(value));
  useEffect(() => {
    if (listText(listOf(typed, value)) !== listText(value)) setTyped(listText(value));
  }, [value]);
  return (
    <textarea
      class="condition-value"
      rows={2}
      aria-label={`${label}, one a line`}
      placeholder="one value a line"
      value={typed}
      spellcheck={false}
      onInput={(event) => {
        setTyped(event.currentTarget.value);
        onChange(listOf(event.currentTarget.value, value));
      }}
    />
  );
}
