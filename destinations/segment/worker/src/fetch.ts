// Takes the place of cross-fetch, which Segment's client calls: the host sends each request, and this worker none.
import { isUtf8 } from "node:buffer";
import { Headers, Request, Response, type RequestInit } from "node-fetch";
import { type ActiveCall, currentCall } from "./calls";
import { say } from "./channel";
import type { Answer, Failure, Fetch } from "./messages";

export { Headers, Request, Response };

/** No response came: what node-fetch throws then, and the number under which the host knows why. */
export class FetchError extends Error {
  override readonly name = "FetchError";
  readonly type = "system";
  readonly code: string;
  readonly errno: string;
  readonly hostFetch: number;

  constructor(message: string, code: string, hostFetch: number) {
    super(message);
    this.code = code;
    this.errno = code;
    this.hostFetch = hostFetch;
  }
}

/** What node-fetch throws when a request is taken back. */
export class AbortError extends Error {
  override readonly name = "AbortError";
  readonly type = "aborted";

  constructor() {
    super("The user aborted a request.");
  }
}

const waiting = new Map<number, (answer: Answer | Failure) => void>();
let last = 0;

export function inFlight(): number {
  return waiting.size;
}

/** Hand the host's answer to whoever waits for it; nobody does after an abort. */
export function receive(answer: Answer | Failure): void {
  waiting.get(answer.answer)?.(answer);
}

export async function fetch(input: unknown, init?: RequestInit): Promise<Response> {
  // Like cross-fetch: //host/path is https.
  const address = typeof input === "string" && input.startsWith("//") ? `https:${input}` : input;
  const request = address instanceof Request && init === undefined ? address : new Request(address, init);
  const body = await bodyOf(request);
  return send(request, body, currentCall.getStore());
}

export default fetch;

async function bodyOf(request: Request): Promise<Fetch["body"]> {
  if (request.method === "GET" || request.method === "HEAD") return null;
  const bytes = await request.buffer();
  if (!bytes.length) return null;
  return isUtf8(bytes) ? { t: bytes.toString() } : { b: bytes.toString("base64") };
}

function send(request: Request, body: Fetch["body"], call: ActiveCall | undefined): Promise<Response> {
  const id = ++last;
  const { signal } = request;
  return new Promise((resolve, reject) => {
    const finish = (): boolean => {
      // Node.js keeps a combined signal for as long as somebody listens to it.
      signal?.removeEventListener("abort", abort);
      call?.requests.delete(id);
      return waiting.delete(id);
    };
    const abort = (): void => {
      if (finish()) say({ abort: id });
      reject(new AbortError());
    };
    if (signal?.aborted || call?.cancelled) {
      reject(new AbortError());
      return;
    }
    say({ fetch: id, call: call?.id ?? null, method: request.method, url: request.url, headers: pairs(request.headers), body });
    signal?.addEventListener("abort", abort);
    call?.requests.set(id, abort);
    waiting.set(id, (answer) => {
      finish();
      try {
        resolve(responseOf(answer, request.url));
      } catch (error) {
        reject(error as Error);
      }
    });
  });
}

function pairs(headers: Headers): [string, string][] {
  return Object.entries(headers.raw()).flatMap(([name, values]) => values.map((value): [string, string] => [name, value]));
}

function responseOf(answer: Answer | Failure, url: string): Response {
  if ("error" in answer) {
    throw new FetchError(`request to ${url} failed, reason: ${answer.error.message}`, answer.error.code, answer.answer);
  }
  // Bytes, as node-fetch gives text a type of its own.
  const body = answer.t === undefined ? Buffer.from(answer.b ?? "", "base64") : Buffer.from(answer.t);
  return new Response(body, { status: answer.status, statusText: answer.reason, headers: answer.headers, url: answer.url });
}
