// How far the first run is, told from what the host has: nothing is kept in the browser.
import type { CatalogAnswer, InstanceShape, SandboxShape, SourceShape, StatusShape, SubscriptionShape } from "../api-types";
import { call } from "../core/client";

export interface Progress {
  sources: SourceShape[];
  instances: InstanceShape[];
  subscriptions: SubscriptionShape[];
  status: StatusShape;
  sandboxes: SandboxShape[];
  catalog: CatalogAnswer;
}

export async function loadProgress(signal: AbortSignal): Promise<Progress> {
  const [{ sources }, { instances }, { subscriptions }, status, { sandboxes }, catalog] = await Promise.all([
    call("GET /api/sources", { signal }),
    call("GET /api/instances", { signal }),
    call("GET /api/subscriptions", { signal }),
    call("GET /api/status", { signal }),
    call("GET /api/sandboxes", { signal }),
    call("GET /api/catalog", { signal }),
  ]);
  return { sources, instances, subscriptions, status, sandboxes, catalog };
}

/** The steps, in their order. */
export type Step = "source" | "destination" | "event" | "mapping" | "delivered";
export const STEPS: readonly Step[] = ["source", "destination", "event", "mapping", "delivered"];

/** The first step that is not done; `undefined` once an event was delivered. */
export function nextStep({ sources, instances, subscriptions, status }: Progress): Step | undefined {
  if (status.subscriptions.some((each) => each.delivered > 0)) return undefined;
  if (sources.length === 0) return "source";
  if (!instances.some(canDeliver)) return "destination";
  if (status.sources.every((each) => each.accepted === 0)) return "event";
  if (!subscriptions.some((each) => each.enabled)) return "mapping";
  return "delivered";
}

/** Whether an instance would deliver: one without its settings is created disabled. */
export function canDeliver({ enabled, problem }: InstanceShape): boolean {
  return enabled && problem === null;
}

export function isFinished(progress: Progress): boolean {
  return nextStep(progress) === undefined;
}

/** What the form of a step gets. */
export interface StepProps {
  progress: Progress;
  /** Something was changed: the host is asked again. */
  onChanged: () => void;
  /** The person has seen the end. */
  onFinished: () => void;
}
