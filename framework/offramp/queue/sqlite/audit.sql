-- name: rows
-- How many deliveries stand in each state of each lane.
SELECT lane, state, count(*) FROM deliveries WHERE due_at IS NULL GROUP BY lane, state
UNION ALL
SELECT lane, state, count(*) FROM deliveries WHERE due_at IS NOT NULL GROUP BY lane, state;

-- name: filtered
-- How many events each lane filtered before they became deliveries.
SELECT lane.value, count(*)
FROM events, json_each(events.filtered) AS reason, json_each(reason.value) AS lane
GROUP BY lane.value;

-- name: tallies
-- What the counters say: all time, and without what retention took.
SELECT lane, state, n, n - pruned FROM tallies;

-- name: accepted
-- How many events each lane accepted, of all time.
SELECT lane, name, accepted FROM lanes;

-- name: stray_records
-- Exchanges whose number of references is wrong.
SELECT exchanges.exchange, exchanges.refs, count(records.delivery)
FROM exchanges LEFT JOIN records USING (exchange)
GROUP BY exchanges.exchange
HAVING exchanges.refs <> count(records.delivery);

-- name: ids
-- How many events there are, how many message ids, and how many of these lead to an event.
SELECT
  (SELECT count(*) FROM events),
  (SELECT count(*) FROM known_ids) + (SELECT count(*) FROM dedupe),
  (SELECT count(*) FROM known_ids JOIN events USING (seq))
    + (SELECT count(*) FROM dedupe JOIN events USING (seq));
