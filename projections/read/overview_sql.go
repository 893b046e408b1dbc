package read

import (
	"regexp"
	"strconv"
	"strings"
)

// A list of workspaces is two statements. The first finds, as [Crosser], which workspaces somebody sees and which of them
// the page shows. The second reads, as [Surveyor], what the list shows of those that the rights still let through: so the
// wall is drawn round what the log allows, not round what the read model believes. Planning either anew for each question
// would take longer than answering it.

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

// myTeams are the teams of somebody, each in its organization, but those by which they see nothing: they were suspended
// there, or the team was.
const myTeams = `
my_teams AS MATERIALIZED (
	SELECT t.ws AS org, 'team:' || t.team AS team FROM read.team_members t
	WHERE t.member = {who}::text AND NOT EXISTS (SELECT FROM read.members s WHERE s.ws = t.ws AND s.member IN ({who}::text, 'team:' || t.team) AND s.suspended))`

// mine is what there is of somebody in rosters: their teams, the places that suspended them, the roles they hold by their
// own rows (org 0) and those of their teams, and the organizations that open all their workspaces to them. A team's roles
// count only in its own organization, and nobody sees anything by an organization that suspended them, or their team.
const mine = myTeams + `,
shut AS MATERIALIZED (
	SELECT s.ws FROM read.members s WHERE s.member = {who}::text AND s.suspended),
held AS MATERIALIZED (
	SELECT m.ws, 0 AS org, m.roles FROM read.members m WHERE m.member = {who}::text AND NOT m.suspended
	UNION ALL
	SELECT m.ws, t.org, m.roles FROM my_teams t JOIN read.members m ON m.member = t.team AND NOT m.suspended),
whole AS MATERIALIZED (
	SELECT o.slug, bool_or('owner' = ANY(h.roles)) AS owner FROM held h JOIN read.organizations o ON o.ws = h.ws
	WHERE (h.org = 0 OR h.org = h.ws) AND (h.roles && '{admin,owner}' OR EXISTS (
		SELECT FROM read.roles c WHERE c.ws = o.ws AND 'workspace:read' = ANY(c.permissions) AND 'organization/' || c.name = ANY(h.roles)))
	GROUP BY o.slug)`

// lets says of roles h, held in a workspace w of an organization o, that they let somebody see it who is not shut out.
const lets = `(h.roles && '{viewer,member,admin,owner}' OR EXISTS (
			SELECT FROM read.roles c WHERE c.ws IN (w.ws, o.ws) AND 'workspace:read' = ANY(c.permissions)
			AND (CASE c.ws WHEN w.ws THEN 'workspace/' ELSE 'organization/' END || c.name) = ANY(h.roles)))`

// opened is what somebody sees now: directly, through teams, and by roles in organizations.
const opened = mine + `,
opened AS MATERIALIZED (
	SELECT ws, bool_or(owner) AS owner FROM (
		SELECT w.ws, 'owner' = ANY(h.roles) AS owner FROM held h JOIN read.workspaces w ON w.ws = h.ws LEFT JOIN read.organizations o ON o.slug = w.organization
		WHERE (h.org = 0 OR h.org = o.ws) AND coalesce(o.ws, 0) NOT IN (SELECT ws FROM shut) AND ` + lets + `
		UNION ALL
		SELECT w.ws, r.owner FROM whole r JOIN read.workspaces w ON w.organization = r.slug
	) x GROUP BY ws),
visible AS (
	SELECT w.* FROM opened o JOIN read.workspaces w ON w.ws = o.ws AND (o.owner OR NOT w.deleted)
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

// fitsAs is the filter on a row that is called by an alias.
func fitsAs(alias string) string { return rowOfFits.ReplaceAllString(fits, alias+".") }

var rowOfFits = regexp.MustCompile(`\bw\.`)

// everFit says of a row v of workspaces that the workspace fits now or did at some moment before.
var everFit = `(` + fitsAs("v") + ` OR EXISTS (SELECT FROM read.workspaces_was w WHERE w.ws = v.ws AND ` + fits + `))`

// paging is the order of a list, and where its page begins; the rows are called by the alias.
func paging(alias string, back bool) (beyond, order string) {
	slug := alias + `.slug COLLATE "C"`
	if back {
		return `({after}::text = '' OR ` + slug + ` < {after})`, slug + ` DESC`
	}
	return `({after}::text = '' OR ` + slug + ` > {after})`, slug
}

// seenSQL is the page of what somebody sees now and what fits; of the past, the next of those that can be in a page: slugs
// do not change, so that the order is that of any moment, and whether a workspace fitted then is asked of its own rows.
func seenSQL(w overviewWay) string {
	beyond, order := paging("v", w.back)
	return `WITH ` + opened + ` SELECT v.ws, v.slug, o.ws AS org FROM (
		SELECT v.ws, v.slug, v.organization FROM visible v WHERE ` + couldFit(w.past) + ` AND ` + beyond + ` ORDER BY ` + order + ` LIMIT {limit}) v
	LEFT JOIN read.organizations o ON o.slug = v.organization ORDER BY ` + order
}

// nextSQL is the same found the other way round: it goes through the first of all workspaces in the order of the list, and
// asks of those that fit, up to a number of them, whether somebody sees them. For who sees most of them that is little to
// look at, however many there are. What somebody holds in an organization is found once for all of its workspaces. The last
// column says that there was nothing further to look at; a row of it alone, without a workspace, that there was nothing to
// see among them.
func nextSQL(w overviewWay) string {
	beyond, order := paging("w", w.back)
	_, outer := paging("v", w.back)
	first := `FROM read.workspaces w WHERE ({only}::text = '' OR w.slug = {only}) AND ` + beyond + ` ORDER BY ` + order + ` LIMIT {walk}`
	return `WITH ` + myTeams + `,
