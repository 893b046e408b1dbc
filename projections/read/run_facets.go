package read

import (
	"context"
	"strconv"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
)

// MaxFacetRuns is how many runs, the newest that fit, are counted into facets.
const MaxFacetRuns = 10_000

// some is runs that fit, at most limit of them, found as cheaply as can be: which ones is not decided.
func (s *runSearch) some(limit int) string {
	text, ok := s.collect()
	if !ok {
		return s.walk(true, 0, "true") + " LIMIT " + strconv.Itoa(limit)
	}
	return `SELECT * FROM (` + text + `) r LIMIT ` + strconv.Itoa(limit)
}

// CountRuns counts the runs that fit, whatever order and page; it stops at most + 1, which means more.
func (d *DB) CountRuns(ctx context.Context, m Moment, q RunQuery, most int) (int, error) {
	s, err := d.search(ctx, m, q)
	if err != nil {
		return 0, err
	}
	text := `SELECT count(*) FROM (` + s.some(most+1) + `) r`
	n, err := ask(ctx, d, m, "count runs", text, s.b, pgx.RowTo[int])
	if err != nil {
		return 0, err
	}
	return n[0], nil
}

// A Count is how many things have a value.
type Count struct {
	Value string
	Key   int64 // where the value is a thing
	Label string
	Count int
}

// A Facet counts the values of one field among the runs that fit, the most frequent first, at most 50.
type Facet struct {
	Field   string // status, pipeline or tag
	Counts  []Count
	Bounded bool // more runs fit than were counted
}

// RunFacets are the facets of a query, each without the query's own condition on its field. They are counted among
// the newest [MaxFacetRuns] runs that fit; bounded says that there were more. Of very many that fit, fewer may be
// counted: those among the newest 20,000 runs.
func (d *DB) RunFacets(ctx context.Context, m Moment, q RunQuery) (facets []Facet, bounded bool, err error) {
	statusless, pipelineless, tagless := q, q, q
	statusless.Statuses, statusless.ExcludeStatuses = nil, nil
	pipelineless.Pipelines, pipelineless.ExcludePipelines = nil, nil
	tagless.Conditions, tagless.Without = nil, nil
	for _, c := range q.Conditions {
		if c.Space != Tags {
			tagless.Conditions = append(tagless.Conditions, c)
		}
	}
	groups := []facetGroup{{statusless, []string{"status"}}, {pipelineless, []string{"pipeline"}}, {tagless, []string{"tag"}}}
	if len(q.Statuses)+len(q.ExcludeStatuses)+len(q.Pipelines)+len(q.ExcludePipelines) == 0 && len(tagless.Conditions) == len(q.Conditions) && len(q.Without) == 0 {
		groups = []facetGroup{{q, []string{"status", "pipeline", "tag"}}}
	}
	for _, g := range groups {
		found, more, err := d.facets(ctx, m, g)
		if err != nil {
			return nil, false, err
		}
		for i := range found {
			found[i].Bounded = more
		}
		facets, bounded = append(facets, found...), bounded || more
	}
	return facets, bounded, nil
}

// A facetGroup are fields that are counted among the same runs.
type facetGroup struct {
	query  RunQuery
	fields []string
}

var facetCounts = map[string]string{"status": facetStatuses, "pipeline": facetPipelines, "tag": facetTags}

const facetStatuses = `SELECT r.status AS value, 0::bigint AS key, r.status AS label, count(*) AS n FROM r GROUP BY r.status`

const facetPipelines = `SELECT p.namespace || '/' || p.name AS value, p.key, CASE p.namespace WHEN '' THEN p.name ELSE p.namespace || '/' || p.name END AS label, c.n
	FROM (SELECT r.pipeline, count(*) AS n FROM r GROUP BY r.pipeline) c JOIN read.pipelines p ON p.ws = $1 AND p.key = c.pipeline`

var facetTags = `SELECT label AS value, 0::bigint AS key, label, count(*) AS n FROM (
	SELECT DISTINCT r.key, a.name || CASE a.text WHEN '' THEN '' ELSE '=' || a.text END AS label FROM r CROSS JOIN LATERAL (
		SELECT a.name, a.text, a.gone FROM read.attributes a WHERE a.ws = $1 AND a.entity = r.key AND a.space = 3 AND a.since <= $2
		UNION ALL
		SELECT a.name, a.text, a.gone FROM read.attributes_was a WHERE a.ws = $1 AND a.entity = r.key AND a.space = 3 AND a.since <= $2 AND a.until > $2) a
	WHERE NOT a.gone) t GROUP BY label`

// facets counts one group. Conditions that few runs fit find all of these. Where they find more than the bound, the
// newest runs are walked through instead, as far as the bound goes: so the price has a limit however many runs there
// are. Where those that fit are rare among the newest, as old ones are, what the conditions found first is counted.
func (d *DB) facets(ctx context.Context, m Moment, g facetGroup) ([]Facet, bool, error) {
	s, err := d.search(ctx, m, g.query)
	if err != nil {
		return nil, false, err
	}
	of := s.fork()
	text, driven := of.collect()
	if !driven {
		of = s.fork()
		text = of.walk(true, 0, "true") + " LIMIT " + strconv.Itoa(MaxFacetRuns+1)
		facets, found, err := of.facets(ctx, g.fields, text)
		return facets, found > MaxFacetRuns, err
	}
	some, found, err := of.facets(ctx, g.fields, text+" LIMIT "+strconv.Itoa(d.bounds.facets+1))
	if err != nil || found <= d.bounds.facets {
		return some, found > MaxFacetRuns, err
	}
	newest := s.fork()
	text = newest.walk(true, d.bounds.facets, "true") + " LIMIT " + strconv.Itoa(MaxFacetRuns+1)
	walked, n, err := newest.facets(ctx, g.fields, text)
	if err != nil || n < min(MaxFacetRuns, d.bounds.facets)/10 {
		return some, true, err
	}
	return walked, true, nil
}

// facets counts the newest of the runs that a query finds; found is how many those were.
func (s *runSearch) facets(ctx context.Context, fields []string, runs string) (facets []Facet, found int, err error) {
	text := `WITH found AS MATERIALIZED (SELECT key, status, pipeline FROM (` + runs + `) f),
	r AS MATERIALIZED (SELECT * FROM found ORDER BY key DESC LIMIT ` + strconv.Itoa(MaxFacetRuns) + `)`
	for i, field := range fields {
		if i > 0 {
			text += ` UNION ALL`
		}
		text += ` (SELECT ` + strconv.Itoa(i) + `, value, key, label, n, (SELECT count(*) FROM found)
			FROM (` + facetCounts[field] + `) c ORDER BY n DESC, value LIMIT 50)`
		facets = append(facets, Facet{Field: field})
	}
	text += ` UNION ALL SELECT -1, '', 0, '', 0, count(*) FROM found`
	_, err = ask(ctx, s.db, s.m, "count facets of runs", text, s.b, func(row pgx.CollectableRow) (Count, error) {
		var c Count
		var i int
		err := row.Scan(&i, &c.Value, &c.Key, &c.Label, &c.Count, &found)
		if err == nil && i >= 0 {
			facets[i].Counts = append(facets[i].Counts, c)
		}
		return c, err
	})
	return facets, found, err
}

// RunStatuses are the statuses that runs can have, for those who list them.
func RunStatuses() []domain.Status { return append([]domain.Status(nil), runStatuses...) }
