-- The queue in blocks: one row for the events that one commit accepted, one small row for a block
-- and a subscription, and a row of its own only for a delivery that differs from its block.

ALTER TABLE lanes RENAME TO subscriptions;
ALTER TABLE subscriptions RENAME COLUMN lane TO subscription;
ALTER TABLE tallies RENAME COLUMN lane TO subscription;
ALTER TABLE counts RENAME COLUMN lane TO subscription;
ALTER TABLE latencies RENAME COLUMN lane TO subscription;
-- What was written before; `blocks_0007.py` moves it into the tables below in the same transaction,
-- then drops it.
DROP INDEX deliveries_due;
DROP INDEX deliveries_ended;
ALTER TABLE deliveries RENAME TO old_deliveries;

-- The events of a block have the numbers `block` to `block + n - 1`; the last block is never
-- deleted, so that no number is used twice. Columns that a listing reads come before the body.
CREATE TABLE blocks (
  block INTEGER PRIMARY KEY,
  n INTEGER NOT NULL,
  accepted_at INTEGER NOT NULL,
  -- CRC-32 of the body in the high half, of heads and ends in the low half.
  checksum INTEGER NOT NULL,
  -- Sources, message ids, types, names and routes: `queue.block.Heads` as MessagePack.
  heads BLOB NOT NULL,
  -- Where each event ends in the body: 32 bits each, little-endian.
  ends BLOB NOT NULL,
  -- The events as JSON, one behind the other; NULL once no delivery needs them.
  body BLOB
) STRICT;

-- What became of the events of a block in a subscription that got at least one of them; deleted
-- when retention takes it. Sets are of positions in the block: two bytes say how many empty bytes
-- come first, then the others follow, one bit for each position, all little-endian.
CREATE TABLE deliveries (
  block INTEGER NOT NULL,
  subscription INTEGER NOT NULL,
  -- The set of those that wait for their first attempt; NULL where none does.
  open BLOB,
  -- When the latest one ended, or was given a row of its own.
  updated_at INTEGER NOT NULL,
  -- MessagePack: a list of [request, set] for those that were delivered or filtered by it. What is
  -- in no set, and not open, has a row in `exceptions`.
  results BLOB,
  PRIMARY KEY (block, subscription)
) STRICT, WITHOUT ROWID;

CREATE INDEX deliveries_open ON deliveries (subscription, block) WHERE open IS NOT NULL;
CREATE INDEX deliveries_ended ON deliveries (updated_at) WHERE open IS NULL;

-- One settled request. `parts` is MessagePack: a list of [block, set] of the deliveries that stand
-- at its stage and have no row of their own; NULL where there are none.
CREATE TABLE requests (
  request INTEGER PRIMARY KEY,
  subscription INTEGER NOT NULL,
  state INTEGER NOT NULL,
  at INTEGER NOT NULL,
  -- How many rows of `deliveries` and `exceptions` refer to it; it goes with the last.
  refs INTEGER NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  status INTEGER,
  parts BLOB,
  exchange BLOB
) STRICT;

CREATE INDEX requests_recent ON requests (subscription, state, at) WHERE parts IS NOT NULL;

-- A delivery that differs from its block: retrying, rejected, expired, replayed; it keeps its row
-- when it is delivered at last. It has its own copy of the event, so that the block may go.
CREATE TABLE exceptions (
  id INTEGER PRIMARY KEY,
  event INTEGER NOT NULL,
  subscription INTEGER NOT NULL,
  state INTEGER NOT NULL,
  -- When it is tried next; NULL once it has ended.
  due_at INTEGER,
  attempts INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  replayed_at INTEGER,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  status INTEGER,
  source TEXT NOT NULL,
  message_id TEXT NOT NULL,
  type TEXT NOT NULL,
  name TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  accepted_at INTEGER NOT NULL,
  -- The request of the last attempt whose exchange was kept.
  request INTEGER,
  payload BLOB,
  -- The event as JSON; NULL once it was delivered.
  body BLOB
) STRICT;

CREATE UNIQUE INDEX exceptions_event ON exceptions (event, subscription);
CREATE INDEX exceptions_due ON exceptions (subscription, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX exceptions_ended ON exceptions (subscription, state, updated_at) WHERE due_at IS NULL;

-- Message ids by digest: finds duplicates, and the event of an id. A period is a day of
-- acceptance: old ones are deleted one behind the other, and the search for duplicates reads two.
-- The ids of the latest events are not here yet, but in memory: from `marks.indexed` on.
CREATE TABLE ids (
  period INTEGER NOT NULL,
  digest INTEGER NOT NULL,
  event INTEGER NOT NULL,
  PRIMARY KEY (period, digest, event)
) STRICT, WITHOUT ROWID;

-- Numbers that the queue remembers, by name.
CREATE TABLE marks (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
