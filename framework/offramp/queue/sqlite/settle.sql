-- name: settle_alike
-- Stores one outcome for all deliveries in the JSON list :ids.
UPDATE deliveries
SET
  state = :state, due_at = :due_at, attempts = attempts + :attempted, reason = :reason,
  message = :message, status = :status, updated_at = :now
WHERE id IN (SELECT value FROM json_each(:ids));

-- name: settle
-- Stores an outcome for each delivery; :rows is [id, state, due_at, attempts, reason, message, status].
UPDATE deliveries
SET
  state = json_extract(rows.value, '$[1]'),
  due_at = json_extract(rows.value, '$[2]'),
  attempts = json_extract(rows.value, '$[3]'),
  reason = json_extract(rows.value, '$[4]'),
  message = json_extract(rows.value, '$[5]'),
  status = json_extract(rows.value, '$[6]'),
  updated_at = :now
FROM json_each(:rows) AS rows
WHERE deliveries.id = json_extract(rows.value, '$[0]');

-- name: drop_records
-- Forgets the records of the deliveries in the JSON list :ids.
DELETE FROM records WHERE delivery IN (SELECT value FROM json_each(:ids));

-- name: add_records
-- Stores records; what is null keeps the one before. :rows is [id, exchange, start, length]; the
-- last two say where in :payloads the payload lies, or are null.
INSERT INTO records (delivery, payload, exchange)
SELECT
  json_extract(value, '$[0]'),
  substr(:payloads, 1 + json_extract(value, '$[2]'), json_extract(value, '$[3]')),
  json_extract(value, '$[1]')
FROM json_each(:rows)
WHERE true
ON CONFLICT DO UPDATE SET
  payload = coalesce(excluded.payload, payload),
  exchange = coalesce(excluded.exchange, exchange);

-- name: next_exchange
-- The number of the next exchange.
SELECT coalesce(max(exchange), 0) + 1 FROM exchanges;

-- name: add_exchange
-- Stores an exchange and how many records refer to it.
INSERT INTO exchanges (exchange, refs, body) VALUES (:exchange, :refs, :body);

-- name: unref_exchanges
-- Takes references from exchanges; :rows is [exchange, n].
UPDATE exchanges
SET refs = refs - json_extract(rows.value, '$[1]')
FROM json_each(:rows) AS rows
WHERE exchanges.exchange = json_extract(rows.value, '$[0]');

-- name: drop_exchanges
-- Forgets those in :rows, [exchange, n], that nothing refers to any more.
DELETE FROM exchanges
WHERE refs < 1 AND exchange IN (SELECT json_extract(value, '$[0]') FROM json_each(:rows));
