// The types of the control API, written by api_types.py from the OpenAPI document: do not edit.

/** An action in a list. */
export interface ActionBrief {
  description: string;
  slug: string;
  title: string;
}

/** An action with its fields; `schema` is the JSON Schema of its payload. */
export interface ActionShape {
  batch: BatchLimitsShape | null;
  default_mapping: Record<string, unknown>;
  description: string;
  dynamic_fields: string[];
  fields: Record<string, FieldShape>;
  idempotency_key: string | null;
  plugin: string;
  save_hooks: Record<string, SaveHookShape>;
  schema: Record<string, unknown>;
  slug: string;
  sync_mode: SyncModeShape | null;
  title: string;
}

/** The partner's id of an audience that it has already. */
export interface AdoptBody {
  external_id: string;
  check?: boolean;
}

/** A condition that can take the place of another one. */
export interface AlternativeShape {
  label: string;
  node: GroupNode | NotNode | CompareNode | EventTypeCondition | EventCondition | NameCondition | UserIdCondition | EventPropertyCondition | EventTraitCondition | EventContextCondition | EventFieldCondition;
  text: string;
}

/** The changes that a document makes; a dry run changes nothing, and lists what would end. */
export interface Applied {
  changes: ChangeShape[];
  dry_run: boolean;
  ended: EndedShape[];
  revision: number;
  save_hooks: SaveHookRunShape[];
  warnings: ErrorShape[];
}

/** One audience after a change. */
export interface AudienceAnswer {
  audience: AudienceShape;
  changes: ChangeShape[];
  dry_run: boolean;
  ended: EndedShape[];
  revision: number;
  save_hooks: SaveHookRunShape[];
}

/** A new audience; with `external_id`, one that the partner has already. */
export interface AudienceBody {
  external_id?: string;
  key: string;
  name?: string;
  settings?: Record<string, unknown>;
}

/** What to change. `settings` are replaced as a whole; a masked secret keeps its value. */
export interface AudienceChange {
  name?: string;
  settings?: Record<string, unknown>;
}

/** What a destination asks of each audience, and what it does with one at the partner. */
export interface AudienceConfigShape {
  creates: boolean;
  fields: Record<string, FieldShape>;
  full_sync: boolean;
  gets: boolean;
  mode: "realtime" | "synced";
}

/** Which audience an event names, and what the mapping and the action see of it beside that. */
export interface AudienceOriginShape {
  key: string;
  name: string | null;
  paths: string[];
}

/** One audience of an instance; its secret settings are masked. */
export interface AudienceShape {
  external_id: string | null;
  key: string;
  name: string;
  remedy: string | null;
  settings: Record<string, unknown>;
  state: "created" | "not_created" | "not_needed" | "unknown";
}

/** The audiences of an instance. */
export interface Audiences {
  audiences: AudienceShape[];
  revision: number;
}

/** Changes of the configuration, latest first. */
export interface AuditLog {
  cursor: string | null;
  rows: AuditLogEntry[];
}

/** One change, secrets masked: of the configuration, of grants, tokens and the sealing key.

Also what was decided about deliveries that were in flight at a backup that was restored; and,
under the id of the subscription, each event that was sent as a test, and each run of a save
hook. */
export interface AuditLogEntry {
  actor: string;
  after: Record<string, unknown> | null;
  at: string;
  before: Record<string, unknown> | null;
  entry: number;
  id: string;
  kind: "grant" | "instance" | "save_hook" | "sealing_key" | "source" | "subscription" | "test_send" | "token";
  revision: number;
  token: string;
  what: "added" | "changed" | "removed";
}

/** Where the backup is written to. */
export interface BackupBody {
  path: string;
}

/** One backup and its progress. */
export interface BackupShape {
  done_bytes: number;
  ended_at: string | null;
  error: string | null;
  id: string;
  manifest: ManifestShape | null;
  path: string;
  started_at: string;
  state: "checking" | "copying" | "done" | "failed";
  total_bytes: number | null;
}

/** The backups since the host started, latest first. */
export interface BackupsShape {
  rows: BackupShape[];
}

/** What an action allows, and the options by which a subscription narrows that. */
export interface BatchLimitsShape {
  keys: string[];
  linger: number;
  max_bytes: number;
  max_events: number;
  options: OptionShape[];
}

/** How events share requests. */
export interface BatchShape {
  keys: string[];
  linger: number;
  max_bytes: number;
  max_events: number;
}

/** What can be configured, and the plugins that could not be used. */
export interface CatalogAnswer {
  destinations: DestinationBrief[];
  problems: PluginProblemShape[];
}

/** The destinations of all plugins: how many are built, wait to be built, or are left out. */
export interface CatalogStatus {
  built: number;
  destinations: DestinationStatus[];
  failed: number;
  listed: number;
}

/** One source, instance or subscription that is added, removed or changed. */
export interface ChangeShape {
  details: DetailShape[];
  id: string;
  kind: "instance" | "source" | "subscription";
  text: string;
  what: "added" | "changed" | "removed";
}

/** One value that a field may take. */
export interface ChoiceShape {
  description?: string;
  label: string;
  value: unknown;
}

/** Why the partner gave no choices, secrets masked. */
export interface ChoicesErrorShape {
  code: string;
  message: string;
  status: number;
}

/** Whether the host holds an instance back, and why; closed means that it does not. */
export interface CircuitBreakerShape {
  message: string | null;
  reason: string | null;
  remedy: string | null;
  state: "closed" | "half-open" | "open";
  until: string | null;
}

/** A comparison of two operands, at least one of which reads the event. */
export interface CompareNode {
  type: "compare";
  left: OperandShape;
  operator: string;
  right: OperandShape;
}

/** One comparison of another field, or of the sync mode. */
export interface ConditionShape {
  fieldKey?: string;
  operator: "is" | "is_not";
  type?: "field" | "syncMode";
  value?: unknown;
}

/** When a field is required or shown: if `all` (the default) or `any` of the conditions hold. */
export interface ConditionsShape {
  conditions: ConditionShape[];
  match?: "all" | "any";
}

/** The code with which the partner sent the browser back. */
export interface ConnectCode {
  code: string;
  state: string;
}

/** Where a person grants access; `state` belongs to it, and is valid once. */
export interface ConnectShape {
  authorize_url: string;
  expires_at: string;
  redirect_uri: string;
  state: string;
}

/** The count of one outcome in one step of time, for a subscription or a source. */
export interface CountShape {
  at: string;
  counted: "accepted" | "delivered" | "duplicate" | "expired" | "filtered" | "rejected" | "replayed" | "retrying";
  n: number;
  reason: string;
  source: string;
  subscription: string;
}

/** What waits in one subscription for damaged events. */
export interface DamagedDeliveriesShape {
  first: string;
  last: string;
  subscription: string;
  waiting: number;
}

/** A damaged event whose message id can still be read. */
export interface DamagedMessage {
  event: string;
  message_id: string;
}

/** A range of damaged events, and what waits for it. */
export interface DamagedRow {
  cause: string;
  decided: boolean;
  deliveries: DamagedDeliveriesShape[];
  first: string;
  last: string;
  message_ids: DamagedMessage[];
}

/** What is known to be damaged. */
export interface DamagedShape {
  rows: DamagedRow[];
  unreadable_deliveries: number;
}

/** What was decided for one subscription. */
export interface DecidedRow {
  decision: "expire" | "send";
  deliveries: number;
  subscription: string;
}

/** What was decided. */
export interface DecidedShape {
  rows: DecidedRow[];
}

