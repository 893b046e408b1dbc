package read

import (
	"context"
	"encoding/json"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// A Pipeline is a pipeline at a moment.
type Pipeline struct {
	Key         int64
	Since       domain.Revision // of its last change
	Namespace   string
	Name        string
	Description *domain.Text
	Job         json.RawMessage // domain.JobInfo: what foreign reports say
	Code        json.RawMessage // domain.CodeRef
	Deleted     bool
	Reason      string // of its deletion
	LastRun     int64  // its newest run; 0: none. Only lists and PipelinesByKey know it
}

// FullName is namespace and name.
func (p Pipeline) FullName() domain.Name { return domain.Name{Namespace: p.Namespace, Name: p.Name} }

const pipelineColumns = `key, since, namespace, name, description, description_at, job, code, deleted, reason`

func scanPipeline(row pgx.CollectableRow) (Pipeline, error) {
	var p Pipeline
	var t textRef
	err := row.Scan(&p.Key, &p.Since, &p.Namespace, &p.Name, &t.digest, (*zeronull.Text)(&t.pointer), &p.Job, &p.Code, &p.Deleted,
		(*zeronull.Text)(&p.Reason), (*zeronull.Int8)(&p.LastRun))
	p.Description = t.text()
	return p, err
}

// A textRef is two columns that refer to a text in evidence.
type textRef struct {
	digest  []byte
	pointer string
}

func (t textRef) text() *domain.Text {
	if len(t.digest) == 0 {
		return nil
	}
	out := &domain.Text{Pointer: t.pointer}
	copy(out.Evidence[:], t.digest)
	return out
}

// pipelineList is how pipelines are listed, each with the newest of the runs that it had at the moment.
var pipelineList = nameList{
	kind: domain.KindPipeline, table: "pipelines", columns: pipelineColumns, joins: "key",
	latest: runsAt("pipeline", "k.key", " AND NOT v.deleted", "(($2 + 1) * 1024 - 1)", "1"),
	next: `SELECT thing FROM (
		(SELECT u.pipeline AS thing FROM read.runs u WHERE u.ws = $1 AND u.pipeline > %[1]s ORDER BY u.pipeline LIMIT 1)
		UNION ALL
		(SELECT u.place FROM read.runs_left u WHERE u.ws = $1 AND u.place > %[1]s ORDER BY u.place LIMIT 1)) n ORDER BY thing LIMIT 1`,
	recent: `(SELECT pipeline AS thing, key FROM read.runs WHERE ws = $1 AND pipeline IS NOT NULL AND key <= %[1]s ORDER BY key DESC LIMIT %[2]d)
		UNION ALL
		(SELECT place, run FROM read.runs_left WHERE ws = $1 AND run <= %[1]s ORDER BY run DESC LIMIT %[2]d)`,
}

var pipelinesByKeySQL = `
SELECT ` + columns("r", pipelineColumns) + `, l.key FROM unnest($3::bigint[]) k (key)` + pipelineList.joined("LEFT JOIN LATERAL", " ON true")

// Pipelines reads a page of pipelines.
func (d *DB) Pipelines(ctx context.Context, m Moment, q NameQuery) (List[Pipeline], error) {
	return listNames(ctx, d, m, pipelineList, q, scanPipeline, func(p Pipeline) Mark { return nameMark(q.Order, p.Key, p.LastRun, p.Namespace, p.Name) })
}

// CountPipelines counts the pipelines that fit; it stops at most + 1.
func (d *DB) CountPipelines(ctx context.Context, m Moment, q NameQuery, most int) (int, error) {
	return countNames(ctx, d, m, pipelineList, q, most)
}

// PipelinesByKey reads pipelines, deleted ones too, in no order; missing ones are left out.
func (d *DB) PipelinesByKey(ctx context.Context, m Moment, keys []int64) ([]Pipeline, error) {
	return list(ctx, d, m, "read pipelines", pipelinesByKeySQL, scanPipeline, keys)
}

var pipelinesNamedSQL = `
SELECT ` + columns("r", pipelineColumns) + `, NULL::bigint FROM unnest($3::text[], $4::text[]) n (namespace, name)
JOIN read.pipelines k ON k.ws = $1 AND k.name_first = left(n.name, 200) AND k.name = n.name AND (n.namespace IS NULL OR k.namespace = n.namespace)
CROSS JOIN LATERAL (` + rowAt("pipelines", pipelineColumns, `x.key = k.key`) + `) r
WHERE NOT r.deleted ORDER BY k.key LIMIT $5`

// A NameRef is a natural name; a nil namespace means any.
type NameRef struct {
	Namespace *string
	Name      string
}

// PipelinesNamed reads the pipelines that one of the names means, by key.
func (d *DB) PipelinesNamed(ctx context.Context, m Moment, names []NameRef, limit int) ([]Pipeline, error) {
	namespaces, bare := split(names)
	found, err := list(ctx, d, m, "find pipelines by name", pipelinesNamedSQL, scanPipeline, namespaces, bare, limit)
	return distinct(found, func(p Pipeline) int64 { return p.Key }), err
}

func split(names []NameRef) (namespaces []*string, bare []string) {
	for _, n := range names {
		namespaces, bare = append(namespaces, n.Namespace), append(bare, n.Name)
	}
	return namespaces, bare
}

// distinct leaves each key once, in the order given.
func distinct[T any](rows []T, key func(T) int64) []T {
	seen, out := map[int64]bool{}, rows[:0]
	for _, r := range rows {
		if !seen[key(r)] {
			seen[key(r)] = true
			out = append(out, r)
		}
	}
	return out
}

// A PipelineVersion is a version of a pipeline: it never changes.
type PipelineVersion struct {
	Key      int64
	Since    domain.Revision
	Pipeline int64
	Number   int // 1, 2, 3 on arrival
	Hash     string
	Label    string
	Spec     json.RawMessage // domain.Spec
	Source   *domain.Text
	Code     json.RawMessage // domain.CodeRef
}

const pipelineVersionColumns = `key, since, pipeline, number, hash, label, spec, source, source_at, code`

func scanPipelineVersion(row pgx.CollectableRow) (PipelineVersion, error) {
	var v PipelineVersion
	var t textRef
	err := row.Scan(&v.Key, &v.Since, &v.Pipeline, &v.Number, &v.Hash, &v.Label, &v.Spec, &t.digest, (*zeronull.Text)(&t.pointer), &v.Code)
	v.Source = t.text()
	return v, err
}

const selectPipelineVersions = `SELECT ` + pipelineVersionColumns + ` FROM read.pipeline_versions WHERE ws = $1 AND since <= $2 AND `

// PipelineVersionsByKey reads versions of pipelines in no order; missing ones are left out.
func (d *DB) PipelineVersionsByKey(ctx context.Context, m Moment, keys []int64) ([]PipelineVersion, error) {
	return list(ctx, d, m, "read versions of pipelines", selectPipelineVersions+`key = ANY($3)`, scanPipelineVersion, keys)
}

// LatestPipelineVersions reads the newest version of each pipeline, by key of the pipeline.
func (d *DB) LatestPipelineVersions(ctx context.Context, m Moment, pipelines []int64) (map[int64]PipelineVersion, error) {
	const text = `SELECT v.* FROM unnest($3::bigint[]) p (key) CROSS JOIN LATERAL (` + selectPipelineVersions + `pipeline = p.key ORDER BY key DESC LIMIT 1) v`
	found, err := list(ctx, d, m, "read the newest versions of pipelines", text, scanPipelineVersion, pipelines)
	return byKey(found, func(v PipelineVersion) int64 { return v.Pipeline }), err
}

// PipelineVersionByNumber reads one version; ok is false where there is none.
func (d *DB) PipelineVersionByNumber(ctx context.Context, m Moment, pipeline int64, number int) (v PipelineVersion, ok bool, err error) {
	found, err := list(ctx, d, m, "find a version of a pipeline", selectPipelineVersions+`pipeline = $3 AND number = $4 LIMIT 1`, scanPipelineVersion, pipeline, number)
	if err != nil || len(found) == 0 {
		return v, false, err
	}
	return found[0], true, nil
}

// PipelineVersions reads a page of the versions of a pipeline, newest first.
func (d *DB) PipelineVersions(ctx context.Context, m Moment, pipeline int64, p Page) (List[PipelineVersion], error) {
	b := bindsOf(m)
	keyset, order := keyPage(p, &b, "key", true)
	text := selectPipelineVersions + `pipeline = ` + b.of(pipeline) + " AND " + keyset + " ORDER BY " + order + " LIMIT " + b.of(p.limit()+1)
	rows, err := ask(ctx, d, m, "list versions of a pipeline", text, b, scanPipelineVersion)
	return pageOf(p, sortedByKey(rows, func(v PipelineVersion) int64 { return v.Key })), err
}

// CountPipelineVersions counts the versions of a pipeline; it stops at most + 1.
func (d *DB) CountPipelineVersions(ctx context.Context, m Moment, pipeline int64, most int) (int, error) {
	b := bindsOf(m)
	text := selectPipelineVersions + `pipeline = ` + b.of(pipeline)
	return count(ctx, d, m, "count versions of a pipeline", text, b, most)
}

// Declared is what a pipeline reads and writes by declaration: artifacts.
type Declared struct{ Inputs, Outputs []int64 }

const declaredSQL = `
SELECT pipeline, direction, artifact FROM read.declared WHERE ws = $1 AND pipeline = ANY($3) AND since <= $2
UNION ALL
SELECT pipeline, direction, artifact FROM read.declared_was WHERE ws = $1 AND pipeline = ANY($3) AND since <= $2 AND until > $2
ORDER BY 1, 2, 3`

// DeclaredIO reads what pipelines read and write by declaration, by key of the pipeline.
func (d *DB) DeclaredIO(ctx context.Context, m Moment, pipelines []int64) (map[int64]Declared, error) {
	out := map[int64]Declared{}
	_, err := list(ctx, d, m, "read what pipelines declare", declaredSQL, func(row pgx.CollectableRow) (struct{}, error) {
		var pipeline, artifact int64
		var direction int
		err := row.Scan(&pipeline, &direction, &artifact)
		io := out[pipeline]
		if direction == 0 {
			io.Inputs = append(io.Inputs, artifact)
		} else {
			io.Outputs = append(io.Outputs, artifact)
		}
		out[pipeline] = io
		return struct{}{}, err
	}, pipelines)
	return out, err
}