walked AS MATERIALIZED (SELECT v.ws, v.slug, v.organization, v.deleted FROM (SELECT w.* ` + first + `) v WHERE ` + couldFit(w.past) + ` ORDER BY ` + outer + ` LIMIT {look}),
houses AS MATERIALIZED (
	SELECT o.slug, o.ws, g.names, m.shut, m.opens, m.owner
	FROM (SELECT DISTINCT organization FROM walked) x JOIN read.organizations o ON o.slug = x.organization
	CROSS JOIN LATERAL (SELECT coalesce(array_agg(t.team), '{}') || {who}::text AS names FROM my_teams t WHERE t.org = o.ws) g
	CROSS JOIN LATERAL (
		SELECT coalesce(bool_or(m.suspended AND m.member = {who}::text), false) AS shut, coalesce(bool_or('owner' = ANY(m.roles) AND NOT m.suspended), false) AS owner,
			coalesce(bool_or(NOT m.suspended AND (m.roles && '{admin,owner}' OR EXISTS (
				SELECT FROM read.roles c WHERE c.ws = o.ws AND 'workspace:read' = ANY(c.permissions) AND 'organization/' || c.name = ANY(m.roles)))), false) AS opens
		FROM read.members m WHERE m.ws = o.ws AND m.member = ANY(g.names)) m)
SELECT v.ws, v.slug, v.org, CASE WHEN (SELECT count(*) FROM walked) < {look} THEN (SELECT count(*) FROM (SELECT ` + first + `) x) < {walk} ELSE false END AS all
FROM (VALUES (1)) one LEFT JOIN (
	SELECT v.ws, v.slug, o.ws AS org FROM walked v LEFT JOIN houses o ON o.slug = v.organization
	LEFT JOIN LATERAL (
		SELECT bool_or('owner' = ANY(h.roles)) AS owner FROM read.members h, (SELECT v.ws) w
		WHERE h.ws = v.ws AND h.member = ANY(coalesce(o.names, ARRAY[{who}::text])) AND NOT h.suspended AND (o.opens IS NOT TRUE OR v.deleted) AND ` + lets + `
		HAVING count(*) > 0) d ON true
	WHERE o.shut IS NOT TRUE AND (o.opens OR d.owner IS NOT NULL) AND (NOT v.deleted OR o.owner OR d.owner) ORDER BY ` + outer + ` LIMIT {limit}) v ON true
