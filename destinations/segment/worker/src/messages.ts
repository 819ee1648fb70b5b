// The protocol between the host and the worker, and the files that the build writes: the one place for both.
//
// Each message is one line of JSON on a socket pair whose number is in argv. The host says hello first; the worker
// answers that it is ready. Then calls go one way, and the requests that they make go the other.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

// ---- host to worker ------------------------------------------------------------------------------------------------

export type FromHost = Hello | Call | Answer | Failure | Cancel | Ping;

/** The first message; nothing else is read before it. */
export interface Hello {
  hello: {
    /** Segment's own partner credentials, which some destinations read from `process.env`: never on argv, never in the real environment. */
    environment: Record<string, string>;
    /** Directories of destinations that may open sockets of their own (kafka, aws-s3, ...): none unless the operator names them. */
    own_network: string[];
  };
}

/** A call that is to be answered with `Done` or `Failed` of the same id. */
export type Call = { id: number; destination: string; auth?: Auth } & (
  | Perform
  | PerformBatch
  | TestAuthentication
  | RefreshAccessToken
  | DynamicField
  | Hook
  | OnDelete
  | CreateAudience
  | GetAudience
  | Load
  | Memory
);

export interface Auth {
  accessToken: string;
  refreshToken: string;
  /** Only for `refreshAccessToken`. */
  clientId?: string;
  clientSecret?: string;
}

interface ActionCall {
  /** The key of the action in the definition. */
  action: string;
  settings: JsonObject;
  /** Name of the instance: what a destination keeps between calls is kept for each instance. */
  instance: string;
  /** As configured, with the outputs of hooks below the hook's name (`onMappingSave`), without `__segment_internal_...`. */
  mapping: JsonObject;
  syncMode?: string | null;
  /** Segment's `__segment_internal_matching_key`. */
  matchingKey?: string | null;
  subscriptionMetadata?: SubscriptionMetadata;
  /** `explain`: refuses whatever does not go through the host's client. */
  explain?: boolean;
}

/** Segment's names; a destination may read any of them. */
export interface SubscriptionMetadata {
  actionConfigId?: string;
  destinationConfigId?: string;
  actionId?: string;
  sourceId?: string;
}

export interface Perform extends ActionCall {
  op: "perform";
  payload: JsonObject;
  /** The event as it came in. */
  rawData: JsonObject;
}

/** Answered with `BatchResult`. */
export interface PerformBatch extends ActionCall {
  op: "performBatch";
  /** One payload for each event of `rawData`, at the same index. */
  payload: JsonObject[];
  rawData: JsonObject[];
}

/** Answered with null where the credentials are accepted. */
export interface TestAuthentication {
  op: "testAuthentication";
  settings: JsonObject;
}

/** Answered with `{accessToken, refreshToken?, expiresIn?}`, Segment's `RefreshAccessTokenResult`. */
export interface RefreshAccessToken {
  op: "refreshAccessToken";
  settings: JsonObject;
}

/** Answered with `DynamicChoices`. */
export interface DynamicField {
  op: "dynamicField";
  action: string;
  /** As Segment writes places: `name`, `object.key`, `array.[0].key`; one of a hook's inputs where `hook` is given. */
  field: string;
  hook?: string;
  settings: JsonObject;
  payload: JsonObject;
  page?: string | null;
  audienceSettings?: JsonObject;
  hookInputs?: JsonObject;
}

/** Answered with `HookResult`. */
export interface Hook {
  op: "hook";
  action: string;
  hook: string;
  settings: JsonObject;
  payload?: JsonObject;
  hookInputs: JsonObject;
  audienceSettings?: JsonObject;
}

/** Answered with null. */
export interface OnDelete {
  op: "onDelete";
  settings: JsonObject;
  payload: { userId?: Json; anonymousId?: Json };
}

/** Answered with `{externalId}`: a text, or at some destinations a number. */
export interface CreateAudience {
  op: "createAudience";
  settings: JsonObject;
  audienceName: string;
  audienceSettings?: JsonObject;
  personas?: JsonObject;
}

/** Answered with `{externalId}`. */
export interface GetAudience {
  op: "getAudience";
  settings: JsonObject;
  externalId: string;
  audienceSettings?: JsonObject;
}

/** Loads a destination before its first call; answered with null. */
export interface Load {
  op: "load";
}

/** Collects garbage where `--expose-gc` was given; answered with `MemoryUse`. `destination` is not read. */
export interface Memory {
  op: "memory";
}

/** The response to the worker's `Fetch` of this number: text in `t`, or other bytes as base64 in `b`. */
export interface Answer {
  answer: number;
  status: number;
  reason: string;
  url: string;
  /** Pairs, as a name may come twice (`set-cookie`); without those of the transfer, which the host has undone. */
  headers: [string, string][];
  t?: string;
  b?: string;
}

/** No response came to the worker's `Fetch` of this number. `code` is Node.js's where there is one (`ECONNREFUSED`). */
export interface Failure {
  answer: number;
  error: { message: string; code: string };
}

/** The caller has given up: requests of the call are aborted, and no answer is expected. */
export interface Cancel {
  cancel: number;
}

export interface Ping {
  ping: number;
}

// ---- worker to host ------------------------------------------------------------------------------------------------

export type FromWorker = Ready | Done | Failed | Fetch | Abort | Log | Pong;

export interface Ready {
  ready: true;
  /** `process.version`. */
  node: string;
  /** Version of `@segment/action-destinations`. */
  version: string;
}