/** What becomes of the deliveries that were in flight at the backup. */
export interface DecisionBody {
  decision: "expire" | "send";
  subscriptions?: string[];
  all?: boolean;
}

/** One part of the host that does not run as configured, and why. */
export interface DegradedShape {
  detail: string;
  kind: string;
  pointer: string;
}

/** Whom to delete: one id is needed. With a `message_id`, a repeat is taken only once. */
export interface DeleteRequestBody {
  source: string;
  user_id?: string | null;
  anonymous_id?: string | null;
  message_id?: string | null;
}

/** A request that was taken; `GET /api/events/{message_id}` shows what becomes of it. */
export interface DeleteRequestShape {
  duplicate: boolean;
  message_id: string;
  source: string;
  subscriptions: string[];
}

/** Deliveries, latest first; a page may be empty and still have a cursor. */
export interface DeliveryPage {
  cursor: string | null;
  rows: DeliveryRow[];
}

/** The delivery of one event to one subscription. */
export interface DeliveryRow {
  accepted_at: string;
  attempts: number;
  due_at: string | null;
  id: string;
  message: string;
  message_id: string;
  name: string;
  reason: string;
  replayed_at: string | null;
  source: string;
  stage: "delivered" | "expired" | "filtered" | "rejected" | "retrying" | "waiting";
  status: number | null;
  subscription: string;
  type: string;
  unknown_answers: number;
  updated_at: string;
}

/** A destination in a list. */
export interface DestinationBrief {
  actions: ActionBrief[];
  built: boolean;
  description: string | null;
  fallbacks: string[];
  name: string;
  origin: PluginOriginShape;
  plugin: string;
  presets: string[];
  search: string;
  slug: string;
}

/** One destination in full; `manifest` is in the shape of Segment's metadata. */
export interface DestinationShape {
  actions: ActionShape[];
  audience: AudienceConfigShape | null;
  description: string | null;
  fallbacks: string[];
  instance_name: string;
  manifest: Record<string, unknown>;
  mode: "cloud" | "device" | "warehouse";
  name: string;
  oauth: OAuthShape | null;
  on_delete: boolean;
  origin: PluginOriginShape;
  plugin: string;
  presets: PresetShape[];
  scheme: "basic" | "custom" | "none" | "oauth-managed" | "oauth2";
  settings: Record<string, FieldShape>;
  settings_schema: Record<string, unknown>;
  slug: string;
  testable: boolean;
}

/** What became of one destination. */
export interface DestinationStatus {
  fallbacks: string[];
  instances: string[];
  plugin: string | null;
  reason: string | null;
  slug: string;
  state: "built" | "failed" | "listed" | "missing";
}

/** One key that differs; `before` or `after` is missing on the side that lacks it. */
export interface DetailShape {
  after?: unknown;
  before?: unknown;
  place: string;
  pointer: string;
}

/** A place where payloads differ; without a value there, `before` or `after` is missing. */
export interface Difference {
  after?: unknown;
  before?: unknown;
  place: string;
}

/** A configuration in the shape of `offramp.toml`; a masked secret keeps its present value. */
export interface DocumentBody {
  instances?: Record<string, unknown>;
  sources?: Record<string, unknown>;
}

/** The name of the copy; the default is `NAME (Copy)`. */
export interface DuplicateBody {
  name?: string | null;
}

/** A dynamic field of a subscription, saved or a candidate, and what its form holds so far. */
export interface DynamicChoicesBody {
  field: string;
  hook?: string | null;
  inputs?: Record<string, unknown>;
  search?: string;
  page?: string | null;
  subscription?: string | null;
  candidate?: Record<string, unknown> | null;
}

/** One page of choices, or why there are none: then any value can still be written. */
export interface DynamicChoicesShape {
  choices: ChoiceShape[];
  error: ChoicesErrorShape | null;
  faults: ErrorShape[];
  field: string;
  next_page: string | null;
}

/** How a connect in a browser ended. */
export interface EndedConnectShape {
  at: string;
  error: string | null;
}

/** A grant that was removed. */
export interface EndedGrant {
  instance: string;
  message: string | null;
  revoked: boolean;
}

/** Whether there was a session to end. */
export interface EndedSession {
  ended: boolean;
}

/** Waiting deliveries of a subscription that would end as expired. */
export interface EndedShape {
  deliveries: number;
  subscription: string;
}

/** The deliveries with the same reason; the latest are samples. */
export interface ErrorGroup {
  n: number;
  reason: string;
  samples: DeliveryRow[];
  stage: "delivered" | "expired" | "filtered" | "rejected" | "retrying" | "waiting";
  subscription: string;
}

/** One thing that is wrong, and where: one of `pointer`, `parameter`, `header`, `method`. */
export interface ErrorShape {
  column?: number;
  detail: string;
  header?: string;
  method?: string;
  parameter?: string;
  pointer?: string;
}

/** Retrying, rejected and expired deliveries by reason, the most frequent first. */
export interface Errors {
  groups: ErrorGroup[];
}

/** An event as an SDK sends it: any keys; without a type it is a track call. */
export interface EventBody {
  anonymousId?: unknown;
  context?: unknown;
  event?: unknown;
  messageId?: unknown;
  properties?: unknown;
  type?: unknown;
  userId?: unknown;
}

/** A condition of the type `event`; some operators need no value. */
export interface EventCondition {
  type: "event";
  operator: string;
  value?: string | number | boolean | ExactNumber | (string | number | boolean | ExactNumber | null)[] | null;
}

/** A condition of the type `event-context`; some operators need no value. */
export interface EventContextCondition {
  type: "event-context";
  name: string;
  operator: string;
  value?: string | number | boolean | ExactNumber | (string | number | boolean | ExactNumber | null)[] | null;
}

/** A condition of the type `event-field`; some operators need no value. */
export interface EventFieldCondition {
  type: "event-field";
  name: string;
  operator: string;
  value?: string | number | boolean | ExactNumber | (string | number | boolean | ExactNumber | null)[] | null;
}

/** Accepted events, latest first; a page may be empty and still have a cursor.

One request looks through a bounded number of events. */
export interface EventPage {
  cursor: string | null;
  damaged: number;
  reached_at: string | null;
  rows: EventRow[];
  scanned: number;
  without_body: number;
}

/** A condition of the type `event-property`; some operators need no value. */
export interface EventPropertyCondition {
  type: "event-property";
  name: string;
  operator: string;
  value?: string | number | boolean | ExactNumber | (string | number | boolean | ExactNumber | null)[] | null;
}

/** All events with one message id: one for each source that sent it. */
export interface EventRecords {
  events: EventShape[];
}

/** One accepted event in a list. */
export interface EventRow {
  accepted_at: string;
  deliveries: DeliveryRow[];
  message_id: string;
  name: string;
  received_at: string;
  source: string;
  type: string;
}

/** One accepted event; `event` is `None` once retention has dropped it. */
export interface EventShape {
  accepted_at: string;
  deliveries: ExplainedDelivery[];
  event: Record<string, unknown> | null;
  message_id: string;
  name: string;
  received_at: string;
  source: string;
  type: string;
}

/** A condition of the type `event-trait`; some operators need no value. */
export interface EventTraitCondition {
  type: "event-trait";
  name: string;
  operator: string;
  value?: string | number | boolean | ExactNumber | (string | number | boolean | ExactNumber | null)[] | null;
}

/** A condition of the type `event-type`; some operators need no value. */
export interface EventTypeCondition {
  type: "event-type";
  operator: string;
  value?: string | number | boolean | ExactNumber | (string | number | boolean | ExactNumber | null)[] | null;
}

/** A number as its digits, if a JSON number that Python writes would lose some. */
export interface ExactNumber {
  decimal: string;
}

