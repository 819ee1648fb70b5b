-- name: next_event
-- The number of the next event; the latest block is never deleted, so that none is used twice.
SELECT coalesce((SELECT block + n FROM blocks ORDER BY block DESC LIMIT 1), 1);

-- name: add_subscriptions
-- Numbers those subscriptions of the JSON list :names that have no number yet.
INSERT OR IGNORE INTO subscriptions (name) SELECT value FROM json_each(:names);

-- name: accept_block
-- Stores the events of one commit with all that it changes; see `procedures.sql`.
INSERT INTO add_block
VALUES (
  :block, :n, :accepted_at, :checksum, :heads, :ends, :body, :deliveries, :sets,
  :digests, :periods,
  :minute, :hour, :tallies, :accepted, :counts, :latencies
);

-- name: known_ids
-- The events in the index that have a digest of the JSON list :digests, in one of :periods.
SELECT ids.event
FROM json_each(:periods) AS period
CROSS JOIN json_each(:digests) AS asked
CROSS JOIN ids ON ids.period = period.value AND ids.digest = asked.value;

-- name: id_periods
-- The periods of the index, ascending; each is found by one step down the tree.
WITH RECURSIVE periods (period) AS (
  SELECT min(period) FROM ids
  UNION ALL
  SELECT (SELECT min(ids.period) FROM ids WHERE ids.period > periods.period)
  FROM periods
  WHERE periods.period IS NOT NULL
)
SELECT period FROM periods WHERE period IS NOT NULL;

-- name: heads_between
-- The first :n blocks from :low to before :below, without their bodies, oldest first.
SELECT block, n, accepted_at, checksum, heads, ends
FROM blocks
WHERE block >= :low AND block < :below
ORDER BY block
LIMIT :n;

-- name: index_ids
-- Puts ids into the index; :rows is an object, event -> digest, in the order of the digests, so that
-- neighbours share a page. What a run that was begun before the last stop has put there already
-- stays.
INSERT OR IGNORE INTO ids (period, digest, event)
SELECT :period, value, CAST(key AS INTEGER) FROM json_each(:rows);
