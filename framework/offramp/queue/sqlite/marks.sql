-- name: mark
-- The number that is remembered by a name.
SELECT value FROM marks WHERE name = :name;

-- name: marks
-- The numbers that are remembered by names that begin with :prefix.
SELECT name, value FROM marks WHERE substr(name, 1, length(:prefix)) = :prefix;

-- name: set_mark
-- Remembers a number by name.
INSERT INTO marks (name, value) VALUES (:name, :value)
ON CONFLICT DO UPDATE SET value = excluded.value;

-- name: drop_mark
-- Forgets the number of a name.
DELETE FROM marks WHERE name = :name;
