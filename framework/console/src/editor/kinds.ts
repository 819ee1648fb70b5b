// What a value of a mapping can be, in the words of the value picker, and how one becomes another.
import { type Json, type JsonObject, isExactNumber, isNumberText, isObject, parseJson, scalarText, writeJson } from "../core/json";

export type Kind =
  | "none"
  | "variable"
  | "text"
  | "number"
  | "boolean"
  | "null"
  | "template"
  | "liquid"
  | "if"
  | "coalesce"
  | "case"
  | "replace"
  | "items"
  | "object"
  | "list"
  | "json";

export interface KindChoice {
  kind: Kind;
  label: string;
  group: string;
}

/** All kinds, in the order of the picker. */
export const KINDS: readonly KindChoice[] = [
  { kind: "none", label: "Nothing", group: "" },
  { kind: "variable", label: "Event variable", group: "From the event" },
  { kind: "template", label: "Text with variables", group: "From the event" },
  { kind: "liquid", label: "Liquid", group: "From the event" },
  { kind: "coalesce", label: "First that exists (coalesce)", group: "Choices" },
  { kind: "if", label: "If … else", group: "Choices" },
  { kind: "case", label: "Change case", group: "Functions" },
  { kind: "replace", label: "Replace text", group: "Functions" },
  { kind: "text", label: "Text", group: "Constants" },
  { kind: "number", label: "Number", group: "Constants" },
  { kind: "boolean", label: "True or false", group: "Constants" },
  { kind: "null", label: "Null", group: "Constants" },
  { kind: "object", label: "Object, key by key", group: "Shapes" },
  { kind: "list", label: "List", group: "Shapes" },
  { kind: "items", label: "Each item of a list", group: "Shapes" },
  { kind: "json", label: "JSON", group: "Shapes" },
];

/** The name of a directive and its option, as `["@path", "$.userId"]`; none for plain data. */
export function directiveOf(value: Json | undefined): [string, Json] | undefined {
  if (!isObject(value)) return undefined;
  const keys = Object.keys(value).filter((key) => key !== "_metadata");
  const [name] = keys;
  if (keys.length !== 1 || name === undefined || !name.startsWith("@")) return undefined;
  return [name, value[name] ?? null];
}

/** Which kind a value is; `json` for whatever the picker has no form for. */
export function kindOf(value: Json | undefined): Kind {
  if (value === undefined) return "none";
  if (value === null) return "null";
  if (isExactNumber(value)) return "number";
  if (Array.isArray(value)) return "list";
  switch (typeof value) {
    case "string":
      return "text";
    case "number":
      return "number";
    case "boolean":
      return "boolean";
  }
  const directive = directiveOf(value);
  if (directive === undefined) return Object.keys(value).some((key) => key.startsWith("@")) ? "json" : "object";
  return kindOfDirective(...directive);
}

function kindOfDirective(name: string, option: Json): Kind {
  switch (name) {
    case "@path":
      return typeof option === "string" ? "variable" : "json";
    case "@template":
      return typeof option === "string" ? "template" : "json";
    case "@liquid":
      return typeof option === "string" ? "liquid" : "json";
    case "@if":
      return kindOfIf(option);
    case "@case":
      return isObject(option) && hasOnly(option, ["operator", "value"]) ? "case" : "json";
    case "@replace":
      return isObject(option) && hasOnly(option, REPLACE_KEYS) ? "replace" : "json";
    case "@arrayPath":
      return isItems(option) ? "items" : "json";
    default:
      return "json";
  }
}

const IF_KEYS = ["exists", "blank", "then", "else"];
const REPLACE_KEYS = ["pattern", "replacement", "pattern2", "replacement2", "ignorecase", "global", "value"];

function kindOfIf(option: Json): Kind {
  if (!isObject(option) || !hasOnly(option, IF_KEYS)) return "json";
  if ("exists" in option === "blank" in option) return "json";
  return isSame(option["exists"], option["then"]) && option["then"] !== undefined ? "coalesce" : "if";
}

