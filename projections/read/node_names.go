package read

import (
	"context"
	"strconv"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
)

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

func (w *walk) takeRunNames(rows pgx.Rows) error {
	var n runName
	_, err := pgx.ForEachRow(rows, []any{&n.key, &n.name, &n.since, &n.until}, func() error {
		w.runNames[n.key] = append(w.runNames[n.key], n)
		return nil
	})
	return err
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
			var found []int64
			for rows.Next() {
				r := rawOf(rows)
				key := r.number(0)
				w.names[key] = domain.Name{Namespace: r.text(1, ""), Name: r.text(2, "")}
				found = append(found, key)
			}
			w.recall.keepNames(w.names, found)
			return rows.Err()
		})
	}
	return w.send(ctx, batch)
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
