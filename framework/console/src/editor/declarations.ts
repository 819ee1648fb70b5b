// What an action asks of its fields: which have to be mapped.
import type { FieldShape } from "../api-types";
import { type Json, type JsonObject, isObject } from "../core/json";

/** A field of the action, or what is shown of a key that it does not declare. */
export type FieldDeclaration = Partial<FieldShape>;

/** Whether a required field has no mapping at all: nothing, an empty text, an empty object or list. */
export function isEmpty(field: FieldDeclaration, value: Json | undefined): boolean {
  if (field.required !== true) return false;
  if (value === undefined || value === null || value === "") return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && ["@path", "@template", "@liquid"].some((name) => value[name] === "");
}

/** The key of a mapping whose directive makes the whole payload; the fields are what it maps with. */
export const WHOLE_PAYLOAD = "__segment_internal_directive";

/** The fields as a mapping has to fill them: where a directive makes the whole payload, none by itself is required. */
export function fieldsFor(mapping: JsonObject, fields: Record<string, FieldShape>): Record<string, FieldDeclaration> {
  if (!(WHOLE_PAYLOAD in mapping)) return fields;
  return Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, { ...field, required: false }]));
}
