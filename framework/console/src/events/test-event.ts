// Sends a test event to a source, as if an SDK had sent it.
import { useState } from "preact/hooks";
import type { EventBody } from "../api-types";
import { call } from "../core/client";

export interface TestEvent {
  /** Send an event; without one, the host's own. */
  send: (event?: EventBody) => Promise<void>;
  /** Its message id, once it is stored. */
  id: string | undefined;
  error: unknown;
  isBusy: boolean;
}

export function useTestEvent(source: string | undefined, onSent: () => void): TestEvent {
  const [id, setId] = useState<string>();
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  async function send(event?: EventBody): Promise<void> {
    if (source === undefined) return;
    setBusy(true);
    setError(undefined);
    try {
      const taken = await call("POST /api/sources/{name}/test-event", { path: { name: source }, body: event });
      setId(taken.message_id);
      onSent();
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  }
  return { send, id, error, isBusy };
}
