-- The configuration: what is in force, its revision, and who changed what. Times are epoch seconds.

-- One row, counted up with every change; a writer names the revision that it read.
CREATE TABLE config_revision (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  rev INTEGER NOT NULL
) STRICT;

INSERT INTO config_revision (only, rev) VALUES (1, 0);

-- Sources, instances and subscriptions, in the order in which they were added (the rowid).
CREATE TABLE config (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  -- The revision that wrote it last.
  rev INTEGER NOT NULL,
  -- JSON with every secret sealed; NULL where it was removed.
  doc TEXT,
  deleted INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (kind, id)
) STRICT;

-- What each revision changed, secrets masked; kept for good.
CREATE TABLE config_audit (
  entry INTEGER PRIMARY KEY,
  rev INTEGER NOT NULL,
  at REAL NOT NULL,
  who TEXT NOT NULL,
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  -- JSON; NULL where there was nothing before, or is nothing after.
  before TEXT,
  after TEXT
) STRICT;
