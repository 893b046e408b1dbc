package read

import "strconv"

// A list of workspaces is one statement. What somebody holds is found from them: their rows and their teams' rows in the
// rosters, then the workspaces these open, and of those the page. So its cost follows what they may see, never what there is.

// overview parameters, in order.
const (
	ovWho    = "$1"  // KIND:ID
	ovOnly   = "$2"  // the one workspace to look at; empty: all
	ovStates = "$3"  // active, archived, deleted
	ovText   = "$4"  // in the slug or name, lowered
	ovUpper  = "$5"  // letters that lower() leaves alone, and what they are
	ovDown   = "$6"  // in the text
	ovLabels = "$7"  // jsonb
	ovKinds  = "$8"  // NULL: any, as the next four
	ovEnvs   = "$9"  //
	ovSens   = "$10" //
	ovTeams  = "$11" //
	ovOrgs   = "$12" //
)

// held is what somebody holds now, directly and through teams, in workspaces and organizations; a team's counts only in
// its own organization, and nobody holds anything in an organization that suspended them.
const held = `
my_teams AS MATERIALIZED (
	SELECT t.ws AS org, 'team:' || t.team AS team FROM read.team_members t
	WHERE t.member = ` + ovWho + ` AND NOT EXISTS (SELECT FROM read.members s WHERE s.ws = t.ws AND s.member IN (` + ovWho + `, 'team:' || t.team) AND s.suspended)),
held AS MATERIALIZED (
	SELECT m.ws, 0 AS org, m.roles FROM read.members m WHERE m.member = ` + ovWho + ` AND NOT m.suspended
	UNION ALL
	SELECT m.ws, t.org, m.roles FROM my_teams t JOIN read.members m ON m.member = t.team AND NOT m.suspended),
opened AS MATERIALIZED (
	SELECT ws, bool_or(owner) AS owner FROM (
		SELECT w.ws, 'owner' = ANY(h.roles) AS owner FROM held h JOIN read.workspaces w ON w.ws = h.ws LEFT JOIN read.organizations o ON o.slug = w.organization
		WHERE (h.org = 0 OR h.org = o.ws) AND NOT EXISTS (SELECT FROM read.members s WHERE s.ws = o.ws AND s.member = ` + ovWho + ` AND s.suspended)
		AND (h.roles && '{viewer,member,admin,owner}' OR EXISTS (
			SELECT FROM read.roles c WHERE c.ws IN (w.ws, o.ws) AND 'workspace:read' = ANY(c.permissions)
			AND (CASE c.ws WHEN w.ws THEN 'workspace/' ELSE 'organization/' END || c.name) = ANY(h.roles)))
		UNION ALL
		SELECT w.ws, 'owner' = ANY(h.roles) FROM held h JOIN read.organizations o ON o.ws = h.ws JOIN read.workspaces w ON w.organization = o.slug
		WHERE (h.org = 0 OR h.org = h.ws) AND (h.roles && '{admin,owner}' OR EXISTS (
			SELECT FROM read.roles c WHERE c.ws = o.ws AND 'workspace:read' = ANY(c.permissions) AND 'organization/' || c.name = ANY(h.roles)))
	) x GROUP BY ws)`

// foundSQL is the workspaces that somebody may see now, as they were at the moment, where they fit the filter. What was
// deleted since is for its owners. time is the parameter that says when, of the past.
func foundSQL(past bool, time string) string {
	at := `CROSS JOIN LATERAL (SELECT p.applied AS n, e.recorded_at FROM read.audit_entries e WHERE e.ws = p.ws AND e.revision = p.applied) a
		CROSS JOIN LATERAL (SELECT ` + columns("x", workspaceColumns) + ` FROM read.workspaces x WHERE x.ws = o.ws) w`
	if past {
		at = `CROSS JOIN LATERAL (SELECT e.revision AS n, e.recorded_at FROM read.audit_entries e
			WHERE e.ws = p.ws AND e.recorded_at <= ` + time + ` AND e.revision <= p.applied ORDER BY e.recorded_at DESC LIMIT 1) a
		CROSS JOIN LATERAL ` + rowsAt("workspaces", workspaceColumns, "o.ws", "a.n", "true") + ` w`
	}
	return `
found AS (
	SELECT o.ws, a.n, a.recorded_at, ` + columns("w", workspaceColumns) + ` FROM opened o
		JOIN read.workspaces now ON now.ws = o.ws AND (o.owner OR NOT now.deleted)
		JOIN read.progress p ON p.ws = o.ws AND p.applied >= 0
		` + at + `
	WHERE (` + ovOnly + ` = '' OR now.slug = ` + ovOnly + `)
		AND CASE WHEN w.deleted THEN 'deleted' WHEN w.archived THEN 'archived' ELSE 'active' END = ANY(` + ovStates + `::text[])
		AND (` + ovText + ` = '' OR strpos(w.slug, ` + ovText + `) > 0 OR strpos(translate(lower(w.name), ` + ovUpper + `, ` + ovDown + `), ` + ovText + `) > 0)
		AND w.labels @> ` + ovLabels + `::jsonb
		AND (` + ovKinds + `::text[] IS NULL OR w.kind = ANY(` + ovKinds + `))
		AND (` + ovEnvs + `::text[] IS NULL OR w.environment = ANY(` + ovEnvs + `))
		AND (` + ovSens + `::text[] IS NULL OR w.sensitivity = ANY(` + ovSens + `))
		AND (` + ovTeams + `::text[] IS NULL OR w.team = ANY(` + ovTeams + `))
		AND (` + ovOrgs + `::text[] IS NULL OR w.organization = ANY(` + ovOrgs + `)))`
}

