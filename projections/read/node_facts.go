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

// A factsQuery reads the facts of nodes of one kind: from the current rows where these were true at the moment
// already, and, asked with the keys that are then still missing, from the closed ones.
type factsQuery struct {
	side     side
	now, was string
	scan     func(*walk, pgx.Rows) (nodeFacts, error)
}

// factsOf makes both statements of one, in which v is the row of the table.
func factsOf(s side, table, cols, joins string, scan func(*walk, pgx.Rows) (nodeFacts, error)) factsQuery {
	text := func(part, until string) string {
		return `SELECT v.key, ` + cols + ` FROM read.` + table + part + ` v ` + joins + `
WHERE v.ws = $1 AND v.key = ANY($3) AND v.since <= $2` + until
	}
	return factsQuery{side: s, now: text("", ""), was: text("_was", " AND v.until > $2"), scan: scan}
}

// named joins the name of a thing, which never changes: the current row has it. OFFSET 0 keeps the planner from
// reading all names for some.
func named(table, key, alias string) string {
	return `LEFT JOIN LATERAL (SELECT * FROM read.` + table + ` x WHERE x.ws = $1 AND x.key = ` + key + ` OFFSET 0) ` + alias + ` ON true`
}

var factsQueries = []factsQuery{
	factsOf(version, "artifact_versions", "a.namespace, a.name, v.number, v.kind, v.outcome, v.deleted",
		named("artifacts", "v.artifact", "a"), scanVersionFacts),
	factsOf(artifact, "artifacts", "v.namespace, v.name, v.deleted", "", scanArtifactFacts),
	factsOf(execution, "runs", "v.run_id, v.pipeline, v.number, v.status, v.deleted, p.namespace, p.name",
		named("pipelines", "v.pipeline", "p"), scanRunFacts),
	factsOf(execution, "steps", "v.name, v.title, v.status, v.deleted, r.pipeline",
		"LEFT JOIN LATERAL (SELECT * FROM read.runs x WHERE x.ws = $1 AND x.key = v.run OFFSET 0) r ON true", scanStepFacts),
}

// Names that producers gave runs, of both parts at once: few runs have one, so that joining them to each run costs
// more than all the rest.
const runNamesSQL = `
SELECT key, name FROM read.run_details WHERE ws = $1 AND key = ANY($3) AND since <= $2 AND name IS NOT NULL
UNION ALL
SELECT key, name FROM read.run_details_was WHERE ws = $1 AND key = ANY($3) AND since <= $2 AND until > $2 AND name IS NOT NULL`

// learn reads the facts of nodes, all kinds in one round trip, or two where some rows are closed by now. An execution
// is a run or a step; keys of the two never meet, so both tables are asked.
func (w *walk) learn(ctx context.Context, nodes [sides][]int64) error {
	for _, closed := range []bool{false, true} {
		for s, keys := range nodes {
			unknown := keys[:0:0]
			for _, key := range keys {
				if _, known := w.known[key]; !known {
					unknown = append(unknown, key)
				}
			}
			slices.Sort(unknown)
			nodes[s] = unknown
		}
		if err := w.learnFrom(ctx, nodes, closed); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) learnFrom(ctx context.Context, nodes [sides][]int64, closed bool) error {
	batch := &pgx.Batch{}
	if keys := nodes[execution]; len(keys) > 0 && !closed {
		batch.Queue(w.db.text(w.m, runNamesSQL), w.m.Number, w.m.Revision, keys).Query(w.takeRunNames)
	}
	for _, q := range factsQueries {
		keys, text := nodes[q.side], q.now
		if closed {
			text = q.was
		}
		if len(keys) == 0 {
			continue
		}
		batch.Queue(w.db.text(w.m, text), w.m.Number, w.m.Revision, keys).Query(func(rows pgx.Rows) error {
			for rows.Next() {
				f, err := q.scan(w, rows)
				if err != nil {
					return err
				}
				w.known[f.key] = len(w.facts)
				w.facts = append(w.facts, f)
			}
			return rows.Err()
		})
	}
	if batch.Len() == 0 {
		return nil
	}
	if err := w.db.pool.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("read the nodes of a walk of %s: %w", w.m.Slug, err)
	}
	return nil
}

func (w *walk) takeRunNames(rows pgx.Rows) error {
	var key int64
	var name string
	_, err := pgx.ForEachRow(rows, []any{&key, &name}, func() error {
		w.runNames[key] = name
		return nil
	})
	return err
}

// fact is what is known of a node; nothing where its row is not there.
func (w *walk) fact(key int64) nodeFacts {
	if i, ok := w.known[key]; ok {
		return w.facts[i]
	}
	return nodeFacts{}
}

func scanVersionFacts(_ *walk, row pgx.Rows) (nodeFacts, error) {
	f := nodeFacts{kind: domain.KindArtifactVersion}
	var name, kind, outcome string
	var number int
	err := row.Scan(&f.key, &f.namespace, &name, &number, &kind, &outcome, &f.deleted)
	f.name, f.status = domain.Name{Namespace: f.namespace, Name: name}.String()+"@"+strconv.Itoa(number), VersionStatus(kind, outcome)
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

func scanArtifactFacts(_ *walk, row pgx.Rows) (nodeFacts, error) {
	f := nodeFacts{kind: domain.KindArtifact}
	var name string
	err := row.Scan(&f.key, &f.namespace, &name, &f.deleted)
	f.name = domain.Name{Namespace: f.namespace, Name: name}.String()
	return f, err
}

func scanRunFacts(w *walk, row pgx.Rows) (nodeFacts, error) {
	f := nodeFacts{kind: domain.KindRun}
	var runID, namespace, pipeline string
	var number int
	err := row.Scan(&f.key, &runID, (*zeronull.Int8)(&f.pipeline), (*zeroInt)(&number), &f.status, &f.deleted,
		(*zeronull.Text)(&namespace), (*zeronull.Text)(&pipeline))
	f.name = RunName(runID, w.runNames[f.key], domain.Name{Namespace: namespace, Name: pipeline}, number)
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

func scanStepFacts(_ *walk, row pgx.Rows) (nodeFacts, error) {
	f := nodeFacts{kind: domain.KindStep}
	var title string
	err := row.Scan(&f.key, &f.name, (*zeronull.Text)(&title), &f.status, &f.deleted, (*zeronull.Int8)(&f.pipeline))
	if title != "" {
		f.name = title
	}
	return f, err
}
