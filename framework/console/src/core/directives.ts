// Says in short where a mapped value comes from, for tables and lists.
import { type Json, isObject, writeJson } from "./json";

/** `properties.plan` for a path, the text of a template, JSON for everything else; empty for nothing. */
export function mappedText(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (isObject(value)) {
    const [name, ...others] = Object.keys(value);
    const argument: Json | undefined = name === undefined ? undefined : value[name];
    if (others.length === 0 && typeof argument === "string") {
      if (name === "@path") return argument.replace(/^\$\./, "");
      if (name === "@template" || name === "@liquid") return argument;
    }
  }
  return writeJson(value);
}
