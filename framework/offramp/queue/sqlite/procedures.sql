-- Procedures of the writing connection: an INSERT into a view runs all statements of its trigger.
-- So Python runs one statement where it would run several.

-- name: add_changes
-- What one write changes in the counters; a JSON list of rows for each table.
CREATE TEMP VIEW IF NOT EXISTS add_changes AS
SELECT NULL AS minute, NULL AS hour, NULL AS tallies, NULL AS accepted, NULL AS counts,
  NULL AS latencies;

-- name: run_add_changes
-- Rows are [subscription, state, n, pruned] of `tallies`, [subscription, n] of `accepted`,
-- [subscription, source, counted, reason, n] of `counts`, [subscription, bucket, n] of `latencies`.
CREATE TEMP TRIGGER IF NOT EXISTS run_add_changes INSTEAD OF INSERT ON add_changes
BEGIN
  INSERT INTO tallies (subscription, state, n, pruned)
  SELECT
    json_extract(value, '$[0]'),
    json_extract(value, '$[1]'),
    json_extract(value, '$[2]'),
    json_extract(value, '$[3]')
  FROM json_each(NEW.tallies)
  WHERE true
  ON CONFLICT DO UPDATE SET n = n + excluded.n, pruned = pruned + excluded.pruned;

  UPDATE subscriptions
  SET accepted = accepted + json_extract(rows.value, '$[1]')
  FROM json_each(NEW.accepted) AS rows
  WHERE subscriptions.subscription = json_extract(rows.value, '$[0]');

  INSERT INTO counts (minute, subscription, source, counted, reason, n)
  SELECT
    NEW.minute,
    json_extract(value, '$[0]'),
    json_extract(value, '$[1]'),
    json_extract(value, '$[2]'),
    json_extract(value, '$[3]'),
    json_extract(value, '$[4]')
  FROM json_each(NEW.counts)
  WHERE true
  ON CONFLICT DO UPDATE SET n = n + excluded.n;

  INSERT INTO latencies (subscription, hour, bucket, n)
  SELECT
    json_extract(value, '$[0]'),
    NEW.hour,
    json_extract(value, '$[1]'),
    json_extract(value, '$[2]')
  FROM json_each(NEW.latencies)
  WHERE true
  ON CONFLICT DO UPDATE SET n = n + excluded.n;
END;

-- name: add_block
-- The events of one commit, which of them each subscription gets, what that changes in the counters,
-- and where to look for message ids that came before.
CREATE TEMP VIEW IF NOT EXISTS add_block AS
SELECT NULL AS block, NULL AS n, NULL AS accepted_at, NULL AS checksum, NULL AS heads, NULL AS ends,
  NULL AS body, NULL AS deliveries, NULL AS sets, NULL AS digests, NULL AS periods, add_changes.*
FROM add_changes;

-- name: run_add_block
-- Does nothing but raise "known id" where the index has one of `digests` in one of `periods`: it is
-- rare, and to ask first would be one more statement. Rows of `deliveries` are [subscription, start,
-- length], where the last two say where in `sets` its set lies.
CREATE TEMP TRIGGER IF NOT EXISTS run_add_block INSTEAD OF INSERT ON add_block
BEGIN
  SELECT RAISE(ABORT, 'known id')
  FROM json_each(NEW.periods) AS period
  CROSS JOIN json_each(NEW.digests) AS asked
  CROSS JOIN ids ON ids.period = period.value AND ids.digest = asked.value;

  INSERT INTO blocks (block, n, accepted_at, checksum, heads, ends, body)
  VALUES (NEW.block, NEW.n, NEW.accepted_at, NEW.checksum, NEW.heads, NEW.ends, NEW.body);

  INSERT INTO deliveries (block, subscription, open, updated_at)
  SELECT
    NEW.block,
    json_extract(value, '$[0]'),
    substr(NEW.sets, 1 + json_extract(value, '$[1]'), json_extract(value, '$[2]')),
    NEW.accepted_at
  FROM json_each(NEW.deliveries);

  INSERT INTO add_changes
  VALUES (NEW.minute, NEW.hour, NEW.tallies, NEW.accepted, NEW.counts, NEW.latencies);
END;
