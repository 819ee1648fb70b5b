// Reads the host's explanation of a mapping: the result and the fault of each part, by its pointer.
import type { Explained, OriginShape } from "../api-types";
import type { Json } from "../core/json";
import type { PartResult } from "./scope";
import { pointerTo } from "./scope";

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
  for (const { place, value, found } of originsOf(explained)) results.set(pointerOfPlace(place), { value: value as Json, found });
  return results;
}

/** What is wrong with each part, whatever the event or for this one. */
export function faultsOf(explained: Explained | undefined): Map<string, string> {
  const faults = new Map<string, string>();
  for (const { fault } of originsOf(explained)) {
    // Parents repeat the fault of the part inside that has it, with its place.
    const [, place, text] = /^@ (\S+): (.*)$/s.exec(fault ?? "") ?? [];
    if (place !== undefined && text !== undefined) faults.set(pointerOfPlace(place), text);
  }
  for (const { pointer, detail } of [...(explained?.errors ?? []), ...(explained?.faults ?? [])])
    if (pointer !== undefined) faults.set(decodeURIComponent(pointer.replace(/^#(\/mapping)?/, "")), detail);
  return faults;
}

function originsOf(explained: Explained | undefined): OriginShape[] {
  const all = explained ? [explained.fields] : [];
  for (const each of all) all.push(...each.children);
  return all;
}
