-- Attempts of a delivery whose answers nobody knows, as the host ended while they were under way.

ALTER TABLE exceptions ADD COLUMN unknown_answers INTEGER NOT NULL DEFAULT 0;
