package read

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// nodeFacts are what a graph shows of a node, and what filters of walks look at.
type nodeFacts struct {
	key       int64
	kind      domain.Kind
	namespace string
	name      string
	status    string
	pipeline  int64
	deleted   bool
}

// A factsRow is a row that facts are made of.
type factsRow struct {
	nodeFacts
	named        int64 // the artifact or pipeline that a name is made of; 0: none
	number       int
	since, until domain.Revision // until 0: it is the current row
}

// A factsQuery reads the facts of nodes of one kind: from the current rows where these were true at the moment
// already, and, asked with the keys that are then still missing, from the closed ones.
type factsQuery struct {
	side     side
	now, was string
	scan     func(pgx.Rows) (factsRow, error)
}

// factsOf makes both statements of one, in which v is the row of the table.
func factsOf(s side, table, cols, joins string, scan func(pgx.Rows) (factsRow, error)) factsQuery {
	text := func(part, until, when string) string {
		return `SELECT v.key, v.since, ` + until + `, ` + cols + ` FROM read.` + table + part + ` v ` + joins + `
WHERE v.ws = $1 AND v.key = ANY($3) AND v.since <= $2` + when
	}
	return factsQuery{side: s, now: text("", "0::bigint", ""), was: text("_was", "v.until", " AND v.until > $2"), scan: scan}
}

// OFFSET 0 keeps the planner from reading all runs for the steps of some.
var factsQueries = []factsQuery{
	factsOf(version, "artifact_versions", "v.artifact, v.number, v.kind, v.outcome, v.deleted", "", scanVersionFacts),
	factsOf(artifact, "artifacts", "v.namespace, v.name, v.deleted", "", scanArtifactFacts),
	factsOf(execution, "runs", "v.run_id, v.pipeline, v.number, v.status, v.deleted", "", scanRunFacts),
	factsOf(execution, "steps", "v.name, v.title, v.status, v.deleted, r.pipeline",
		"LEFT JOIN LATERAL (SELECT * FROM read.runs x WHERE x.ws = $1 AND x.key = v.run OFFSET 0) r ON true", scanStepFacts),
}

const (
	// Names that producers gave runs, at all times: few runs have one.
	runNamesSQL = `
SELECT key, name, since, 0::bigint FROM read.run_details WHERE ws = $1 AND $2::bigint IS NOT NULL AND key = ANY($3) AND name IS NOT NULL
UNION ALL
SELECT key, name, since, until FROM read.run_details_was WHERE ws = $1 AND key = ANY($3) AND name IS NOT NULL`
	// Names of artifacts and pipelines never change: the current row has them.
	artifactNamesSQL = `SELECT key, namespace, name FROM read.artifacts WHERE ws = $1 AND $2::bigint IS NOT NULL AND key = ANY($3)`
	pipelineNamesSQL = `SELECT key, namespace, name FROM read.pipelines WHERE ws = $1 AND $2::bigint IS NOT NULL AND key = ANY($3)`
)

// A runName is a name that a producer gave a run, and when it had it.
type runName struct {
	key          int64
	name         string
	since, until domain.Revision // until 0: it still has
}

// learn finds out the facts of nodes: those that are not remembered are read, all kinds in one round trip, or two
// where some rows are closed by now, and one more for names that are not known.
func (w *walk) learn(ctx context.Context, nodes [sides][]int64) error {
	for s := range nodes {
		nodes[s] = w.stillUnknown(nodes[s])
	}
	if r := w.factsRecall(); r != nil {
		r.recallFacts(w, nodes)
	}
	for s := range nodes {
		nodes[s] = w.stillUnknown(nodes[s])
	}
	rows, err := w.readFacts(ctx, nodes, false)
	if err != nil {
		return err
	}
	for _, f := range rows {
		w.known[f.key] = 0 // its place comes
	}
	for s := range nodes {
		nodes[s] = w.stillUnknown(nodes[s])
	}
	closed, err := w.readFacts(ctx, nodes, true)
	if err != nil {
		return err
	}
	return w.takeFacts(ctx, append(rows, closed...))
}

// factsRecall is the memory for facts. The pipeline of a step is that of its run, which may change while the step does
// not: who filters by pipelines reads.
func (w *walk) factsRecall() *recall {
	if len(w.q.Pipelines) > 0 {
		return nil
	}
	return w.recall
}

// stillUnknown are the keys of which nothing is known, sorted.
func (w *walk) stillUnknown(keys []int64) []int64 {
	unknown := make([]int64, 0, len(keys))
	for _, key := range keys {
		if _, known := w.known[key]; !known {
			unknown = append(unknown, key)
		}
	}
	slices.Sort(unknown)
	return unknown
}

// readFacts reads rows, and of runs the names that producers gave them: these after the rows, so that whatever name a
// closed row of a run ever went with is there.
func (w *walk) readFacts(ctx context.Context, nodes [sides][]int64, closed bool) ([]factsRow, error) {
	batch := &pgx.Batch{}
	var found []factsRow
	for _, q := range factsQueries {
		keys, text := nodes[q.side], q.now
		if closed {
			text = q.was
		}
		if len(keys) == 0 {
			continue
		}
		batch.Queue(w.db.text(w.m, text), w.m.Number, w.m.Revision, keys).Query(func(rows pgx.Rows) error {
			found = slices.Grow(found, len(keys))
			for rows.Next() {
				f, err := q.scan(rows)
				if err != nil {
					return err
				}
				found = append(found, f)
			}
			return rows.Err()
		})
	}
	if keys := nodes[execution]; len(keys) > 0 {
		for _, key := range keys {
			delete(w.runNames, key)
		}
		batch.Queue(w.db.text(w.m, runNamesSQL), w.m.Number, w.m.Revision, keys).Query(w.takeRunNames)
	}
	return found, w.send(ctx, batch)
}

