-- Which token of the control API made a change, by its label; '' where none did.

ALTER TABLE audit_log ADD COLUMN token TEXT NOT NULL DEFAULT '';
