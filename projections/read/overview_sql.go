package read

import (
	"regexp"
	"strconv"
	"strings"
)

// A list of workspaces is two statements. The first finds, as [Crosser], which workspaces somebody sees: from their own rows
// in the rosters and those of their teams, then the workspaces these open, and of those the page; so its cost follows what
// they may see, never what there is. The second reads, as [Surveyor], what a list shows of those that the rights still
// let through.

// A named statement has parameters with names, {like} this.
type named struct {
	text  string
	names []string // in the order of their numbers
}

var parameter = regexp.MustCompile(`\{([a-z_]+)\}`)

func name(text string) named {
	var n named
	at := map[string]string{}
	n.text = parameter.ReplaceAllStringFunc(text, func(p string) string {
		if at[p] == "" {
			n.names = append(n.names, strings.Trim(p, "{}"))
			at[p] = "$" + strconv.Itoa(len(n.names))
		}
		return at[p]
	})
	return n
}

// values are the parameters in their order.
func (n named) values(of map[string]any) []any {
	out := make([]any, len(n.names))
	for i, name := range n.names {
		out[i] = of[name]
	}
	return out
}

// opened is what somebody sees now: directly, through teams, and by roles in organizations. A team's roles count only in
// its own organization, and nobody sees anything by an organization that suspended them, or their team.
const opened = `
my_teams AS MATERIALIZED (
	SELECT t.ws AS org, 'team:' || t.team AS team FROM read.team_members t
	WHERE t.member = {who}::text AND NOT EXISTS (SELECT FROM read.members s WHERE s.ws = t.ws AND s.member IN ({who}::text, 'team:' || t.team) AND s.suspended)),
held AS MATERIALIZED (
	SELECT m.ws, 0 AS org, m.roles FROM read.members m WHERE m.member = {who}::text AND NOT m.suspended
	UNION ALL
	SELECT m.ws, t.org, m.roles FROM my_teams t JOIN read.members m ON m.member = t.team AND NOT m.suspended),
opened AS MATERIALIZED (
	SELECT ws, bool_or(owner) AS owner FROM (
		SELECT w.ws, 'owner' = ANY(h.roles) AS owner FROM held h JOIN read.workspaces w ON w.ws = h.ws LEFT JOIN read.organizations o ON o.slug = w.organization
		WHERE (h.org = 0 OR h.org = o.ws)
		AND NOT EXISTS (SELECT FROM read.members s WHERE s.ws = o.ws AND s.member = {who}::text AND s.suspended)
		AND (h.roles && '{viewer,member,admin,owner}' OR EXISTS (
			SELECT FROM read.roles c WHERE c.ws IN (w.ws, o.ws) AND 'workspace:read' = ANY(c.permissions)
			AND (CASE c.ws WHEN w.ws THEN 'workspace/' ELSE 'organization/' END || c.name) = ANY(h.roles)))
		UNION ALL
		SELECT w.ws, 'owner' = ANY(h.roles) FROM held h JOIN read.organizations o ON o.ws = h.ws JOIN read.workspaces w ON w.organization = o.slug
		WHERE (h.org = 0 OR h.org = h.ws) AND (h.roles && '{admin,owner}' OR EXISTS (
			SELECT FROM read.roles c WHERE c.ws = o.ws AND 'workspace:read' = ANY(c.permissions) AND 'organization/' || c.name = ANY(h.roles)))
	) x GROUP BY ws),
visible AS (
	SELECT w.*, g.ws AS org FROM opened o JOIN read.workspaces w ON w.ws = o.ws AND (o.owner OR NOT w.deleted) LEFT JOIN read.organizations g ON g.slug = w.organization
	WHERE {only}::text = '' OR w.slug = {only})`

