// Segment's engine with the destinations that it publishes, from the packages of the worker, with real HTTP.

'use strict'

const http = require('node:http')
const https = require('node:https')
const path = require('node:path')
const { createRequire } = require('node:module')

const tree = path.join(__dirname, '..', '..', 'destinations', 'segment', 'worker', 'package.json')
const installed = createRequire(tree)
const core = installed('@segment/actions-core')
const { manifest } = installed('@segment/action-destinations')

// Destinations' own addresses lead to the partner of the measurement. Segment's client opens a connection for
// each request, as its fetch does without an agent; with one, connections are kept.
let partner
let agent
https.request = (options, answered) => {
  const { hostname, port } = partner
  if (agent) delete options.headers.Connection
  return http.request({ ...options, protocol: 'http:', host: hostname, hostname, port, agent }, answered)
}

// How an event is sent with `onEvent`, one a request.
module.exports = ({ directory, action, settings, mapping, trigger, url, kept, name }) => {
  partner = new URL(url)
  agent = kept ? new http.Agent({ keepAlive: true }) : undefined
  const { definition } = Object.values(manifest).find((each) => each.directory === directory)
  const destination = new core.Destination(definition)
  const subscriptions = [{ partnerAction: action, name: '', enabled: true, subscribe: trigger, mapping }]
  const given = { ...settings, subscriptions }
  let serial = 0
  return (text) => {
    const event = JSON.parse(text)
    event.messageId = `${name}-${(serial += 1)}`
    return destination.onEvent(event, given)
  }
}
