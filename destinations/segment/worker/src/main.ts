// Runs Segment's published destinations for a host, which sends all of their requests: see messages.ts.
import { version } from "offramp:destinations";
import { ActiveCall, currentCall } from "./calls";
import * as channel from "./channel";
import { log } from "./contexts";
import { describeError } from "./failures";
import { fetch, receive } from "./fetch";
import type { Call, FromHost, Hello } from "./messages";
import { guardSockets, OwnNetworkError } from "./network";
import { redirectConsole, run } from "./operations";

const active = new Map<number, ActiveCall>();
const ownNetwork = new Set<string>();
let greeted = false;

function greet({ environment, own_network }: Hello["hello"]): void {
  Object.assign(process.env, environment);
  for (const directory of own_network) ownNetwork.add(directory);
  greeted = true;
  channel.say({ ready: true, node: process.version, version });
}

function hear(message: FromHost): void {
  if ("hello" in message) greet(message.hello);
  else if (!greeted) throw new Error("the first message is no hello");
  else if ("answer" in message) receive(message);
  else if ("cancel" in message) active.get(message.cancel)?.cancel();
  else if ("ping" in message) channel.say({ pong: message.ping });
  else void answer(message);
}

async function answer(message: Call): Promise<void> {
  const { id, destination } = message;
  const explained = "explain" in message && message.explain === true;
  const call = new ActiveCall(id, destination, ownNetwork.has(destination));
  active.set(id, call);
  try {
    // A connection that an earlier call has opened would send.
    if (explained && call.ownNetwork) throw new OwnNetworkError(`${destination} sends through connections of its own, so that it cannot be explained`);
    const value = await Promise.race([currentCall.run(call, run, message, call, active.size - 1), call.refused]);
    channel.say({ id, value });
  } catch (error) {
    channel.say({ id, error: describeError(error) });
  } finally {
    active.delete(id);
  }
}

// As where Segment runs them: some destinations write local times.
process.env["TZ"] = "UTC";
globalThis.fetch = fetch as unknown as typeof globalThis.fetch;
guardSockets();
redirectConsole();
// What Node.js thinks of code in the packages concerns nobody who could change it.
process.noDeprecation = true;
process.on("uncaughtException", (error) => log("crit", "uncaught", error));
process.on("unhandledRejection", (error) => log("error", "unhandled", error));
channel.open(Number(process.argv[2]), hear);
