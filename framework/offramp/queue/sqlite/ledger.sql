-- name: heads_of_events
-- The blocks of the events in the JSON list :events, without their bodies; also neighbours of those
-- whose block is gone.
SELECT block, n, accepted_at, checksum, heads, ends
FROM blocks
WHERE block IN (
  SELECT (SELECT max(block) FROM blocks WHERE block <= asked.value) FROM json_each(:events) AS asked
);

-- name: heads_below
-- The :n latest blocks that begin below :below, without their bodies, latest first.
SELECT block, n, accepted_at, checksum, heads, ends
FROM blocks
WHERE block < :below
ORDER BY block DESC
LIMIT :n;

-- name: lone_events
-- Events of which there are only rows of their own, from :low to before :below: the latest :n, and
-- whether each has a row that meets the conditions; :states is a JSON list.
SELECT
  event,
  EXISTS (
    SELECT 1
    FROM exceptions
    WHERE exceptions.event = lone.event
      AND accepted_at >= :since AND accepted_at < :until
      AND (:source IS NULL OR source = :source)
      AND (:type IS NULL OR type = :type)
      AND (:name IS NULL OR name = :name)
      AND (:subscription IS NULL OR subscription = :subscription)
      AND state IN (SELECT value FROM json_each(:states))
      AND (:reason IS NULL OR reason = :reason)
  )
FROM (
  SELECT DISTINCT event
  FROM exceptions
  WHERE event >= :low AND event < :below
  ORDER BY event DESC
  LIMIT :n
) AS lone
ORDER BY event DESC;

-- name: rows_in_range
-- The events from :low to before :below that have a row of their own in a subscription, or in any,
-- with where each stands.
SELECT event, subscription, state, reason
FROM exceptions
WHERE event >= :low AND event < :below
  AND (:subscription IS NULL OR subscription = :subscription)
ORDER BY event;

-- name: deliveries_in_range
-- What waits and what ended in the blocks from :low to before :below in a subscription, or in any.
SELECT block, subscription, open, results
FROM deliveries
WHERE block >= :low AND block < :below
  AND (:subscription IS NULL OR subscription = :subscription);

-- name: copies_of_events
-- The copies of those events of the JSON list :events of which a row of its own has one.
SELECT event, source, message_id, type, name, received_at, accepted_at, body
FROM exceptions
WHERE event IN (SELECT value FROM json_each(:events)) AND body IS NOT NULL
GROUP BY event;

-- name: stands
-- A row if a subscription has deliveries that are kept in one of the states of the JSON list
-- :states.
SELECT 1
FROM tallies
WHERE subscription = :subscription AND n > pruned
  AND state IN (SELECT value FROM json_each(:states))
LIMIT 1;

-- name: heads_not_indexed
-- The blocks whose ids are not in the index yet and that may hold the message id :needle, without
-- their bodies.
SELECT block, n, accepted_at, checksum, heads, ends
FROM blocks
WHERE block >= coalesce((SELECT value FROM marks WHERE name = :mark), 0)
  AND instr(heads, :needle);

-- name: exceptions_of_events
-- The rows of the events in the JSON list :events: :bodies with the event, :full with what was sent
-- and answered too.
SELECT
  exceptions.event, exceptions.subscription, exceptions.state, due_at, attempts, updated_at,
  replayed_at, exceptions.reason, exceptions.message, exceptions.status, source, message_id,
  exceptions.type, name, received_at, accepted_at, unknown_answers,
  iif(:full, payload, NULL),
  iif(:bodies, body, NULL),
  iif(:full, (SELECT exchange FROM requests WHERE requests.request = exceptions.request), NULL)
FROM json_each(:events) AS asked CROSS JOIN exceptions ON exceptions.event = asked.value
ORDER BY exceptions.event, exceptions.subscription;

-- name: exceptions_by_id
-- The rows of the JSON list :ids, in its order, without what is large.
SELECT
  event, subscription, state, due_at, attempts, updated_at, replayed_at, reason, message, status,
  source, message_id, exceptions.type, name, received_at, accepted_at, unknown_answers, NULL, NULL,
  NULL
FROM json_each(:ids) AS asked CROSS JOIN exceptions ON exceptions.id = asked.value
ORDER BY asked.key;

-- name: deliveries_of_blocks
-- What became of the events of the blocks in the JSON list :blocks, in each subscription.
SELECT block, subscription, open, results
FROM json_each(:blocks) AS asked CROSS JOIN deliveries ON deliveries.block = asked.value;

