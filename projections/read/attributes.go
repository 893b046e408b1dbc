package read

import (
	"context"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// An Attribute is a parameter, an entry of metadata or a tag of some thing.
type Attribute struct {
	Entity int64
	Space  Space
	Name   string
	Since  domain.Revision
	Value  domain.Value
	Source string // who set it, where a producer said so
}

// Tag is the attribute as a tag.
func (a Attribute) Tag() domain.Tag {
	return domain.Tag{Key: a.Name, Value: a.Value.Text(), Source: a.Source}
}

// Of many things and all their names, the closed rows of a name are few: they are read by interval.
const attributesSQL = `
SELECT entity, space, name, since, value, source FROM (
	SELECT entity, space, name, since, value, source, gone FROM read.attributes
	WHERE ws = $1 AND entity = ANY($3) AND space = ANY($4) AND since <= $2
	UNION ALL
	SELECT entity, space, name, since, value, source, gone FROM read.attributes_was
	WHERE ws = $1 AND entity = ANY($3) AND space = ANY($4) AND since <= $2 AND until > $2) a
WHERE NOT gone ORDER BY entity, space, name`

// Attributes reads the attributes in those spaces of many things, by key of the thing, each sorted by space and name.
func (d *DB) Attributes(ctx context.Context, m Moment, entities []int64, spaces ...Space) (map[int64][]Attribute, error) {
	wanted := make([]int16, len(spaces))
	for i, s := range spaces {
		wanted[i] = int16(s)
	}
	rows, err := list(ctx, d, m, "read attributes", attributesSQL, func(row pgx.CollectableRow) (Attribute, error) {
		var a Attribute
		err := row.Scan(&a.Entity, &a.Space, &a.Name, &a.Since, (*[]byte)(&a.Value), (*zeronull.Text)(&a.Source))
		return a, err
	}, entities, wanted)
	return group(rows, func(a Attribute) int64 { return a.Entity }), err
}

func group[T any](rows []T, key func(T) int64) map[int64][]T {
	out := map[int64][]T{}
	for _, r := range rows {
		out[key(r)] = append(out[key(r)], r)
	}
	return out
}

// A Metric is what is kept of the points of one metric of a run or step.
type Metric struct {
	Entity   int64
	Name     string
	Since    domain.Revision
	Last     float64 // of the newest point, by event time
	LastStep int64   // training step or epoch of it
	LastAt   time.Time
	Min, Max float64
	Points   int64
}

const metricsSQL = `
SELECT entity, name, since, last, last_step, last_at, min, max, points FROM read.metrics
WHERE ws = $1 AND entity = ANY($3) AND since <= $2
UNION ALL
SELECT entity, name, since, last, last_step, last_at, min, max, points FROM read.metrics_was
WHERE ws = $1 AND entity = ANY($3) AND since <= $2 AND until > $2
ORDER BY entity, name`

// Metrics reads the metrics of many runs and steps, by key, each sorted by name.
func (d *DB) Metrics(ctx context.Context, m Moment, executions []int64) (map[int64][]Metric, error) {
	rows, err := list(ctx, d, m, "read metrics", metricsSQL, func(row pgx.CollectableRow) (Metric, error) {
		var x Metric
		err := row.Scan(&x.Entity, &x.Name, &x.Since, &x.Last, &x.LastStep, &x.LastAt, &x.Min, &x.Max, &x.Points)
		return x, err
	}, executions)
	return group(rows, func(x Metric) int64 { return x.Entity }), err
}
