// Holds a new write key until the page that shows it is left: it is never stored in the browser.
const keys = new Map<string, string>();

export function keepNewKey(source: string, key: string): void {
  keys.set(source, key);
}

/** The key that was made for a source since the page was loaded. */
export function newKeyOf(source: string): string | undefined {
  return keys.get(source);
}
