-- name: next_request
-- The number of the next request.
SELECT coalesce(max(request), 0) + 1 FROM requests;

-- name: add_requests
-- Stores requests.
INSERT INTO requests
  (request, subscription, state, at, refs, reason, message, status, parts, exchange)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: unref_requests
-- Takes references from requests; :rows is [request, n].
UPDATE requests
SET refs = refs - json_extract(rows.value, '$[1]')
FROM json_each(:rows) AS rows
WHERE requests.request = json_extract(rows.value, '$[0]');

-- name: drop_requests
-- Forgets those in :rows, [request, n], that nothing refers to any more.
DELETE FROM requests
WHERE refs < 1 AND request IN (SELECT json_extract(value, '$[0]') FROM json_each(:rows));
