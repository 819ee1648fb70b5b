// What an action declares of its fields, as the catalog of the API shows it.
import { type Json, isObject } from "../core/json";

export interface FieldDeclaration {
  label?: string;
  description?: string;
  type: string;
  multiple?: boolean;
  /** `true`, or a condition on other fields, which the host checks. */
  required?: unknown;
  hidden?: unknown;
  choices?: (string | { label: string; value: string })[] | null;
}

/** Whether a required field has no mapping at all: nothing, an empty text, an empty object or list. */
export function isEmpty(field: FieldDeclaration, value: Json | undefined): boolean {
  if (field.required !== true) return false;
  if (value === undefined || value === null || value === "") return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && ["@path", "@template", "@liquid"].some((name) => value[name] === "");
}

/** Read the fields of an action; what a plugin declares wrongly is left out by the host. */
export function declarationsOf(fields: Record<string, unknown>): Record<string, FieldDeclaration> {
  return fields as Record<string, FieldDeclaration>;
}
