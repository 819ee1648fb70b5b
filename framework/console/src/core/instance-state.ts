// What an instance and a mapping do at present, in words and counts.
import type { InstanceShape, InstanceStatus, StatusShape, SubscriptionShape, SubscriptionStatus } from "../api-types";
import type { BadgeKind } from "../parts/page";

export interface State {
  kind: BadgeKind;
  text: string;
}

/** The state of an instance: what keeps it from delivering comes first. */
export function instanceState(instance: InstanceShape, status: InstanceStatus | undefined): State {
  if (instance.problem !== null) return { kind: "error", text: "Does not run" };
  if (!instance.enabled) return { kind: "neutral", text: "Disabled" };
  if (instance.paused) return { kind: "warning", text: "Paused" };
  const breaker = status?.circuit_breaker?.state;
  if (breaker === "open" || breaker === "half-open") return { kind: "error", text: "Held back" };
  return { kind: "success", text: "Enabled" };
}

/** What else than its switch keeps a mapping from delivering; `undefined` if nothing does. */
export function mappingState(mapping: SubscriptionShape): State | undefined {
  if (mapping.problem !== null) return { kind: "error", text: "Does not run" };
  if (mapping.paused) return { kind: "warning", text: "Paused" };
  return undefined;
}

/** Deliveries of the last 24 hours, and what waits now. */
export interface Totals {
  delivered: number;
  /** Rejected and expired: they end up as dead letters. */
  failed: number;
  /** Waiting and retrying. */
  waiting: number;
}

/** The counts of some subscriptions together, by their ids. */
export function totalsOf(status: StatusShape, ids: readonly string[]): Totals {
  const rows = rowsOf(status, ids);
  const sum = (count: (each: SubscriptionStatus) => number) => rows.reduce((total, each) => total + count(each), 0);
  return {
    delivered: sum((each) => each.delivered),
    failed: sum((each) => each.rejected + each.expired),
    waiting: sum((each) => each.waiting + each.retrying),
  };
}

/** How many of some subscriptions are enabled. */
export function enabledOf(status: StatusShape, ids: readonly string[]): number {
  return rowsOf(status, ids).filter((each) => each.enabled).length;
}

function rowsOf(status: StatusShape, ids: readonly string[]): SubscriptionStatus[] {
  const wanted = new Set(ids);
  return status.subscriptions.filter((each) => wanted.has(each.id));
}
