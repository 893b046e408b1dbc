package read

import (
	"strconv"
	"strings"

	"github.com/annals-io/annals/domain"
)

// runOf is the row of runs that is true at the moment, where k is the current row of the same key.
var runOf = `(SELECT ` + columns("k", runColumns) + ` WHERE k.since <= $2
		UNION ALL
		SELECT ` + columns("h", runColumns) + ` FROM (
			SELECT * FROM read.runs_was x WHERE x.ws = $1 AND x.key = k.key AND x.since <= $2 AND k.since > $2
			ORDER BY x.since DESC LIMIT 1) h WHERE h.until > $2)`

// runsWas are the closed rows of runs that were true at the moment, of those statuses (an SQL array) and for which
// the condition on r holds. Where nothing was closed since, it costs one probe. OFFSET 0 keeps the planner from making
// one join over all closed rows of the probes, and + 0 from the index of until, which old statistics make look short.
func runsWas(statuses, condition string) string {
	return `(SELECT ` + columns("w", runColumns) + ` FROM unnest(` + statuses + `) s (status)
		CROSS JOIN ` + levels + ` l (level)
		CROSS JOIN LATERAL (
			SELECT ` + columns("r", runColumns) + ` FROM read.runs_was r
			WHERE r.ws = $1 AND r.status = s.status AND r.level = l.level AND r.since <= $2
			AND r.since > $2 - (2::bigint << l.level) AND r.until + 0 > $2
			AND ` + condition + ` OFFSET 0) w
		WHERE (SELECT u.until > $2 FROM read.runs_was u WHERE u.ws = $1 ORDER BY u.until DESC LIMIT 1))`
}

// walk is every run that fits, by key: down is newest first. A bound above 0 stops it after so many keys.
func (s *runSearch) walk(down bool, bound int, keyset string, more ...string) string {
	order := "ASC"
	if down {
		order = "DESC"
	}
	keys := `k.ws = $1 AND ` + s.keys("k.key") + ` AND ` + keyset
	from, where := `read.runs k`, s.where(0, more...)
	if bound > 0 {
		from = `(SELECT * FROM read.runs k WHERE ` + keys + ` ORDER BY k.key ` + order + ` LIMIT ` + strconv.Itoa(bound) + `) k`
	} else {
		where = keys + ` AND ` + where
	}
	return `SELECT ` + columns("r", runColumns) + `, '' AS mark, 0 AS seen FROM ` + from + `
	CROSS JOIN LATERAL ` + runOf + ` r
	WHERE ` + where + ` ORDER BY k.key ` + order
}

// keys bounds a key to what existed at the moment and was created in the time asked for.
func (s *runSearch) keys(column string) string {
	text := column + " <= " + s.b.of(s.last)
	if s.min > 0 {
		text += " AND " + column + " >= " + s.b.of(s.min)
	}
	return text
}

// maxProbes is the most pairs of pipeline and status that are looked up one by one.
const maxProbes = 200

// indexed says whether statuses, pipelines, the parent or the run id find runs by an index.
func (s *runSearch) indexed() bool {
	if s.q.RunID != "" || s.q.Parent != 0 {
		return true
	}
	st := s.q.statuses()
	probes := max(len(st), 1) * max(len(s.q.Pipelines), 1)
	return (st != nil || len(s.q.Pipelines) > 0) && probes <= maxProbes
}

// current are the runs whose current row was true at the moment already and fits, found by an index: at most limit
// of them (0: all) for each pair of pipeline and status, in the order given.
func (s *runSearch) current(order string, limit int, more ...string) string {
	each, from, on := "", "(SELECT) one", []string(nil)
	if limit > 0 {
		each = " ORDER BY " + order + " LIMIT " + strconv.Itoa(limit)
	}
	var g given
	switch st := s.q.statuses(); {
	case s.q.RunID != "":
		on = append(on, "r.run_id_hash = hashtextextended("+s.b.of(s.q.RunID)+", 0)")
	case s.q.Parent != 0:
	default:
		if len(s.q.Pipelines) > 0 {
			from += " CROSS JOIN unnest(" + s.b.of(s.q.Pipelines) + "::bigint[]) p (pipeline)"
			on = append(on, "r.pipeline = p.pipeline")
			g |= givenPipeline
		}
		if st != nil {
			from += " CROSS JOIN unnest(" + s.b.of(st) + "::text[]) s (status)"
			on = append(on, "r.status = s.status")
			g |= givenStatus
		}
	}
	on = append(on, s.keys("r.key"), s.where(g, more...))
	return `SELECT c.* FROM ` + from + ` CROSS JOIN LATERAL (
		SELECT ` + columns("r", runColumns) + ` FROM read.runs r
		WHERE r.ws = $1 AND r.since <= $2 AND ` + strings.Join(on, " AND ") + each + `) c`
}

// past are the runs that fit and whose row of the moment is closed by now.
func (s *runSearch) past(more ...string) string {
	statuses := allRunStatuses
	if st := s.q.statuses(); st != nil {
		statuses = s.b.of(st) + "::text[]"
	}
	return `SELECT p.* FROM ` + runsWas(statuses, s.keys("r.key")+" AND "+s.where(givenStatus, more...)) + ` p`
}

// picked are the runs that fit and for which the condition holds, found by the condition.
func (s *runSearch) picked(c Condition, more ...string) string {
	return `SELECT ` + columns("r", runColumns) + ` FROM (` + c.entities(&s.b, domain.KindRun) + `) k
	CROSS JOIN LATERAL (` + rowAt("runs", runColumns, "x.key = k.key") + `) r
	WHERE ` + s.keys("k.key") + ` AND ` + s.where(givenDriver, more...)
}

// first are the first runs that fit, by key, and for which the condition holds, where its index has them in that order;
// those whose value is closed by now are collected. Conditions on a sortable value, equal to it, do.
func (s *runSearch) first(c Condition, limit int, more ...string) string {
	entity, direction := s.keys("a.entity"), s.direction()
	now, was := c.parts(&s.b, domain.KindRun)
	run := ` CROSS JOIN LATERAL (` + rowAt("runs", runColumns, "x.key = a.entity") + `) r WHERE ` + s.where(givenDriver, more...) + ` AND ` + entity
	return `(SELECT ` + columns("r", runColumns) + ` FROM read.attributes a` + run + ` AND ` + now + `
		ORDER BY a.entity ` + direction + ` LIMIT ` + strconv.Itoa(limit) + `)
	UNION ALL
	SELECT ` + columns("r", runColumns) + ` FROM read.attributes_was a` + run + ` AND ` + was
}

// collect is all runs that fit, in no order, found by the best index there is; ok is false where there is none but
// the walk.
func (s *runSearch) collect(more ...string) (text string, ok bool) {
	c, driven := driver(s.q.Conditions)
	switch {
	case s.q.RunID == "" && s.q.Parent == 0 && driven && (c.rank() < 2 || !s.indexed()):
		return s.picked(c, more...), true
	case s.indexed():
		return s.current("", 0, more...) + "\n\tUNION ALL " + s.past(more...), true
	}
	return "", false
}