-- name: requests_by_number
-- The requests of the JSON list :requests; :full with their exchanges.
SELECT request, state, at, reason, message, status, iif(:full, exchange, NULL)
FROM json_each(:requests) AS asked CROSS JOIN requests ON requests.request = asked.value;

-- name: subscription_names
-- Every subscription's number and name.
SELECT subscription, name FROM subscriptions;

-- name: open_below
-- The :n latest blocks before :below of which a subscription has events that were not tried yet,
-- latest first.
SELECT deliveries.block, blocks.n, blocks.accepted_at, deliveries.open
FROM deliveries CROSS JOIN blocks USING (block)
WHERE deliveries.subscription = :subscription AND deliveries.open IS NOT NULL
  AND deliveries.block < :below
ORDER BY deliveries.block DESC
LIMIT :n;

-- name: rows_in_flight
-- Rows of a subscription that are in flight, in one state or (null) in both, latest due first, from
-- below (:before, :below) on.
SELECT due_at, event
FROM exceptions
WHERE subscription = :subscription AND (:state IS NULL OR state = :state)
  AND due_at <= :before AND (due_at < :before OR event < :below)
ORDER BY due_at DESC, event DESC
LIMIT :limit;

-- name: rows_that_ended
-- Rows of a subscription that ended in a state, latest first, from below (:before, :below) on.
SELECT updated_at, event
FROM exceptions
WHERE subscription = :subscription AND state = :state AND due_at IS NULL
  AND updated_at <= :before AND (updated_at < :before OR event < :below)
ORDER BY updated_at DESC, event DESC
LIMIT :limit;

-- name: ending_requests
-- The :n latest requests of a subscription by which deliveries without rows of their own reached a
-- state, until :before (included), and all others of the same time as the earliest of them.
SELECT at, parts
FROM requests
WHERE subscription = :subscription AND state = :state AND parts IS NOT NULL
  AND at <= :before
  AND at >= coalesce(
    (
      SELECT at
      FROM requests
      WHERE subscription = :subscription AND state = :state AND parts IS NOT NULL AND at <= :before
      ORDER BY at DESC
      LIMIT 1 OFFSET :n - 1
    ),
    0
  )
ORDER BY at DESC;

-- name: counts
-- What was counted in some minutes, of one subscription or source or of all.
SELECT
  counts.minute, coalesce(subscriptions.name, ''), counts.source, counts.counted, counts.reason,
  counts.n
FROM counts LEFT JOIN subscriptions USING (subscription)
WHERE counts.minute >= :since AND counts.minute < :until
  AND (:subscription IS NULL OR subscriptions.name = :subscription)
  AND (:source IS NULL OR (counts.source = :source AND counts.subscription = 0))
ORDER BY counts.minute, subscriptions.name, counts.source, counts.counted, counts.reason;

-- name: latencies
-- The histogram of a subscription over the hours from :since on.
SELECT bucket, sum(n)
FROM latencies
WHERE hour >= :since AND subscription = (
    SELECT subscription FROM subscriptions WHERE subscriptions.name = :subscription
  )
GROUP BY bucket
ORDER BY bucket;

-- name: all_latencies
-- The histograms of all subscriptions over the hours from :since on.
SELECT subscriptions.name, bucket, sum(n)
FROM latencies JOIN subscriptions USING (subscription)
WHERE hour >= :since
GROUP BY subscription, bucket
ORDER BY subscription, bucket;

-- name: errors
-- By state and reason, how many deliveries of a subscription stand there since :since, with rows as
-- samples.
SELECT state, reason, total, id
FROM (
  SELECT
    id, state, reason,
    count(*) OVER (PARTITION BY state, reason) AS total,
    row_number() OVER (
      PARTITION BY state, reason ORDER BY updated_at DESC, event DESC
    ) AS place
  FROM (
    SELECT id, event, state, reason, updated_at
    FROM exceptions
    WHERE subscription = (SELECT subscription FROM subscriptions WHERE subscriptions.name = :name)
      AND state = 1 AND due_at IS NOT NULL
      AND updated_at >= :since
    UNION ALL
    SELECT id, event, state, reason, updated_at
    FROM exceptions
    WHERE subscription = (SELECT subscription FROM subscriptions WHERE subscriptions.name = :name)
      AND state IN (4, 5) AND due_at IS NULL
      AND updated_at >= :since
  )
)
WHERE place <= :samples
ORDER BY total DESC, state, reason, place;
