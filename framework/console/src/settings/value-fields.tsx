// The fields of a table that is part of something larger, such as the inputs of a save hook.
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { type Json, type JsonObject, writeJson } from "../core/json";
import { type AskChoices, ChoicesBox, textOf } from "../parts/choices-box";
import { Field } from "../parts/field";
import { type Entered, type Setting, enteredOf, isRequired, isShown, valueOf } from "./declaration";
import { SettingField } from "./setting-field";

export interface ValueFieldsProps {
  settings: Setting[];
  /** What is in place, with secrets as the host masks them. */
  values: JsonObject;
  onChange: (setting: Setting, value: Json | undefined) => void;
  /** How to ask for the choices that the partner lists; `undefined` for a field that has none. */
  askFor?: (key: string) => AskChoices | undefined;
}

/** What is typed is kept as it is typed; the values follow it. */
export function ValueFields({ settings, values, onChange, askFor }: ValueFieldsProps): JSX.Element {
  const saved = useRef(values).current;
  const [entered, setEntered] = useState<Entered>(() =>
    Object.fromEntries(settings.map((each) => [each.key, each.isSecret ? undefined : enteredOf(each, values[each.key])])),
  );
  function change(setting: Setting, to: string | boolean | undefined): void {
    setEntered((old) => ({ ...old, [setting.key]: to }));
    onChange(setting, setting.isSecret && to === undefined ? saved[setting.key] : valueOf(setting, to));
  }
  return (
    <>
      {settings
        .filter((each) => isShown(each, values))
        .map((each) => {
          const ask = askFor?.(each.key);
          const required = isRequired(each, values);
          const text = entered[each.key];
          if (ask === undefined)
            return (
              <SettingField
                key={each.key}
                setting={each}
                entered={text}
                masked={each.isSecret && saved[each.key] !== undefined ? maskedText(saved[each.key]) : undefined}
                isRequired={required}
                fault={undefined}
                onChange={(to) => change(each, to)}
              />
            );
          return (
            <Field key={each.key} label={each.label || each.key} description={each.description} isRequired={required}>
              {(control) => (
                <ChoicesBox
                  {...control}
                  name={each.label || each.key}
                  text={typeof text === "string" ? text : ""}
                  ask={ask}
                  onText={(typed) => change(each, typed)}
                  onChoose={(choice) => {
                    setEntered((old) => ({ ...old, [each.key]: textOf(choice) }));
                    onChange(each, choice.value as Json);
                  }}
                />
              )}
            </Field>
          );
        })}
    </>
  );
}

function maskedText(value: Json | undefined): string {
  return typeof value === "string" ? value : writeJson(value);
}