/** One request and its answer, secrets masked; `error` if there was no answer. */
export interface ExchangeShape {
  earlier?: ExchangeShape[];
  error: string | null;
  left_out?: number;
  method: string;
  reason?: string;
  request_body: string;
  request_headers: Record<string, string>;
  response_body: string;
  response_headers: Record<string, string>;
  seconds: number;
  status: number | null;
  url: string;
}

/** Which damaged events are given up: their deliveries end as expired. */
export interface ExpireDamagedBody {
  decision: "expire";
  events?: string[];
  all?: boolean;
}

/** What was ended in one subscription of a range. */
export interface ExpiredRow {
  expired: number;
  first: string;
  last: string;
  leased: number;
  subscription: string;
}

/** What was ended. */
export interface ExpiredShape {
  rows: ExpiredRow[];
}

/** An event, given or stored, and a subscription, saved or a candidate. */
export interface ExplainBody {
  event?: Record<string, unknown> | null;
  message_id?: string | null;
  source?: string | null;
  subscription?: string | null;
  candidate?: Record<string, unknown> | null;
}

/** What would happen: the trigger's result, each field's value and origin, the exact request. */
export interface Explained {
  action: string;
  audience: AudienceOriginShape | null;
  errors: ErrorShape[];
  event: Record<string, unknown>;
  faults: ErrorShape[];
  fields: OriginShape;
  matches: boolean | null;
  missing: string[];
  no_request: string | null;
  payload: unknown;
  request: RequestShape | null;
  stopped: string | null;
  subscription: string;
  sync_mode: string | null;
  trigger: Explanation | null;
  unmapped: string[];
  why: FalseConditionShape | null;
}

/** A delivery with its reason explained; `None` if there is nothing to explain. */
export interface ExplainedDelivery {
  accepted_at: string;
  attempts: number;
  due_at: string | null;
  exchange: ExchangeShape | string | null;
  id: string;
  message: string;
  message_id: string;
  name: string;
  payload: unknown;
  reason: string;
  replayed_at: string | null;
  source: string;
  stage: "delivered" | "expired" | "filtered" | "rejected" | "retrying" | "waiting";
  status: number | null;
  subscription: string;
  type: string;
  unknown_answers: number;
  updated_at: string;
  why: WhyShape | null;
}

/** Why a trigger, or a part of it, holds for an event or not, as JSON data.

`actual` holds the values that a condition found, by path, without missing paths. Groups and
`not` have `operator` and `children` instead; every child is explained, even if the result
does not depend on it. */
export interface Explanation {
  actual?: Record<string, unknown>;
  children?: Explanation[];
  operator?: string;
  result: boolean;
  text: string;
}

/** The configuration as a document, secrets masked, and the same as TOML. */
export interface Exported {
  document: Record<string, unknown>;
  revision: number;
  toml: string;
}

/** The first condition of a trigger that is false for an event. */
export interface FalseConditionShape {
  actual: Record<string, unknown>;
  pointer: string;
  text: string;
  words: string;
}

/** One setting, or one field of an action, with the names of Segment's metadata. */
export interface FieldShape {
  additionalProperties: boolean;
  allowEmpty: boolean;
  allowNull: boolean;
  category: "config" | "data" | "hashedPII" | "identifier" | "internal" | "sync" | null;
  choices: ChoiceShape[] | null;
  default: unknown;
  defaultObjectUI: "arrayeditor" | "keyvalue" | "keyvalue:only" | "object" | "object:only" | null;
  depends_on: ConditionsShape | null;
  description?: string;
  disabledInputMethods: ("enrichment" | "freeform" | "function" | "literal" | "variable")[] | null;
  displayMode: "collapsed" | "expanded" | "normal" | null;
  dynamic: boolean;
  format: "date" | "date-time" | "email" | "hostname" | "ipv4" | "ipv6" | "password" | "regex" | "text" | "time" | "uri" | "uri-reference" | "uri-template" | "uuid" | null;
  hidden: boolean | null;
  label: string;
  maximum: number | null;
  minimum: number | null;
  multiple: boolean;
  placeholder: string | null;
  properties: Record<string, FieldShape> | null;
  readOnly: boolean | null;
  required: boolean | ConditionsShape;
  secret: boolean;
  type: "boolean" | "datetime" | "integer" | "number" | "object" | "password" | "string" | "text";
}

/** One type of condition: the part of an event that it is about. */
export interface FieldWords {
  choices: string[];
  inside: string | null;
  label: string;
  named: boolean;
  operators: string[];
  type: "event" | "event-context" | "event-field" | "event-property" | "event-trait" | "event-type" | "name" | "userId";
}

/** One function, for the operands of a `compare`. */
export interface FunctionWords {
  arguments: number;
  function: string;
  gives: "bool" | "number" | "string";
  label: string;
}

/** Tokens that were obtained elsewhere: a refresh token, or an access token, or both. */
export interface GivenTokens {
  refresh_token?: string | null;
  access_token?: string | null;
  expires_in?: number | null;
}

/** The grant of an instance. */
export interface GrantAnswer {
  grant: GrantShape;
  instance: string;
}

/** The grant of an instance, without its tokens. */
export interface GrantShape {
  actor: string | null;
  expires_at: string | null;
  flow: "authorization_code" | "client_credentials" | "refresh_token" | null;
  flows: ("authorization_code" | "client_credentials" | "refresh_token")[];
  has_client: boolean;
  last_connect: EndedConnectShape | null;
  message: string | null;
  obtained_at: string | null;
  redirect_uri: string;
  refreshable: boolean;
  refreshed_at: string | null;
  remedy: string | null;
  requested_scopes: string[];
  scopes: string[];
  state: "connected" | "expired" | "gone" | "not_connected";
}

/** All of its children (`and`), or any of them (`or`); the root of a tree is a group. */
export interface GroupNode {
  type: "group";
  operator: "and" | "or";
  children: (GroupNode | NotNode | CompareNode | EventTypeCondition | EventCondition | NameCondition | UserIdCondition | EventPropertyCondition | EventTraitCondition | EventContextCondition | EventFieldCondition)[];
}

/** One way in which a group joins its conditions. */
export interface GroupWords {
  label: string;
  operator: "and" | "or";
}

/** A request by which a save hook may have changed something at the partner, masked. */
export interface HookEffectShape {
  method: string;
  status: number | null;
  url: string;
}

/** The deliveries of one subscription that were in flight at the backup. */
export interface InFlightShape {
  newest: string;
  oldest: string;
  retrying: number;
  subscription: string;
  waiting: number;
}

/** One instance, and warnings about it. */
export interface InstanceAnswer {
  changes: ChangeShape[];
  dry_run: boolean;
  ended: EndedShape[];
  instance: InstanceShape;
  revision: number;
  save_hooks: SaveHookRunShape[];
  warnings: ErrorShape[];
}

/** A new instance. Without a `name` it gets the one that the catalog offers. If `presets` is true, it begins with the presets of its destination, disabled. */
export interface InstanceBody {
  audiences?: Record<string, unknown>;
  destination: string;
  enabled?: boolean;
  max_concurrency?: number | null;
  name?: string;
  oauth?: Record<string, unknown>;
  on_delete_paused?: boolean;
  paused?: boolean;
  presets?: boolean;
  requests_per_second?: number | null;
  sandbox?: boolean;
  settings?: Record<string, unknown>;
  source: string;
}

