// Takes chance and the clock away, from Segment's engine and from the worker alike, so that their requests can be compared.
'use strict'

const crypto = require('node:crypto')

// What both take for the present moment: 2026-01-31T12:30:00Z.
const NOW = 1769862600000
const HALF = 0.5
const UUID = '11111111-2222-4333-8444-555555555555'

const { Date: RealDate } = globalThis
globalThis.Date = class Date extends RealDate {
  constructor(...given) {
    super(...(given.length ? given : [NOW]))
  }

  static now() {
    return NOW
  }
}
Math.random = () => HALF
const randomBytes = (size, callback) => {
  const bytes = Buffer.alloc(size, 1)
  return callback ? callback(null, bytes) : bytes
}
Object.assign(crypto, { randomUUID: () => UUID, randomBytes })
globalThis.crypto.randomUUID = () => UUID
