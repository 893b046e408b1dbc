-- A key opens nothing before the log says that it was made.
ALTER TABLE log.api_keys ADD COLUMN pending boolean NOT NULL DEFAULT false;
