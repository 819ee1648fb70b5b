-- name: subscriptions_named
-- The numbers of all subscriptions, or of the one called :name.
SELECT subscription FROM subscriptions WHERE :name IS NULL OR name = :name;

-- name: ended_rows
-- Rows of a subscription that ended in a state, latest first, from below (:before, :below) on.
SELECT updated_at, id
FROM exceptions
WHERE subscription = :subscription AND state = :state AND due_at IS NULL
  AND updated_at <= :before AND updated_at >= :since
  AND (updated_at < :before OR id < :below)
  AND (:reason IS NULL OR reason = :reason)
ORDER BY updated_at DESC, id DESC
LIMIT :limit;

-- name: ended_rows_by_id
-- Those deliveries of the JSON list :ids, of [event, subscription], that ended in one of the JSON
-- list :states in one of the JSON list :subscriptions, latest first.
SELECT updated_at, id
FROM exceptions
WHERE id IN (
    SELECT exceptions.id
    FROM json_each(:ids) AS asked
    CROSS JOIN exceptions
      ON exceptions.event = json_extract(asked.value, '$[0]')
      AND exceptions.subscription = json_extract(asked.value, '$[1]')
  )
  AND state IN (SELECT value FROM json_each(:states))
  AND subscription IN (SELECT value FROM json_each(:subscriptions))
  AND due_at IS NULL
  AND updated_at <= :before AND updated_at >= :since
  AND (updated_at < :before OR id < :below)
  AND (:reason IS NULL OR reason = :reason)
ORDER BY updated_at DESC, id DESC
LIMIT :limit;
