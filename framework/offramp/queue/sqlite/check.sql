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
