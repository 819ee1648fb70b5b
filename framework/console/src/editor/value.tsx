// The value picker: what a field, or any part of a mapping, gets its value from.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { type Kind, KINDS, converted, kindOf } from "./kinds";
import { CaseEditor, ReplaceEditor } from "./kinds/functions";
import { CoalesceEditor, IfEditor } from "./kinds/choices";
import { BooleanEditor, ChoiceEditor, DynamicEditor, NumberEditor, TextEditor } from "./kinds/constants";
import { ItemsEditor, ListEditor, ObjectEditor } from "./kinds/shapes";
import { JsonEditor } from "./kinds/json";
import { LiquidEditor, TemplateEditor, VariableEditor } from "./kinds/texts";
import { useChoicesAt } from "./dynamic";
import { useScope } from "./scope";
import type { KindProps, ValueProps } from "./value-props";

const EDITORS: Record<Exclude<Kind, "none" | "null">, (props: KindProps) => JSX.Element> = {
  variable: VariableEditor,
  text: TextEditor,
  number: NumberEditor,
  boolean: BooleanEditor,
  template: TemplateEditor,
  liquid: LiquidEditor,
  if: IfEditor,
  coalesce: CoalesceEditor,
  case: CaseEditor,
  replace: ReplaceEditor,
  items: ItemsEditor,
  object: ObjectEditor,
  list: ListEditor,
  json: JsonEditor,
};

/** The kind of a value and its form; any value can be edited as JSON. */
export function ValueEditor(props: ValueProps): JSX.Element {
  const { value, onChange, label, pointer } = props;
  // A form stays while it is typed in, also if another one could show the value.
  const [chosen, setChosen] = useState<Kind>();
  const kind = keptKind(chosen, kindOf(value));
  const isDynamic = useChoicesAt(pointer) !== undefined;
  const Editor = editorOf(kind, props, isDynamic);
  return (
    <div class="value" data-kind={kind}>
      <KindSelect
        kind={kind}
        label={label}
        onChange={(next) => {
          setChosen(next);
          if (next !== "json") onChange(converted(value, next));
        }}
      />
      <div class="value-form">
        {Editor && (
          <Editor
            {...props}
            value={value ?? null}
            Part={ValueEditor}
            onChange={(next) => {
              setChosen(kind);
              onChange(next);
            }}
          />
        )}
        <PartFault pointer={pointer} />
      </div>
    </div>
  );
}

function editorOf(kind: Kind, { choices }: ValueProps, isDynamic: boolean): ((props: KindProps) => JSX.Element) | undefined {
  if (kind === "none" || kind === "null") return undefined;
  if (kind !== "text" && kind !== "number") return EDITORS[kind];
  return isDynamic ? DynamicEditor : choices?.length ? ChoiceEditor : EDITORS[kind];
}

/** JSON can be any value, and an if/else may say what a coalesce says. */
function keptKind(chosen: Kind | undefined, kind: Kind): Kind {
  return chosen === "json" || (chosen === "if" && kind === "coalesce") ? chosen : kind;
}

const GROUPS = [...new Set(KINDS.map((each) => each.group))];

function KindSelect({
  kind,
  label,
  onChange,
}: {
  kind: Kind;
  label: string;
  onChange: (kind: Kind) => void;
}): JSX.Element {
  const choices = (group: string) =>
    KINDS.filter((each) => each.group === group).map((each) => (
      <option key={each.kind} value={each.kind}>
        {each.label}
      </option>
    ));
  return (
    <select
      class="value-kind"
      aria-label={`Kind of ${label}`}
      value={kind}
      onChange={(event) => onChange(event.currentTarget.value as Kind)}
    >
      {GROUPS.map((group) => (group === "" ? choices(group) : <optgroup key={group} label={group}>{choices(group)}</optgroup>))}
    </select>
  );
}

/** What is wrong with a part, below it. */
export function PartFault({ pointer }: { pointer: string }): JSX.Element | null {
  const fault = useScope().faults.get(pointer);
  return fault === undefined ? null : (
    <p class="field-fault" role="status">
      {fault}
    </p>
  );
}
