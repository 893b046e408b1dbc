-- The roles that questions are asked as. They belong to the whole cluster; several databases share them, and what each
-- of them may see is granted in each database. Two servers may start at once: what the other one made is there.
DO $$
DECLARE
    name text;
    server text := nullif(current_setting('annals.server', true), '');
BEGIN
    FOREACH name IN ARRAY ARRAY['annals_reader', 'annals_surveyor', 'annals_crosser'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
            END;
        END IF;
        -- On PostgreSQL 16 and newer who creates a role is its member, and may not become it: SET says whether one may.
        IF NOT pg_has_role(coalesce(server, current_user), name, CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END) THEN
            EXECUTE format('GRANT %I TO %I', name, coalesce(server, current_user));
        END IF;
    END LOOP;
END $$;