function isItems(option: Json): option is [string, ...Json[]] {
  return Array.isArray(option) && option.length <= 2 && typeof option[0] === "string" && (option.length === 1 || isObject(option[1]));
}

function hasOnly(option: JsonObject, keys: readonly string[]): boolean {
  return Object.keys(option).every((key) => keys.includes(key));
}

export function isSame(one: Json | undefined, other: Json | undefined): boolean {
  return one === undefined || other === undefined ? one === other : writeJson(one) === writeJson(other);
}

/** The parts of a coalesce, first to last: `@if` of a value that exists, then the value itself. */
export function coalesceParts(value: Json): (Json | undefined)[] {
  const parts: (Json | undefined)[] = [];
  let rest: Json | undefined = value;
  while (rest !== undefined && kindOf(rest) === "coalesce") {
    const option = directiveOf(rest)?.[1] as JsonObject;
    parts.push(option["then"]);
    rest = option["else"];
  }
  return [...parts, rest];
}

/** Make a coalesce of its parts; the last may be missing. */
export function coalesceOf(parts: readonly (Json | undefined)[]): Json | undefined {
  const [first, ...others] = parts;
  if (others.length === 0) return first;
  const rest = coalesceOf(others);
  const value = first ?? { "@path": "$." };
  return { "@if": { exists: value, then: value, ...(rest === undefined ? {} : { else: rest }) } };
}

/** Make a value of another kind, and keep as much of the present one as fits. */
export function converted(value: Json | undefined, kind: Kind): Json | undefined {
  const inner: Json = value ?? { "@path": "$." };
  switch (kind) {
    case "none":
      return undefined;
    case "variable":
      return { "@path": pathIn(value) ?? "$." };
    case "text":
      return isConstant(value) ? scalarText(value) : "";
    case "number":
      return typeof value === "number" || isExactNumber(value) ? value : typeof value === "string" && isNumberText(value.trim()) ? parseJson(value) : 0;
    case "boolean":
      return value !== "false" && value !== false && value !== 0;
    case "null":
      return null;
    case "template":
      return { "@template": templateOf(value) };
    case "liquid":
      return { "@liquid": liquidOf(value) };
    case "if":
      return { "@if": { exists: inner, then: inner, else: "" } };
    case "coalesce":
      return coalesceOf([inner, { "@path": "$." }]);
    case "case":
      return { "@case": { operator: "lower", value: inner } };
    case "replace":
      return { "@replace": { pattern: "", replacement: "", value: inner } };
    case "items":
      return { "@arrayPath": [pathIn(value) ?? "$.properties.products", {}] };
    case "object":
      return isObject(value) && directiveOf(value) === undefined ? value : {};
    case "list":
      return Array.isArray(value) ? value : value === undefined ? [] : [value];
    case "json":
      return value ?? null;
  }
}

/** The first path that a value reads, such as `$.userId`. */
function pathIn(value: Json | undefined): string | undefined {
  const [name, option] = directiveOf(value) ?? [];
  if (typeof option === "string") {
    if (name === "@path") return option;
    const found = /{{{?\s*([^{}|]+?)\s*(\||}})/.exec(option);
    return found?.[1] === undefined ? undefined : `$.${found[1]}`;
  }
  if (Array.isArray(option)) return typeof option[0] === "string" ? option[0] : undefined;
  if (isObject(option)) return pathIn(option["value"] ?? option["then"]);
  return undefined;
}

function isConstant(value: Json | undefined): boolean {
  return ["string", "number", "boolean"].includes(typeof value) || isExactNumber(value);
}

function templateOf(value: Json | undefined): string {
  if (isConstant(value)) return scalarText(value);
  const path = pathIn(value);
  return path === undefined ? "" : `{{${path.replace(/^\$\.?/, "")}}}`;
}

function liquidOf(value: Json | undefined): string {
  const [name, option] = directiveOf(value) ?? [];
  if (name === "@template" && typeof option === "string") return option;
  return templateOf(value);
}
