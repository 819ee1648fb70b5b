-- name: due
-- Up to :n deliveries of a lane that are due, oldest first, from :due and :id on, without those in
-- the JSON list :held: one JSON list of rows, and one blob of their bodies in the same order.
SELECT
  json_group_array(
    json_array(
      id, due_at, lane, state, attempts, opened_at, recorded, exchange,
      source, message_id, type, name, accepted_at, length(body)
    )
  ),
  CAST(group_concat(CAST(body AS TEXT), '') AS BLOB)
FROM (
  SELECT
    deliveries.*, events.*, records.exchange, records.delivery IS NOT NULL AS recorded,
    coalesce(deliveries.replayed_at, events.accepted_at) AS opened_at
  FROM deliveries
  CROSS JOIN events ON events.seq = deliveries.id >> 16
  LEFT JOIN records ON records.delivery = deliveries.id
  WHERE deliveries.lane = (SELECT lane FROM lanes WHERE lanes.name = :lane)
    AND deliveries.due_at BETWEEN :due AND :now
    AND (deliveries.due_at > :due OR deliveries.id >= :id)
    AND deliveries.id NOT IN (SELECT value FROM json_each(:held))
  ORDER BY deliveries.due_at, deliveries.id
  LIMIT :n
);

-- name: next_due
-- When the next delivery of a lane comes due after :now, or null.
SELECT min(due_at)
FROM deliveries
WHERE lane = (SELECT lane FROM lanes WHERE lanes.name = :lane) AND due_at > :now;
