// How far the first run is, told from what the host has: nothing is kept in the browser.
import type { InstanceShape, StatusShape } from "../api-types";
import { call } from "../core/client";

export interface Progress {
  instances: InstanceShape[];
  status: StatusShape;
}

export async function loadProgress(signal: AbortSignal): Promise<Progress> {
  const [{ instances }, status] = await Promise.all([call("GET /api/instances", { signal }), call("GET /api/status", { signal })]);
  return { instances, status };
}

/** The steps, in their order. */
export type Step = "source" | "destination" | "event" | "mapping" | "delivered";
export const STEPS: readonly Step[] = ["source", "destination", "event", "mapping", "delivered"];

/** The first step that is not done; `undefined` once an event was delivered. */
export function nextStep({ instances, status }: Progress): Step | undefined {
  if (status.subscriptions.some((each) => each.delivered > 0)) return undefined;
  if (status.sources.length === 0) return "source";
  if (!instances.some(canDeliver)) return "destination";
  if (status.sources.every((each) => each.accepted === 0)) return "event";
  if (!status.subscriptions.some((each) => each.enabled)) return "mapping";
  return "delivered";
}

/** Whether an instance would deliver: one without its settings is created disabled. */
function canDeliver({ enabled, problem }: InstanceShape): boolean {
  return enabled && problem === null;
}

/** What the form of a step gets. */
export interface StepProps {
  progress: Progress;
  /** Something was changed: the host is asked again. */
  onChanged: () => void;
  /** The person has seen the end. */
  onFinished: () => void;
}
