// Refuses sockets that the host did not allow: Segment's HTTP goes through `fetch`, whatever opens one itself is an exception.
import { Socket } from "node:net";
import { currentCall } from "./calls";

export class OwnNetworkError extends Error {
  override readonly name = "OwnNetworkError";
}

/** Let only calls of destinations with sockets of their own connect, and none that is explained. */
export function guardSockets(): void {
  const connect = Socket.prototype.connect as (...options: unknown[]) => Socket;
  Socket.prototype.connect = function guarded(this: Socket, ...options: unknown[]): Socket {
    const call = currentCall.getStore();
    if (!call?.ownNetwork) {
      const error = new OwnNetworkError(`${call?.destination ?? "code outside of any call"} opens a connection of its own, which is not allowed here`);
      // Clients of queues and stores try again for a minute.
      call?.refuse(error);
      throw error;
    }
    return connect.apply(this, options);
  } as typeof Socket.prototype.connect;
}
