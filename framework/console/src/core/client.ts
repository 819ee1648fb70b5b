// Calls the control API: typed by operation, with its errors as `ApiError`.
import type { ErrorShape, Operations, ProblemShape } from "../api-types";
import { parseJson, writeJson } from "./json";

export type OperationName = keyof Operations;
type Given<T> = T extends Record<string, never> ? { [K in never]: never } : T;

/** What an operation is called with; keys that it does not take are left out. */
export type Arguments<N extends OperationName> = {
  path?: Operations[N]["path"];
  query?: Partial<Operations[N]["query"]>;
  body?: Operations[N]["body"];
  /** The revision that the change was made on; 412 if there is a newer one. */
  revision?: number | undefined;
  signal?: AbortSignal;
};

/** A refusal of the host, or a lost connection (status 0). */
export class ApiError extends Error {
  readonly errors: ErrorShape[];
  constructor(
    readonly status: number,
    detail: string,
    /** The whole problem, with members beyond RFC 9457. */
    readonly problem: Partial<ProblemShape> = {},
  ) {
    super(detail);
    this.name = "ApiError";
    this.errors = problem.errors ?? [];
  }

  get isLostConnection(): boolean {
    return this.status === 0;
  }
}

const signedOut = new Set<() => void>();
const connection = new Set<(isLost: boolean) => void>();

/** Be told when the session has ended; returns a function that ends this. */
export function onSignedOut(listener: () => void): () => void {
  signedOut.add(listener);
  return () => signedOut.delete(listener);
}

/** Be told when a call could not reach the host, and when one could again. */
export function onConnection(listener: (isLost: boolean) => void): () => void {
  connection.add(listener);
  return () => connection.delete(listener);
}

/** Call one operation, as in `call("GET /api/instances/{name}", { path: { name } })`. */
export async function call<N extends OperationName>(
  operation: N,
  given: Arguments<N> = {},
): Promise<Operations[N]["answer"]> {
  const [method = "GET", template = ""] = operation.split(" ");
  const response = await send(method, urlOf(template, given.path, given.query), given);
  const text = await response.text();
  if (response.ok) return (text === "" ? undefined : parseJson(text)) as Operations[N]["answer"];
  if (response.status === 401 && !template.startsWith("/api/sessions")) for (const each of signedOut) each();
  throw problemOf(response, text);
}

async function send(
  method: string,
  url: string,
  given: { body?: unknown; revision?: number | undefined; signal?: AbortSignal },
): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (given.body !== undefined) headers["Content-Type"] = "application/json";
  if (given.revision !== undefined) headers["If-Match"] = `"${given.revision}"`;
  const options: RequestInit = { method, headers, credentials: "same-origin", cache: "no-store" };
  if (given.body !== undefined) options.body = writeJson(given.body);
  if (given.signal) options.signal = given.signal;
  try {
    const response = await fetch(url, options);
    for (const each of connection) each(false);
    return response;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    for (const each of connection) each(true);
    throw new ApiError(0, "The host does not answer. What you entered is kept; try again.");
  }
}

function problemOf(response: Response, text: string): ApiError {
  try {
    const problem = JSON.parse(text) as Partial<ProblemShape>;
    return new ApiError(response.status, problem.detail ?? response.statusText, problem);
  } catch {
    return new ApiError(response.status, `${response.status} ${response.statusText}`);
  }
}

/** Fill in the parameters of a path and a query; what is `undefined` is left out. */
export function urlOf(
  template: string,
  path: Given<Record<string, string>> | undefined,
  query: Record<string, unknown> | undefined,
): string {
  const filled = template.replace(/{(\w+)}/g, (_, name: string) =>
    encodeURIComponent((path as Record<string, string> | undefined)?.[name] ?? ""),
  );
  const entries = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
  if (entries.length === 0) return filled;
  return `${filled}?${new URLSearchParams(entries.map(([key, value]) => [key, String(value)]))}`;
}

/** Whether an error is only that a newer call took this one's place. */
export function isAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

/** The text of any error, for people. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
