-- name: settled_rows
-- The rows of blocks and subscriptions, :pairs being a list of [block, subscription], with the
-- block's number of events and its time.
SELECT
  deliveries.block, deliveries.subscription, blocks.n, blocks.accepted_at, deliveries.open,
  deliveries.results
FROM json_each(:pairs) AS asked
CROSS JOIN deliveries
  ON deliveries.block = json_extract(asked.value, '$[0]')
  AND deliveries.subscription = json_extract(asked.value, '$[1]')
CROSS JOIN blocks ON blocks.block = deliveries.block;

-- name: settle_blocks
-- Stores what is open in blocks and what became of the others; :rows is [block, subscription, start
-- and length of `open`, start and length of `results`], both in :blobs; a length of null is a null.
UPDATE deliveries
SET
  open = substr(:blobs, 1 + json_extract(rows.value, '$[2]'), json_extract(rows.value, '$[3]')),
  results = substr(:blobs, 1 + json_extract(rows.value, '$[4]'), json_extract(rows.value, '$[5]')),
  updated_at = :now
FROM json_each(:rows) AS rows
WHERE deliveries.block = json_extract(rows.value, '$[0]')
  AND deliveries.subscription = json_extract(rows.value, '$[1]');

-- name: set_open
-- Stores which events of a block wait in a subscription.
UPDATE deliveries SET open = :open, updated_at = :now
WHERE block = :block AND subscription = :subscription;
