-- The OAuth 2 grants of instances: beside the configuration, as a refresh makes no revision of it.

CREATE TABLE oauth_grants (
  instance TEXT PRIMARY KEY,
  -- JSON; the tokens in it are sealed.
  doc TEXT NOT NULL
) STRICT;
