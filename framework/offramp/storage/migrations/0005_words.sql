-- The words of the control API: revision, actor, audit log.

ALTER TABLE config_revision RENAME COLUMN rev TO revision;
ALTER TABLE config RENAME COLUMN rev TO revision;
ALTER TABLE config_audit RENAME COLUMN rev TO revision;
ALTER TABLE config_audit RENAME COLUMN who TO actor;
ALTER TABLE config_audit RENAME TO audit_log;
