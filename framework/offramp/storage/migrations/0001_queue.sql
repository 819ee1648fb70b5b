-- The queue and the ledger. Times (`_at`) are epoch microseconds, since SQLite's JSON carries
-- integers exactly; minutes and hours are epoch seconds. States are numbered as in
-- queue/sqlite/codes.py; a delivery below 2 is in flight.

-- Lanes by number: a delivery and its index entries then cost one byte for the lane.
CREATE TABLE lanes (
  lane INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  -- Every event that was matched against the lane, whether or not it then made a delivery.
  accepted INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The state of everything a lane ever accepted; exact, since each change writes it too.
CREATE TABLE tallies (
  lane INTEGER NOT NULL,
  state INTEGER NOT NULL,
  n INTEGER NOT NULL,
  -- How many of them have no row any more, because retention took it.
  pruned INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (lane, state)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  message_id TEXT NOT NULL,
  type TEXT NOT NULL,
  name TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  accepted_at INTEGER NOT NULL,
  -- JSON, reason -> lane numbers; NULL where every lane matched.
  filtered TEXT,
  -- NULL once the last delivery is gone. Last, so that listings need not read past it.
  body BLOB
) STRICT;

-- Message ids by digest: finds duplicates, and the event of an id. The digest keeps this, the one
-- index with random inserts, small enough for the cache; a hit is compared with the event itself.
CREATE TABLE dedupe (
  digest INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (digest, seq)
) STRICT, WITHOUT ROWID;

-- One row per matched subscription. id = seq * 65536 + position: an event's deliveries are a range
-- of ids, without an index of their own.
CREATE TABLE deliveries (
  id INTEGER PRIMARY KEY,
  lane INTEGER NOT NULL,
  state INTEGER NOT NULL,
  -- When it is tried next; NULL once it has ended.
  due_at INTEGER,
  attempts INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  replayed_at INTEGER,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  status INTEGER
) STRICT;

CREATE INDEX deliveries_due ON deliveries (lane, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_ended ON deliveries (lane, state, updated_at) WHERE due_at IS NULL;

-- What the last attempt sent and got, where that was kept.
CREATE TABLE records (
  delivery INTEGER PRIMARY KEY,
  payload BLOB,
  exchange INTEGER
) STRICT;

-- Request and response, shared by the deliveries of one batch; gone with the last that refers to it.
CREATE TABLE exchanges (
  exchange INTEGER PRIMARY KEY,
  refs INTEGER NOT NULL,
  body BLOB NOT NULL
) STRICT;

-- What happened per minute: of a lane (source empty), or of a source (lane 0).
CREATE TABLE counts (
  minute INTEGER NOT NULL,
  lane INTEGER NOT NULL,
  source TEXT NOT NULL,
  counted TEXT NOT NULL,
  reason TEXT NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (minute, lane, source, counted, reason)
) STRICT, WITHOUT ROWID;

-- How long deliveries took, per hour: a histogram whose buckets grow by the square root of two.
CREATE TABLE latencies (
  lane INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  bucket INTEGER NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (lane, hour, bucket)
) STRICT, WITHOUT ROWID;
