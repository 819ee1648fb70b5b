// Segment's own engine behind one line of JSON for each question.
//
// A line in holds a list of questions, a line out the list of their answers. Everything that is
// asked here is answered by Segment's packages; the only definition that is restated in our words
// is Metronome's, which is not published as a package: it is at the end, and says so.

'use strict'

const readline = require('node:readline')

// A schema stays in the validator's memory for ever, so that the packages are loaded anew after
// this many.
const SCHEMAS_PER_LOAD = 2000

const URL_OF_INGEST = 'https://api.metronome.com/v1/ingest'

// What both engines take for the present moment: 2026-01-31T12:30:00Z.
const NOW = 1769862600000

const { Date: RealDate } = globalThis
globalThis.Date = class Date extends RealDate {
  constructor(...given) {
    super(...(given.length ? given : [NOW]))
  }

  static now() {
    return NOW
  }
}

let engine
let schemas = 0

function load() {
  for (const path of Object.keys(require.cache)) {
    if (path.includes('node_modules')) delete require.cache[path]
  }
  schemas = 0
  interceptRequests()
  const { Action } = require('@segment/actions-core/destination-kit/action')
  const { Destination } = require('@segment/actions-core/destination-kit')
  const { fieldsToJsonSchema } = require('@segment/actions-core/destination-kit/fields-to-jsonschema')
  const mappingKit = require('@segment/actions-core/mapping-kit')
  const { validateSchema } = require('@segment/actions-core/schema-validation')
  const removeEmptyValues = findInternal('remove-empty-values').removeEmptyValues
  const { resolveAudienceMembership } = findInternal('audience-membership')
  const triggers = require('@segment/destination-subscriptions')
  const dayjs = require('dayjs')
  dayjs.extend(require('dayjs/plugin/utc'))
  engine = {
    Action,
    Destination,
    fieldsToJsonSchema,
    ...mappingKit,
    validateSchema,
    removeEmptyValues,
    resolveAudienceMembership,
    triggers,
    dayjs
  }
}

// The part that cleans payloads is not among what the package lets others import by name.
function findInternal(name) {
  const end = `actions-core/dist/cjs/${name}.js`.replaceAll('/', require('node:path').sep)
  const path = Object.keys(require.cache).find((key) => key.endsWith(end))
  return require(path)
}

// The validator warns of the schemas that Segment's own code makes; nobody here can mend those.
console.warn = () => {}

const attempt = (make) => {
  try {
    return { value: make() }
  } catch (error) {
    return failure(error)
  }
}

const attemptLater = async (make) => {
  try {
    return { value: await make() }
  } catch (error) {
    return failure(error)
  }
}

function failure(error) {
  if (error?.name !== 'AggregateAjvError') return { error: String(error?.message ?? error) }
  // That a condition's consequence does not hold is said once more of the root: it names no field.
  const told = error.errors.filter(({ message }) => !message.includes('must match "then" schema'))
  const places = told.map(({ pointer, message }) => {
    const missing = /missing the required field '(.*)'/s.exec(message)
    return missing ? `${pointer}/${missing[1]}` : pointer
  })
  return { error: error.message, places }
}

const newSchema = (fields) => {
  if (++schemas > SCHEMAS_PER_LOAD) load()
  return engine.fieldsToJsonSchema(fields)
}

function check({ fields, raws, single }) {
  const made = attempt(() => newSchema(fields))
  if (made.error) return raws.map(() => made)
  const schemaKey = `schema ${schemas}`
  return raws.map((raw) =>
    attempt(() => {
      const payload = engine.removeEmptyValues(raw, made.value, single)
      engine.validateSchema(payload, made.value, { schemaKey, exempt: ['dynamicAuthSettings'] })
      return payload
    })
  )
}

async function action({ fields, mapping, events, batch }) {
  schemas += 1
  if (schemas > SCHEMAS_PER_LOAD) load()
  let performed
  const keep = (_, { payload }) => {
    performed = payload
  }
  const definition = { title: `${schemas}`, description: '', fields, perform: keep, performBatch: keep }
  const made = attempt(() => new engine.Action('conformance', definition))
  if (made.error) return events.map(() => made)
  if (batch) return executeBatch(made.value, { mapping, data: events }, () => performed)
  const answers = []
  for (const event of events) {
    const bundle = { mapping: structuredClone(mapping), data: structuredClone(event), settings: {} }
    answers.push(
      await attemptLater(async () => {
        await made.value.execute(bundle)
        return performed
      })
    )
  }
  return answers
}

