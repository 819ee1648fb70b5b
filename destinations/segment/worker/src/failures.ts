// What became of a call, in the protocol's words: errors of any class, and the ends of a batch's events.
import { HTTPError, MultiStatusResponse } from "@segment/actions-core";
import { Response } from "./fetch";
import type { BatchResult, CallError, Outcome } from "./messages";

const MAX_MESSAGE_LENGTH = 10_000;
const MAX_BODY_LENGTH = 500;
const STACK_LINES = 6;
const FIRST_FAILURE = 400;
/** Of an outcome for which a destination gives none: what became of the event is not known. */
const UNSTATED_STATUS = 500;
/** What Segment's engine says of a payload for which a batch has no response. */
const MISSING: Outcome = {
  status: 500,
  code: "PAYLOAD_VALIDATION_FAILED",
  message: "MultiStatusResponse is missing a response at the specified index",
};

/** A partner's response as Segment's client leaves it. */
interface Prepared {
  status: number;
  statusText: string;
  ok: boolean;
  url?: string;
  content?: unknown;
  headers?: { forEach?: (each: (value: string, name: string) => void) => void };
}

interface Thrown {
  name?: string;
  message?: unknown;
  code?: unknown;
  status?: unknown;
  stack?: string;
  response?: Prepared;
  request?: { url?: string };
  hostFetch?: number;
}

/** Describe whatever an action threw, which need not be an error. */
export function describeError(thrown: unknown): CallError {
  const error = (typeof thrown === "object" && thrown !== null ? thrown : { message: thrown }) as Thrown;
  const described: CallError = {
    kind: (thrown as object | null)?.constructor?.name ?? error.name ?? "Error",
    message: String(error.message ?? thrown).slice(0, MAX_MESSAGE_LENGTH),
  };
  if (error.code !== undefined && error.code !== null) described.code = String(error.code);
  const status = Number(error.status ?? Number.NaN);
  if (Number.isInteger(status)) described.status = status;
  if (typeof error.response?.status === "number") described.response = describeResponse(error.response, error.request?.url);
  if (error.hostFetch !== undefined) described.fetch = error.hostFetch;
  if (described.status === undefined && described.response === undefined && described.fetch === undefined) {
    described.stack = String(error.stack ?? "").split("\n").slice(0, STACK_LINES).join("\n");
  }
  return described;
}

function describeResponse(response: Prepared, url: string | undefined): NonNullable<CallError["response"]> {
  const headers: Record<string, string> = {};
  response.headers?.forEach?.((value, name) => {
    headers[name] = value;
  });
  return { status: response.status, url: url ?? response.url ?? "", headers, body: bodyOf(response) };
}

function bodyOf(response: Prepared): string {
  return typeof response.content === "string" ? response.content.slice(0, MAX_BODY_LENGTH) : "";
}

/** What the answer of `performBatch` says of each of `count` payloads, read as Segment's engine reads it. */
export function describeBatch(answer: unknown, count: number): BatchResult {
  if (answer instanceof MultiStatusResponse) {
    return { whole: false, outcomes: Array.from({ length: count }, (_, index) => outcomeAt(answer, index)) };
  }
  if (answer instanceof HTTPError) return alike(answer.response as unknown as Prepared, answer.message, count);
  if (answer instanceof Response) return alike(answer as unknown as Prepared, "", count);
  return { whole: true, outcomes: Array.from({ length: count }, () => null) };
}

function alike(response: Prepared, message: string, count: number): BatchResult {
  const { status } = response;
  const text = [message || response.statusText, bodyOf(response)].filter(Boolean).join(": ");
  const outcome = status < FIRST_FAILURE ? null : { status, code: String(status), message: text };
  return { whole: true, outcomes: Array.from({ length: count }, () => outcome) };
}

function outcomeAt(answer: MultiStatusResponse, index: number): Outcome | null {
  const response = answer.getResponseAtIndex(index);
  if (!response) return MISSING;
  const value = response.value() as { status?: number; errortype?: string; errormessage?: string; body?: unknown };
  // A destination may push an error with the status of its request, which was 200.
  const status = value.status ?? UNSTATED_STATUS;
  if (status < FIRST_FAILURE && value.errormessage === undefined && value.errortype === undefined) return null;
  return {
    status,
    code: value.errortype ?? String(status),
    message: (value.errormessage ?? JSON.stringify(value.body ?? "")).slice(0, MAX_MESSAGE_LENGTH),
  };
}
