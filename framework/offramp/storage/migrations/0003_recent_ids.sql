-- Message ids are written twice: at once here, one behind the other, and in long runs, sorted, into
-- the index. A commit of the index's random pages would cost more than the events themselves.
ALTER TABLE dedupe RENAME TO known_ids;

-- The ids that are not in the index yet.
CREATE TABLE dedupe (
  seq INTEGER PRIMARY KEY,
  digest INTEGER NOT NULL
) STRICT;
