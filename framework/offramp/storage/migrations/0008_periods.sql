-- Since when sources, instances and subscriptions are paused or disabled, and when they were paused
-- before: retry windows leave that time out. Times are epoch seconds.

CREATE TABLE config_periods (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  -- 'paused' or 'disabled'.
  state TEXT NOT NULL,
  since REAL NOT NULL,
  -- NULL while it lasts. What was disabled and is enabled again has no row.
  until REAL
) STRICT;

CREATE INDEX config_periods_of ON config_periods (kind, id, state, until);

-- Nobody wrote down when: from now on.
INSERT INTO config_periods (kind, id, state, since)
SELECT kind, id, 'disabled', (julianday('now') - 2440587.5) * 86400.0 FROM config
WHERE deleted = 0 AND json_extract(doc, '$.enabled') = 0;
