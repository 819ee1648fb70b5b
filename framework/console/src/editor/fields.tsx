// The fields of an action: each with its declaration, its value picker, its live value and its fault.
import type { JSX } from "preact";
import { type Json, type JsonObject, scalarText } from "../core/json";
import { Button } from "../parts/button";
import { Notice } from "../parts/notice";
import { Badge, Card } from "../parts/page";
import { Prose } from "../parts/prose";
import { type FieldDeclaration, WHOLE_PAYLOAD, isEmpty } from "./declarations";
import { isSame } from "./kinds";
import { pointerTo, useScope } from "./scope";
import { LiveValue } from "./live-value";
import { ValueEditor } from "./value";

export interface FieldsProps {
  fields: Record<string, FieldDeclaration>;
  mapping: JsonObject;
  defaults: JsonObject;
  onChange: (mapping: JsonObject) => void;
}

/** All fields; those that are required and empty are listed first. */
export function Fields({ fields, mapping, defaults, onChange }: FieldsProps): JSX.Element {
  const shown = Object.entries(fields).filter(([, field]) => !field.hidden);
  const empty = shown.filter(([key, field]) => isEmpty(field, mapping[key]));
  const extra = Object.keys(mapping).filter((key) => !(key in fields));
  return (
    <Card title="Map fields">
      {empty.length > 0 && (
        <Notice kind="error" title="All mappings are required">
          <p>These fields need a value before the mapping can be saved:</p>
          <ul>
            {empty.map(([key, field]) => (
              <li key={key}>
                <a href={`#${fieldId(key)}`} onClick={(event) => focusField(event, key)}>
                  {field.label ?? key}
                </a>
              </li>
            ))}
          </ul>
        </Notice>
      )}
      <ul class="fields" aria-label="Fields">
        {shown.map(([key, field]) => (
          <FieldRow
            key={key}
            name={key}
            field={field}
            value={mapping[key]}
            fallback={defaults[key]}
            onChange={(value) => onChange(changed(mapping, key, value))}
          />
        ))}
        {extra.map((key) => (
          <FieldRow
            key={key}
            name={key}
            field={{ description: key === WHOLE_PAYLOAD ? "A directive that makes the whole payload." : "The action does not declare this field." }}
            value={mapping[key]}
            fallback={undefined}
            onChange={(value) => onChange(changed(mapping, key, value))}
          />
        ))}
      </ul>
    </Card>
  );
}

function changed(mapping: JsonObject, key: string, value: Json | undefined): JsonObject {
  if (value !== undefined) return { ...mapping, [key]: value };
  const { [key]: _, ...rest } = mapping;
  return rest;
}

function fieldId(key: string): string {
  return `field-${key}`;
}

function focusField(event: Event, key: string): void {
  event.preventDefault();
  const row = document.getElementById(fieldId(key));
  row?.scrollIntoView({ block: "center" });
  row?.querySelector<HTMLElement>("select, input, textarea")?.focus({ preventScroll: true });
}

interface RowProps {
  name: string;
  field: FieldDeclaration;
  value: Json | undefined;
  fallback: Json | undefined;
  onChange: (value: Json | undefined) => void;
}

function FieldRow({ name, field, value, fallback, onChange }: RowProps): JSX.Element {
  const { faults } = useScope();
  const pointer = pointerTo("", name);
  const label = field.label || name;
  const isMissing = isEmpty(field, value);
  const isFaulty = isMissing || [...faults.keys()].some((at) => at === pointer || at.startsWith(`${pointer}/`));
  return (
    <li id={fieldId(name)} class={isFaulty ? "field-row is-faulty" : "field-row"}>
      <div class="field-about">
        <h3>
          {label}
          {field.required === true && <span class="required"> (required)</span>}
        </h3>
        <div class="field-types">
          {field.type && <Badge>{field.multiple ? `list of ${field.type}` : field.type}</Badge>}
          {label !== name && <code>{name}</code>}
        </div>
        {field.description && (
          <p class="field-description">
            <Prose text={field.description} />
          </p>
        )}
        {field.dynamic && <p class="field-description">The partner lists its values: take the kind Text to choose one.</p>}
        {field.choices && field.choices.length > 0 && (
          <p class="field-description">One of {field.choices.map((each) => scalarText(each.value)).join(", ")}</p>
        )}
      </div>
      <div class="field-value">
        <ValueEditor value={value} onChange={onChange} pointer={pointer} label={label} choices={field.choices} />
        {isMissing && !faults.has(pointer) && <p class="field-fault">This field is required: choose where its value comes from.</p>}
        <div class="field-footer">
          <LiveValue pointer={pointer} label={label} />
          {fallback !== undefined && !isSame(value, fallback) && (
            <Button look="quiet" icon="undo" aria-label={`Restore default of ${label}`} onClick={(event) => {
                onChange(fallback);
                // The button goes.
                focusField(event, name);
              }}>
              Restore default
            </Button>
          )}
        </div>
      </div>
    </li>
  );
}