// fits is the filter, on a row w of workspaces.
const fits = `
	CASE WHEN w.deleted THEN 'deleted' WHEN w.archived THEN 'archived' ELSE 'active' END = ANY({states}::text[])
	AND ({text}::text = '' OR strpos(w.slug, {text}) > 0 OR strpos(translate(lower(w.name), {upper}::text, {down}::text), {text}) > 0)
	AND w.labels @> {labels}::text::jsonb
	AND ({kinds}::text[] IS NULL OR w.kind = ANY({kinds}))
	AND ({environments}::text[] IS NULL OR w.environment = ANY({environments}))
	AND ({sensitivities}::text[] IS NULL OR w.sensitivity = ANY({sensitivities}))
	AND ({teams}::text[] IS NULL OR w.team = ANY({teams}))
	AND ({organizations}::text[] IS NULL OR w.organization = ANY({organizations}))`

// paging is the order of a list, and where its page begins.
func paging(back bool) (beyond, order string) {
	if back {
		return `({after}::text = '' OR w.slug COLLATE "C" < {after})`, `w.slug COLLATE "C" DESC`
	}
	return `({after}::text = '' OR w.slug COLLATE "C" > {after})`, `w.slug COLLATE "C"`
}

// seenSQL is the page of what somebody sees now; seenEverSQL all that they see, for a page of an earlier moment.
func seenSQL(back bool) string {
	beyond, order := paging(back)
	return `WITH ` + opened + ` SELECT w.ws, w.slug, w.org FROM visible w WHERE ` + fits + ` AND ` + beyond + ` ORDER BY ` + order + ` LIMIT {limit}`
}

const seenEverSQL = `WITH ` + opened + ` SELECT w.ws, w.slug, w.org FROM visible w`

// rowsAt is the rows of a temporal table, of a workspace or organization (SQL) at a revision (SQL), for which the condition
// on x holds; where nobody asks for the past, those that are true now.
func rowsAt(past bool, table, cols, ws, n, condition string) string {
	c := columns("x", cols)
	if !past {
		return `(SELECT ` + c + ` FROM read.` + table + ` x WHERE x.ws = ` + ws + ` AND ` + condition + `)`
	}
	return `(SELECT ` + c + ` FROM read.` + table + ` x WHERE x.ws = ` + ws + ` AND x.since <= ` + n + ` AND ` + condition + `
		UNION ALL SELECT ` + c + ` FROM read.` + table + `_was x WHERE x.ws = ` + ws + ` AND x.since <= ` + n + ` AND x.until > ` + n + ` AND ` + condition + `)`
}

// standing are workspaces, by number, as they are, or as they were at a recorded time.
func standing(past bool) string {
	at := `SELECT p.applied AS n, e.recorded_at FROM read.audit_entries e WHERE e.ws = p.ws AND e.revision = p.applied`
	if past {
		at = `SELECT e.revision AS n, e.recorded_at FROM read.audit_entries e WHERE e.ws = p.ws AND e.recorded_at <= {time} AND e.revision <= p.applied ORDER BY e.recorded_at DESC LIMIT 1`
	}
	return `(SELECT p.ws, a.n, a.recorded_at, ` + columns("w", workspaceColumns) + ` FROM unnest({numbers}::int[]) u (ws) JOIN read.progress p ON p.ws = u.ws AND p.applied >= 0
		CROSS JOIN LATERAL (` + at + `) a CROSS JOIN LATERAL ` + rowsAt(past, "workspaces", workspaceColumns, "p.ws", "a.n", "true") + ` w)`
}

