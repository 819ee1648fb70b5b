// Segment's own engine behind one line of JSON for each question: cases of an action, and what the engine makes of them.
//
// Network, clock and chance are replaced; everything else is Segment's packages as they are installed for the worker.
'use strict'

require('./fixed.cjs')
const { createRequire } = require('node:module')
const { join } = require('node:path')
const readline = require('node:readline')

const root = join(__dirname, '../../destinations/segment/worker')
const fromTree = createRequire(join(root, 'package.json'))
const fromCore = createRequire(fromTree.resolve('@segment/actions-core'))

const crossFetch = fromCore('cross-fetch')
const { Headers, Request, Response } = crossFetch

// ---- the network ---------------------------------------------------------------------------------------------------

let requests = []
let partner = { status: 200, reason: 'OK', body: '{}' }

async function fetch(input, init) {
  const request = input instanceof Request && init === undefined ? input : new Request(input, init)
  const bytes = request.method === 'GET' || request.method === 'HEAD' ? Buffer.alloc(0) : await request.buffer()
  const headers = Object.entries(request.headers.raw()).flatMap(([name, values]) => values.map((value) => [name, value]))
  requests.push({ method: request.method, url: request.url, headers, body: bytes.toString('base64') })
  const { status, reason, body } = partner
  return new Response(Buffer.from(body), {
    status, statusText: reason, headers: [['content-type', 'application/json']], url: request.url
  })
}
fromCore.cache[fromCore.resolve('cross-fetch')].exports = Object.assign(
  (input, init) => fetch(input, init), { fetch, Headers, Request, Response, default: fetch }
)
globalThis.fetch = fetch

const core = fromTree('@segment/actions-core')
const { manifest } = fromTree('@segment/action-destinations')
const { generateTestData } = fromTree('@segment/action-destinations/dist/lib/test-data.js')
const definitions = new Map(Object.values(manifest).map(({ directory, definition }) => [directory, definition]))

// ---- cases ---------------------------------------------------------------------------------------------------------

const EVENT = {
  messageId: 'aaaaaaaa-0000-4000-8000-000000000001',
  type: 'track',
  event: 'Order Completed',
  userId: 'user-1',
  anonymousId: 'anonymous-1',
  timestamp: '2026-01-31T12:00:00.000Z',
  sentAt: '2026-01-31T12:00:01.000Z',
  receivedAt: '2026-01-31T12:00:02.000Z',
  originalTimestamp: '2026-01-31T12:00:00.000Z'
}
const PERSON = {
  email: 'Jane.Doe@Example.com', phone: '+14155550100', firstName: 'Jane', first_name: 'Jane', lastName: 'Doe', last_name: 'Doe',
  name: 'Jane Doe', birthday: '1990-02-03', gender: 'female', age: 36, plan: 'premium', company: { id: 'c-1', name: 'Acme' },
  address: { street: '1 Main St', city: 'Springfield', state: 'IL', postalCode: '62701', country: 'US' }
}
const ORDER = {
  order_id: 'o-1', orderId: 'o-1', checkout_id: 'ch-1', total: 42.5, revenue: 40, value: 42.5, currency: 'USD', coupon: 'SPRING', quantity: 2,
  query: 'shoes', category: 'Shoes', name: 'Order', title: 'Order', email: 'Jane.Doe@Example.com', phone: '+14155550100', big_spenders: true,
  products: [
    { product_id: 'p-1', sku: 's-1', name: 'Shoe', brand: 'B', category: 'Shoes', price: 20, quantity: 1, url: 'https://shop.example/p-1' },
    { product_id: 'p-2', sku: 's-2', name: 'Böot', brand: 'B', category: 'Shoes', price: 22.5, quantity: 1 }
  ]
}
const CONTEXT = {
  ip: '8.8.8.8', locale: 'en-US', timezone: 'America/Chicago', userAgent: 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/120.0',
  page: { url: 'https://shop.example/cart?a=1', path: '/cart', referrer: 'https://search.example/', search: '?a=1', title: 'Cart' },
  app: { name: 'Shop', version: '1.2.3', build: '7', namespace: 'com.shop.example' },
  device: { id: 'device-1', advertisingId: 'ad-1', adTrackingEnabled: true, type: 'ios', manufacturer: 'Apple', model: 'iPhone9,1' },
  os: { name: 'iOS', version: '17.1' }, screen: { width: 375, height: 667, density: 2 }, network: { wifi: true, carrier: 'C' },
  library: { name: 'analytics.js', version: '4.1.0' }, campaign: { name: 'c', source: 's', medium: 'm', term: 't', content: 'co' },
  traits: PERSON,
  personas: {
    computation_class: 'audience', computation_id: 'comp-1', computation_key: 'big_spenders', namespace: 'spa_1', space_id: 'spa_1',
    external_audience_id: 'ext-1', audience_settings: {}
  }
}

function richEvent() {
  return { ...EVENT, properties: ORDER, traits: { ...PERSON, big_spenders: true }, context: CONTEXT, integrations: {} }
}

/** Two events of a batch differ in who they are about. */
function second(event) {
  return { ...event, messageId: 'aaaaaaaa-0000-4000-8000-000000000002', userId: 'user-2', anonymousId: 'anonymous-2' }
}

