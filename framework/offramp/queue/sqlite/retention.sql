-- name: prunable_deliveries
-- Up to :n rows of blocks in which nothing waits, and of which the latest ended before :until.
SELECT block, subscription, results
FROM deliveries
WHERE open IS NULL AND updated_at < :until
ORDER BY updated_at
LIMIT :n;

-- name: drop_deliveries
-- Forgets the rows of blocks in the JSON list :pairs, of [block, subscription].
DELETE FROM deliveries
WHERE (block, subscription) IN (
  SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:pairs)
);

-- name: states_of_requests
-- The states at which the deliveries of the JSON list :requests ended.
SELECT request, state FROM requests WHERE request IN (SELECT value FROM json_each(:requests));

-- name: parts_of_requests
-- What ended with the requests of the JSON list :requests.
SELECT request, parts
FROM requests
WHERE request IN (SELECT value FROM json_each(:requests)) AND parts IS NOT NULL;

-- name: set_parts
-- Stores what ended with a request, as far as it is still known.
UPDATE requests SET parts = :parts WHERE request = :request;

-- name: prunable_rows
-- The next :n rows of a subscription that ended in a state before :until, from behind (:after, :id)
-- on, earliest first; and whether they stay, since the block would bring back what they replaced.
SELECT
  id, updated_at,
  replayed_at IS NOT NULL AND EXISTS (
    SELECT 1
    FROM blocks
    WHERE block = (SELECT max(block) FROM blocks WHERE block <= exceptions.event)
      AND exceptions.event < block + n
  )
FROM exceptions
WHERE subscription = :subscription AND state = :state AND due_at IS NULL
  AND updated_at < :until AND updated_at >= :after AND (updated_at > :after OR id > :id)
ORDER BY updated_at, id
LIMIT :n;

-- name: drop_rows
-- Forgets those rows of the JSON list :ids that still stand at :state since before :until.
DELETE FROM exceptions
WHERE id IN (SELECT value FROM json_each(:ids))
  AND state = :state AND due_at IS NULL AND updated_at < :until
RETURNING event, subscription, request;

-- name: rows_of_blocks
-- Those deliveries of the JSON list :pairs, of [event, subscription], whose block has a row of the
-- subscription.
SELECT
  json_extract(asked.value, '$[0]'), deliveries.block, deliveries.subscription, deliveries.results
FROM json_each(:pairs) AS asked
CROSS JOIN deliveries
  ON deliveries.block = (
    SELECT max(block) FROM blocks WHERE block <= json_extract(asked.value, '$[0]')
  )
  AND deliveries.subscription = json_extract(asked.value, '$[1]')
CROSS JOIN blocks
  ON blocks.block = deliveries.block AND json_extract(asked.value, '$[0]') < blocks.block + blocks.n;

-- name: set_results
-- Stores what became of the events of a block in a subscription.
UPDATE deliveries SET results = :results WHERE block = :block AND subscription = :subscription;

-- name: counted_states
-- The subscriptions of which deliveries are kept that stand at a state.
SELECT subscription FROM tallies WHERE state = :state AND n > pruned;

-- name: drop_bodies
-- Forgets the bodies of those blocks in the JSON list :blocks that no delivery needs any more.
UPDATE blocks
SET body = NULL, checksum = checksum & 0xFFFFFFFF
WHERE block IN (SELECT value FROM json_each(:blocks)) AND body IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.block = blocks.block);

-- name: idle_blocks
-- Those blocks in the JSON list :blocks, accepted before :until, that no delivery needs any more,
-- without their bodies; not the latest, which keeps the count.
SELECT block, n, accepted_at, checksum, heads, ends
FROM blocks
WHERE block IN (SELECT value FROM json_each(:blocks)) AND accepted_at < :until
  AND block < (SELECT max(block) FROM blocks)
  AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.block = blocks.block);

-- name: rows_of_block
-- The rows of their own of the events from :low to before :below.
SELECT event, subscription, message_id FROM exceptions WHERE event >= :low AND event < :below;

-- name: drop_blocks
-- Forgets the blocks in the JSON list :blocks.
DELETE FROM blocks WHERE block IN (SELECT value FROM json_each(:blocks));

-- name: next_blocks
-- The next :n blocks after :block, oldest first, but for the latest.
SELECT block, n, accepted_at
FROM blocks
WHERE block > :block AND block < (SELECT max(block) FROM blocks)
ORDER BY block
LIMIT :n;

-- name: next_ids
-- The next :n message ids of a period behind (:digest, :event), and whether they lead nowhere.
SELECT
  digest, event,
  NOT EXISTS (SELECT 1 FROM exceptions WHERE exceptions.event = ids.event)
    AND NOT EXISTS (
      SELECT 1
      FROM blocks
      WHERE block = (SELECT max(block) FROM blocks WHERE block <= ids.event)
        AND ids.event < block + n
    )
FROM ids
WHERE period = :period AND digest >= :digest AND (digest > :digest OR event > :event)
ORDER BY digest, event
LIMIT :n;

-- name: drop_ids
-- Forgets message ids of a period; :rows is [digest, event].
DELETE FROM ids
WHERE period = :period AND (digest, event) IN (
  SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:rows)
);

-- name: drop_counts
-- Forgets counts before :until, an hour of them at most.
DELETE FROM counts WHERE minute < min(:until, (SELECT min(minute) FROM counts) + 3600);

-- name: drop_latencies
-- Forgets latencies before :until.
DELETE FROM latencies WHERE hour < :until;