// overviewSQL is what a list shows of workspaces: members, totals and, of the rosters, the rows that say through what
// somebody sees each. Of the past it is the page, too.
func overviewSQL(past, back bool) string {
	orgN, orgAt := "0", ""
	if past {
		orgN = "coalesce(oa.n, -1)"
		orgAt = ` LEFT JOIN LATERAL (SELECT e.revision AS n FROM read.audit_entries e WHERE e.ws = o.ws AND e.recorded_at <= {time} ORDER BY e.recorded_at DESC LIMIT 1) oa ON true`
	}
	beyond, order := paging(back)
	page := `SELECT * FROM ` + standing(past) + ` w ORDER BY ` + order
	if past {
		page = `SELECT * FROM ` + standing(past) + ` w WHERE ` + fits + ` AND ` + beyond + ` ORDER BY ` + order + ` LIMIT {limit}`
	}
	mine := "(x.member = {who}::text OR x.member = ANY(mt.teams))"
	return `WITH page AS MATERIALIZED (` + page + `)
SELECT w.ws, w.n, w.recorded_at, ` + columns("w", workspaceColumns) + `,
	(SELECT count(*) FROM ` + rowsAt(past, "members", "member", "w.ws", "w.n", "true") + ` m) AS members,
	coalesce(t.pipelines, 0), coalesce(t.runs, 0), coalesce(t.steps, 0), coalesce(t.artifacts, 0), coalesce(t.versions, 0), mt.teams, rosters.rows, customs.rows,
	(SELECT e.recorded_at FROM read.audit_entries e WHERE e.ws = w.ws AND e.revision = w.since)
FROM (SELECT page.*, o.ws AS org, ` + orgN + ` AS org_n FROM page LEFT JOIN read.organizations o ON o.slug = page.organization` + orgAt + `) w
LEFT JOIN read.totals t ON t.ws = w.ws
CROSS JOIN LATERAL (SELECT coalesce(array_agg('team:' || x.team), '{}') AS teams FROM ` + rowsAt(past, "team_members", "team", "w.org", "w.org_n", "x.member = {who}::text") + ` x) mt
CROSS JOIN LATERAL (
	SELECT coalesce(jsonb_agg(jsonb_build_object('in', y.level, 'member', y.member, 'roles', y.roles, 'suspended', y.suspended)), '[]') AS rows,
		coalesce(array_agg(r.role) FILTER (WHERE strpos(r.role, '/') > 0), '{}') AS wanted
	FROM (
		SELECT 'workspace' AS level, x.* FROM ` + rowsAt(past, "members", "member, roles, suspended", "w.ws", "w.n", mine) + ` x
		UNION ALL
		SELECT 'organization', x.* FROM ` + rowsAt(past, "members", "member, roles, suspended", "w.org", "w.org_n", mine) + ` x
	) y CROSS JOIN LATERAL unnest(y.roles) r (role)) rosters
CROSS JOIN LATERAL (
	SELECT coalesce(jsonb_agg(jsonb_build_object('in', y.level, 'name', y.name, 'permissions', y.permissions)), '[]') AS rows FROM (
		SELECT 'workspace' AS level, x.* FROM ` + rowsAt(past, "roles", "name, permissions", "w.ws", "w.n", "'workspace/' || x.name = ANY(rosters.wanted)") + ` x
		UNION ALL
		SELECT 'organization', x.* FROM ` + rowsAt(past, "roles", "name, permissions", "w.org", "w.org_n", "'organization/' || x.name = ANY(rosters.wanted)") + ` x
	) y) customs
ORDER BY ` + order
}

// countedSQL counts workspaces up to a bound; groupedSQL counts them by a value.
func countedSQL(past bool) string {
	if past {
		return `SELECT count(*) FROM (SELECT FROM ` + standing(true) + ` w WHERE ` + fits + ` LIMIT {limit}) x`
	}
	return `WITH ` + opened + ` SELECT count(*) FROM (SELECT FROM visible w WHERE ` + fits + ` LIMIT {limit}) x`
}

func groupedSQL(past bool, value string) string {
	from, with := `visible w`, `WITH `+opened
	if past {
		from, with = standing(true)+` w`, ``
	}
	return with + ` SELECT ` + value + ` AS value, count(*)::int FROM ` + from + ` WHERE ` + fits + ` GROUP BY 1 ORDER BY 2 DESC, 1 NULLS LAST LIMIT ` + strconv.Itoa(MaxGroups)
}
