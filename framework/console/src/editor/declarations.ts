// What an action declares of its fields, as the catalog of the API shows it.
import { type Json, type JsonObject, isObject } from "../core/json";

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

/** The key of a mapping whose directive makes the whole payload; the fields are what it maps with. */
export const WHOLE_PAYLOAD = "__segment_internal_directive";

/**
 * Read the fields of an action; what a plugin declares wrongly is left out by the host. Where a
 * directive makes the whole payload, no field by itself is required.
 */
export function declarationsOf(fields: Record<string, unknown>, mapping: JsonObject = {}): Record<string, FieldDeclaration> {
  const declared = fields as Record<string, FieldDeclaration>;
  if (!(WHOLE_PAYLOAD in mapping)) return declared;
  return Object.fromEntries(Object.entries(declared).map(([key, field]) => [key, { ...field, required: false }]));
}
