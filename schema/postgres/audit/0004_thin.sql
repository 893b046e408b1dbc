-- A workspace that is written to all day is signed every second. A checkpoint proves all events before it, so that of old
-- ones few are worth keeping: after a day the last of each hour, and one of every thousand events. Whoever was told of
-- another one still has it: it is signed, and its leaf stays in the instance's tree. What may go is decided here, so that
-- nobody who only uses this database as he may can take the last one away, or one that is young.
ALTER TABLE audit.sealing
    ADD COLUMN thinned bigint NOT NULL DEFAULT 0,          -- the number of the first checkpoint that was not looked at
    ADD COLUMN thinned_instance bigint NOT NULL DEFAULT 0; -- the size of the instance's tree up to which it was

DROP TRIGGER checkpoints_kept ON audit.checkpoints;
DROP TRIGGER instance_checkpoints_kept ON audit.instance_checkpoints;
CREATE TRIGGER checkpoints_kept BEFORE UPDATE OR TRUNCATE ON audit.checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
CREATE TRIGGER instance_checkpoints_kept BEFORE UPDATE OR TRUNCATE ON audit.instance_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();

-- The next one of the same tree is of the same hour, and of the same thousand events: then it stands for this one, too.
CREATE FUNCTION audit.thins() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    next record;
BEGIN
    SELECT size, at INTO next FROM audit.checkpoints WHERE name = OLD.name AND size > OLD.size ORDER BY size LIMIT 1;
    IF OLD.at < now() - interval '1 day' AND next.size / 1000 = OLD.size / 1000 AND date_trunc('hour', next.at, 'UTC') = date_trunc('hour', OLD.at, 'UTC') THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'checkpoints are kept: delete on audit.checkpoints is refused' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER checkpoints_thinned BEFORE DELETE ON audit.checkpoints FOR EACH ROW EXECUTE FUNCTION audit.thins();

CREATE FUNCTION audit.thins_instance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    next record;
BEGIN
    SELECT at INTO next FROM audit.instance_checkpoints WHERE size > OLD.size ORDER BY size LIMIT 1;
    IF OLD.at < now() - interval '1 day' AND date_trunc('hour', next.at, 'UTC') = date_trunc('hour', OLD.at, 'UTC') THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'checkpoints are kept: delete on audit.instance_checkpoints is refused' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER instance_checkpoints_thinned BEFORE DELETE ON audit.instance_checkpoints FOR EACH ROW EXECUTE FUNCTION audit.thins_instance();