/** The options to change. `settings` are replaced as a whole; a masked secret keeps its present value. `null` removes a limit. */
export interface InstanceChange {
  audiences?: Record<string, unknown>;
  enabled?: boolean;
  max_concurrency?: number | null;
  oauth?: Record<string, unknown>;
  on_delete_paused?: boolean;
  paused?: boolean;
  requests_per_second?: number | null;
  sandbox?: boolean;
  settings?: Record<string, unknown>;
  source?: string;
}

/** An instance; its secret settings are masked. `subscriptions` are ids, `problem` says why it does not run. */
export interface InstanceShape {
  audiences: Record<string, unknown>;
  destination: string;
  enabled: boolean;
  max_concurrency: number | null;
  name: string;
  oauth: Record<string, unknown>;
  on_delete_paused: boolean;
  paused: boolean;
  problem: string | null;
  requests_per_second: number | null;
  sandbox: boolean;
  settings: Record<string, unknown>;
  source: string;
  subscriptions: string[];
}

/** One instance; without a circuit breaker it does not run. */
export interface InstanceStatus {
  circuit_breaker: CircuitBreakerShape | null;
  concurrency: number | null;
  destination: string;
  enabled: boolean;
  name: string;
  paused: boolean;
  sandbox: boolean;
}

/** All instances. */
export interface Instances {
  instances: InstanceShape[];
  revision: number;
}

/** The latency of one subscription; `None` if nothing was delivered. */
export interface LatencyAnswer {
  latency: LatencyShape | null;
  since: string | null;
  subscription: string;
}

/** The time from acceptance to delivery, in seconds. */
export interface LatencyShape {
  n: number;
  p50: number;
  p95: number;
  p99: number;
}

/** What a backup holds; also in its file `manifest.json`. */
export interface ManifestShape {
  bytes: number;
  damaged_blocks: number[];
  host_version: string;
  in_flight: InFlightShape[];
  made_at: string;
  newest_accepted_at: string | null;
  newest_event: string | null;
  sealing_keys: string[];
  sha256: string;
}

/** Whether one event matches; `why` has the result of each condition. */
export interface MatchShape {
  matches: boolean;
  message_id: string | null;
  why: Explanation;
}

/** One result for each event, in their order. */
export interface Matches {
  results: MatchShape[];
}

/** A condition of the type `name`; some operators need no value. */
export interface NameCondition {
  type: "name";
  operator: string;
  value?: string | number | boolean | ExactNumber | (string | number | boolean | ExactNumber | null)[] | null;
}

/** A connect by authorization code. */
export interface NewConnect {
  redirect_uri?: string | null;
}

/** What a browser signs in with: one of the two. */
export interface NewSession {
  token?: string | null;
  code?: string | null;
}

/** A new token. */
export interface NewToken {
  label: string;
}

/** A new write key; without `key`, which may be a reference, the host makes one. */
export interface NewWriteKey {
  key?: string;
  label: string;
}

/** One node of the tree in words. */
export interface NodeWordsShape {
  notes: NoteShape[];
  pointer: string;
  text: string;
  words: string;
}

/** The opposite of its child. */
export interface NotNode {
  type: "not";
  child: GroupNode | NotNode | CompareNode | EventTypeCondition | EventCondition | NameCondition | UserIdCondition | EventPropertyCondition | EventTraitCondition | EventContextCondition | EventFieldCondition;
}

/** What a person should know about a condition, such as which events it leaves out. */
export interface NoteShape {
  alternative: AlternativeShape | null;
  text: string;
}

/** How an instance gets access by OAuth 2. */
export interface OAuthShape {
  flows: ("authorization_code" | "client_credentials" | "refresh_token")[];
  has_addresses: boolean;
  options: OptionShape[];
  scopes: string[];
}

/** One side of a comparison: it has `path`, or `value`, or `function` and `arguments`. */
export interface OperandShape {
  arguments?: OperandShape[];
  function?: string;
  path?: string;
  value?: string | number | boolean | ExactNumber | (string | number | boolean | ExactNumber | null)[] | null;
}

/** One operator of a condition. */
export interface OperatorWords {
  label: string;
  matches_missing: boolean;
  operator: string;
  values: ("boolean" | "list" | "number" | "pattern" | "text")[];
}

/** An option of a table of the configuration, for a form. */
export interface OptionShape {
  choices: string[];
  description: string;
  key: string;
  maximum: number | null;
  minimum: number | null;
  secret: boolean;
  type: "boolean" | "choice" | "duration" | "integer" | "labelled" | "number" | "path" | "size" | "switch" | "table" | "tables" | "text" | "texts";
  unit: string;
}

/** Where one value of a mapping came from. */
export interface OriginShape {
  children: OriginShape[];
  directive: string | null;
  fault: string | null;
  found: boolean;
  paths: string[];
  place: string;
  value: unknown;
}

/** What the partner says of an audience. */
export interface PartnerAudience {
  external_id: string | null;
  message: string;
  result: "found" | "not_found" | "unknown";
}

/** A source, an instance or a subscription that a person paused. */
export interface PausedShape {
  id: string;
  kind: "instance" | "source" | "subscription";
  since: string;
  waiting: number;
}

/** Where the plugin of a destination comes from; neither if a program gave it to the host. */
export interface PluginOriginShape {
  distribution: string | null;
  file: string | null;
  module: string | null;
  plugin: string;
  version: string | null;
}

/** A plugin that could not be used, and why. */
export interface PluginProblemShape {
  message: string;
  place: string;
}

/** A preset with its whole mapping. */
export interface PresetShape {
  action: string;
  mapping: Record<string, unknown>;
  name: string;
  sync_mode: "add" | "delete" | "mirror" | "update" | "upsert" | null;
  trigger: string | null;
}

/** A page of deliveries, latest end first. */
export interface Preview {
  cursor: string | null;
  rows: PreviewRow[];
}

/** One delivery: the payload that was last sent, and the one that would be sent now. */
export interface PreviewRow {
  after: unknown;
  before: unknown;
  changes: Difference[];
  delivery: DeliveryRow;
  errors: ErrorShape[];
  request: RequestShape | null;
}

/** Why a request was not served (RFC 9457). */
export interface ProblemShape {
  code?: string;
  current?: Record<string, unknown> | null;
  detail: string;
  effects?: HookEffectShape[];
  errors: ErrorShape[];
  revision?: number;
  status: number;
  title: string;
  type: string;
}

/** What a sandbox has received since it started, latest first, as the partner would see it. */
export interface Received {
  destination: string;
  received: Record<string, unknown>[];
  running: boolean;
  total: number;
}

/** The latest events, latest first; the counts are of this page.

A page may be short and still have a cursor: one request looks through a bounded number of
events, of which only some may be of the source. */
export interface Recent {
  cursor: string | null;
  damaged: number;
  matching: number;
  rows: RecentRow[];
  without_body: number;
}

/** A trigger as text or tree, and whose latest events it is tried on; by default everybody's. */
export interface RecentBody {
  limit?: number;
  trigger: string | Record<string, unknown>;
  source?: string | null;
  instance?: string | null;
  cursor?: string | null;
}

/** One event, and whether the trigger selects it. */
export interface RecentRow {
  accepted_at: string;
  matches: boolean | null;
  message_id: string;
  name: string;
  source: string;
  type: string;
  why: FalseConditionShape | null;
}

/** The result of recounting everything. */
export interface ReconciliationShape {
  deliveries: number;
  faults: string[];
  ok: boolean;
}

/** The result of reading all references anew. */
export interface ReloadShape {
  changed: string[];
  kept: ErrorShape[];
}

/** What was deleted. */
export interface Removed {
  removed: string[];
  revision: number;
}

