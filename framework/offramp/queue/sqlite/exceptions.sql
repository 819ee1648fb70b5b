-- name: add_exceptions
-- Stores deliveries that differ from their block.
INSERT INTO exceptions (
  event, subscription, state, due_at, attempts, updated_at, replayed_at, reason, message, status,
  source, message_id, type, name, received_at, accepted_at, request, payload, body
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: settle_rows
-- Stores outcomes; :rows is [id, state, due_at, attempts, reason, message, status, request, start,
-- length]; the last two say where in :payloads a new payload lies, a length of null that there is
-- none. What was delivered needs neither payload nor event.
UPDATE exceptions
SET
  state = json_extract(rows.value, '$[1]'),
  due_at = json_extract(rows.value, '$[2]'),
  attempts = json_extract(rows.value, '$[3]'),
  reason = json_extract(rows.value, '$[4]'),
  message = json_extract(rows.value, '$[5]'),
  status = json_extract(rows.value, '$[6]'),
  request = json_extract(rows.value, '$[7]'),
  payload = CASE json_extract(rows.value, '$[1]')
    WHEN 2 THEN NULL
    ELSE coalesce(
      substr(:payloads, 1 + json_extract(rows.value, '$[8]'), json_extract(rows.value, '$[9]')),
      payload
    )
  END,
  body = CASE json_extract(rows.value, '$[1]') WHEN 2 THEN NULL ELSE body END,
  updated_at = :now
FROM json_each(:rows) AS rows
WHERE exceptions.id = json_extract(rows.value, '$[0]');

-- name: cancellable_rows
-- Up to :n deliveries in flight with a row of their own, of events below :before, but for those in
-- the JSON list :held.
SELECT id, state
FROM exceptions
WHERE subscription = :subscription AND due_at IS NOT NULL AND event < :before
  AND id NOT IN (SELECT value FROM json_each(:held))
LIMIT :n;

-- name: cancel_rows
-- Ends the deliveries in the JSON list :ids as expired; :unanswered is [event, number of attempts]
-- of those whose last ones are not stored.
UPDATE exceptions
SET
  state = 5, due_at = NULL, updated_at = :now, reason = :reason, message = :message,
  attempts = max(
    attempts,
    coalesce(
      (
        SELECT json_extract(unanswered.value, '$[1]')
        FROM json_each(:unanswered) AS unanswered
        WHERE json_extract(unanswered.value, '$[0]') = exceptions.event
      ),
      0
    )
  )
WHERE id IN (SELECT value FROM json_each(:ids));

-- name: rebase_rows
-- Counts the delays of up to :n deliveries of a subscription from :now on, as the clock was set
-- back.
UPDATE exceptions
SET
  due_at = :now + max(due_at - updated_at, 0), updated_at = :now,
  accepted_at = min(accepted_at, :now), replayed_at = min(replayed_at, :now)
WHERE id IN (
  SELECT id
  FROM exceptions
  WHERE subscription = (SELECT subscription FROM subscriptions WHERE subscriptions.name = :name)
    AND due_at > :now AND updated_at > :now
  LIMIT :n
);

-- name: delay_rows
-- Lets up to :n deliveries of a subscription wait for what is left at :before, also after the clock
-- was set forwards by :step, to :now.
UPDATE exceptions
SET due_at = due_at + :step, updated_at = :now
WHERE id IN (
  SELECT id
  FROM exceptions
  WHERE subscription = (SELECT subscription FROM subscriptions WHERE subscriptions.name = :name)
    AND due_at > :before AND updated_at <= :before
  LIMIT :n
);

-- name: standing
-- Subscription, its name, state and how many of some deliveries are dead; :ids is a JSON list of
-- [event, subscription].
SELECT subscription, subscriptions.name, state, count(*)
FROM exceptions JOIN subscriptions USING (subscription)
WHERE
  (event, subscription) IN (
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:ids)
  )
  AND state > 3
GROUP BY subscription, state;

-- name: replay
-- Makes those of some deliveries that are still dead due at once; :ids as for `standing`.
UPDATE exceptions
SET
  state = 0, due_at = :now, attempts = 0, unknown_answers = 0, updated_at = :now,
  replayed_at = :now, reason = :reason, message = '', status = NULL
WHERE
  (event, subscription) IN (
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:ids)
  )
  AND state > 3;

-- name: has_rows
-- Those events of the JSON list :events that have a row of their own in a subscription.
SELECT event
FROM exceptions
WHERE event IN (SELECT value FROM json_each(:events)) AND subscription = :subscription;

-- name: unanswered_rows
-- Deliveries in flight with a row of their own, as for `due_rows`, of which attempts are not stored;
-- :sent is [event, number of the attempt, when the retry window of that opened]. What was replayed
-- later begins to count anew.
SELECT
  exceptions.id, event, state, due_at, attempts, coalesce(replayed_at, accepted_at), accepted_at,
  received_at, source, message_id, exceptions.type, name, request, body
FROM json_each(:sent) AS sent
CROSS JOIN exceptions ON exceptions.event = json_extract(sent.value, '$[0]')
WHERE subscription = :subscription AND due_at IS NOT NULL
  AND attempts < json_extract(sent.value, '$[1]')
  AND coalesce(replayed_at, 0) <= json_extract(sent.value, '$[2]');

-- name: add_unknown_answers
-- Notes attempts whose answers nobody knows; :rows is [event, how many].
UPDATE exceptions
SET unknown_answers = unknown_answers + json_extract(rows.value, '$[1]')
FROM json_each(:rows) AS rows
WHERE exceptions.event = json_extract(rows.value, '$[0]') AND subscription = :subscription;
