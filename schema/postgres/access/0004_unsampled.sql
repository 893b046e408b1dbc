-- The planner's samples of a column are copies of its values, which nothing erases: there are to be none of what names
-- persons. A column's samples go when its type is set, be it the same one; the tables are not rewritten for that.
ALTER TABLE log.accounts ALTER COLUMN login TYPE text COLLATE "C", ALTER COLUMN name TYPE text, ALTER COLUMN email TYPE text, ALTER COLUMN password TYPE text, ALTER COLUMN slug TYPE text;
ALTER TABLE log.accounts ALTER COLUMN login SET STATISTICS 0, ALTER COLUMN name SET STATISTICS 0, ALTER COLUMN email SET STATISTICS 0, ALTER COLUMN password SET STATISTICS 0,
    ALTER COLUMN slug SET STATISTICS 0;
ALTER TABLE log.identities ALTER COLUMN subject TYPE text COLLATE "C";
ALTER TABLE log.identities ALTER COLUMN subject SET STATISTICS 0;
ALTER TABLE log.sessions ALTER COLUMN address TYPE text, ALTER COLUMN agent TYPE text;
ALTER TABLE log.sessions ALTER COLUMN address SET STATISTICS 0, ALTER COLUMN agent SET STATISTICS 0;
ALTER TABLE log.device_grants ALTER COLUMN device TYPE text, ALTER COLUMN address TYPE text;
ALTER TABLE log.device_grants ALTER COLUMN device SET STATISTICS 0, ALTER COLUMN address SET STATISTICS 0;
ALTER TABLE log.api_keys ALTER COLUMN name TYPE text;
ALTER TABLE log.api_keys ALTER COLUMN name SET STATISTICS 0;