/** The replay that was started, or the preview of a dry run.

A dry run of filtered events has both: the replay counts them. */
export interface ReplayAnswer {
  preview: Preview | null;
  replay: ReplayShape | null;
}

/** Selects rejected and expired deliveries, or filtered events: all conditions must hold. */
export interface ReplayBody {
  ids?: string[] | null;
  subscription?: string | null;
  reason?: string | null;
  stage?: "expired" | "rejected" | null;
  since?: string | number | null;
  until?: string | number | null;
  all?: boolean;
  filtered?: boolean;
  where?: string | null;
  into?: string | null;
  dry_run?: boolean;
  mapping?: Record<string, unknown> | null;
  limit?: number;
  cursor?: string | null;
}

/** One replay: what it found, and the number of deliveries that are queued again so far. */
export interface ReplayShape {
  dry_run: boolean;
  ended_at: string | null;
  error: string | null;
  id: string;
  kind: "dead letters" | "filtered events";
  reached_at: string | null;
  replayed: number;
  scanned: number;
  skipped: Record<string, number>;
  started_at: string;
  state: "counting" | "done" | "failed" | "running";
  total: number | null;
}

/** The replays of this host since it started, latest first. */
export interface ReplaysShape {
  rows: ReplayShape[];
}

/** One request, secrets masked. */
export interface RequestShape {
  body: string;
  earlier?: RequestShape[];
  headers: Record<string, string>;
  left_out?: number;
  method: string;
  url: string;
}

/** What is held in one subscription, and what would happen if it were sent twice. */
export interface RestoredRow {
  idempotency_window: number | null;
  newest: string;
  oldest: string;
  repeats: "not recognized" | "partly recognized" | "recognized" | "unknown";
  retrying: number;
  subscription: string;
  waiting: number;
}

/** The deliveries that are held; none if the data folder was not restored. */
export interface RestoredShape {
  backup_made_at: string | null;
  rows: RestoredRow[];
}

/** A token that is no longer valid. */
export interface RevokedToken {
  revoked: string;
}

/** A write key that is unknown from now on, by its label. */
export interface RevokedWriteKey {
  revision: number;
  revoked: string;
}

/** How to rotate the key. */
export interface RotationBody {
  drop_old_keys?: boolean;
}

/** The new key, by its id, and what was sealed with it. */
export interface RotationShape {
  key: string;
  old_keys: string[];
  resealed: number;
}

/** One event as a mapping sees it. */
export interface SampleRow {
  accepted_at: string;
  event: Record<string, unknown>;
  message_id: string;
  name: string;
  source: string;
  type: string;
}

/** Events that a trigger selects, latest first; a page may be empty and still have a cursor.

One request looks through a bounded number of events. */
export interface Samples {
  cursor: string | null;
  damaged: number;
  reached_at: string | null;
  rows: SampleRow[];
  scanned: number;
  without_body: number;
}

/** A trigger as text or tree, and whose latest events are searched; by default everybody's. */
export interface SamplesBody {
  limit?: number;
  trigger: string | Record<string, unknown>;
  source?: string | null;
  instance?: string | null;
  cursor?: string | null;
}

/** A local emulator of a destination's partner, for trying out: it bills nobody. */
export interface SandboxShape {
  description: string;
  destination: string;
  instances: string[];
  label: string;
  name: string;
  problem: string | null;
  running: boolean;
  settings: Record<string, unknown>;
  url: string | null;
}

/** The sandboxes that destinations declare. */
export interface Sandboxes {
  sandboxes: SandboxShape[];
}

/** A save hook that runs before a subscription is saved. */
export interface SaveHookRunShape {
  description: string;
  hook: string;
  label: string;
  subscription: string;
}

/** Something that saving a subscription does with the partner. */
export interface SaveHookShape {
  description: string;
  dynamic_inputs: string[];
  inputs: Record<string, FieldShape>;
  label: string;
  outputs: Record<string, FieldShape>;
}

/** Counts over time. */
export interface Series {
  granularity: "day" | "hour" | "minute";
  rows: CountShape[];
  since: string;
  until: string;
}

/** A code that opens one session, shown here and nowhere else. */
export interface SessionCode {
  code: string;
  console: boolean | string;
  expires_at: string;
}

/** Who is signed in; a caller with a token has no session, and no times. */
export interface SessionShape {
  created_at: string | null;
  expires_at: string | null;
  idle_seconds: number;
  token: string;
}

/** How one SDK sends a first event to this host. */
export interface SnippetShape {
  code: string;
  install: string;
  label: string;
  language: string;
  note: string | null;
  sdk: string;
}

/** Snippets for a source; in each `code`, `placeholder` stands for its write key. */
export interface SnippetsShape {
  placeholder: string;
  snippets: SnippetShape[];
  source: string;
  url: string;
}

/** One source, and warnings about it. */
export interface SourceAnswer {
  changes: ChangeShape[];
  dry_run: boolean;
  ended: EndedShape[];
  new_key?: string;
  revision: number;
  save_hooks: SaveHookRunShape[];
  source: SourceShape;
  warnings: ErrorShape[];
}

/** A new source; `write_key` may be a reference such as `env:NAME`. Without `write_key` and `write_keys`, the host makes a key. */
export interface SourceBody {
  enabled?: boolean;
  name: string;
  paused?: boolean;
  server_side?: boolean;
  write_key?: string | null;
  write_keys?: Record<string, string>;
}

/** The options to change. */
export interface SourceChange {
  enabled?: boolean;
  paused?: boolean;
  server_side?: boolean;
  write_key?: string | null;
  write_keys?: Record<string, string>;
}

/** A source; its write key is masked unless it is a reference. */
export interface SourceShape {
  enabled: boolean;
  name: string;
  paused: boolean;
  server_side: boolean;
  write_key: string | null;
  write_keys: Record<string, string>;
}

/** Counts of one source. */
export interface SourceStatus {
  accepted: number;
  duplicate: number;
  enabled: boolean;
  kept_until: string | null;
  name: string;
  refused: number;
}

/** All sources. */
export interface Sources {
  revision: number;
  sources: SourceShape[];
}

/** The state of the host. */
export interface StatusShape {
  catalog: CatalogStatus;
  degraded: DegradedShape[];
  instances: InstanceStatus[];
  now: string;
  paused: PausedShape[];
  revision: number;
  since: string;
  sources: SourceStatus[];
  started_at: string;
  subscriptions: SubscriptionStatus[];
  sums: SumsShape;
  unknown_paths: UnknownPathShape[];
  version: string;
}

/** One subscription, and warnings about it. */
export interface SubscriptionAnswer {
  changes: ChangeShape[];
  dry_run: boolean;
  ended: EndedShape[];
  revision: number;
  save_hooks: SaveHookRunShape[];
  subscription: SubscriptionShape;
  warnings: ErrorShape[];
}

/** A new subscription, which starts disabled. A `preset` gives name, action, trigger and mapping; each can be overridden. The mapping replaces fields of the action's default mapping, unless `defaults` is false, which leaves the default mapping out. */
export interface SubscriptionBody {
  action?: string;
  batch?: Record<string, unknown>;
  defaults?: boolean;
  hooks?: Record<string, unknown>;
  id?: string;
  instance: string;
  mapping?: Record<string, unknown>;
  name?: string;
  paused?: boolean;
  preset?: string | null;
  sync_mode?: string | null;
  trigger?: string | null;
}

/** The options to change. `mapping` is replaced as a whole; if `defaults` is true, the fields of the action's default mapping that it does not have are added. */
export interface SubscriptionChange {
  action?: string;
  batch?: Record<string, unknown>;
  defaults?: boolean;
  enabled?: boolean;
  hooks?: Record<string, unknown>;
  mapping?: Record<string, unknown>;
  name?: string;
  paused?: boolean;
  sync_mode?: string | null;
  trigger?: string | null;
}

