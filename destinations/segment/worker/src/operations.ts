// The operations of the protocol, each the way into Segment's own code that skips mapping and checks, which the host has done.
import { createRequestClient, Destination, resolveAudienceMembership } from "@segment/actions-core";
import { destinations } from "offramp:destinations";
import type { ActiveCall } from "./calls";
import { log, logger, memories, statsContext, transactionContext } from "./contexts";
import { describeBatch } from "./failures";
import * as http from "./fetch";
import type * as messages from "./messages";
import type { Auth, Call, Json, JsonObject } from "./messages";

const MATCHING_KEY = "__segment_internal_matching_key";
const SYNC_MODE = "__segment_internal_sync_mode";

/** The host asked for what the bundle has not. */
export class WorkerError extends Error {
  override readonly name = "WorkerError";
}

// Segment's types describe one destination at a time; this worker has all of them.
// biome-ignore lint: the protocol is what is typed.
type Loose = any;

const loaded = new Map<string, Loose>();

/** Load a destination at its first use. */
function load(directory: string): Loose {
  let found = loaded.get(directory);
  if (found !== undefined) return found;
  const module = destinations[directory];
  if (module === undefined) throw new WorkerError(`there is no destination ${JSON.stringify(directory)} in this bundle`);
  found = new Destination(module().default as ConstructorParameters<typeof Destination>[0]);
  // Its own listeners would keep every response for ever.
  for (const action of Object.values(found.actions) as Loose[]) action.removeAllListeners("response");
  loaded.set(directory, found);
  return found;
}

function actionOf({ destination, action }: { destination: string; action: string }): Loose {
  const found = load(destination).actions[action];
  if (found === undefined) throw new WorkerError(`there is no action ${JSON.stringify(action)} in ${destination}`);
  return found;
}

function authOf(auth: Auth | undefined): { accessToken?: string; refreshToken?: string } {
  return { ...(auth?.accessToken && { accessToken: auth.accessToken }), ...(auth?.refreshToken && { refreshToken: auth.refreshToken }) };
}

/** Settings as Segment stores them, with the tokens that some audiences read there. */
function stored(settings: JsonObject, auth: Auth | undefined): JsonObject {
  return auth ? { ...settings, oauth: { access_token: auth.accessToken, refresh_token: auth.refreshToken } } : settings;
}

function clientOf(destination: Loose, context: object): Loose {
  const options = destination.extendRequest?.({ payload: undefined, ...context }) ?? {};
  return createRequestClient({ ...options, statsContext: undefined } as Loose);
}

interface Personas {
  audience_settings?: JsonObject;
}

type Acting = (messages.Perform | messages.PerformBatch) & { destination: string; auth?: Auth };

/** What an action gets whether it is for one event or for a batch. */
function bundleOf(action: Loose, message: Acting, call: ActiveCall): Loose {
  const { mapping, rawData } = message;
  const first = Array.isArray(rawData) ? rawData[0] : rawData;
  const syncMode = action.definition.syncMode ? (message.syncMode ?? undefined) : undefined;
  const member = Array.isArray(rawData) ? rawData.map((event) => membership(event, syncMode)) : membership(rawData, syncMode);
  const personas = (first as { context?: { personas?: Personas } } | undefined)?.context?.personas;
  const hooks = Object.keys(action.definition.hooks ?? {}).filter((hook) => mapping[hook]);
  const { engageDestinationCache, stateContext } = memories(message.instance);
  // In the order of Segment's engine, as there are destinations that send all of it.
  return {
    rawData: message.rawData,
    rawMapping: {
      ...mapping,
      ...(message.syncMode ? { [SYNC_MODE]: message.syncMode } : {}),
      ...(message.matchingKey ? { [MATCHING_KEY]: message.matchingKey } : {}),
    },
    settings: message.settings,
    payload: message.payload,
    ...(member !== undefined && { audienceMembership: member }),
    auth: authOf(message.auth),
    features: {},
    statsContext: statsContext(`partnerAction:${message.action}`),
    personasContext: personas,
    logger,
    engageDestinationCache,
    transactionContext: transactionContext(),
    stateContext,
    audienceSettings: personas ? personas.audience_settings : {},
    hookOutputs: Object.fromEntries(hooks.map((hook) => [hook, mapping[hook]])),
    syncMode,
    matchingKey: message.matchingKey ? String(message.matchingKey) : undefined,
    subscriptionMetadata: message.subscriptionMetadata ?? {},
    signal: call.signal,
  };
}

