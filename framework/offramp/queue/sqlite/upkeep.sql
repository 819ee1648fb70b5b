-- name: cancellable
-- Up to :n deliveries in flight in a lane, but for those in the JSON list :held.
SELECT id, lane, state
FROM deliveries
WHERE lane = (SELECT lane FROM lanes WHERE lanes.name = :name) AND due_at IS NOT NULL
  AND id NOT IN (SELECT value FROM json_each(:held))
LIMIT :n;

-- name: cancel
-- Ends the deliveries in the JSON list :ids as expired.
UPDATE deliveries
SET state = 5, due_at = NULL, updated_at = :now, reason = :reason, message = :message
WHERE id IN (SELECT value FROM json_each(:ids));

-- name: rebase
-- Counts the delays of up to :n deliveries of a lane from :now on, as the clock was set back.
UPDATE deliveries
SET due_at = :now + max(due_at - updated_at, 0), updated_at = :now
WHERE id IN (
  SELECT id
  FROM deliveries
  WHERE lane = (SELECT lane FROM lanes WHERE lanes.name = :name)
    AND due_at > :now AND updated_at > :now
  LIMIT :n
);

-- name: prunable
-- Up to :n deliveries of any lane that ended in a state before :until.
SELECT id, lane, state, exchange
FROM (
  SELECT deliveries.id, deliveries.lane, deliveries.state
  FROM tallies
  CROSS JOIN deliveries ON deliveries.lane = tallies.lane AND deliveries.state = tallies.state
  WHERE tallies.state = :state AND tallies.n > tallies.pruned
    AND deliveries.due_at IS NULL AND deliveries.updated_at < :until
  LIMIT :n
)
LEFT JOIN records ON delivery = id;

-- name: drop_deliveries
-- Forgets the deliveries in the JSON list :ids.
DELETE FROM deliveries WHERE id IN (SELECT value FROM json_each(:ids));

-- name: idle
-- Those events in the JSON list :seqs that have no delivery; not the latest, which keeps the count.
SELECT seq, message_id, accepted_at, filtered
FROM events
WHERE seq IN (SELECT value FROM json_each(:seqs))
  AND seq < (SELECT max(seq) FROM events)
  AND NOT EXISTS (
    SELECT 1
    FROM deliveries
    WHERE id BETWEEN seq << 16 AND (seq << 16) + 65535
  );

-- name: drop_bodies
-- Forgets the bodies of the events in the JSON list :seqs.
UPDATE events SET body = NULL WHERE seq IN (SELECT value FROM json_each(:seqs));

-- name: drop_events
-- Forgets the events in the JSON list :seqs.
DELETE FROM events WHERE seq IN (SELECT value FROM json_each(:seqs));

-- name: drop_digests
-- Forgets message ids; :rows is [digest, seq].
DELETE FROM known_ids
WHERE (digest, seq) IN (
  SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:rows)
);

-- name: drop_recent_digests
-- Forgets those of the events in the JSON list :seqs that are not in the index yet.
DELETE FROM dedupe WHERE seq IN (SELECT value FROM json_each(:seqs));

-- name: old_events
-- The next :n events after :seq, oldest first.
SELECT seq, accepted_at FROM events WHERE seq > :seq ORDER BY seq LIMIT :n;

-- name: drop_counts
-- Forgets counts before :until, an hour of them at most.
DELETE FROM counts WHERE minute < min(:until, (SELECT min(minute) FROM counts) + 3600);

-- name: drop_latencies
-- Forgets latencies before :until.
DELETE FROM latencies WHERE hour < :until;