/** A subscription with its whole mapping; `problem` says why it does not run. `effective_batch` is how its events share requests, by its action, its mapping and its `batch` together; `null` if each is sent alone. `effective_sync_mode` is `sync_mode`, or else the action's default; `null` if the action has no sync modes. One that is `built_in` can be paused, and not be changed otherwise. */
export interface SubscriptionShape {
  action: string;
  batch: Record<string, unknown>;
  built_in: boolean;
  effective_batch: BatchShape | null;
  effective_sync_mode: string | null;
  enabled: boolean;
  hooks: Record<string, unknown>;
  id: string;
  instance: string;
  mapping: Record<string, unknown>;
  name: string;
  paused: boolean;
  preset: string | null;
  problem: string | null;
  running: boolean;
  sync_mode: string | null;
  trigger: string | null;
}

/** One subscription, also a deleted one that has deliveries; counts are since `since`. */
export interface SubscriptionStatus {
  accepted: number;
  configured: boolean;
  delivered: number;
  enabled: boolean;
  expired: number;
  filtered: number;
  id: string;
  instance: string | null;
  latency: LatencyShape | null;
  leased: number;
  paused: boolean;
  rejected: number;
  replayed: number;
  retrying: number;
  running: boolean;
  waiting: number;
}

/** Subscriptions. */
export interface Subscriptions {
  revision: number;
  subscriptions: SubscriptionShape[];
}

/** Whether accepted = ends + in flight, for every subscription. */
export interface SumsShape {
  faults: string[];
  ok: boolean;
}

/** One sync mode that a subscription may choose. */
export interface SyncModeChoice {
  label: string;
  value: "add" | "delete" | "mirror" | "update" | "upsert";
}

/** The choice between an action's operations: `sync_mode` of a subscription. */
export interface SyncModeShape {
  choices: SyncModeChoice[];
  default: "add" | "delete" | "mirror" | "update" | "upsert";
  description: string;
  label: string;
}

/** An event that was taken; `GET /api/events/{message_id}` shows what becomes of it. */
export interface Taken {
  duplicate: boolean;
  event: Record<string, unknown>;
  message_id: string;
  source: string;
}

/** The result of a test of the credentials: good, bad, or unknown. */
export interface TestAnswer {
  message: string;
  result: "bad" | "good" | "unknown";
}

/** An event, given or stored, and a subscription, saved or a candidate; `confirm` is needed. */
export interface TestSendBody {
  event?: Record<string, unknown> | null;
  message_id?: string | null;
  source?: string | null;
  confirm?: boolean;
  subscription?: string | null;
  candidate?: Record<string, unknown> | null;
}

/** What became of the event. */
export interface TestSendShape {
  action: string;
  event: Record<string, unknown>;
  exchange: ExchangeShape | null;
  matches: boolean | null;
  message: string;
  outcome: "delivered" | "held" | "rejected" | "retrying" | "unsent";
  payload: unknown;
  reason: string;
  seconds: number;
  status: number | null;
  subscription: string;
}

/** A token that was added; it is shown here and nowhere else. */
export interface TokenAnswer {
  label: string;
  token: string;
}

/** A token of the control API; the token itself is never shown. */
export interface TokenShape {
  label: string;
  last_used_at: string | null;
  origin: "api" | "configuration" | "data folder";
}

/** The tokens of the control API. */
export interface TokensShape {
  tokens: TokenShape[];
}

/** A trigger in all forms, what it reads, and warnings about it. */
export interface TriggerAnswer {
  nodes: NodeWordsShape[];
  paths: string[];
  segment: string[];
  text: string;
  tree: GroupNode;
  warnings: string[];
}

/** A trigger as text or tree, and events to try it on. */
export interface TriggerMatch {
  trigger: string | Record<string, unknown>;
  events: Record<string, unknown>[];
}

/** A trigger as text. */
export interface TriggerText {
  text: string;
}

/** A trigger as a tree, as a condition builder edits it. */
export interface TriggerTree {
  tree: Record<string, unknown>;
}

/** A path that no endpoint has, asked for since the host started; its events are lost. */
export interface UnknownPathShape {
  last_at: string;
  method: string;
  nearest: string;
  path: string;
  requests: number;
}

/** A condition of the type `userId`; some operators need no value. */
export interface UserIdCondition {
  type: "userId";
  operator: string;
  value?: string | number | boolean | ExactNumber | (string | number | boolean | ExactNumber | null)[] | null;
}

/** All that conditions are made of, in the order in which a builder offers it. */
export interface Vocabulary {
  fields: FieldWords[];
  functions: FunctionWords[];
  groups: GroupWords[];
  operators: OperatorWords[];
}

/** Why a delivery has its outcome, and what to do about it. */
export interface WhyShape {
  errors: ErrorShape[];
  fix: string | null;
  replay: string | null;
  text: string;
  trigger: Explanation | null;
}

/** A write key that was added; one that the host made is shown here and nowhere else. */
export interface WriteKeyAnswer {
  key: string;
  label: string;
  revision: number;
}

/** A write key of a source. */
export interface WriteKeyShape {
  key: string;
  label: string;
  last_used_at: string | null;
}

/** The write keys of a source. */
export interface WriteKeys {
  keys: WriteKeyShape[];
  revision: number;
}

