-- name: add_tallies
-- Adds to the states of subscriptions; :rows is [subscription, state, n, pruned].
INSERT INTO tallies (subscription, state, n, pruned)
SELECT
  json_extract(value, '$[0]'),
  json_extract(value, '$[1]'),
  json_extract(value, '$[2]'),
  json_extract(value, '$[3]')
FROM json_each(:rows)
WHERE true
ON CONFLICT DO UPDATE SET n = n + excluded.n, pruned = pruned + excluded.pruned;

-- name: add_accepted
-- Adds to what subscriptions accepted; :rows is [subscription, n].
UPDATE subscriptions
SET accepted = accepted + json_extract(rows.value, '$[1]')
FROM json_each(:rows) AS rows
WHERE subscriptions.subscription = json_extract(rows.value, '$[0]');

-- name: add_counts
-- Adds to the counts of one minute; :rows is [subscription, source, counted, reason, n].
INSERT INTO counts (minute, subscription, source, counted, reason, n)
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
-- Adds to the latencies of one hour; :rows is [subscription, bucket, n].
INSERT INTO latencies (subscription, hour, bucket, n)
SELECT
  json_extract(value, '$[0]'),
  :hour,
  json_extract(value, '$[1]'),
  json_extract(value, '$[2]')
FROM json_each(:rows)
WHERE true
ON CONFLICT DO UPDATE SET n = n + excluded.n;

-- name: in_flight
-- How many deliveries of each subscription are in flight, by state.
SELECT subscriptions.name, tallies.state, tallies.n
FROM tallies JOIN subscriptions USING (subscription)
WHERE tallies.state < 2;

-- name: latest_minute
-- The latest minute in which anything was counted.
SELECT max(minute) FROM counts;
