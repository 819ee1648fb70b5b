-- Statements of the living configuration.

-- name: revision
-- The revision in force.
SELECT revision FROM config_revision;

-- name: references
-- The references that stand in the file that the host was started with last.
SELECT text FROM config_references;

-- name: forget_references
-- Before another file's take their place.
DELETE FROM config_references;

-- name: add_reference
-- One that stands in the file.
INSERT INTO config_references (text) VALUES (:text);

-- name: advance
-- Count the revision up if it is still the one that the caller read.
UPDATE config_revision SET revision = revision + 1 WHERE revision = :expected;

-- name: documents
-- All that is in force, in the order in which it was added.
SELECT kind, id, CAST(doc AS BLOB) FROM config WHERE deleted = 0 ORDER BY rowid;

-- name: copies
-- The copies of a thing, the latest first, secrets masked; and notes of what else was done with it.
SELECT after FROM audit_log
WHERE kind = :kind AND id = :id AND after IS NOT NULL
ORDER BY entry DESC;

-- name: add
-- Put in something new; what was removed under that id before gives way, and its place with it.
INSERT OR REPLACE INTO config (kind, id, revision, doc) VALUES (:kind, :id, :revision, :doc);

-- name: change
-- Write something anew, at its place.
UPDATE config SET revision = :revision, doc = :doc WHERE kind = :kind AND id = :id;

-- name: remove
-- Leave a mark that something was there; its secrets go.
UPDATE config SET revision = :revision, doc = NULL, deleted = 1 WHERE kind = :kind AND id = :id;

-- name: add_to_audit_log
-- Set down one change of a revision.
INSERT INTO audit_log (revision, at, actor, token, kind, id, before, after)
VALUES (:revision, :at, :actor, :token, :kind, :id, :before, :after);

-- name: read_audit_log
-- What was changed, latest first, below an entry; of one kind, or one id, if they are given.
SELECT entry, revision, at, actor, token, kind, id, before, after FROM audit_log
WHERE entry < :below AND (:kind IS NULL OR kind = :kind) AND (:id IS NULL OR id = :id)
ORDER BY entry DESC LIMIT :limit;
