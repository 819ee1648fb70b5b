// Segment's engine, timed: one question a line in, one answer a line out.
//
// A question is a case (measurement, events as JSON texts, mapping, trigger, fields) or {seconds}, which
// runs the last case for so long and answers how often each of its events went through, in how many seconds
// and with how many of the processor.

'use strict'

const path = require('node:path')
const readline = require('node:readline')
const { createRequire } = require('node:module')

// The packages are installed for the conformance tests; this is no second copy.
const lock = path.join(__dirname, '..', '..', 'tests', 'conformance', 'package.json')
const installed = createRequire(lock)
const { Destination } = installed('@segment/actions-core/destination-kit')
const { fieldsToJsonSchema } = installed('@segment/actions-core/destination-kit/fields-to-jsonschema')
const { transform } = installed('@segment/actions-core/mapping-kit')
const { validateSchema } = installed('@segment/actions-core/schema-validation')
const { parseFql, validate } = installed('@segment/destination-subscriptions')

// The validator warns of the schemas that Segment's own code makes.
console.warn = () => {}

// Metadata writes null where definitions leave a key out.
const fieldsOf = (fields) =>
  Object.fromEntries(
    Object.entries(fields).map(([key, field]) => {
      const kept = Object.entries(field).filter(([, value]) => value !== null)
      const made = Object.fromEntries(kept)
      if (made.properties) made.properties = fieldsOf(made.properties)
      return [key, made]
    })
  )

let destinations = 0

function destinationOf({ fields }, perform) {
  return new Destination({
    name: `Measured ${(destinations += 1)}`,
    mode: 'cloud',
    extendRequest: ({ settings }) => ({ headers: { Authorization: `Bearer ${settings.apiToken}` } }),
    actions: { act: { title: 'Act', description: '', fields: fieldsOf(fields), perform } }
  })
}

const settingsOf = ({ mapping, trigger, token }) => ({
  apiToken: token ?? 'token',
  subscriptions: [{ partnerAction: 'act', name: '', enabled: true, subscribe: trigger, mapping }]
})

const rounds = {
  engine(question) {
    let made
    const destination = destinationOf(question, (_, { payload }) => {
      made = JSON.stringify(payload)
      return made
    })
    const settings = settingsOf(question)
    return async () => {
      let first
      for (const text of question.events) {
        await destination.onEvent(JSON.parse(text), settings)
        first ??= made
      }
      return JSON.parse(first)
    }
  },

  transform({ mapping, events }) {
    const parsed = events.map((text) => JSON.parse(text))
    return () => parsed.map((event) => transform(mapping, event))[0]
  },

  trigger({ trigger, events }) {
    const parsed = events.map((text) => JSON.parse(text))
    return () => parsed.map((event) => validate(parseFql(trigger), event))[0]
  },

  check({ fields, mapping, events, name }) {
    const schema = fieldsToJsonSchema(fieldsOf(fields))
    const made = events.map((text) => transform(mapping, JSON.parse(text)))
    const options = { schemaKey: `${name} ${(destinations += 1)}` }
    return () => {
      for (const payload of made) validateSchema(payload, schema, options)
      return made[0]
    }
  },

  // As Segment sends: one event a request, so many requests under way at once.
  deliver(question) {
    const destination = destinationOf(question, (request, { payload }) =>
      request(`${question.url}/v1/ingest`, { method: 'post', json: [payload] })
    )
    const settings = settingsOf(question)
    let serial = 0
    return inParallel(question, (text) => {
      const event = JSON.parse(text)
      event.messageId = `${question.name}-${(serial += 1)}`
      return destination.onEvent(event, settings)
    })
  },

  // The same with a destination that Segment publishes, from other packages.
  publish: (question) => inParallel(question, require('./published.cjs')(question))
}

// All events, so many of them under way at once.
function inParallel({ events, concurrency }, send) {
  return async () => {
    const waiting = events.slice()
    const sendNext = async () => {
      while (waiting.length) await send(waiting.pop())
    }
    await Promise.all(Array.from({ length: concurrency }, sendNext))
    return events.length
  }
}

async function timed(round, events, seconds) {
  let count = 0
  const started = process.hrtime.bigint()
  const used = process.cpuUsage()
  let passed
  do {
    await round()
    count += events
    passed = Number(process.hrtime.bigint() - started) / 1e9
  } while (passed < seconds)
  const { user, system } = process.cpuUsage(used)
  return { count, seconds: passed, processor: (user + system) / 1e6 }
}

async function main() {
  let round, question
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const told = JSON.parse(line)
    let answer
    try {
      if (told.measurement) {
        question = told
        round = rounds[told.measurement](told)
        answer = { sample: await round() }
      } else {
        answer = await timed(round, question.events.length, told.seconds)
      }
    } catch (error) {
      answer = { error: String(error?.stack ?? error) }
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`)
  }
}

main()
