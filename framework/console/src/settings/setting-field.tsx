// One setting in a form: the control that fits its type, and secrets that are kept or replaced.
import type { JSX } from "preact";
import { useId, useRef } from "preact/hooks";
import type { ChoiceShape } from "../api-types";
import { type Json, parseJson, writeJson } from "../core/json";
import { Button } from "../parts/button";
import { ChoiceSelect } from "../parts/choice-select";
import { Checkbox, Field, type FieldProps, TextField } from "../parts/field";
import { Prose } from "../parts/prose";
import { type Setting, enteredOf, valueOf } from "./declaration";

export interface SettingFieldProps {
  setting: Setting;
  entered: string | boolean | undefined;
  /** What the host shows of a secret that is in place; `undefined` if there is none. */
  masked: string | undefined;
  isRequired: boolean;
  fault: string | undefined;
  onChange: (entered: string | boolean | undefined) => void;
}

export function SettingField({ setting, entered, masked, isRequired, fault, onChange }: SettingFieldProps): JSX.Element {
  const description = setting.description && <Prose text={setting.description} />;
  const field: FieldProps = { label: setting.label || setting.key, description, fault, isRequired };
  const text = typeof entered === "string" ? entered : "";
  if (setting.isSecret) return <SecretField {...field} masked={masked} setting={setting} entered={entered} onChange={onChange} />;
  if (setting.choices && setting.multiple)
    return <ChoicesField {...field} choices={setting.choices} entered={text} onChange={onChange} />;
  if (setting.choices) return <ChoiceField {...field} setting={setting} choices={setting.choices} entered={text} onChange={onChange} />;
  if (setting.type === "boolean") return <Checkbox {...field} isChecked={(entered ?? setting.default) === true} onChange={onChange} />;
  const placeholder = placeholderOf(setting, valueOf(setting, entered));
  if (setting.multiple || setting.type === "object" || setting.type === "text")
    return <LongField {...field} setting={setting} text={text} placeholder={placeholder} onChange={onChange} />;
  return <TextField {...field} value={text} onInput={onChange} placeholder={placeholder} />;
}

function placeholderOf(setting: Setting, value: Json | undefined): string {
  if (value === undefined && setting.allowEmpty && setting.default === "") return "Empty (default)";
  if (value === "") return "Empty";
  const shown = enteredOf(setting, setting.default as Json);
  return shown === undefined ? (setting.placeholder ?? "") : `${shown} (default)`;
}

function SecretField({
  masked,
  setting,
  entered,
  onChange,
  ...field
}: FieldProps & Omit<SettingFieldProps, "isRequired" | "fault">): JSX.Element {
  const row = useRef<HTMLDivElement>(null);
  const isKept = masked !== undefined && entered === undefined;
  function change(to: string | undefined): void {
    onChange(to);
    // The control that was pressed goes: the one that takes its place gets the focus.
    setTimeout(() => row.current?.querySelector<HTMLElement>(to === undefined ? "button" : "input, textarea")?.focus());
  }
  return (
    <Field {...field}>
      {(control) => (
        <div class="secret-control" ref={row}>
          {isKept ? (
            <>
              <input {...control} value={masked} readOnly />
              <Button onClick={() => change("")}>Replace</Button>
            </>
          ) : (
            <>
              {setting.type === "object" || setting.multiple ? (
                <textarea {...control} value={text(entered)} rows={3} onInput={(event) => onChange(event.currentTarget.value)} />
              ) : (
                <input
                  {...control}
                  type="password"
                  value={text(entered)}
                  // A password of the browser's owner has no place here, nor this one in the browser.
                  autocomplete="new-password"
                  spellcheck={false}
                  placeholder={masked !== undefined && !field.isRequired && !setting.allowEmpty ? "Leave empty to remove it" : ""}
                  onInput={(event) => onChange(event.currentTarget.value)}
                />
              )}
              {masked !== undefined && <Button onClick={() => change(undefined)}>Keep</Button>}
            </>
          )}
        </div>
      )}
    </Field>
  );
}

function text(entered: string | boolean | undefined): string {
  return typeof entered === "string" ? entered : "";
}

function ChoiceField({
  setting,
  choices,
  entered,
  onChange,
  ...field
}: FieldProps & {
  setting: Setting;
  choices: ChoiceShape[];
  entered: string;
  onChange: (entered: string | undefined) => void;
}): JSX.Element {
  const byDefault = setting.default === undefined || setting.default === null ? "" : writeJson(setting.default);
  return (
    <Field {...field}>
      {(control) => <ChoiceSelect {...control} choices={choices} json={entered || byDefault} onChange={onChange} />}
    </Field>
  );
}

function ChoicesField({
  choices,
  entered,
  onChange,
  label,
  description,
  fault,
}: FieldProps & { choices: ChoiceShape[]; entered: string; onChange: (entered: string | undefined) => void }): JSX.Element {
  const id = useId();
  const chosen = new Set(listOf(entered));
  function change(value: string, isOn: boolean): void {
    if (isOn) chosen.add(value);
    else chosen.delete(value);
    const values = choices.map((each) => writeJson(each.value)).filter((each) => chosen.has(each));
    onChange(values.length === 0 ? undefined : `[${values.join(",")}]`);
  }
  return (
    <fieldset class="field" aria-describedby={`${id}-description ${id}-fault`}>
      <legend class="field-label">{label}</legend>
      {description && (
        <p id={`${id}-description`} class="field-description">
          {description}
        </p>
      )}
      {choices.map((each) => {
        const value = writeJson(each.value);
        return <Checkbox key={value} label={each.label} isChecked={chosen.has(value)} onChange={(isOn) => change(value, isOn)} />;
      })}
      {fault && (
        <p id={`${id}-fault`} class="field-fault">
          {fault}
        </p>
      )}
    </fieldset>
  );
}

function listOf(entered: string): string[] {
  const values = entered === "" ? [] : parseJson(entered);
  return Array.isArray(values) ? values.map((each) => writeJson(each)) : [];
}

function LongField({
  setting,
  text: shown,
  placeholder,
  onChange,
  description,
  ...field
}: FieldProps & { setting: Setting; text: string; placeholder: string; onChange: (text: string) => void }): JSX.Element {
  const form = setting.type === "object" ? "As JSON." : setting.multiple ? "One on each line." : "";
  return (
    <Field
      {...field}
      description={
        <>
          {description} {form}
        </>
      }
    >
      {(control) => (
        <textarea
          {...control}
          value={shown}
          rows={3}
          placeholder={placeholder}
          spellcheck={false}
          onInput={(event) => onChange(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}
