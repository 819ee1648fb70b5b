// What a value editor knows beside its value: the sample event, and what the host made of each part.
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Json } from "../core/json";

/** What one part of a mapping gave for the sample event. */
export interface PartResult {
  value: Json;
  /** Whether it gave a value at all. */
  found: boolean;
}

export interface Scope {
  /** The event, or the item of a list, that paths begin at. */
  sample: Json | undefined;
  /** What each part gave, by its pointer in the mapping: `/customer_id/@if/then`. */
  results: ReadonlyMap<string, PartResult>;
  /** What is wrong with a part, by its pointer. */
  faults: ReadonlyMap<string, string>;
}

export const EMPTY_SCOPE: Scope = { sample: undefined, results: new Map(), faults: new Map() };

export const ScopeContext = createContext<Scope>(EMPTY_SCOPE);

export function useScope(): Scope {
  return useContext(ScopeContext);
}

/** The pointer of a part inside another (RFC 6901). */
export function pointerTo(pointer: string, ...keys: (string | number)[]): string {
  return keys.reduce<string>((at, key) => `${at}/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`, pointer);
}