ORDER BY ` + outer
}

// couldFit says of a row v of workspaces that it fits, or, for a page of the past, that it may have.
func couldFit(past bool) string {
	if past {
		return everFit
	}
	return fitsAs("v")
}

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
	// The limit keeps it a search for one entry. As a join, it may begin with all entries of a workspace.
	at := `SELECT p.applied AS n, e.recorded_at FROM read.audit_entries e WHERE e.ws = p.ws AND e.revision = p.applied LIMIT 1`
	if past {
		at = `SELECT e.revision AS n, e.recorded_at FROM read.audit_entries e WHERE e.ws = p.ws AND e.recorded_at <= {time} AND e.revision <= p.applied ORDER BY e.recorded_at DESC LIMIT 1`
	}
	return `(SELECT p.ws, p.applied, a.n, a.recorded_at, ` + columns("w", workspaceColumns) + ` FROM unnest({numbers}::int[]) u (ws) JOIN read.progress p ON p.ws = u.ws AND p.applied >= 0
		CROSS JOIN LATERAL (` + at + `) a CROSS JOIN LATERAL ` + rowsAt(past, "workspaces", workspaceColumns, "p.ws", "a.n", "true") + ` w)`
}

// overviewSQL is what a list shows of workspaces: members, totals and, of the rosters, the rows that say through what
// somebody sees each; what they hold in an organization is read once for all of its workspaces, and custom roles only where
// they hold any. Of the past it is the page, too.
func overviewSQL(past, back bool) string {
	orgN, orgAt := "0", ""
	if past {
		orgN = "coalesce(oa.n, -1)"
		orgAt = ` LEFT JOIN LATERAL (SELECT e.revision AS n FROM read.audit_entries e WHERE e.ws = o.ws AND e.recorded_at <= {time} ORDER BY e.recorded_at DESC LIMIT 1) oa ON true`
	}
	beyond, order := paging("w", back)
	page := `SELECT * FROM ` + standing(past) + ` w ORDER BY ` + order
	if past {
		page = `SELECT * FROM ` + standing(past) + ` w WHERE ` + fits + ` AND ` + beyond + ` ORDER BY ` + order + ` LIMIT {limit}`
	}
	held := func(level string) string {
		return `jsonb_agg(jsonb_build_object('in', '` + level + `', 'member', x.member, 'roles', x.roles, 'suspended', x.suspended))`
	}
	holds := func(level string) string {
		return `'` + level + `/' || x.name IN (SELECT jsonb_array_elements_text(y -> 'roles') FROM jsonb_array_elements(rosters.rows) y)`
	}
	return `WITH page AS MATERIALIZED (` + page + `),
houses AS MATERIALIZED (
	SELECT o.slug, o.ws, o.n, mt.teams, r.rows FROM (
		SELECT o.slug, o.ws, ` + orgN + ` AS n FROM (SELECT DISTINCT organization FROM page) p JOIN read.organizations o ON o.slug = p.organization` + orgAt + `) o
	CROSS JOIN LATERAL (SELECT coalesce(array_agg('team:' || x.team), '{}') AS teams FROM ` + rowsAt(past, "team_members", "team", "o.ws", "o.n", "x.member = {who}::text") + ` x) mt
	CROSS JOIN LATERAL (SELECT coalesce(` + held("organization") + `, '[]') AS rows FROM ` + rowsAt(past, "members", "member, roles, suspended", "o.ws", "o.n", "x.member = ANY({who}::text || mt.teams)") + ` x) r)
SELECT w.ws, w.n, w.recorded_at, w.applied, ` + columns("w", workspaceColumns) + `, m.members,
	coalesce(t.pipelines, 0), coalesce(t.runs, 0), coalesce(t.steps, 0), coalesce(t.artifacts, 0), coalesce(t.versions, 0), coalesce(o.teams, '{}'), rosters.rows,
	CASE WHEN strpos(rosters.rows::text, '/') > 0 THEN (
		SELECT coalesce(jsonb_agg(jsonb_build_object('in', y.level, 'name', y.name, 'permissions', y.permissions)), '[]') FROM (
			SELECT 'workspace' AS level, x.* FROM ` + rowsAt(past, "roles", "name, permissions", "w.ws", "w.n", holds("workspace")) + ` x
			UNION ALL
			SELECT 'organization', x.* FROM ` + rowsAt(past, "roles", "name, permissions", "o.ws", "o.n", holds("organization")) + ` x) y) ELSE '[]' END AS customs,
	CASE w.since WHEN w.n THEN w.recorded_at ELSE (SELECT e.recorded_at FROM read.audit_entries e WHERE e.ws = w.ws AND e.revision = w.since) END
FROM page w LEFT JOIN houses o ON o.slug = w.organization LEFT JOIN read.totals t ON t.ws = w.ws
CROSS JOIN LATERAL (
	SELECT count(*) AS members, coalesce(` + held("workspace") + ` FILTER (WHERE x.member = {who}::text OR x.member = ANY(o.teams)), '[]') AS rows
	FROM ` + rowsAt(past, "members", "member, roles, suspended", "w.ws", "w.n", "true") + ` x) m
CROSS JOIN LATERAL (SELECT m.rows || coalesce(o.rows, '[]') AS rows) rosters
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
