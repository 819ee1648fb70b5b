-- name: change
-- Stores what one write changes in the counters; see `procedures.sql`.
INSERT INTO add_changes VALUES (:minute, :hour, :tallies, :accepted, :counts, :latencies);

-- name: in_flight
-- How many deliveries of each subscription are in flight, by state.
SELECT subscriptions.name, tallies.state, tallies.n
FROM tallies JOIN subscriptions USING (subscription)
WHERE tallies.state < 2;

-- name: latest_minute
-- The latest minute in which anything was counted.
SELECT max(minute) FROM counts;
