// Finds what the host says about one value: the errors of an answer by their JSON pointers.
import { ApiError } from "./client";
import { sentence } from "./texts";

/** What is wrong at or below a place in the body, as in `faultAt(error, "settings", "apiToken")`. */
export function faultAt(error: unknown, ...place: string[]): string | undefined {
  if (!(error instanceof ApiError)) return undefined;
  const found = error.errors.filter((each) => each.pointer !== undefined && isAtOrBelow(keysOf(each.pointer), place));
  return found.length === 0 ? undefined : found.map((each) => sentence(each.detail)).join(" ");
}

/** Whether an error, or a part of it, is about none of these places; then the page shows it by itself. */
export function isElsewhere(error: unknown, places: string[][]): boolean {
  if (error === undefined) return false;
  if (!(error instanceof ApiError) || error.errors.length === 0) return true;
  return error.errors.some((each) => {
    const keys = each.pointer === undefined ? [] : keysOf(each.pointer);
    return !places.some((place) => isAtOrBelow(keys, place));
  });
}

/** The keys of a JSON pointer in a URI fragment (RFC 6901): `#/settings/api~1key`. */
export function keysOf(pointer: string): string[] {
  const [, ...keys] = decodeURIComponent(pointer.replace(/^#/, "")).split("/");
  return keys.map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function isAtOrBelow(keys: string[], place: string[]): boolean {
  return place.every((key, index) => keys[index] === key);
}
