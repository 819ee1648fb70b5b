// Puts a deleted mapping back as it was.
import type { SubscriptionShape } from "../api-types";
import { call } from "../core/client";
import { writeJson } from "../core/json";

/** How the host masks a secret. */
const MASK = '"***';

/** A mapping with a secret cannot be put back: the host shows it masked, and forgets it with the mapping. */
export function canRestore(mapping: SubscriptionShape): boolean {
  return !writeJson([mapping.mapping, mapping.hooks]).includes(MASK);
}

export async function restore(deleted: SubscriptionShape): Promise<void> {
  const { id, instance, name, action, sync_mode, trigger, mapping, batch, hooks, paused, enabled } = deleted;
  // With the outputs of its save hooks, which therefore do not run again.
  const body = { id, instance, name, action, sync_mode, trigger, mapping, batch, hooks, paused, defaults: false };
  await call("POST /api/subscriptions", { body });
  if (enabled) await call("POST /api/subscriptions/{id}/enable", { path: { id } });
}
