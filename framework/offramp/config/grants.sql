-- Statements of the OAuth 2 grants of instances.

-- name: grants
-- All grants.
SELECT instance, CAST(doc AS BLOB) FROM oauth_grants ORDER BY instance;

-- name: put_grant
-- Write the grant of an instance that exists; it replaces the one before.
INSERT OR REPLACE INTO oauth_grants (instance, doc)
SELECT :instance, :doc
WHERE EXISTS (SELECT 1 FROM config WHERE kind = 'instance' AND id = :instance AND deleted = 0);

-- name: remove_grant
-- Forget the grant of an instance, with its tokens.
DELETE FROM oauth_grants WHERE instance = :instance;
