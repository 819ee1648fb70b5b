-- name: blocks
-- The blocks of the JSON list :blocks with everything, in the order of `queue.block.read_block`.
SELECT block, n, accepted_at, checksum, heads, ends, body
FROM blocks
WHERE block IN (SELECT value FROM json_each(:blocks));

-- name: open_blocks
-- The next :n blocks from :low to before :below of which a subscription has events that were not
-- tried yet, oldest first.
SELECT deliveries.block, blocks.n, blocks.accepted_at, deliveries.open
FROM deliveries CROSS JOIN blocks USING (block)
WHERE deliveries.subscription = :subscription AND deliveries.open IS NOT NULL
  AND deliveries.block >= :low AND deliveries.block < :below
ORDER BY deliveries.block
LIMIT :n;

-- name: open_blocks_unindexed
-- As `open_blocks`, without the index, should that be damaged.
SELECT deliveries.block, blocks.n, blocks.accepted_at, deliveries.open
FROM deliveries NOT INDEXED CROSS JOIN blocks USING (block)
WHERE deliveries.subscription = :subscription AND deliveries.open IS NOT NULL
  AND deliveries.block >= :low AND deliveries.block < :below
ORDER BY deliveries.block
LIMIT :n;

-- name: block_times
-- The first :n blocks from :low to before :below, with their numbers of events and their times.
SELECT block, n, accepted_at
FROM blocks
WHERE block >= :low AND block < :below
ORDER BY block
LIMIT :n;

-- name: due_rows
-- Up to :n deliveries of a subscription with a row of their own that are due by :now, oldest first,
-- without those in the JSON list :held.
SELECT
  id, event, state, due_at, attempts, coalesce(replayed_at, accepted_at), accepted_at,
  received_at, source, message_id, type, name, request, body
FROM exceptions
WHERE subscription = :subscription AND due_at <= :now
  AND id NOT IN (SELECT value FROM json_each(:held))
ORDER BY due_at, id
LIMIT :n;

-- name: due_ids
-- As `due_rows`, only their ids, which stand in the index.
SELECT id FROM exceptions
WHERE subscription = :subscription AND due_at <= :now
  AND id NOT IN (SELECT value FROM json_each(:held))
ORDER BY due_at, id
LIMIT :n;

-- name: due_row
-- As `due_rows`, one by its id.
SELECT
  id, event, state, due_at, attempts, coalesce(replayed_at, accepted_at), accepted_at,
  received_at, source, message_id, type, name, request, body
FROM exceptions
WHERE id = :id;

-- name: next_due
-- When the next delivery of a subscription with a row of its own comes due after :now, or null.
SELECT min(due_at) FROM exceptions WHERE subscription = :subscription AND due_at > :now;

-- name: number
-- The number of a subscription.
SELECT subscription FROM subscriptions WHERE name = :name;
