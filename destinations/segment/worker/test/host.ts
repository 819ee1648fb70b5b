// The host's side of the protocol, for tests: starts a worker, calls it, and answers its requests.
import { type ChildProcess, spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";
import type { Answer, Call, CallError, Done, Failure, Fetch, FromHost, FromWorker, Hello, Log } from "../src/messages";

/** Omit that keeps the members of a union apart. */
type Without<T, K extends string> = T extends unknown ? Omit<T, K> : never;
type Reply = Without<Answer, "answer"> | Without<Failure, "answer"> | null;
/** Answers a request; null leaves it without an answer. */
export type Partner = (request: Fetch) => Reply;

const WORKER = process.env["OFFRAMP_SEGMENT_WORKER"] as string;
const DESCRIPTOR = 3;

/** A call that the worker answered with an error. */
export class CallFailed extends Error {
  readonly detail: CallError;
  constructor(detail: CallError) {
    super(`${detail.kind}: ${detail.message}`);
    this.detail = detail;
  }
}

/** A partner's response. */
export function json(body: unknown, status = 200, reason = "OK"): Reply {
  return { status, reason, url: "", headers: [["content-type", "application/json"]], t: JSON.stringify(body) };
}

export class Host {
  readonly process: ChildProcess;
  readonly requests: Fetch[] = [];
  readonly logs: Log[] = [];
  readonly said: FromWorker[] = [];
  readonly ready: Promise<FromWorker>;
  readonly ended: Promise<number | null>;
  private readonly channel: Duplex;
  private readonly calls = new Map<number, { resolve: (value: Done["value"]) => void; reject: (error: Error) => void }>();
  private readonly awaited: { wanted: (message: FromWorker) => boolean; resolve: (message: FromWorker) => void }[] = [];
  private lastId = 0;

  constructor(
    private readonly partner: Partner = () => json({}),
    hello: Partial<Hello["hello"]> = {},
  ) {
    const options = ["--expose-gc", WORKER, String(DESCRIPTOR)];
    this.process = spawn(process.execPath, options, { stdio: ["ignore", "pipe", "pipe", "pipe"], env: {}, cwd: dirname(WORKER) });
    this.channel = this.process.stdio[DESCRIPTOR] as Duplex;
    this.ended = new Promise((resolve) => this.process.on("exit", resolve));
    createInterface({ input: this.channel }).on("line", (line) => this.hear(JSON.parse(line) as FromWorker));
    this.channel.on("error", () => undefined);
    this.ready = this.next((message) => "ready" in message);
    if (hello) this.say({ hello: { environment: {}, own_network: [], ...hello } });
  }

  say(message: FromHost): void {
    this.write(JSON.stringify(message));
  }

  write(line: string): void {
    this.channel.write(`${line}\n`);
  }

  /** Begin a call; its number is `lastCall`. */
  call(call: Without<Call, "id">): Promise<Done["value"]> {
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      this.calls.set(id, { resolve, reject });
      this.say({ id, ...call } as Call);
    });
  }

  get lastCall(): number {
    return this.lastId;
  }

  /** The error of a call that is to fail. */
  async failure(call: Without<Call, "id">): Promise<CallError> {
    try {
      await this.call(call);
    } catch (error) {
      return (error as CallFailed).detail;
    }
    throw new Error("the call did not fail");
  }

  /** The next message that fits. */
  next(wanted: (message: FromWorker) => boolean): Promise<FromWorker> {
    return new Promise((resolve) => this.awaited.push({ wanted, resolve }));
  }

  close(): Promise<number | null> {
    this.channel.end();
    return this.ended;
  }

  private hear(message: FromWorker): void {
    this.said.push(message);
    if ("fetch" in message) this.serve(message);
    else if ("log" in message) this.logs.push(message);
    else if ("id" in message) this.settle(message);
    for (const each of this.awaited.filter(({ wanted }) => wanted(message))) {
      this.awaited.splice(this.awaited.indexOf(each), 1);
      each.resolve(message);
    }
  }

  private serve(request: Fetch): void {
    this.requests.push(request);
    const reply = this.partner(request);
    if (reply !== null) this.say({ answer: request.fetch, ...reply } as Answer | Failure);
  }

  private settle(message: Extract<FromWorker, { id: number }>): void {
    const call = this.calls.get(message.id);
    this.calls.delete(message.id);
    if ("error" in message) call?.reject(new CallFailed(message.error));
    else call?.resolve(message.value);
  }
}

/** Run a test with a host, which is closed after it. */
export async function withHost<T>(partner: Partner, test: (host: Host) => Promise<T>, hello: Partial<Hello["hello"]> = {}): Promise<T> {
  const host = new Host(partner, hello);
  try {
    return await test(host);
  } finally {
    await host.close();
  }
}

/** The folder that the build writes. */
export const built = (path: string): string => join(dirname(WORKER), path);