async function executeBatch(action, bundle, performed) {
  const done = await attemptLater(() => action.executeBatch({ ...bundle, settings: {} }))
  if (done.error) return bundle.data.map(() => done)
  const payloads = [...(performed() ?? [])]
  return bundle.data.map((_, index) =>
    done.value[index]?.status === 400
      ? { error: done.value[index].errormessage }
      : { value: payloads.shift() }
  )
}

const answers = {
  transform: ({ mapping, events }) =>
    events.map((event) => attempt(() => engine.transform(structuredClone(mapping), event))),

  transformBatch: ({ mapping, events }) => attempt(() => engine.transformBatch(mapping, events)),

  parse: ({ trigger }) => {
    const tree = engine.triggers.parseFql(trigger)
    return tree.error ? { error: String(tree.error.message) } : { value: tree }
  },

  generate: ({ tree }) => attempt(() => engine.triggers.generateFql(tree)),

  evaluate: ({ tree, events }) =>
    events.map((event) => attempt(() => engine.triggers.validate(tree, event))),

  match: ({ trigger, events }) => {
    const tree = engine.triggers.parseFql(trigger)
    if (tree.error) return events.map(() => ({ error: String(tree.error.message) }))
    return events.map((event) => attempt(() => engine.triggers.validate(tree, event)))
  },

  membership: ({ syncMode, events }) =>
    events.map((event) => engine.resolveAudienceMembership(event, syncMode ?? undefined) ?? null),

  check,
  action,
  metronome: ({ trigger, mapping, settings, events }) => metronome(trigger, mapping, settings, events)
}

// Requests end here: the client of actions-core finds this in place of the network.
let sent = []

function interceptRequests() {
  const path = require.resolve('cross-fetch')
  const { Headers, Request, Response } = require('cross-fetch')
  const fetch = async (address, options) => {
    const request = address instanceof Request ? address : new Request(address, options)
    sent.push({
      method: request.method,
      url: request.url,
      headers: Object.fromEntries(request.headers.entries()),
      body: await request.text()
    })
    return new Response('', { status: 200 })
  }
  const exports = Object.assign(fetch, { fetch, default: fetch, Headers, Request, Response })
  Object.defineProperty(exports, '__esModule', { value: true })
  require.cache[path].exports = exports
}

// Metronome's destination, restated: what it does, not how it is written at Segment. Its five
// fields are all required; each event is sent alone, in a list of one, with the token as Bearer.
const required = (type, label) => ({ type, label, description: label, required: true })

const metronomeDefinition = () => ({
  name: `Metronome ${(schemas += 1)}`,
  mode: 'cloud',
  authentication: {
    scheme: 'custom',
    fields: { apiToken: { type: 'string', label: 'API Token', description: '', required: true } }
  },
  extendRequest: ({ settings }) => ({ headers: { Authorization: `Bearer ${settings.apiToken}` } }),
  actions: {
    sendEvent: {
      title: 'Send Event',
      description: '',
      fields: {
        transaction_id: required('string', 'transaction_id'),
        customer_id: required('string', 'customer_id'),
        timestamp: required('datetime', 'timestamp'),
        event_type: required('string', 'event_type'),
        properties: required('object', 'properties')
      },
      perform: (request, { payload }) => {
        const timestamp = engine.dayjs.utc(payload.timestamp).toISOString()
        return request(URL_OF_INGEST, { method: 'post', json: [{ ...payload, timestamp }] })
      }
    }
  }
})

async function metronome(trigger, mapping, settings, events) {
  if (schemas > SCHEMAS_PER_LOAD) load()
  const destination = new engine.Destination(metronomeDefinition())
  const subscription = { partnerAction: 'sendEvent', name: '', enabled: true, subscribe: trigger, mapping }
  const answers = []
  for (const event of events) {
    sent = []
    const answer = await attemptLater(() =>
      destination.onSubscription(structuredClone(subscription), event, settings, {})
    )
    answers.push(answer.error ? answer : { value: sent, output: answer.value })
  }
  return answers
}

async function main() {
  load()
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const told = []
    for (const question of JSON.parse(line)) told.push(await answers[question.kind](question))
    process.stdout.write(`${JSON.stringify(told)}\n`)
  }
}

main()
