// Reads the host's explanation of a mapping: the result and the fault of each part, by its pointer.
import type { ErrorShape, Explained } from "../api-types";
import { type Json, isObject } from "../core/json";
import type { PartResult } from "./scope";
import { pointerTo } from "./scope";

/** An origin as `Explained.fields` has it: a part of the mapping, and what it gave. */
interface Origin {
  place: string;
  value: Json;
  found: boolean;
  fault: string | null;
  children: Origin[];
}

// One step of a place: `.key`, `."odd key"` or `[0]`.
const STEP = /\.?("(?:[^"\\]|\\.)*")|\.?([^.[\]"']+)|\[(\d+)\]/y;

/** The pointer of a place, `/a/@if/then` of `$.a.@if.then`. */
export function pointerOfPlace(place: string): string {
  let pointer = "";
  STEP.lastIndex = place.startsWith("$") ? 1 : 0;
  for (let found = STEP.exec(place); found !== null; found = STEP.exec(place))
    pointer = pointerTo(pointer, found[1] === undefined ? (found[2] ?? found[3] ?? "") : (JSON.parse(found[1]) as string));
  return pointer;
}

/** What each part gave. */
export function resultsOf(explained: Explained | undefined): Map<string, PartResult> {
  const results = new Map<string, PartResult>();
  visit(explained?.fields, (origin) => results.set(pointerOfPlace(origin.place), { value: origin.value, found: origin.found }));
  return results;
}

/** What is wrong with each part: of an answer's errors, and of the parts that failed for the event. */
export function faultsOf(explained: Explained | undefined, errors: readonly ErrorShape[]): Map<string, string> {
  const faults = new Map<string, string>();
  visit(explained?.fields, (origin) => {
    // Parents repeat the fault of the part inside that has it, with its place.
    const [, place, text] = /^@ (\S+): (.*)$/s.exec(origin.fault ?? "") ?? [];
    if (place !== undefined && text !== undefined) faults.set(pointerOfPlace(place), text);
  });
  for (const each of [...errors, ...(explained?.errors ?? [])])
    if (each.pointer !== undefined) faults.set(mappingPointer(each.pointer), each.detail);
  return faults;
}

/** The pointer inside the mapping, of one into a body: `#/candidate/mapping/a` -> `/a`. */
function mappingPointer(pointer: string): string {
  return decodeURIComponent(pointer.replace(/^#/, "")).replace(/^(\/candidate)?\/mapping/, "");
}

function visit(origin: unknown, each: (origin: Origin) => void): void {
  if (!isObject(origin) || typeof origin["place"] !== "string") return;
  const read = origin as unknown as Origin;
  each(read);
  for (const child of read.children) visit(child, each);
}
