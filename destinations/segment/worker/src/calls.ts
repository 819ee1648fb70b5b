// Which call the running code belongs to: requests, logs and the guard on sockets ask for it.
import { AsyncLocalStorage } from "node:async_hooks";

/** A call of the host that was not answered yet. */
export class ActiveCall {
  readonly id: number;
  readonly destination: string;
  /** Whether it may open sockets of its own. */
  readonly ownNetwork: boolean;
  /** What takes the requests of it back that are in flight, by their numbers. */
  readonly requests = new Map<number, () => void>();
  /** Fails with the reason at which the call ends whatever its destination makes of it. */
  readonly refused: Promise<never>;
  /** End the call with an error that its destination cannot catch and try again. */
  readonly refuse: (reason: Error) => void;
  private readonly controller = new AbortController();

  constructor(id: number, destination: string, ownNetwork: boolean) {
    this.id = id;
    this.destination = destination;
    this.ownNetwork = ownNetwork;
    let refuse: (reason: Error) => void = () => undefined;
    this.refused = new Promise<never>((_, reject) => {
      refuse = reject;
    });
    this.refuse = refuse;
  }

  get cancelled(): boolean {
    return this.controller.signal.aborted;
  }

  /** For destinations with sockets of their own: with a signal, Segment's client waits for ever. */
  get signal(): AbortSignal | undefined {
    return this.ownNetwork ? this.controller.signal : undefined;
  }

  /** Take its requests back; those that it makes from now on fail at once. */
  cancel(): void {
    this.controller.abort();
    for (const abort of [...this.requests.values()]) abort();
  }
}

export const currentCall = new AsyncLocalStorage<ActiveCall>();
