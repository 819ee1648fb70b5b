-- name: change
-- Stores what one write changes in the counters; see `procedures.sql`.
INSERT INTO add_changes VALUES (:minute, :hour, :tallies, :accepted, :counts, :latencies);

-- name: in_flight
-- How many deliveries of each subscription are in flight, by state.
SELECT subscriptions.name, tallies.state, tallies.n
FROM tallies JOIN subscriptions USING (subscription)
WHERE tallies.state < 2;

-- name: newest_time
-- The latest time at which anything is known to have been stored (µs): a block, or a counted minute.
SELECT nullif(
  max(
    coalesce((SELECT accepted_at FROM blocks ORDER BY block DESC LIMIT 1), 0),
    coalesce((SELECT max(minute) FROM counts) * 1000000, 0)
  ),
  0
);
