-- The references (`env:NAME`, `file:/path`) that stand in the file that the host was started with:
-- they may be followed also after a start without the file, and others may not.
CREATE TABLE config_references (
  text TEXT PRIMARY KEY
) STRICT;