export interface Operations {
  /** Show queues, outcomes, latencies, circuit breakers, sums, what is degraded */
  "GET /api/status": { path: Record<string, never>; query: { since?: string; instance?: string }; body: undefined; answer: StatusShape };
  /** Recount everything and compare it with the counters; reads all rows */
  "GET /api/reconciliation": { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: ReconciliationShape };
  /** List or search accepted events, latest first */
  "GET /api/events": { path: Record<string, never>; query: { source?: string; where?: string; since?: string; until?: string; subscription?: string; outcome?: "waiting" | "retrying" | "delivered" | "filtered" | "rejected" | "expired"; reason?: string; limit?: number; cursor?: string }; body: undefined; answer: EventPage };
  /** Show one event: its delivery to each subscription, and the reasons */
  "GET /api/events/{message_id}": { path: { message_id: string }; query: { source?: string }; body: undefined; answer: EventRecords };
  /** List the destinations that can be configured */
  "GET /api/catalog": { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: CatalogAnswer };
  /** Show a destination: settings, actions with fields and JSON Schema, presets */
  "GET /api/catalog/{slug}": { path: { slug: string }; query: Record<string, never>; body: undefined; answer: DestinationShape };
  /** List the sandboxes: emulators of partners, on this machine, for trying out */
  "GET /api/sandboxes": { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: Sandboxes };
  /** Show a sandbox */
  "GET /api/sandboxes/{slug}": { path: { slug: string }; query: Record<string, never>; body: undefined; answer: SandboxShape };
  /** Start a sandbox, if it does not run; its settings are what an instance needs */
  "POST /api/sandboxes/{slug}": { path: { slug: string }; query: Record<string, never>; body: undefined; answer: SandboxShape };
  /** Stop a sandbox that no enabled instance uses, and forget what it received */
  "DELETE /api/sandboxes/{slug}": { path: { slug: string }; query: Record<string, never>; body: undefined; answer: SandboxShape };
  /** Show what a sandbox has received, latest first */
  "GET /api/sandboxes/{slug}/received": { path: { slug: string }; query: { limit?: number }; body: undefined; answer: Received };
  /** List all sources */
  "GET /api/sources": { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: Sources };
  /** Create a source */
  "POST /api/sources": { path: Record<string, never>; query: Record<string, never>; body: SourceBody; answer: SourceAnswer };
  /** Show a source */
  "GET /api/sources/{name}": { path: { name: string }; query: Record<string, never>; body: undefined; answer: SourceAnswer };
  /** Change a source */
  "PATCH /api/sources/{name}": { path: { name: string }; query: { confirm?: boolean; dry_run?: boolean }; body: SourceChange; answer: SourceAnswer };
  /** Delete a source without instances */
  "DELETE /api/sources/{name}": { path: { name: string }; query: { confirm?: boolean }; body: undefined; answer: Removed };
  /** Enable a source */
  "POST /api/sources/{name}/enable": { path: { name: string }; query: Record<string, never>; body: undefined; answer: SourceAnswer };
  /** Disable a source */
  "POST /api/sources/{name}/disable": { path: { name: string }; query: { confirm?: boolean }; body: undefined; answer: SourceAnswer };
  /** Pause a source */
  "POST /api/sources/{name}/pause": { path: { name: string }; query: Record<string, never>; body: undefined; answer: SourceAnswer };
  /** Resume a source */
  "POST /api/sources/{name}/resume": { path: { name: string }; query: Record<string, never>; body: undefined; answer: SourceAnswer };
  /** List the write keys of a source, masked, and when each was last used */
  "GET /api/sources/{name}/keys": { path: { name: string }; query: Record<string, never>; body: undefined; answer: WriteKeys };
  /** Add a write key; one that the host makes is shown only in this answer */
  "POST /api/sources/{name}/keys": { path: { name: string }; query: Record<string, never>; body: NewWriteKey; answer: WriteKeyAnswer };
  /** Revoke a write key: from now on it is unknown */
  "DELETE /api/sources/{name}/keys/{label}": { path: { name: string; label: string }; query: Record<string, never>; body: undefined; answer: RevokedWriteKey };
  /** Take an event as if an SDK had sent it; without a body, a track call */
  "POST /api/sources/{name}/test-event": { path: { name: string }; query: Record<string, never>; body: EventBody | undefined; answer: Taken };
  /** Ask the destinations of a source to delete a user */
  "POST /api/delete-requests": { path: Record<string, never>; query: Record<string, never>; body: DeleteRequestBody; answer: DeleteRequestShape };
  /** Show how each of Segment's SDKs sends to this source */
  "GET /api/sources/{name}/snippets": { path: { name: string }; query: Record<string, never>; body: undefined; answer: SnippetsShape };
  /** List all instances */
  "GET /api/instances": { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: Instances };
  /** Create an instance */
  "POST /api/instances": { path: Record<string, never>; query: { dry_run?: boolean }; body: InstanceBody; answer: InstanceAnswer };
  /** Show an instance */
  "GET /api/instances/{name}": { path: { name: string }; query: Record<string, never>; body: undefined; answer: InstanceAnswer };
  /** Change an instance */
  "PATCH /api/instances/{name}": { path: { name: string }; query: { confirm?: boolean; dry_run?: boolean }; body: InstanceChange; answer: InstanceAnswer };
  /** Delete an instance and its subscriptions */
  "DELETE /api/instances/{name}": { path: { name: string }; query: { confirm?: boolean }; body: undefined; answer: Removed };
  /** Enable an instance */
  "POST /api/instances/{name}/enable": { path: { name: string }; query: Record<string, never>; body: undefined; answer: InstanceAnswer };
  /** Disable an instance */
  "POST /api/instances/{name}/disable": { path: { name: string }; query: { confirm?: boolean }; body: undefined; answer: InstanceAnswer };
  /** Pause an instance */
  "POST /api/instances/{name}/pause": { path: { name: string }; query: Record<string, never>; body: undefined; answer: InstanceAnswer };
  /** Resume an instance */
  "POST /api/instances/{name}/resume": { path: { name: string }; query: Record<string, never>; body: undefined; answer: InstanceAnswer };
  /** Test the credentials with a request to the partner */
  "POST /api/instances/{name}/test": { path: { name: string }; query: Record<string, never>; body: undefined; answer: TestAnswer };
  /** List the audiences of an instance */
  "GET /api/instances/{name}/audiences": { path: { name: string }; query: Record<string, never>; body: undefined; answer: Audiences };
  /** Add an audience; the partner is not asked */
  "POST /api/instances/{name}/audiences": { path: { name: string }; query: Record<string, never>; body: AudienceBody; answer: AudienceAnswer };
  /** Change an audience here */
  "PATCH /api/instances/{name}/audiences/{key}": { path: { name: string; key: string }; query: Record<string, never>; body: AudienceChange; answer: AudienceAnswer };
  /** Delete an audience here; the partner keeps it */
  "DELETE /api/instances/{name}/audiences/{key}": { path: { name: string; key: string }; query: Record<string, never>; body: undefined; answer: Removed };
  /** Create it at the partner */
  "POST /api/instances/{name}/audiences/{key}/create": { path: { name: string; key: string }; query: { again?: boolean }; body: undefined; answer: AudienceAnswer };
  /** Ask the partner for it */
  "POST /api/instances/{name}/audiences/{key}/get": { path: { name: string; key: string }; query: Record<string, never>; body: undefined; answer: PartnerAudience };
  /** Use an audience that the partner has, by its id */
  "POST /api/instances/{name}/audiences/{key}/adopt": { path: { name: string; key: string }; query: Record<string, never>; body: AdoptBody; answer: AudienceAnswer };
  /** Show the OAuth grant of an instance, without its tokens */
  "GET /api/instances/{name}/grant": { path: { name: string }; query: Record<string, never>; body: undefined; answer: GrantAnswer };
  /** Disconnect: revoke the grant if the partner can, and forget it */
  "DELETE /api/instances/{name}/grant": { path: { name: string }; query: Record<string, never>; body: undefined; answer: EndedGrant };
  /** Start a connect: where a person grants access */
  "POST /api/instances/{name}/grant/authorize": { path: { name: string }; query: Record<string, never>; body: NewConnect | undefined; answer: ConnectShape };
  /** Finish a connect with the code of the partner */
  "POST /api/instances/{name}/grant/code": { path: { name: string }; query: Record<string, never>; body: ConnectCode; answer: GrantAnswer };
  /** Connect with the credentials of the app alone */
  "POST /api/instances/{name}/grant/client-credentials": { path: { name: string }; query: Record<string, never>; body: undefined; answer: GrantAnswer };
  /** Connect with tokens that were obtained elsewhere */
  "POST /api/instances/{name}/grant/tokens": { path: { name: string }; query: Record<string, never>; body: GivenTokens; answer: GrantAnswer };
  /** Get a new access token now */
  "POST /api/instances/{name}/grant/refresh": { path: { name: string }; query: Record<string, never>; body: undefined; answer: GrantAnswer };
  /** List subscriptions */
  "GET /api/subscriptions": { path: Record<string, never>; query: { instance?: string }; body: undefined; answer: Subscriptions };
  /** Create a subscription, which starts disabled */
  "POST /api/subscriptions": { path: Record<string, never>; query: { dry_run?: boolean }; body: SubscriptionBody; answer: SubscriptionAnswer };
  /** Show a subscription */
  "GET /api/subscriptions/{id}": { path: { id: string }; query: Record<string, never>; body: undefined; answer: SubscriptionAnswer };
  /** Change a subscription */
  "PATCH /api/subscriptions/{id}": { path: { id: string }; query: { confirm?: boolean; dry_run?: boolean }; body: SubscriptionChange; answer: SubscriptionAnswer };
  /** Delete a subscription */
  "DELETE /api/subscriptions/{id}": { path: { id: string }; query: { confirm?: boolean }; body: undefined; answer: Removed };
  /** Enable a subscription */
  "POST /api/subscriptions/{id}/enable": { path: { id: string }; query: Record<string, never>; body: undefined; answer: SubscriptionAnswer };
  /** Disable a subscription */
  "POST /api/subscriptions/{id}/disable": { path: { id: string }; query: { confirm?: boolean }; body: undefined; answer: SubscriptionAnswer };
  /** Pause a subscription */
  "POST /api/subscriptions/{id}/pause": { path: { id: string }; query: Record<string, never>; body: undefined; answer: SubscriptionAnswer };
  /** Resume a subscription */
  "POST /api/subscriptions/{id}/resume": { path: { id: string }; query: Record<string, never>; body: undefined; answer: SubscriptionAnswer };
  /** Create a disabled copy of a subscription */
  "POST /api/subscriptions/{id}/duplicate": { path: { id: string }; query: Record<string, never>; body: DuplicateBody | undefined; answer: SubscriptionAnswer };
  /** List fields, operators and functions of conditions, with their words */
  "GET /api/triggers/vocabulary": { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: Vocabulary };
  /** Parse a trigger's text */
  "POST /api/triggers/parse": { path: Record<string, never>; query: Record<string, never>; body: TriggerText; answer: TriggerAnswer };
  /** Write a tree as text */
  "POST /api/triggers/generate": { path: Record<string, never>; query: Record<string, never>; body: TriggerTree; answer: TriggerAnswer };
  /** Try a trigger on events */
  "POST /api/triggers/match": { path: Record<string, never>; query: Record<string, never>; body: TriggerMatch; answer: Matches };
  /** Try a trigger on the latest stored events: how many match, which not, and why */
  "POST /api/triggers/recent": { path: Record<string, never>; query: Record<string, never>; body: RecentBody; answer: Recent };
  /** Find the latest stored events that a trigger selects, as a mapping sees them */
  "POST /api/triggers/samples": { path: Record<string, never>; query: Record<string, never>; body: SamplesBody; answer: Samples };
  /** Explain what a subscription would make of an event; nothing is sent */
  "POST /api/explain": { path: Record<string, never>; query: Record<string, never>; body: ExplainBody; answer: Explained };
  /** Ask the partner for the choices of a dynamic field, a page at a time */
  "POST /api/dynamic-choices": { path: Record<string, never>; query: Record<string, never>; body: DynamicChoicesBody; answer: DynamicChoicesShape };
  /** Send one event to the destination now, for real, and show the answer */
  "POST /api/test-sends": { path: Record<string, never>; query: Record<string, never>; body: TestSendBody; answer: TestSendShape };
  /** List deliveries of a subscription, latest change first */
  "GET /api/deliveries": { path: Record<string, never>; query: { subscription: string; stage?: "waiting" | "retrying" | "delivered" | "filtered" | "rejected" | "expired"; limit?: number; cursor?: string }; body: undefined; answer: DeliveryPage };
  /** List rejected and expired deliveries, latest end first */
  "GET /api/dead-letters": { path: Record<string, never>; query: { subscription?: string; reason?: string; stage?: "expired" | "rejected"; since?: string; until?: string; limit?: number; cursor?: string }; body: undefined; answer: DeliveryPage };
  /** Group what is retrying, rejected or expired by reason, with samples */
  "GET /api/errors": { path: Record<string, never>; query: { subscription?: string; since?: string; samples?: number }; body: undefined; answer: Errors };
  /** Show counts by subscription, outcome and reason, for each step of time */
  "GET /api/stats": { path: Record<string, never>; query: { since?: string; until?: string; subscription?: string; source?: string; granularity?: "minute" | "hour" | "day" }; body: undefined; answer: Series };
  /** Show the delivery latency of a subscription */
  "GET /api/latency": { path: Record<string, never>; query: { subscription: string; since?: string }; body: undefined; answer: LatencyAnswer };
  /** Deliver dead letters or filtered events; a dry run shows what would be sent */
  "POST /api/replays": { path: Record<string, never>; query: Record<string, never>; body: ReplayBody; answer: ReplayAnswer };
  /** List the replays since the host started, latest first */
  "GET /api/replays": { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: ReplaysShape };
  /** Show the progress of a replay; replays are forgotten when the host stops */
  "GET /api/replays/{id}": { path: { id: string }; query: Record<string, never>; body: undefined; answer: ReplayShape };
  /** Start a backup into a new folder on the host's machine */
  "POST /api/backups": { path: Record<string, never>; query: Record<string, never>; body: BackupBody; answer: BackupShape };
  /** List the backups since the host started, latest first */
  "GET /api/backups": { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: BackupsShape };
  /** Show the progress of a backup */
  "GET /api/backups/{id}": { path: { id: string }; query: Record<string, never>; body: undefined; answer: BackupShape };
  /** List what was in flight at the backup that was restored, and is held */
  "GET /api/restored": { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: RestoredShape };
  /** Send or expire what was in flight at the backup that was restored */
  "POST /api/restored": { path: Record<string, never>; query: Record<string, never>; body: DecisionBody; answer: DecidedShape };
  /** List events that are damaged on disk, and what waits for them */
  "GET /api/damaged-events": { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: DamagedShape };
  /** Expire what waits for events that are damaged on disk */
  "POST /api/damaged-events": { path: Record<string, never>; query: Record<string, never>; body: ExpireDamagedBody; answer: ExpiredShape };
  /** Seal all stored secrets with a new key */
  "POST /api/sealing-keys/rotate": { path: Record<string, never>; query: Record<string, never>; body: RotationBody | undefined; answer: RotationShape };
  /** Export the configuration as a document, secrets masked */
  "GET /api/config": { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: Exported };
  /** Replace the configuration by a document; a dry run only lists the changes */
  "POST /api/config": { path: Record<string, never>; query: { dry_run?: boolean; confirm?: boolean }; body: DocumentBody; answer: Applied };
  /** List changes of configuration, tokens and sealing key, latest first */
  "GET /api/audit-log": { path: Record<string, never>; query: { kind?: "source" | "instance" | "subscription" | "grant" | "token" | "sealing_key" | "test_send" | "save_hook"; id?: string; limit?: number; cursor?: string }; body: undefined; answer: AuditLog };
  /** Read all references anew, and start anew what has another value */
  "POST /api/reload": { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: ReloadShape };
  /** List the tokens of the control API by label, and when each was last used */
  "GET /api/tokens": { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: TokensShape };
  /** Add a token; it is shown only in this answer */
  "POST /api/tokens": { path: Record<string, never>; query: Record<string, never>; body: NewToken; answer: TokenAnswer };
  /** Revoke a token that was added by the API */
  "DELETE /api/tokens/{label}": { path: { label: string }; query: Record<string, never>; body: undefined; answer: RevokedToken };
  /** Sign in with a token, or with a code: the answer sets a cookie */
  "POST /api/sessions": { path: Record<string, never>; query: Record<string, never>; body: NewSession; answer: SessionShape };
  /** Make a code that opens one session within a minute */
  "POST /api/sessions/codes": { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: SessionCode };
  /** Tell with which token, and until when, the caller is signed in */
  "GET /api/sessions/current": { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: SessionShape };
  /** Sign out */
  "DELETE /api/sessions/current": { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: EndedSession };
  /** Describe this API */
  "GET /api/openapi.json": { path: Record<string, never>; query: Record<string, never>; body: undefined; answer: Record<string, unknown> };
}
