-- Statements of the times in which something was paused or disabled.

-- name: periods
-- All of them.
SELECT kind, id, state, since, until FROM config_periods;

-- name: begin
-- Something is paused or disabled from :at on.
INSERT INTO config_periods (kind, id, state, since) VALUES (:kind, :id, :state, :at);

-- name: end_pause
-- Something is not paused any more. A clock set back meanwhile makes no time before the beginning.
UPDATE config_periods SET until = max(since, :at)
WHERE kind = :kind AND id = :id AND state = 'paused' AND until IS NULL;

-- name: forget_disabled
-- Something is enabled again.
DELETE FROM config_periods WHERE kind = :kind AND id = :id AND state = 'disabled';

-- name: forget_old
-- Pauses that ended long ago.
DELETE FROM config_periods WHERE until < :before;
