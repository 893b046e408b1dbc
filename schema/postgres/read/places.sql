-- Which tables beside the read models hold what belongs to one workspace, organization or account, and how a row says to
-- which: by the name of its stream. An expression that a row is asked for is compared with that name; where rows have the
-- number of a stream, another table says its name. A table that is not named here and has such a column is treated alike,
-- so that one that is added is not forgotten. Shown are the tables that questions read.
CREATE OR REPLACE FUNCTION log.places() RETURNS TABLE (t regclass, name_is text, number_is text, numbered_in text, shown bool)
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    WITH known (t, name_is, number_is, numbered_in, shown) AS (VALUES
        ('log.streams', 'name', NULL, NULL, true),
        ('log.events', NULL, 'stream', 'log.streams', true),
        ('log.evidence', NULL, 'stream', 'log.streams', true),
        ('log.commands', NULL, 'stream', 'log.streams', true),
        ('log.evidence_kept', NULL, 'stream', 'log.streams', false),
        ('log.api_keys', $x$CASE WHEN workspace IS NOT NULL THEN 'workspace-' || workspace WHEN holder = 'account' THEN 'account-' || account ELSE 'organization-' || organization END$x$, NULL, NULL, false),
        ('log.workspaces', $x$CASE WHEN strpos(slug, '/') > 0 THEN replace(slug, '/', '-') ELSE 'workspace-' || slug END$x$, NULL, NULL, false),
        ('log.device_grants', $x$'workspace-' || workspace$x$, NULL, NULL, false),
        ('log.erasures', 'NULL::text', NULL, NULL, false),
        ('log.imports', 'stream', NULL, NULL, false),
        ('log.accounts', $x$'account-' || account$x$, NULL, NULL, false),
        ('log.identities', $x$'account-' || account$x$, NULL, NULL, false),
        ('log.sessions', $x$'account-' || account$x$, NULL, NULL, false),
        ('log.sign_in_links', $x$'account-' || account$x$, NULL, NULL, false),
        ('log.oidc_attempts', $x$'account-' || account$x$, NULL, NULL, false),
        ('states.streams', 'stream', NULL, NULL, false),
        ('states.entity_states', NULL, 'ws', 'states.streams', false),
        ('states.progress', 'stream', NULL, NULL, false),
        ('states.parked', NULL, 'ws', 'states.streams', false),
        ('audit.trees', 'name', NULL, NULL, false),
        ('audit.tiles', NULL, 'tree', 'audit.trees', false),
        ('audit.checkpoints', 'name', NULL, NULL, false),
        ('audit.resumed', 'tree', NULL, NULL, false),
        ('ops.operations', $x$'workspace-' || target$x$, NULL, NULL, false))
    SELECT to_regclass(k.t), k.name_is, k.number_is, k.numbered_in, k.shown FROM known k WHERE to_regclass(k.t) IS NOT NULL
    UNION ALL
    SELECT c.oid, CASE WHEN bool_or(a.attname = 'workspace') THEN $x$'workspace-' || workspace$x$ WHEN bool_or(a.attname = 'stream' AND a.atttypid = 'text'::regtype) THEN 'stream' END,
        CASE WHEN NOT bool_or(a.attname = 'workspace' OR a.atttypid = 'text'::regtype) THEN min(a.attname) END,
        CASE WHEN NOT bool_or(a.attname = 'workspace' OR a.atttypid = 'text'::regtype) THEN CASE min(a.attname) WHEN 'ws' THEN 'states.streams' ELSE 'log.streams' END END, false
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
    WHERE n.nspname IN ('log', 'states', 'audit', 'ops') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND (a.attname = 'workspace' AND a.atttypid = 'text'::regtype OR a.attname = 'stream' AND a.atttypid IN ('text'::regtype, 'int'::regtype) OR a.attname = 'ws' AND a.atttypid = 'int'::regtype)
        AND NOT EXISTS (SELECT FROM known k WHERE to_regclass(k.t) = c.oid)
    GROUP BY c.oid
$$;

-- Puts the wall around one of them, for a server.
CREATE OR REPLACE FUNCTION log.surround(place regclass, server text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    p record;
    names text;
    one text := 'nullif(current_setting(''annals.stream'', true), '''')';
    several text := '(SELECT unnest(nullif(current_setting(''annals.streams'', true), '''')::text[]))';
BEGIN
    SELECT * INTO p FROM log.places() x WHERE x.t = place;
    IF p.name_is IS NOT NULL THEN
        PERFORM log.hold(place, 'asks', format('FOR SELECT TO annals_reader USING (%s = %s)', p.name_is, one));
        PERFORM log.hold(place, 'surveys', format('FOR SELECT TO annals_surveyor USING (%s IN %s)', p.name_is, several));
    ELSE
        SELECT x.name_is INTO names FROM log.places() x WHERE x.t = p.numbered_in::regclass;
        PERFORM log.hold(place, 'asks', format('FOR SELECT TO annals_reader USING (%I = (SELECT %I FROM %s WHERE %s = %s))',
            p.number_is, CASE p.numbered_in WHEN 'states.streams' THEN 'number' ELSE 'id' END, p.numbered_in, names, one));
        PERFORM log.hold(place, 'surveys', format('FOR SELECT TO annals_surveyor USING (%I IN (SELECT %I FROM %s WHERE %s IN %s))',
            p.number_is, CASE p.numbered_in WHEN 'states.streams' THEN 'number' ELSE 'id' END, p.numbered_in, names, several));
    END IF;
    PERFORM log.hold(place, 'keeps', format('TO %I USING (true) WITH CHECK (true)', server));
    IF p.shown AND NOT (has_table_privilege('annals_reader', place, 'SELECT') AND has_table_privilege('annals_surveyor', place, 'SELECT')) THEN
        EXECUTE format('GRANT SELECT ON %s TO annals_reader, annals_surveyor', place);
    END IF;
    IF p.shown AND NOT (has_schema_privilege('annals_reader', 'log', 'USAGE') AND has_schema_privilege('annals_surveyor', 'log', 'USAGE')) THEN
        GRANT USAGE ON SCHEMA log TO annals_reader, annals_surveyor;
    END IF;
    PERFORM log.enforce(place);
END $$;
