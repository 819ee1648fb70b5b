// The address of a page: `#/destinations/NAME/mappings`; a name may contain any character.
import { useEffect, useState } from "preact/hooks";

/** The parts of a path and its query, decoded. */
export interface Location {
  parts: string[];
  query: URLSearchParams;
}

/** Write the address of a page; parts are encoded, as in `hrefTo("destinations", name)`. */
export function hrefTo(...parts: string[]): string {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

/** Go to a page; `replace` leaves no step in the browser's history. */
export function goTo(href: string, replace = false): void {
  if (replace) location.replace(href);
  else location.hash = href;
}

export function readLocation(hash: string): Location {
  const [path = "", query = ""] = hash.replace(/^#?\/?/, "").split("?", 2);
  return { parts: path.split("/").filter(Boolean).map(decode), query: new URLSearchParams(query) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The present address; the component is drawn again when it changes. */
export function useLocation(): Location {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = () => setHash(location.hash);
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return readLocation(hash);
}
