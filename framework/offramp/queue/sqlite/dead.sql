-- name: lanes
-- The numbers and names of all lanes, or of the one called :name.
SELECT lane, name FROM lanes WHERE :name IS NULL OR name = :name;

-- name: dead_by_lane
-- Deliveries of a lane that ended in a state, latest first, from below (:before, :below) on.
SELECT id, updated_at
FROM deliveries
WHERE lane = :lane AND state = :state AND due_at IS NULL
  AND updated_at <= :before AND updated_at >= :since
  AND (updated_at < :before OR id < :below)
  AND (:reason IS NULL OR reason = :reason)
ORDER BY updated_at DESC, id DESC
LIMIT :limit;

-- name: dead_by_id
-- The deliveries in the JSON list :ids that ended in one of the JSON list :states, latest first.
SELECT id, updated_at
FROM deliveries
WHERE id IN (SELECT value FROM json_each(:ids))
  AND state IN (SELECT value FROM json_each(:states))
  AND lane IN (SELECT value FROM json_each(:lanes))
  AND updated_at <= :before AND updated_at >= :since
  AND (updated_at < :before OR id < :below)
  AND (:reason IS NULL OR reason = :reason)
ORDER BY updated_at DESC, id DESC
LIMIT :limit;

-- name: standing
-- Lane, lane name, state and how many of the deliveries in the JSON list :ids are still dead.
SELECT lane, lanes.name, state, count(*)
FROM deliveries JOIN lanes USING (lane)
WHERE id IN (SELECT value FROM json_each(:ids)) AND state > 3
GROUP BY lane, state;

-- name: replay
-- Makes those deliveries in the JSON list :ids that are still dead due at once.
UPDATE deliveries
SET
  state = 0, due_at = :now, attempts = 0, updated_at = :now, replayed_at = :now,
  reason = :reason, message = '', status = NULL
WHERE id IN (SELECT value FROM json_each(:ids)) AND state > 3;
