-- name: ends
-- Where the tables end: the number of the latest lane (they are numbered from 1 and never deleted),
-- and the seq of the next event (the latest is never deleted, so that none is used twice). One
-- statement, since each takes the interpreter's lock.
SELECT
  (SELECT coalesce(max(lane), 0) FROM lanes),
  (SELECT coalesce(max(seq), 0) + 1 FROM events);

-- name: all_lanes
-- Every lane's name and number.
SELECT name, lane FROM lanes;

-- name: add_lanes
-- Numbers new lanes; :names is a JSON list.
INSERT INTO lanes (name) SELECT value FROM json_each(:names);

-- name: add_events
-- Stores events from :first on. :rows is [source, message_id, type, name, received_at, filtered,
-- start, length]; the last two say where in :bodies the event's body lies.
INSERT INTO events
SELECT
  :first + key,
  json_extract(value, '$[0]'),
  json_extract(value, '$[1]'),
  json_extract(value, '$[2]'),
  json_extract(value, '$[3]'),
  json_extract(value, '$[4]'),
  :now,
  json_extract(value, '$[5]'),
  substr(:bodies, 1 + json_extract(value, '$[6]'), json_extract(value, '$[7]'))
FROM json_each(:rows);

-- name: add_deliveries
-- Stores deliveries that are due at once; :rows is [id, lane].
INSERT INTO deliveries (id, lane, state, due_at, attempts, updated_at, reason, message)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), 0, :now, 0, :now, '', ''
FROM json_each(:rows);

-- name: known_ids
-- Source and id of those events accepted after :horizon whose digest is in the JSON list :digests
-- and in the index, or whose seq is in the JSON list :recent.
SELECT events.source, events.message_id
FROM (
  SELECT known_ids.seq
  FROM json_each(:digests) AS asked CROSS JOIN known_ids ON known_ids.digest = asked.value
  UNION ALL
  SELECT value FROM json_each(:recent)
) AS found
CROSS JOIN events ON events.seq = found.seq
WHERE events.accepted_at > :horizon;

-- name: recent_ids
-- The ids that are not in the index yet.
SELECT digest, seq FROM dedupe;

-- name: add_ids
-- Makes events from :first on findable by message id; :digests is a JSON list.
INSERT INTO dedupe (seq, digest) SELECT :first + key, value FROM json_each(:digests);

-- name: index_ids
-- Puts the latest ids into the index, sorted, so that each page is written once.
INSERT INTO known_ids (digest, seq) SELECT digest, seq FROM dedupe ORDER BY digest;

-- name: forget_indexed
-- Forgets the latest ids, which are in the index now.
DELETE FROM dedupe;
