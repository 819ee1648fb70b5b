// The variables of a sample event: every path with its value, as the picker lists them.
import { type Json, isObject, writeJson } from "../core/json";

/** One path of the event and what it has there. */
export interface Variable {
  /** As a mapping writes it: `$.properties.plan`. */
  path: string;
  /** The last key, for the tree. */
  key: string;
  depth: number;
  value: Json;
}

const MAX_DEPTH = 8;
const MAX_VARIABLES = 50_000;
/** A path cannot name a key that contains its own signs. */
const UNNAMEABLE = /[."']|\[\d|\d\]/;
/** Fields of the event that people look for first. */
const FIRST = ["type", "event", "name", "messageId", "userId", "anonymousId", "timestamp", "properties", "traits", "context"];

/** List the paths of an event, parents before their children. */
export function variablesOf(event: Json | undefined): Variable[] {
  const found: Variable[] = [];
  if (isObject(event)) {
    const keys = Object.keys(event);
    const ordered = [...FIRST.filter((key) => keys.includes(key)), ...keys.filter((key) => !FIRST.includes(key))];
    for (const key of ordered) collectKey(found, "$", key, 0, event[key] ?? null);
  }
  return found;
}

function collect(found: Variable[], path: string, key: string, depth: number, value: Json): void {
  if (found.length >= MAX_VARIABLES) return;
  found.push({ path, key, depth, value });
  if (depth >= MAX_DEPTH) return;
  if (isObject(value)) for (const [inner, each] of Object.entries(value)) collectKey(found, path, inner, depth + 1, each);
  else if (Array.isArray(value))
    value.slice(0, 3).forEach((each, index) => collect(found, `${path}[${index}]`, `[${index}]`, depth + 1, each));
}

function collectKey(found: Variable[], path: string, key: string, depth: number, value: Json): void {
  if (!UNNAMEABLE.test(key)) collect(found, step(path, key), key, depth, value);
}

function step(path: string, key: string): string {
  return /^[A-Za-z_$][\w$-]*$/.test(key) ? `${path}.${key}` : `${path}['${key}']`;
}

/** A value in a few characters, for lists. */
export function shortText(value: Json | undefined, length = 48): string {
  if (value === undefined) return "";
  if (Array.isArray(value)) return value.length === 1 ? "list of 1 item" : `list of ${value.length} items`;
  if (isObject(value)) return `object with ${Object.keys(value).length} keys`;
  const text = writeJson(value);
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/** Select the variables whose path or value contains every word. */
export function matching(variables: readonly Variable[], search: string): readonly Variable[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return variables;
  return variables.filter((each) => {
    const text = `${each.path} ${isObject(each.value) ? "" : shortText(each.value)}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** The first item of the list at a path, as the scope of what is mapped for each item. */
export function firstItem(event: Json | undefined, path: string): Json | undefined {
  const found = variablesOf(event).find((each) => each.path === path)?.value;
  return Array.isArray(found) ? found[0] : found;
}