/** Whether an event is of somebody in an audience, by Segment's rules; undefined where it is about none. */
function membership(event: JsonObject, syncMode: Loose): boolean | undefined {
  const member = resolveAudienceMembership(event as Loose, syncMode);
  return typeof member === "boolean" ? member : undefined;
}

async function perform(message: messages.Perform & Acting, call: ActiveCall): Promise<null> {
  const action = actionOf(message);
  await action.performRequest(action.definition.perform, bundleOf(action, message, call));
  return null;
}

async function performBatch(message: messages.PerformBatch & Acting, call: ActiveCall): Promise<messages.BatchResult> {
  const action = actionOf(message);
  const bundle = bundleOf(action, message, call);
  const count = message.payload.length;
  const answer: unknown = await action.definition.performBatch(action.createRequestClient(bundle), bundle);
  return describeBatch(answer, count);
}

async function testAuthentication({ settings, ...message }: messages.TestAuthentication & Call): Promise<null> {
  const destination = load(message.destination);
  const auth = authOf(message.auth);
  await destination.authentication?.testAuthentication?.(clientOf(destination, { settings, auth }), { settings, auth });
  return null;
}

async function refreshAccessToken({ settings, ...message }: messages.RefreshAccessToken & Call): Promise<Json> {
  const destination = load(message.destination);
  const refresh = destination.authentication?.refreshAccessToken;
  if (refresh === undefined) throw new WorkerError(`${message.destination} does not refresh access tokens`);
  const client = clientOf(destination, { settings, auth: authOf(message.auth) });
  return (await refresh(client, { settings, auth: message.auth ?? {} })) ?? null;
}

async function dynamicField(message: messages.DynamicField & Call): Promise<messages.DynamicChoices> {
  const action = actionOf(message);
  const input = message.hook ? action.definition.hooks?.[message.hook]?.inputFields?.[message.field] : undefined;
  return action.executeDynamicField(message.field, { ...formOf(message), page: message.page ?? undefined }, input?.dynamic);
}

async function hook(message: messages.Hook & Call): Promise<messages.HookResult> {
  const result = await actionOf(message).executeHook(message.hook, formOf(message));
  return { savedData: null, ...result };
}

function formOf(message: (messages.DynamicField | messages.Hook) & { auth?: Auth }): object {
  return {
    settings: message.settings,
    payload: message.payload ?? {},
    auth: authOf(message.auth),
    audienceSettings: message.audienceSettings,
    hookInputs: message.hookInputs,
    features: {},
    statsContext: statsContext(),
    logger,
  };
}

async function onDelete({ settings, payload, ...message }: messages.OnDelete & Call): Promise<null> {
  const destination = load(message.destination);
  const context = { settings, payload, auth: authOf(message.auth) };
  await destination.definition.onDelete?.(clientOf(destination, context), context);
  return null;
}

async function audience(message: (messages.CreateAudience | messages.GetAudience) & Call): Promise<Json> {
  const destination = load(message.destination);
  const run = destination.definition.audienceConfig?.[message.op];
  if (run === undefined) throw new WorkerError(`${message.destination} has no ${message.op}`);
  const { op: _op, id: _id, destination: _directory, auth, ...input } = message;
  const { settings, audienceSettings } = message;
  const client = clientOf(destination, { settings, audienceSettings, auth: authOf(auth) });
  return run(client, { ...input, settings: stored(settings, auth), features: {}, statsContext: statsContext() });
}

function memory(calls: number): messages.MemoryUse {
  (globalThis as { gc?: () => void }).gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heapUsed, external, calls, fetches: http.inFlight() };
}

/** Run the operation of a call; `calls` are in flight with it. */
export async function run(message: Call, call: ActiveCall, calls: number): Promise<messages.Done["value"]> {
  switch (message.op) {
    case "perform":
      return perform(message, call);
    case "performBatch":
      return performBatch(message, call);
    case "testAuthentication":
      return testAuthentication(message);
    case "refreshAccessToken":
      return refreshAccessToken(message);
    case "dynamicField":
      return dynamicField(message);
    case "hook":
      return hook(message);
    case "onDelete":
      return onDelete(message);
    case "createAudience":
    case "getAudience":
      return audience(message);
    case "load":
      load(message.destination);
      return null;
    case "memory":
      return memory(calls);
    default:
      throw new WorkerError(`there is no operation ${JSON.stringify((message as { op: unknown }).op)}`);
  }
}

/** What destinations print goes where their logs go. */
export function redirectConsole(): void {
  Object.assign(console, { log() {}, info() {}, debug() {}, warn: logger.warn, error: (...parts: unknown[]) => log("error", ...parts) });
}
