-- The second wall: row level security on every table of a model whose rows belong to a workspace. FORCE has it hold for
-- the owner too. Who has no policy below sees no row and writes none.
DO $$
DECLARE
    t regclass;
    server text := coalesce(nullif(current_setting('annals.server', true), ''), current_user);
    model oid := (SELECT relnamespace FROM pg_class WHERE oid = 'read.audit_entries'::regclass);
    -- Which workspace a promotion came from, where somebody is a member, whose account an id is: statements that ask it
    -- begin in no workspace.
    crossed name[] := ARRAY['promotions', 'workspaces', 'workspaces_was', 'organizations', 'members', 'team_members', 'roles', 'accounts'];
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %s TO annals_reader, annals_surveyor, annals_crosser', model::regnamespace);
    FOR t IN
        SELECT c.oid FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'ws'
        WHERE c.relnamespace = model AND c.relkind = 'r'
        ORDER BY c.relname
    LOOP
        -- One value, not a list of one: the planner takes it for the same thing as the workspace in the WHERE, compares
        -- the two once, and searches as it did without a policy.
        PERFORM log.hold(t, 'asks', 'FOR SELECT TO annals_reader, annals_crosser USING (ws = nullif(current_setting(''annals.ws'', true), '''')::int)');
        PERFORM log.hold(t, 'surveys', 'FOR SELECT TO annals_surveyor USING (ws IN (SELECT unnest(nullif(current_setting(''annals.workspaces'', true), '''')::int[])))');
        PERFORM log.hold(t, 'keeps', format('TO %I USING (true) WITH CHECK (true)', server));
        IF (SELECT relname FROM pg_class WHERE oid = t) = ANY(crossed) THEN
            PERFORM log.hold(t, 'crosses', 'FOR SELECT TO annals_crosser USING (true)');
        ELSIF EXISTS (SELECT FROM pg_policy WHERE polrelid = t AND polname = 'crosses') THEN
            EXECUTE format('DROP POLICY crosses ON %s', t);
        END IF;
        IF NOT (has_table_privilege('annals_reader', t, 'SELECT') AND has_table_privilege('annals_surveyor', t, 'SELECT') AND has_table_privilege('annals_crosser', t, 'SELECT')) THEN
            EXECUTE format('GRANT SELECT ON %s TO annals_reader, annals_surveyor, annals_crosser', t);
        END IF;
        PERFORM log.enforce(t);
    END LOOP;
    -- A view reads as its owner unless told otherwise.
    FOR t IN SELECT oid FROM pg_class WHERE relnamespace = model AND relkind = 'v' AND NOT coalesce(reloptions, '{}') @> '{security_invoker=true}' LOOP
        EXECUTE format('ALTER VIEW %s SET (security_invoker = true)', t);
        EXECUTE format('GRANT SELECT ON %s TO annals_reader, annals_surveyor, annals_crosser', t);
    END LOOP;
END $$;
