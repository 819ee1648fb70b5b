-- name: add_tallies
-- Adds to the states of lanes; :rows is [lane, state, n, pruned].
INSERT INTO tallies (lane, state, n, pruned)
SELECT
  json_extract(value, '$[0]'),
  json_extract(value, '$[1]'),
  json_extract(value, '$[2]'),
  json_extract(value, '$[3]')
FROM json_each(:rows)
WHERE true
ON CONFLICT DO UPDATE SET n = n + excluded.n, pruned = pruned + excluded.pruned;

-- name: add_accepted
-- Adds to what lanes accepted; :rows is [lane, n].
UPDATE lanes
SET accepted = accepted + json_extract(rows.value, '$[1]')
FROM json_each(:rows) AS rows
WHERE lanes.lane = json_extract(rows.value, '$[0]');

-- name: add_counts
-- Adds to the counts of one minute; :rows is [lane, source, counted, reason, n].
INSERT INTO counts (minute, lane, source, counted, reason, n)
SELECT
  :minute,
  json_extract(value, '$[0]'),
  json_extract(value, '$[1]'),
  json_extract(value, '$[2]'),
  json_extract(value, '$[3]'),
  json_extract(value, '$[4]')
FROM json_each(:rows)
WHERE true
ON CONFLICT DO UPDATE SET n = n + excluded.n;

-- name: add_latencies
-- Adds to the latencies of one hour; :rows is [lane, bucket, n].
INSERT INTO latencies (lane, hour, bucket, n)
SELECT
  json_extract(value, '$[0]'),
  :hour,
  json_extract(value, '$[1]'),
  json_extract(value, '$[2]')
FROM json_each(:rows)
WHERE true
ON CONFLICT DO UPDATE SET n = n + excluded.n;

-- name: in_flight
-- How many deliveries of each lane are in flight, by state.
SELECT lanes.name, tallies.state, tallies.n
FROM tallies JOIN lanes USING (lane)
WHERE tallies.state < 2;

-- name: latest_minute
-- The latest minute in which anything was counted.
SELECT max(minute) FROM counts;
