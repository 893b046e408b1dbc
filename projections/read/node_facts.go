package read

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
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
	scan     func(r raw, f *factsRow)
}

// factsOf makes both statements of one, in which v is the row of the table.
func factsOf(s side, table, cols, joins string, scan func(r raw, f *factsRow)) factsQuery {
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
			var f factsRow
			for rows.Next() {
				if found == nil {
					found = make([]factsRow, 0, len(keys))
				}
				r := rawOf(rows)
				f.key, f.since, f.until = r.number(0), domain.Revision(r.number(1)), domain.Revision(r.number(2))
				q.scan(r, &f)
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
	if err := w.db.send(ctx, w.m, batch); err != nil {
		return fmt.Errorf("read the nodes of a walk of %s: %w", w.m.Slug, err)
	}
	return nil
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

// fact is what is known of a node; nothing where its row is not there.
func (w *walk) fact(key int64) nodeFacts {
	if i, ok := w.known[key]; ok {
		return w.facts[i]
	}
	return nodeFacts{}
}

// Each of these reads the columns from the third on. The texts of the row before are there to be used again.
func scanVersionFacts(r raw, f *factsRow) {
	f.kind, f.named, f.number = domain.KindArtifactVersion, r.number(3), int(r.number(4))
	f.status, f.deleted = VersionStatus(r.text(5, "produced"), r.text(6, f.status)), r.flag(7)
}

// VersionStatus is the word for the state of a version: its kind where nobody wrote it, else what became of its
// writing.
func VersionStatus(kind, outcome string) string {
	if kind == "produced" {
		return outcome
	}
	return kind
}

func scanArtifactFacts(r raw, f *factsRow) {
	f.kind, f.namespace, f.deleted = domain.KindArtifact, r.text(3, f.namespace), r.flag(5)
	f.name = domain.Name{Namespace: f.namespace, Name: r.text(4, "")}.String()
}

// scanRunFacts leaves the run's id for its name.
func scanRunFacts(r raw, f *factsRow) {
	f.kind, f.name, f.pipeline, f.number = domain.KindRun, r.text(3, ""), r.number(4), int(r.number(5))
	f.status, f.deleted = r.text(6, f.status), r.flag(7)
	f.named = f.pipeline
}

func scanStepFacts(r raw, f *factsRow) {
	f.kind, f.name = domain.KindStep, r.text(3, "")
	if title := r.text(4, ""); title != "" {
		f.name = title
	}
	f.status, f.deleted, f.pipeline = r.text(5, f.status), r.flag(6), r.number(7)
}
