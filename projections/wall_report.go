package projections

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/projections/read"
)

// A WallReport is how the second wall stands.
type WallReport struct {
	Up     bool     // questions are asked from behind it
	Tables int      // that it stands around, over all models
	Faults []string // what somebody did to it, in words for an operator
	Notes  []string // what is otherwise than it should be where the operator can choose
}

// wallFaultsSQL finds what would let somebody through: $1 are the roles that questions are asked as.
const wallFaultsSQL = `
WITH models AS (SELECT n.oid, n.nspname FROM log.models m JOIN pg_namespace n ON n.nspname = m.schema WHERE m.state IN ('live', 'old') OR m.filled AND m.state = 'building'),
tables AS (
	SELECT c.*, m.nspname, true AS model FROM models m JOIN pg_class c ON c.relnamespace = m.oid WHERE c.relkind IN ('r', 'p')
	AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'ws' AND NOT a.attisdropped)
	UNION ALL
	SELECT c.*, n.nspname, false FROM log.places() p JOIN pg_class c ON c.oid = p.t JOIN pg_namespace n ON n.oid = c.relnamespace),
askers AS (SELECT * FROM pg_roles WHERE rolname = ANY($1))
SELECT format('role %s %s', rolname, CASE WHEN rolsuper THEN 'is a superuser' WHEN rolbypassrls THEN 'passes over row level security (BYPASSRLS)' ELSE 'may log in' END)
FROM askers WHERE rolsuper OR rolbypassrls OR rolcanlogin
UNION ALL
SELECT format('there is no role %s', name) FROM unnest($1::text[]) name WHERE NOT EXISTS (SELECT FROM askers WHERE rolname = name)
UNION ALL
SELECT format('role %s is a member of %s', a.rolname, r.rolname) FROM askers a JOIN pg_auth_members m ON m.member = a.oid JOIN pg_roles r ON r.oid = m.roleid
UNION ALL
SELECT format('row level security is not %s on %s.%s', CASE WHEN relrowsecurity THEN 'forced' ELSE 'enabled' END, nspname, relname) FROM tables WHERE NOT (relrowsecurity AND relforcerowsecurity)
UNION ALL
SELECT format('%s.%s has no policy %s', t.nspname, t.relname, wanted.name) FROM tables t CROSS JOIN (VALUES ('asks'), ('surveys'), ('keeps')) wanted (name)
WHERE NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t.oid AND p.polname = wanted.name)
UNION ALL
SELECT format('%s.%s has a policy that is not ours: %s', t.nspname, t.relname, p.polname) FROM tables t JOIN pg_policy p ON p.polrelid = t.oid
WHERE p.polname NOT IN ('asks', 'surveys', 'keeps') AND NOT (p.polname = 'crosses' AND t.model)
UNION ALL
SELECT format('policy %s of %s.%s is not what it should be: a start of the server mends it', p.polname, t.nspname, t.relname) FROM tables t JOIN pg_policy p ON p.polrelid = t.oid
WHERE p.polname IN ('asks', 'surveys', 'keeps', 'crosses') AND NOT log.policy_holds(p.oid)
UNION ALL
SELECT format('%s owns %s.%s', a.rolname, t.nspname, t.relname) FROM tables t JOIN askers a ON a.oid = t.relowner
UNION ALL
SELECT format('%s may write %s.%s', a.rolname, t.nspname, t.relname) FROM tables t, askers a WHERE has_table_privilege(a.oid, t.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
UNION ALL
SELECT format('%s may read %s.%s, which no question reads', a.rolname, n.nspname, c.relname)
FROM askers a, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname IN ('log', 'states', 'audit', 'ops') AND has_table_privilege(a.oid, c.oid, 'SELECT') AND NOT a.rolsuper
	AND c.oid NOT IN (SELECT p.t FROM log.places() p WHERE p.shown)
UNION ALL
SELECT format('view %s.%s reads as its owner (security_invoker is off)', m.nspname, c.relname) FROM models m JOIN pg_class c ON c.relnamespace = m.oid
WHERE c.relkind = 'm' OR c.relkind = 'v' AND NOT coalesce(c.reloptions, '{}') @> '{security_invoker=true}'
UNION ALL
SELECT format('function %s.%s runs as its owner (SECURITY DEFINER)', n.nspname, p.proname) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.prosecdef AND (n.nspname IN ('log', 'states', 'audit', 'ops', 'public') OR n.oid IN (SELECT oid FROM models))
ORDER BY 1`

