// What a destination declares of its settings: which are asked for, and how an entered text becomes a value.
import type { ConditionsShape, DestinationShape, FieldShape } from "../api-types";
import { type Json, type JsonObject, isObject, parseJson, writeJson } from "../core/json";

/** One setting of a destination, with its wire name. */
export interface Setting extends FieldShape {
  key: string;
  /** Whether the host masks it, or a part of it, in every answer. */
  isSecret: boolean;
}

/** What is entered for each setting: a text, or whether a box is checked; `undefined` is nothing. */
export type Entered = Record<string, string | boolean | undefined>;

/** The settings of a destination that a form asks for, in the order of their declaration. */
export function settingsOf(destination: DestinationShape): Setting[] {
  return settingsIn(destination.settings);
}

/** Declared fields that a form asks for, in the order of their declaration. */
export function settingsIn(fields: Record<string, FieldShape>): Setting[] {
  return Object.entries(fields).map(([key, field]) => ({ ...field, key, isSecret: holdsSecrets(field) }));
}

function holdsSecrets(field: FieldShape): boolean {
  return field.secret || Object.values(field.properties ?? {}).some(holdsSecrets);
}

/** What a form shows for a saved value. */
export function enteredOf(setting: Setting, value: Json | undefined): string | boolean | undefined {
  if (value === undefined || value === null) return undefined;
  if (setting.choices && !setting.multiple) return writeJson(value);
  if (setting.multiple && Array.isArray(value) && !setting.choices)
    return value.map((each) => (typeof each === "string" ? each : writeJson(each))).join("\n");
  if (setting.type === "boolean" && typeof value === "boolean") return value;
  if (typeof value === "string") return value;
  return writeJson(value, isObject(value));
}

/** The value of what was entered; a text that cannot be read goes to the host as it is, which says why. */
export function valueOf(setting: Setting, entered: string | boolean | undefined): Json | undefined {
  if (entered === undefined || entered === "") return isEmptyText(setting, entered) ? "" : undefined;
  if (typeof entered === "boolean") return entered;
  if (setting.choices) return parsed(entered);
  if (setting.multiple) return lines(entered).map((line) => scalarOf(setting.type, line));
  return scalarOf(setting.type, entered);
}

/** Whether what is entered is the empty text as a value: an empty box, also untouched where something is required. */
function isEmptyText(setting: Setting, entered: "" | undefined): boolean {
  if (!setting.allowEmpty) return false;
  return entered === "" || (!setting.isSecret && setting.required === true && (setting.default === undefined || setting.default === null));
}

function scalarOf(type: string, text: string): Json {
  if (type === "object") return parsed(text);
  if (type === "number" || type === "integer") return /^\s*-?\d/.test(text) ? parsed(text) : text;
  return text;
}

function parsed(text: string): Json {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}

function lines(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter(Boolean);
}

/** The values that count at present: what is entered, and the defaults of the rest. */
export function valuesOf(settings: Setting[], entered: Entered): JsonObject {
  const values: JsonObject = {};
  for (const each of settings) {
    const value = valueOf(each, entered[each.key]) ?? (each.default as Json | undefined);
    if (value !== undefined && value !== null) values[each.key] = value;
  }
  return values;
}

export function isShown(setting: Setting, values: JsonObject): boolean {
  return setting.hidden !== true && (setting.depends_on === null || holds(setting.depends_on, values));
}

export function isRequired(setting: Setting, values: JsonObject): boolean {
  return typeof setting.required === "boolean" ? setting.required : holds(setting.required, values);
}

/** The required settings that have no value, neither entered nor by default. */
export function missingOf(settings: Setting[], values: JsonObject): Setting[] {
  return settings.filter((each) => isShown(each, values) && isRequired(each, values) && !(each.key in values));
}

function holds({ match, conditions }: ConditionsShape, values: JsonObject): boolean {
  const results = conditions.map(({ fieldKey, operator, value }) => {
    if (fieldKey === undefined) return true;
    const found = values[fieldKey];
    const isSame = value === undefined ? found === undefined : isAnyOf(found, Array.isArray(value) ? value : [value]);
    return isSame === (operator === "is");
  });
  return match === "any" ? results.some(Boolean) : results.every(Boolean);
}

function isAnyOf(found: Json | undefined, values: unknown[]): boolean {
  return values.some((each) => found !== undefined && writeJson(each) === writeJson(found));
}
