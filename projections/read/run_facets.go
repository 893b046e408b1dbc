package read

import (
	"context"
	"strconv"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
)

// MaxFacetRuns is how many runs, the newest that fit, are counted into facets.
const MaxFacetRuns = 10_000

// some is runs that fit, at most limit of them, found as cheaply as can be. Which ones is decided only where newest.
func (s *runSearch) some(limit int, newest bool) string {
	text, ok := s.collect()
	if !ok {
		return s.walk(true, 0, "true") + " LIMIT " + strconv.Itoa(limit)
	}
	if newest {
		return `SELECT * FROM (` + text + `) r ORDER BY r.key DESC LIMIT ` + strconv.Itoa(limit)
	}
	return `SELECT * FROM (` + text + `) r LIMIT ` + strconv.Itoa(limit)
}

// CountRuns counts the runs that fit, whatever order and page; it stops at most + 1, which means more.
func (d *DB) CountRuns(ctx context.Context, m Moment, q RunQuery, most int) (int, error) {
	s, err := d.search(ctx, m, q)
	if err != nil {
		return 0, err
	}
	text := `SELECT count(*) FROM (` + s.some(most+1, false) + `) r`
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
	Field  string // status, pipeline or tag
	Counts []Count
}

// RunFacets are the facets of a query, each without the query's own condition on its field. They are counted among
// the newest [MaxFacetRuns] runs that fit; bounded says that there were more.
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

func (d *DB) facets(ctx context.Context, m Moment, g facetGroup) (facets []Facet, more bool, err error) {
	s, err := d.search(ctx, m, g.query)
	if err != nil {
		return nil, false, err
	}
	text := `WITH found AS MATERIALIZED (SELECT key, status, pipeline FROM (` + s.some(MaxFacetRuns+1, true) + `) f),
	r AS MATERIALIZED (SELECT * FROM found ORDER BY key DESC LIMIT ` + strconv.Itoa(MaxFacetRuns) + `)`
	for i, field := range g.fields {
		if i > 0 {
			text += ` UNION ALL`
		}
		text += ` (SELECT ` + strconv.Itoa(i) + `, value, key, label, n, (SELECT count(*) FROM found) > ` + strconv.Itoa(MaxFacetRuns) + `
			FROM (` + facetCounts[field] + `) c ORDER BY n DESC, value LIMIT 50)`
		facets = append(facets, Facet{Field: field})
	}
	_, err = ask(ctx, d, m, "count facets of runs", text, s.b, func(row pgx.CollectableRow) (Count, error) {
		var c Count
		var i int
		err := row.Scan(&i, &c.Value, &c.Key, &c.Label, &c.Count, &more)
		if err == nil {
			facets[i].Counts = append(facets[i].Counts, c)
		}
		return c, err
	})
	return facets, more, err
}

// RunStatuses are the statuses that runs can have, for those who list them.
func RunStatuses() []domain.Status { return append([]domain.Status(nil), runStatuses...) }