/** The trigger that both ask; every event fits it. */
const TRIGGER = 'type = "track"'

/** A mapping that says that its events may be in one batch; these fields are the platform's to read. */
function forBatches(mapping, fields) {
  if (fields.enable_batching) mapping.enable_batching = true
  for (const key of ['batch_size', 'batch_bytes', 'batch_keys']) delete mapping[key]
}

function makeCase({ directory, action, data, batch }) {
  const definition = definitions.get(directory)
  const declared = definition.actions[action]
  const rich = data === 'rich'
  const [generated, settings] = generateTestData(`${directory}#${action}`, definition, declared, data !== 'all')
  // Segment's generator ignores what it reads of fields where they are settings.
  for (const [key, { choices, multiple }] of Object.entries(definition.authentication?.fields ?? {})) {
    if (choices) settings[key] = choices[0].value ?? choices[0]
    if (multiple) settings[key] = [settings[key]]
  }
  const event = rich ? richEvent() : { ...EVENT, context: CONTEXT, properties: generated }
  const mapping = { ...generated, ...(rich && core.defaultValues(declared.fields)) }
  if (batch) forBatches(mapping, declared.fields)
  if (declared.syncMode) mapping.__segment_internal_sync_mode = declared.syncMode.default
  return { directory, action, settings, mapping, trigger: TRIGGER, events: batch ? [event, second(event)] : [event], batch }
}

// ---- what the engine makes of a case -------------------------------------------------------------------------------

const silent = () => undefined
const logger = { level: 'warn', name: 'offramp', debug: silent, info: silent, warn: silent, error: silent, crit: silent, log: silent, withTags: silent }
const statsClient = { observe: silent, incr: silent, set: silent, histogram: silent, _name: (name) => name, _tags: (tags) => tags ?? [] }

/** New for each case: nothing is remembered from another. */
function options() {
  const transaction = {}
  const kept = new Map()
  return {
    features: {},
    statsContext: { statsClient, tags: [] },
    logger,
    transactionContext: { transaction, setTransaction: (key, value) => { transaction[key] = value } },
    stateContext: { getRequestContext: (key) => kept.get(key), setResponseContext: (key, value) => { kept.set(key, value) } },
    engageDestinationCache: {
      maxExpirySeconds: 600, maxValueSizeBytes: 6000,
      getByKey: async (key) => kept.get(key) ?? null,
      setByKey: async (key, value) => Boolean(kept.set(key, value)),
      setByKeyNX: async (key, value) => !kept.has(key) && Boolean(kept.set(key, value)),
      delByKey: async (key) => Number(kept.delete(key))
    }
  }
}

const AUTH = { accessToken: 'access-token', refreshToken: 'refresh-token' }

/** The first attempt of `onEvent` and `onBatch`, which is what these repeat: without their own repetitions. */
async function run(question) {
  const { directory, action, settings, mapping, trigger, events, batch } = question.case
  requests = []
  partner = question.partner
  const destination = new core.Destination(definitions.get(directory))
  let payloads = null
  spy(destination.actions[action], (payload) => { payloads = payload })
  const subscription = { subscribe: trigger, partnerAction: action, mapping: structuredClone(mapping), ID: 'subscription', ConfigID: 'instance' }
  const given = structuredClone(batch ? events : events[0])
  let end
  try {
    const results = await destination.onSubscription(subscription, given, structuredClone(settings), { ...AUTH }, options())
    end = batch ? { each: results[0].multistatus?.map(endOfOne) ?? null } : { each: [null] }
  } catch (error) {
    end = { error: describe(error) }
  }
  return { requests, end, payloads }
}

function spy(action, see) {
  const original = { ...action.definition }
  action.definition = original
  const { perform, performBatch } = original
  if (perform) original.perform = (request, data) => { see(structuredClone(data.payload)); return perform(request, data) }
  if (performBatch) original.performBatch = (request, data) => { see(structuredClone(data.payload)); return performBatch(request, data) }
}

function endOfOne({ status, errortype, errormessage }) {
  return status < 400 && errortype === undefined && errormessage === undefined ? null : { status, message: errormessage ?? null }
}

function describe(error) {
  const { name } = error?.constructor ?? {}
  const status = error?.response?.status ?? error?.status ?? null
  return { kind: name ?? 'Error', message: String(error?.message ?? error), status: status === null ? null : Number(status) }
}

// ---- questions -----------------------------------------------------------------------------------------------------

const ANSWERS = {
  case: makeCase,
  run,
  list: () => [...definitions].flatMap(([directory, { actions }]) =>
    Object.entries(actions).map(([action, { performBatch }]) => ({ directory, action, batches: Boolean(performBatch) })))
}

process.on('unhandledRejection', () => undefined)
for (const level of ['log', 'info', 'warn', 'error', 'debug']) console[level] = silent

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { ask, ...question } = JSON.parse(line)
    let value
    try {
      value = { value: await ANSWERS[ask](question) }
    } catch (error) {
      value = { error: String(error?.stack ?? error) }
    }
    process.stdout.write(`${JSON.stringify(value)}\n`)
  }
}

void main()
