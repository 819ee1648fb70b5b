-- name: latest_block
-- The number after the latest event, and when the latest block was accepted.
SELECT block + n, accepted_at FROM blocks ORDER BY block DESC LIMIT 1;

-- name: subscriptions_in_flight
-- The subscriptions with deliveries in flight, by number and name.
SELECT subscription, subscriptions.name
FROM tallies JOIN subscriptions USING (subscription)
WHERE tallies.state < 2 AND tallies.n > 0
GROUP BY subscription
ORDER BY subscriptions.name;

-- name: open_before
-- The blocks below :before of which a subscription has events that were not tried yet, oldest
-- first.
SELECT deliveries.open, blocks.n, blocks.accepted_at
FROM deliveries CROSS JOIN blocks USING (block)
WHERE deliveries.subscription = :subscription AND deliveries.open IS NOT NULL
  AND deliveries.block < :before
ORDER BY deliveries.block;

-- name: rows_before
-- Of a subscription's deliveries in flight with a row of their own, of events below :before: how
-- many there are by state, and when the oldest and the newest were accepted.
SELECT state, count(*), min(accepted_at), max(accepted_at)
FROM exceptions
WHERE subscription = :subscription AND due_at IS NOT NULL AND event < :before
GROUP BY state;

-- name: sealed_documents
-- The documents of the configuration, in which secrets are sealed; one may hold bytes that are no
-- text.
SELECT CAST(doc AS BLOB) FROM config WHERE doc IS NOT NULL;
