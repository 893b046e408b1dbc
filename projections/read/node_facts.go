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

// A name never changes: the current row has it.
var (
	versionFactsSQL = `
SELECT k.key, a.namespace, a.name, v.number, v.kind, v.outcome, v.deleted FROM unnest($3::bigint[]) k (key)
CROSS JOIN LATERAL (` + rowAt("artifact_versions", "artifact, number, kind, outcome, deleted", "x.key = k.key") + `) v
JOIN read.artifacts a ON a.ws = $1 AND a.key = v.artifact`
	artifactFactsSQL = `
SELECT k.key, a.namespace, a.name, v.deleted FROM unnest($3::bigint[]) k (key)
JOIN read.artifacts a ON a.ws = $1 AND a.key = k.key
CROSS JOIN LATERAL (` + rowAt("artifacts", "deleted", "x.key = k.key") + `) v`
	runFactsSQL = `
SELECT k.key, r.run_id, r.pipeline, r.number, r.status, r.deleted, p.namespace, p.name, d.name FROM unnest($3::bigint[]) k (key)
CROSS JOIN LATERAL (` + rowAt("runs", "run_id, pipeline, number, status, deleted", "x.key = k.key") + `) r
LEFT JOIN read.pipelines p ON p.ws = $1 AND p.key = r.pipeline
LEFT JOIN LATERAL (` + rowAt("run_details", "name", "x.key = k.key") + `) d ON true`
	stepFactsSQL = `
SELECT k.key, s.name, s.title, s.status, s.deleted, r.pipeline FROM unnest($3::bigint[]) k (key)
CROSS JOIN LATERAL (` + rowAt("steps", "run, name, title, status, deleted", "x.key = k.key") + `) s
LEFT JOIN LATERAL (` + rowAt("runs", "pipeline", "x.key = s.run") + `) r ON true`
)

// learn reads the facts of nodes, all kinds in one round trip. An execution is a run or a step; keys of the two never
// meet, so both tables are asked.
func (w *walk) learn(ctx context.Context, nodes map[int64]side) error {
	sides := map[side][]int64{}
	for key, s := range nodes {
		sides[s] = append(sides[s], key)
	}
	batch := &pgx.Batch{}
	queue := func(keys []int64, statement string, scan func(pgx.CollectableRow) (nodeFacts, error)) {
		if len(keys) == 0 {
			return
		}
		slices.Sort(keys)
		batch.Queue(w.db.text(w.m, statement), w.m.Number, w.m.Revision, keys).Query(func(rows pgx.Rows) error {
			found, err := pgx.CollectRows(rows, scan)
			for _, f := range found {
				w.facts[f.key] = f
			}
			return err
		})
	}
	queue(sides[version], versionFactsSQL, scanVersionFacts)
	queue(sides[artifact], artifactFactsSQL, scanArtifactFacts)
	queue(sides[execution], runFactsSQL, scanRunFacts)
	queue(sides[execution], stepFactsSQL, scanStepFacts)
	if batch.Len() == 0 {
		return nil
	}
	if err := w.db.pool.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("read the nodes of a walk of %s: %w", w.m.Slug, err)
	}
	return nil
}

func scanVersionFacts(row pgx.CollectableRow) (nodeFacts, error) {
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

func scanArtifactFacts(row pgx.CollectableRow) (nodeFacts, error) {
	f := nodeFacts{kind: domain.KindArtifact}
	var name string
	err := row.Scan(&f.key, &f.namespace, &name, &f.deleted)
	f.name = domain.Name{Namespace: f.namespace, Name: name}.String()
	return f, err
}

func scanRunFacts(row pgx.CollectableRow) (nodeFacts, error) {
	f := nodeFacts{kind: domain.KindRun}
	var runID, namespace, pipeline, name string
	var number int
	err := row.Scan(&f.key, &runID, (*zeronull.Int8)(&f.pipeline), (*zeroInt)(&number), &f.status, &f.deleted,
		(*zeronull.Text)(&namespace), (*zeronull.Text)(&pipeline), (*zeronull.Text)(&name))
	f.name = RunName(runID, name, domain.Name{Namespace: namespace, Name: pipeline}, number)
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

func scanStepFacts(row pgx.CollectableRow) (nodeFacts, error) {
	f := nodeFacts{kind: domain.KindStep}
	var title string
	err := row.Scan(&f.key, &f.name, (*zeronull.Text)(&title), &f.status, &f.deleted, (*zeronull.Int8)(&f.pipeline))
	if title != "" {
		f.name = title
	}
	return f, err
}
