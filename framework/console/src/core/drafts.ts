// Keeps what was entered and not saved: it survives a reload, a restart of the host, a lost connection.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { type Json, parseJson, writeJson } from "./json";

const PREFIX = "offramp.draft.";

/** Read a draft; `undefined` if there is none. */
export function readDraft<T>(key: string): T | undefined {
  try {
    const text = sessionStorage.getItem(PREFIX + key);
    return text === null ? undefined : (parseJson(text) as T);
  } catch {
    return undefined;
  }
}

export function writeDraft(key: string, value: Json | object): void {
  try {
    sessionStorage.setItem(PREFIX + key, writeJson(value));
  } catch {
    // The storage of the browser is full or turned off: the page itself still has the draft.
  }
}

export function dropDraft(key: string): void {
  sessionStorage.removeItem(PREFIX + key);
}

/** A draft of something saved: the value, whether it differs, and how to change or drop it. */
export interface Draft<T> {
  value: T;
  isChanged: boolean;
  /** What was saved when the first change was made. */
  base: T;
  /** Whether something else is saved by now: to save the draft would undo that. */
  isOvertaken: boolean;
  /** Change it, from what it is by then: answers that come later must not undo newer edits. */
  update: (change: (value: T) => T) => void;
  drop: () => void;
}

/** A draft as it is kept. */
interface Kept<T> {
  value: T;
  base: T;
}

/**
 * Edit a copy of `saved`, kept under `key` until it is dropped. Secrets must not be put in it.
 * A value equal to what is saved is no draft.
 */
export function useDraft<T extends object>(key: string, saved: T): Draft<T> {
  const [kept, setKept] = useState<Kept<T> | undefined>(() => readDraft<Kept<T>>(key));
  useEffect(() => setKept(readDraft<Kept<T>>(key)), [key]);
  const savedText = writeJson(saved);
  const isChanged = kept !== undefined && writeJson(kept.value) !== savedText;
  const latest = useRef(kept);
  latest.current = isChanged ? kept : undefined;
  const update = useCallback(
    (change: (value: T) => T) => {
      const { value, base } = latest.current ?? { value: saved, base: saved };
      const next = { value: change(value), base };
      latest.current = next;
      setKept(next);
      if (writeJson(next.value) === savedText) dropDraft(key);
      else writeDraft(key, next);
    },
    [key, savedText],
  );
  const drop = useCallback(() => {
    dropDraft(key);
    setKept(undefined);
  }, [key]);
  // Leaving the page does not lose a draft, but closing the tab does.
  useEffect(() => {
    if (!isChanged) return undefined;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [isChanged]);
  const { value, base } = isChanged ? kept : { value: saved, base: saved };
  return { value, isChanged, base, isOvertaken: writeJson(base) !== savedText, update, drop };
}
