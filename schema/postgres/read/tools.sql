-- What walls are put up with. A policy carries a mark of what it is in a comment: where the two differ, somebody changed
-- it, and where the mark is of another text, an earlier version of ours made it. Either way it is made anew.
CREATE SCHEMA IF NOT EXISTS log;

-- What a policy is: for what, for whom, and its expressions. The search path is fixed, since expressions are written by it.
CREATE OR REPLACE FUNCTION log.policy_is(policy oid) RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT md5(concat_ws('|', p.polcmd, p.polpermissive, p.polroles = '{0}', (SELECT string_agg(r.rolname, ',' ORDER BY r.rolname) FROM pg_roles r WHERE r.oid = ANY(p.polroles)),
        pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)))
    FROM pg_policy p WHERE p.oid = policy
$$;

-- Whether a policy is as it was made.
CREATE OR REPLACE FUNCTION log.policy_holds(policy oid) RETURNS bool LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT coalesce(split_part(obj_description(policy, 'pg_policy'), ' ', 2) = log.policy_is(policy), false)
$$;

-- Puts a policy on a table, unless it is there and as it should be.
CREATE OR REPLACE FUNCTION log.hold(t regclass, policy name, clause text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    old oid := (SELECT p.oid FROM pg_policy p WHERE p.polrelid = t AND p.polname = policy);
BEGIN
    IF old IS NOT NULL THEN
        IF obj_description(old, 'pg_policy') = md5(clause) || ' ' || log.policy_is(old) THEN
            RETURN;
        END IF;
        EXECUTE format('DROP POLICY %I ON %s', policy, t);
    END IF;
    EXECUTE format('CREATE POLICY %I ON %s %s', policy, t, clause);
    EXECUTE format('COMMENT ON POLICY %I ON %s IS %L', policy, t,
        md5(clause) || ' ' || log.policy_is((SELECT p.oid FROM pg_policy p WHERE p.polrelid = t AND p.polname = policy)));
END $$;

-- Has a table obey its policies, its owner too.
CREATE OR REPLACE FUNCTION log.enforce(t regclass) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NOT (SELECT c.relrowsecurity AND c.relforcerowsecurity FROM pg_class c WHERE c.oid = t) THEN
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);
    END IF;
END $$;