// rowsAt is the rows of a temporal table, of a workspace or organization (SQL) at a revision (SQL), for which the condition
// on x holds.
func rowsAt(table, cols, ws, n, condition string) string {
	c := columns("x", cols)
	return `(SELECT ` + c + ` FROM read.` + table + ` x WHERE x.ws = ` + ws + ` AND x.since <= ` + n + ` AND ` + condition + `
			UNION ALL SELECT ` + c + ` FROM read.` + table + `_was x WHERE x.ws = ` + ws + ` AND x.since <= ` + n + ` AND x.until > ` + n + ` AND ` + condition + `)`
}

// rowsIn is rowsAt, or, where nobody asks for the past, the rows that are true now.
func rowsIn(past bool, table, cols, ws, n, condition string) string {
	if past {
		return rowsAt(table, cols, ws, n, condition)
	}
	return `(SELECT ` + columns("x", cols) + ` FROM read.` + table + ` x WHERE x.ws = ` + ws + ` AND ` + condition + `)`
}

// overviewSQL is a page of workspaces with what a list shows of each: members, totals and, of the rosters, the rows that
// say through what somebody sees it. The live model comes with it, also where the page is empty.
func overviewSQL(past, back bool) string {
	order, beyond := "ASC", ">"
	if back {
		order, beyond = "DESC", "<"
	}
	orgN, orgAt := "0", ""
	if past {
		orgN = "coalesce(oa.n, -1)"
		orgAt = `LEFT JOIN LATERAL (SELECT e.revision AS n FROM read.audit_entries e WHERE e.ws = o.ws AND e.recorded_at <= $15 ORDER BY e.recorded_at DESC LIMIT 1) oa ON true`
	}
	teams := rowsIn(past, "team_members", "team", "g.org", "g.org_n", "x.member = "+ovWho)
	mine := "x.member = " + ovWho + " OR x.member = ANY(mt.teams)"
	return `WITH ` + held + `,` + foundSQL(past, "$15") + `,
page AS MATERIALIZED (
	SELECT * FROM found WHERE $13 = '' OR slug COLLATE "C" ` + beyond + ` $13 ORDER BY slug COLLATE "C" ` + order + ` LIMIT $14)
SELECT l.schema, g.* FROM (SELECT max(schema) AS schema FROM log.models WHERE state = 'live') l LEFT JOIN (
	SELECT g.ws, g.n, g.recorded_at, ` + columns("g", workspaceColumns) + `,
		(SELECT count(*) FROM ` + rowsIn(past, "members", "member", "g.ws", "g.n", "true") + ` m) AS members,
		t.pipelines, t.runs, t.steps, t.artifacts, t.versions, mt.teams, rosters.rows, customs.rows AS custom,
		(SELECT e.recorded_at FROM read.audit_entries e WHERE e.ws = g.ws AND e.revision = g.since) AS changed_at
	FROM (SELECT page.*, o.ws AS org, ` + orgN + ` AS org_n FROM page LEFT JOIN read.organizations o ON o.slug = page.organization ` + orgAt + `) g
	LEFT JOIN read.totals t ON t.ws = g.ws
	CROSS JOIN LATERAL (SELECT coalesce(array_agg('team:' || x.team), '{}') AS teams FROM ` + teams + ` x) mt
	CROSS JOIN LATERAL (SELECT coalesce(jsonb_agg(jsonb_build_object('in', y.level, 'member', y.member, 'roles', y.roles, 'suspended', y.suspended)), '[]') AS rows, coalesce(array_agg(r.role) FILTER (WHERE strpos(r.role, '/') > 0), '{}') AS wanted FROM (
		SELECT 'workspace' AS level, x.* FROM ` + rowsIn(past, "members", "member, roles, suspended", "g.ws", "g.n", "("+mine+")") + ` x
		UNION ALL
		SELECT 'organization', x.* FROM ` + rowsIn(past, "members", "member, roles, suspended", "g.org", "g.org_n", "("+mine+")") + ` x
	) y CROSS JOIN LATERAL unnest(y.roles) r (role)) rosters
	CROSS JOIN LATERAL (SELECT coalesce(jsonb_agg(jsonb_build_object('in', y.level, 'name', y.name, 'permissions', y.permissions)), '[]') AS rows FROM (
		SELECT 'workspace' AS level, x.* FROM ` + rowsIn(past, "roles", "name, permissions", "g.ws", "g.n", "'workspace/' || x.name = ANY(rosters.wanted)") + ` x
		UNION ALL
		SELECT 'organization', x.* FROM ` + rowsIn(past, "roles", "name, permissions", "g.org", "g.org_n", "'organization/' || x.name = ANY(rosters.wanted)") + ` x
	) y) customs
) g ON true ORDER BY g.slug COLLATE "C" ` + order
}

// countedSQL counts what was found up to a bound; groupedSQL counts it by a value.
func countedSQL(past bool) string {
	return `WITH ` + held + `,` + foundSQL(past, "$14") + ` SELECT count(*) FROM (SELECT FROM found LIMIT $13) x`
}

func groupedSQL(past bool, value string) string {
	return `WITH ` + held + `,` + foundSQL(past, "$14") + ` SELECT ` + value + ` AS value, count(*)::int FROM found WHERE $13::text IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 NULLS LAST LIMIT ` + strconv.Itoa(MaxGroups)
}