export interface Done {
  id: number;
  value: Json | BatchResult | DynamicChoices | HookResult | MemoryUse;
}

export interface Failed {
  id: number;
  error: CallError;
}

export interface CallError {
  /** The class of the error, which says what it means: `PayloadValidationError`, `HTTPError`, `RetryableError`, `InvalidAuthenticationError`, `IntegrationError`, `APIError`, `TimeoutError`, `SelfTimeoutError`, `OwnNetworkError`, `WorkerError`, or any of JavaScript. */
  kind: string;
  message: string;
  code?: string;
  status?: number;
  /** For an `HTTPError`: what the partner answered; the body is cut at 500 characters. */
  response?: { status: number; url: string; headers: Record<string, string>; body: string };
  /** The `Fetch` to which the host answered with a `Failure`, if that is what the action let through. */
  fetch?: number;
  /** For errors of JavaScript's own, which are faults of the destination: the first lines. */
  stack?: string;
}

/** What each event of a batch came to; one item for each payload, at the same index. */
export interface BatchResult {
  /** Null: delivered. `whole`: the partner gave one answer for all of them. */
  outcomes: (null | Outcome)[];
  whole: boolean;
}

export interface Outcome {
  status: number;
  /** Segment's `errortype`. */
  code: string;
  message: string;
}

export interface DynamicChoices {
  choices: { value: string; label: string; description?: string }[];
  nextPage?: string | null;
  error?: { message: string; code: string } | null;
}

export interface HookResult {
  savedData: JsonObject | null;
  successMessage?: string | null;
  error?: { message: string; code: string } | null;
}

/** In bytes, except `calls` and `fetches`, which are in flight. */
export interface MemoryUse {
  rss: number;
  heapUsed: number;
  external: number;
  calls: number;
  fetches: number;
}

/** A request of the call `call`, which the host sends: text in `t`, or other bytes as base64 in `b`. */
export interface Fetch {
  fetch: number;
  /** The id of the call; null for a request that a destination makes outside of any, which the host refuses. */
  call: number | null;
  method: string;
  url: string;
  /** Pairs in the order and the spelling in which Segment's engine would send them. */
  headers: [string, string][];
  body: null | { t: string } | { b: string };
}

/** The action no longer waits for the request of this number (Segment's time-out of 10 s, mostly). */
export interface Abort {
  abort: number;
}

export interface Log {
  log: "warn" | "error" | "crit";
  text: string;
  /** The call that it is about, or null. */
  call: number | null;
}

export interface Pong {
  pong: number;
}

// ---- files of the build ----------------------------------------------------------------------------------------------

/** `index.json`: all destinations, those that cannot run among them. */
export interface Index {
  /** Of `@segment/action-destinations` and `@segment/actions-core`. */
  version: string;
  core: string;
  destinations: IndexEntry[];
}

export interface IndexEntry {
  /** Segment's id of the destination: 24 hexadecimal digits. */
  id: string;
  /** Name of its folder, and of `definitions/DIRECTORY.json`. */
  directory: string;
  slug: string;
  name: string;
  description: string;
  /** Titles by key. */
  actions: Record<string, string>;
  /** Names of those that are for events of the six types; two may have one name. */
  presets: string[];
  needs: Needs;
}

export interface Needs {
  /** Variables of Segment's environment that its code reads: partner credentials that the operator brings. */
  environment: string[];
  /** It opens sockets of its own, so it is off unless it is named, and `explain` never runs it. */
  own_network: boolean;
  /** Why it needs a service that only Segment runs; null where it does not. */
  segment: string | null;
  /** Packages without a stated licence, which the bundle leaves out, so that it cannot run. */
  packages: string[];
}

/** `definitions/DIRECTORY.json`, in the shape of Segment's public metadata where that has one. */
export interface Definition {
  id: string;
  directory: string;
  slug: string;
  name: string;
  description: string;
  needs: Needs;
  authentication: {
    scheme: "custom" | "basic" | "oauth2" | "oauth-managed" | "oauth2-client-credentials" | "none";
    fields: Fields;
    testAuthentication: boolean;
    refreshAccessToken: boolean;
  };
  onDelete: boolean;
  audienceFields: Fields;
  audienceConfig: null | { mode: JsonObject; createAudience: boolean; getAudience: boolean };
  presets: PresetDefinition[];
  actions: Record<string, ActionDefinition>;
}

/** Segment's input fields by key. A function (`dynamic`, say) is written as `true`. */
export type Fields = Record<string, JsonObject>;

export interface PresetDefinition {
  name: string;
  partnerAction: string;
  type: "automatic" | "manual" | "specificEvent";
  /** Missing where `type` is `specificEvent`. */
  subscribe?: string;
  eventSlug?: string;
  mapping: JsonObject;
}

export interface ActionDefinition {
  title: string;
  description: string;
  hidden: boolean;
  defaultSubscription: string | null;
  fields: Fields;
  performBatch: boolean;
  /** Segment's declaration: description, default, label, choices. */
  syncMode: JsonObject | null;
  /** Places of the functions: `name`, `object.key`, `object.__keys__`, `array.key`. */
  dynamicFields: string[];
  hooks: Record<string, HookDefinition>;
}

export interface HookDefinition {
  label: string;
  description: string;
  inputFields: Fields;
  outputTypes: Fields;
  /** Input fields with a function that lists choices. */
  dynamicFields: string[];
}
