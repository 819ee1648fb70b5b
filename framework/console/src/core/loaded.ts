// Loads what a page shows, and loads it again on demand or every few seconds.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { type ApiError, isAborted } from "./client";

/** What was loaded: `data` stays while it is loaded again, also if that fails. */
export interface Loaded<T> {
  data: T | undefined;
  error: ApiError | Error | undefined;
  isLoading: boolean;
  reload: () => void;
}

/**
 * Load with a function whenever `key` changes, and every `interval` milliseconds while the page is
 * visible. An answer to an older call never replaces a newer one.
 */
export function useLoaded<T>(
  key: string,
  load: (signal: AbortSignal) => Promise<T>,
  interval?: number,
): Loaded<T> {
  const [state, setState] = useState<{ key: string; data?: T; error?: Error; isLoading: boolean }>({
    key,
    isLoading: true,
  });
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    const abort = new AbortController();
    setState((old) => (old.key === key ? { ...old, isLoading: true } : { key, isLoading: true }));
    latest.current(abort.signal).then(
      (data) => abort.signal.aborted || setState({ key, data, isLoading: false }),
      (error: unknown) => {
        if (abort.signal.aborted || isAborted(error)) return;
        setState((old) => ({ ...old, key, error: error as Error, isLoading: false }));
      },
    );
    return () => abort.abort();
  }, [key, turn]);
  const reload = useCallback(() => setTurn((old) => old + 1), []);
  useEffect(() => {
    if (interval === undefined) return undefined;
    const timer = setInterval(() => document.hidden || reload(), interval);
    return () => clearInterval(timer);
  }, [interval, reload]);
  const isCurrent = state.key === key;
  return {
    data: isCurrent ? state.data : undefined,
    error: isCurrent ? state.error : undefined,
    isLoading: !isCurrent || state.isLoading,
    reload,
  };
}

/** A value that follows another once that has not changed for some milliseconds. */
export function useSettled<T>(value: T, milliseconds = 150): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return settled;
}
