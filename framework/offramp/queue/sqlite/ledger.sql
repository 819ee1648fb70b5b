-- name: deliveries
-- The deliveries in the JSON list :ids, in its order, with what they sent and got.
SELECT
  deliveries.id, lanes.name AS lane, events.source, events.message_id, events.type, events.name,
  deliveries.state, deliveries.reason, deliveries.message, deliveries.status,
  deliveries.attempts, events.accepted_at, deliveries.updated_at, deliveries.due_at,
  deliveries.replayed_at, records.payload, exchanges.body AS exchange
FROM json_each(:ids) AS asked
CROSS JOIN deliveries ON deliveries.id = asked.value
CROSS JOIN lanes ON lanes.lane = deliveries.lane
CROSS JOIN events ON events.seq = deliveries.id >> 16
LEFT JOIN records ON records.delivery = deliveries.id
LEFT JOIN exchanges ON exchanges.exchange = records.exchange
ORDER BY asked.key;

-- name: delivery_ids
-- The ids of all deliveries of the events in the JSON list :seqs, in the events' order.
SELECT deliveries.id
FROM json_each(:seqs) AS asked
CROSS JOIN deliveries
  ON deliveries.id BETWEEN asked.value << 16 AND (asked.value << 16) + 65535
ORDER BY asked.key, deliveries.id;

-- name: events
-- The events in the JSON list :seqs, in its order.
SELECT
  seq, source, message_id, events.type, events.name, received_at, accepted_at, filtered
FROM json_each(:seqs) AS asked CROSS JOIN events ON events.seq = asked.value
ORDER BY asked.key;

-- name: body
-- The body of an event, or null once it was forgotten.
SELECT body FROM events WHERE seq = :seq;

-- name: find_event
-- The events with a message id, of one source or of any, latest first.
SELECT events.seq
FROM (
  SELECT seq FROM known_ids WHERE digest = :digest
  UNION ALL
  SELECT seq FROM dedupe WHERE digest = :digest
) AS found
CROSS JOIN events ON events.seq = found.seq
WHERE events.message_id = :message_id
  AND (:source IS NULL OR events.source = :source)
ORDER BY events.seq DESC;

-- name: lane_names
-- Every lane's number and name.
SELECT lane, name FROM lanes;

-- name: recent_events
-- Among the :scan events before :below, up to :limit of a source, or of any; latest first.
SELECT seq
FROM (SELECT seq, source FROM events WHERE seq < :below ORDER BY seq DESC LIMIT :scan)
WHERE :source IS NULL OR source = :source
LIMIT :limit;

-- name: recent_filtered
-- Among the :scan events before :below, up to :limit that a lane filtered; latest first.
SELECT seq
FROM (SELECT seq, filtered FROM events WHERE seq < :below ORDER BY seq DESC LIMIT :scan)
WHERE EXISTS (
    SELECT 1
    FROM json_each(filtered) AS reason, json_each(reason.value) AS lane
    WHERE lane.value = :lane
  )
  OR EXISTS (
    SELECT 1
    FROM deliveries
    WHERE id BETWEEN seq << 16 AND (seq << 16) + 65535 AND lane = :lane AND state = 3
  )
LIMIT :limit;

-- name: scan_end
-- The earliest of the :scan events before :below, or null where they are the last.
SELECT seq
FROM events
WHERE seq < :below
ORDER BY seq DESC
LIMIT 1 OFFSET :scan - 1;

-- name: recent_in_flight
-- Deliveries of a lane that are in flight, in one state or (null) in both, latest due first, from
-- below (:before, :below) on.
SELECT id, due_at
FROM deliveries
WHERE lane = :lane AND (:state IS NULL OR state = :state)
  AND due_at <= :before AND (due_at < :before OR id < :below)
ORDER BY due_at DESC, id DESC
LIMIT :limit;

-- name: counts
-- What was counted in some minutes, of one lane or source or of all.
SELECT
  counts.minute, coalesce(lanes.name, ''), counts.source, counts.counted, counts.reason, counts.n
FROM counts LEFT JOIN lanes USING (lane)
WHERE counts.minute >= :since AND counts.minute < :until
  AND (:lane IS NULL OR lanes.name = :lane)
  AND (:source IS NULL OR (counts.source = :source AND counts.lane = 0))
ORDER BY counts.minute, lanes.name, counts.source, counts.counted, counts.reason;

-- name: latencies
-- The histogram of a lane over the hours from :since on.
SELECT bucket, sum(n)
FROM latencies
WHERE lane = (SELECT lane FROM lanes WHERE lanes.name = :lane) AND hour >= :since
GROUP BY bucket
ORDER BY bucket;

-- name: all_latencies
-- The histograms of all lanes over the hours from :since on.
SELECT lanes.name, bucket, sum(n)
FROM latencies JOIN lanes ON lanes.lane = latencies.lane
WHERE hour >= :since
GROUP BY latencies.lane, bucket
ORDER BY latencies.lane, bucket;

-- name: errors
-- By state and reason, how many deliveries of a lane stand there since :since, with sample ids.
SELECT state, reason, total, id
FROM (
  SELECT
    id, state, reason,
    count(*) OVER (PARTITION BY state, reason) AS total,
    row_number() OVER (PARTITION BY state, reason ORDER BY updated_at DESC, id DESC) AS place
  FROM (
    SELECT id, state, reason, updated_at
    FROM deliveries
    WHERE lane = (SELECT lane FROM lanes WHERE lanes.name = :lane)
      AND state = 1 AND due_at IS NOT NULL AND updated_at >= :since
    UNION ALL
    SELECT id, state, reason, updated_at
    FROM deliveries
    WHERE lane = (SELECT lane FROM lanes WHERE lanes.name = :lane)
      AND state IN (4, 5) AND due_at IS NULL AND updated_at >= :since
  )
)
WHERE place <= :samples
ORDER BY total DESC, state, reason, place;