func (w *walk) send(ctx context.Context, batch *pgx.Batch) error {
	if batch.Len() == 0 {
		return nil
	}
	if err := w.db.pool.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("read the nodes of a walk of %s: %w", w.m.Slug, err)
	}
	return nil
}

func (w *walk) takeRunNames(rows pgx.Rows) error {
	var n runName
	_, err := pgx.ForEachRow(rows, []any{&n.key, &n.name, &n.since, &n.until}, func() error {
		w.runNames[n.key] = append(w.runNames[n.key], n)
		return nil
	})
	return err
}

// takeFacts makes facts of rows and remembers them.
func (w *walk) takeFacts(ctx context.Context, rows []factsRow) error {
	if err := w.learnNames(ctx, rows); err != nil {
		return err
	}
	for i := range rows {
		f := &rows[i]
		of := w.names[f.named]
		switch f.kind {
		case domain.KindArtifactVersion:
			f.namespace, f.name = of.Namespace, of.String()+"@"+strconv.Itoa(f.number)
		case domain.KindRun:
			f.name = RunName(f.name, w.nameRun(f), of, f.number)
		}
		w.know(f.nodeFacts)
	}
	if r := w.factsRecall(); r != nil {
		r.keepFacts(rows)
	}
	return nil
}

func (w *walk) know(f nodeFacts) {
	w.known[f.key] = len(w.facts)
	w.facts = append(w.facts, f)
}

// nameRun is the name that a producer gave the run of a row, and bounds the row to when it had that name, or had none.
func (w *walk) nameRun(f *factsRow) (name string) {
	for _, n := range w.runNames[f.key] {
		if n.since <= w.m.Revision && (n.until == 0 || n.until > w.m.Revision) {
			name = n.name
		}
		for _, edge := range []domain.Revision{n.since, n.until} {
			switch {
			case edge == 0:
			case edge <= w.m.Revision:
				f.since = max(f.since, edge)
			case f.until == 0 || edge < f.until:
				f.until = edge
			}
		}
	}
	return name
}

// learnNames finds out the names that rows need.
func (w *walk) learnNames(ctx context.Context, rows []factsRow) error {
	var artifacts, pipelines []int64
	for _, f := range rows {
		if _, known := w.names[f.named]; known || f.named == 0 {
			continue
		}
		w.names[f.named] = domain.Name{}
		if f.kind == domain.KindRun {
			pipelines = append(pipelines, f.named)
		} else {
			artifacts = append(artifacts, f.named)
		}
	}
	batch := &pgx.Batch{}
	for _, of := range []struct {
		keys      []int64
		statement string
	}{{artifacts, artifactNamesSQL}, {pipelines, pipelineNamesSQL}} {
		keys := w.recall.recallNames(w.names, of.keys)
		if len(keys) == 0 {
			continue
		}
		batch.Queue(w.db.text(w.m, of.statement), w.m.Number, w.m.Revision, keys).Query(func(rows pgx.Rows) error {
			var key int64
			var name domain.Name
			_, err := pgx.ForEachRow(rows, []any{&key, &name.Namespace, &name.Name}, func() error {
				w.names[key] = name
				w.recall.keepName(key, name)
				return nil
			})
			return err
		})
	}
	return w.send(ctx, batch)
}

// fact is what is known of a node; nothing where its row is not there.
func (w *walk) fact(key int64) nodeFacts {
	if i, ok := w.known[key]; ok {
		return w.facts[i]
	}
	return nodeFacts{}
}

func scanVersionFacts(row pgx.Rows) (factsRow, error) {
	f := factsRow{nodeFacts: nodeFacts{kind: domain.KindArtifactVersion}}
	var kind, outcome string
	err := row.Scan(&f.key, &f.since, &f.until, &f.named, &f.number, &kind, &outcome, &f.deleted)
	f.status = VersionStatus(kind, outcome)
	return f, err
}

// VersionStatus is the word for the state of a version: its kind where nobody wrote it, else what became of its
// writing.
func VersionStatus(kind, outcome string) string {
	if kind == "produced" {
		return outcome
	}
	return kind
}

func scanArtifactFacts(row pgx.Rows) (factsRow, error) {
	f := factsRow{nodeFacts: nodeFacts{kind: domain.KindArtifact}}
	var name string
	err := row.Scan(&f.key, &f.since, &f.until, &f.namespace, &name, &f.deleted)
	f.name = domain.Name{Namespace: f.namespace, Name: name}.String()
	return f, err
}

// scanRunFacts leaves the run's id for its name.
func scanRunFacts(row pgx.Rows) (factsRow, error) {
	f := factsRow{nodeFacts: nodeFacts{kind: domain.KindRun}}
	err := row.Scan(&f.key, &f.since, &f.until, &f.name, (*zeronull.Int8)(&f.pipeline), (*zeroInt)(&f.number), &f.status, &f.deleted)
	f.named = f.pipeline
	return f, err
}

// RunName is a run's name for people: the producer's, else PIPELINE#NUMBER, else its id.
func RunName(runID, name string, pipeline domain.Name, number int) string {
	switch {
	case name != "":
		return name
	case pipeline.Name != "" && number > 0:
		return pipeline.String() + "#" + strconv.Itoa(number)
	}
	return runID
}

func scanStepFacts(row pgx.Rows) (factsRow, error) {
	f := factsRow{nodeFacts: nodeFacts{kind: domain.KindStep}}
	var title string
	err := row.Scan(&f.key, &f.since, &f.until, &f.name, (*zeronull.Text)(&title), &f.status, &f.deleted, (*zeronull.Int8)(&f.pipeline))
	if title != "" {
		f.name = title
	}
	return f, err
}