// wallNotesSQL tells what an operator may want otherwise: $1 is the server's role.
const wallNotesSQL = `
SELECT format('the server''s role %s owns the tables of the read models: give it a database whose owner is another role (--database-owner-url)', $1::text)
WHERE EXISTS (SELECT FROM log.models m JOIN pg_class c ON c.relnamespace = to_regnamespace(m.schema) JOIN pg_roles r ON r.oid = c.relowner WHERE m.state = 'live' AND c.relkind = 'r' AND r.rolname = $1)
UNION ALL
SELECT format('the server''s role %s does not pass over row level security, so that projecting cannot use COPY: ALTER ROLE %I BYPASSRLS', $1::text, $1::text)
FROM pg_roles WHERE rolname = $1 AND NOT rolbypassrls AND NOT rolsuper
UNION ALL
SELECT format('the server''s role %s is a superuser', $1::text) FROM pg_roles WHERE rolname = $1 AND rolsuper`

// eventsFaultsSQL finds what would let the server's role change the past, where the log is in this database.
const eventsFaultsSQL = `
SELECT format('trigger %s on log.%s is off: the log can be changed', t.name, t.relation)
FROM (VALUES ('events_immutable', 'events'), ('streams_kept', 'streams'), ('head_kept', 'head')) t (name, relation)
WHERE to_regclass('log.events') IS NOT NULL AND NOT EXISTS (
	SELECT FROM pg_trigger g WHERE g.tgrelid = to_regclass('log.' || t.relation) AND g.tgname = t.name AND g.tgenabled IN ('O', 'A'))
UNION ALL
SELECT format('the server''s role %s may change events', $1::text)
WHERE to_regclass('log.events') IS NOT NULL AND has_table_privilege($1, 'log.events', 'UPDATE, DELETE, TRUNCATE')
	AND NOT EXISTS (SELECT FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE c.oid = to_regclass('log.events') AND pg_has_role($1, r.oid, 'USAGE'))
ORDER BY 1`

// Wall looks at the second wall, and at what keeps events from being changed: what a start, a doctor and a test ask.
func (e *Engine) Wall(ctx context.Context) (WallReport, error) {
	r := WallReport{Up: e.walled.Load()}
	server, err := e.serverRole(ctx)
	if err != nil {
		return r, fmt.Errorf("look at the wall between workspaces: %w", err)
	}
	b := &pgx.Batch{}
	take := func(into *[]string) func(pgx.Rows) error {
		return func(rows pgx.Rows) error {
			found, err := pgx.CollectRows(rows, pgx.RowTo[string])
			*into = append(*into, found...)
			return err
		}
	}
	b.Queue(eventsFaultsSQL, server).Query(take(&r.Faults))
	if r.Up {
		b.Queue(wallFaultsSQL, read.Roles).Query(take(&r.Faults))
		b.Queue(wallNotesSQL, server).Query(take(&r.Notes))
		b.Queue(`SELECT count(*) FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
			WHERE p.polname = 'asks' AND (c.relnamespace IN (SELECT to_regnamespace(m.schema) FROM log.models m WHERE m.state <> 'dropped') OR c.oid IN (SELECT t FROM log.places()))`).QueryRow(func(row pgx.Row) error { return row.Scan(&r.Tables) })
	} else {
		r.Notes = []string{"there is no second wall: the owner of the database could not make the roles " + fmt.Sprint(read.Roles) + ", or they are not the server's to take on; questions are asked as the server's own role"}
	}
	if err := e.Pool.SendBatch(ctx, b).Close(); err != nil {
		return r, fmt.Errorf("look at the wall between workspaces: %w", err)
	}
	slices.Sort(r.Faults)
	return r, nil
}
