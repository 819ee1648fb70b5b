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
  /** Change it, from what it is by then: answers that come later must not undo newer edits. */
  update: (change: (value: T) => T) => void;
  drop: () => void;
}

/**
 * Edit a copy of `saved`, kept under `key` until it is dropped. Secrets must not be put in it.
 * A value equal to what is saved is no draft.
 */
export function useDraft<T extends object>(key: string, saved: T): Draft<T> {
  const [value, setValue] = useState<T | undefined>(() => readDraft<T>(key));
  useEffect(() => setValue(readDraft<T>(key)), [key]);
  const savedText = writeJson(saved);
  const isChanged = value !== undefined && writeJson(value) !== savedText;
  const latest = useRef(value ?? saved);
  latest.current = value ?? saved;
  const update = useCallback(
    (change: (value: T) => T) => {
      const next = change(latest.current);
      latest.current = next;
      setValue(next);
      if (writeJson(next) === savedText) dropDraft(key);
      else writeDraft(key, next);
    },
    [key, savedText],
  );
  const drop = useCallback(() => {
    dropDraft(key);
    setValue(undefined);
  }, [key]);
  // Leaving the page does not lose a draft, but closing the tab does.
  useEffect(() => {
    if (!isChanged) return undefined;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [isChanged]);
  return { value: value ?? saved, isChanged, update, drop };
}
