-- name: all_deliveries
-- What became of the events of every block in each subscription, oldest first.
SELECT block, subscription, open, results FROM deliveries ORDER BY block, subscription;

-- name: all_exceptions
-- Every row of its own, by event.
SELECT event, subscription, state, due_at FROM exceptions ORDER BY event;

-- name: request_parts
-- Whose a request is, how it ended, and what ended with it.
SELECT subscription, state, parts FROM requests WHERE request = :request;

-- name: all_requests
-- Every request's references, as counted, and what ended with it.
SELECT request, refs, parts FROM requests ORDER BY request;

-- name: references_of_rows
-- How many rows of their own refer to each request.
SELECT request, count(*)
FROM exceptions
WHERE request IS NOT NULL
GROUP BY request
ORDER BY request;

-- name: all_ids
-- The event of every message id in the index.
SELECT event FROM ids;

-- name: first_block
-- The number of the first block, or null.
SELECT min(block) FROM blocks;

-- name: tallies
-- What the counters say: all time, and without what retention took.
SELECT subscription, state, n, n - pruned FROM tallies;

-- name: accepted
-- How many events each subscription accepted, of all time.
SELECT subscription, name, accepted FROM subscriptions;
