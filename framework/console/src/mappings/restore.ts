// Puts a deleted mapping back as it was.
import type { SubscriptionShape } from "../api-types";
import { call } from "../core/client";
import { writeJson } from "../core/json";

/** How the host masks a secret. */
const MASK = '"***';

/** A mapping with a secret cannot be put back: the host shows it masked, and forgets it with the mapping. */
export function canRestore(mapping: SubscriptionShape): boolean {
  return !writeJson(mapping.mapping).includes(MASK);
}

export async function restore(deleted: SubscriptionShape): Promise<void> {
  const { id, instance, name, action, sync_mode, trigger, mapping, paused, enabled } = deleted;
  await call("POST /api/subscriptions", { body: { id, instance, name, action, sync_mode, trigger, mapping, paused, defaults: false } });
  if (enabled) await call("POST /api/subscriptions/{id}/enable", { path: { id } });
}
