-- name: whole_blocks
-- The first :n blocks from :low to before :below with everything, oldest first.
SELECT block, n, accepted_at, checksum, heads, ends, body
FROM blocks
WHERE block >= :low AND block < :below
ORDER BY block
LIMIT :n;

-- name: tables
-- The tables of the file.
SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name;

-- name: damaged_deliveries
-- What waits in the blocks from :low to before :below in each subscription that got any of it; the
-- rows of the blocks themselves are not read.
SELECT block, subscription, open
FROM deliveries
WHERE block >= :low AND block < :below
ORDER BY block, subscription;

-- name: block_before
-- The last block before :block that any subscription got.
SELECT max(block) FROM deliveries WHERE block < :block;

-- name: size_of_block
-- How many events a block has, without its body.
SELECT n FROM blocks WHERE block = :block;

-- name: waiting_in_blocks
-- What waits and what ended in the blocks of the JSON list :blocks in a subscription; the rows of
-- the blocks themselves are not read.
SELECT block, open, results
FROM json_each(:blocks) AS asked
CROSS JOIN deliveries ON deliveries.block = asked.value AND deliveries.subscription = :subscription
WHERE open IS NOT NULL;
