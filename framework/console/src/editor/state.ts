// The state of the mapping editor: what is edited, the sample event, and the host's explanation of both.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { ExplainBody, Explained } from "../api-types";
import { call, isAborted } from "../core/client";
import { useSettled } from "../core/loaded";
import { type Json, type JsonObject, isObject, parseJson, writeJson } from "../core/json";

/** What the editor changes of a subscription. */
export interface Edited {
  name: string;
  /** FQL; empty while there is none. */
  trigger: string;
  /** Empty if the action's default holds. */
  syncMode: string;
  mapping: JsonObject;
  /** How events share requests, as far as it differs from what the action declares. */
  batch: JsonObject;
  /** By name, the inputs of save hooks, and their outputs as long as the inputs are those that they ran with. */
  hooks: JsonObject;
}

/** A subscription as it is edited: a saved one has an id. */
export interface Candidate extends Edited {
  instance: string;
  action: string;
  id?: string;
}

/** The host's explanation of the newest candidate and sample; the last one stays while it is asked. */
export interface Explanation {
  explained: Explained | undefined;
  /** Why there is none, such as a lost connection or an event that is none. */
  error: Error | undefined;
  isLoading: boolean;
}

const NOTHING: Explanation = { explained: undefined, error: undefined, isLoading: false };

/** Ask the host, a moment after the last change; an older answer never replaces a newer one. */
export function useExplanation(candidate: Candidate, sample: JsonObject | undefined): Explanation {
  const [state, setState] = useState<Explanation>(NOTHING);
  const { instance, action, trigger, syncMode, mapping, hooks } = candidate;
  const asked = useMemo(
    () => (sample === undefined ? "" : writeJson({ candidate: asCandidateBody(candidate), event: sample })),
    [instance, action, trigger, syncMode, mapping, hooks, sample],
  );
  const settled = useSettled(asked, 120);
  const last = useRef(sample);
  useEffect(() => {
    if (settled === "") {
      setState(NOTHING);
      return undefined;
    }
    const abort = new AbortController();
    // Values of another event would mislead.
    if (last.current !== sample) setState(NOTHING);
    last.current = sample;
    setState((old) => ({ ...old, isLoading: true }));
    explain(settled, abort.signal).then(
      (next) => abort.signal.aborted || setState((old) => ({ ...next, explained: next.explained ?? old.explained })),
      () => undefined,
    );
    return () => abort.abort();
  }, [settled]);
  return state;
}

/** A candidate as the API takes it: with exactly the fields that are mapped, without defaults. */
export function asCandidateBody({ instance, action, trigger, syncMode, mapping, ...rest }: Candidate): Record<string, unknown> {
  const body = { instance, action, trigger: trigger || null, sync_mode: syncMode || null, mapping, defaults: false };
  // Hooks that have not run give nothing, and their inputs may not be whole yet. With the id, the host knows masked secrets.
  const hooks = Object.fromEntries(Object.entries(rest.hooks).filter(([, hook]) => "outputs" in asObject(hook)));
  return rest.id === undefined || Object.keys(hooks).length === 0 ? body : { ...body, id: rest.id, name: rest.name, hooks };
}

async function explain(asked: string, signal: AbortSignal): Promise<Explanation> {
  try {
    const explained = await call("POST /api/explain", { body: parseJson(asked) as ExplainBody, signal });
    return { explained, error: undefined, isLoading: false };
  } catch (error) {
    if (isAborted(error)) throw error;
    return { explained: undefined, error: error as Error, isLoading: false };
  }
}

/** One difference between two versions, for people. */
export interface Change {
  what: string;
  before: Json | undefined;
  after: Json | undefined;
}

/** Compare two versions: name, trigger, sync mode, and each key of their tables. */
export function changesOf(before: Edited, after: Edited): Change[] {
  const changes: Change[] = [];
  if (before.name !== after.name) changes.push({ what: "Name", before: before.name, after: after.name });
  if (before.trigger !== after.trigger) changes.push({ what: "Trigger", before: before.trigger, after: after.trigger });
  if (before.syncMode !== after.syncMode) changes.push({ what: "Sync mode", before: before.syncMode, after: after.syncMode });
  changes.push(...differences(before.mapping, after.mapping, (key) => key));
  changes.push(...differences(before.batch, after.batch, (key) => `Batching, ${key}`));
  changes.push(...differences(inputsOf(before.hooks), inputsOf(after.hooks), (key) => `Inputs of ${key}`));
  return changes;
}

function differences(before: JsonObject, after: JsonObject, nameOf: (key: string) => string): Change[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys
    .filter((key) => writeJson(before[key]) !== writeJson(after[key]))
    .map((key) => ({ what: nameOf(key), before: before[key], after: after[key] }));
}

function inputsOf(hooks: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(hooks).map(([name, hook]) => [name, asObject(hook)["inputs"] ?? {}]));
}

/** An object with another value for a key; without the key for `undefined`. */
export function withKey(object: JsonObject, key: string, value: Json | undefined): JsonObject {
  const { [key]: _, ...rest } = object;
  return value === undefined ? rest : { ...object, [key]: value };
}

export function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}
