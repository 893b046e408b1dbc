package read

import (
	"context"
	"slices"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
)

// A root is a node that the walk begins at.
type root struct {
	key  int64
	side side
}

// canonicalAt is a query for the canonical artifact, as of the moment, of the artifact with that key (SQL). Names are
// only ever united, so that what is canonical now leads to all that were.
func canonicalAt(key string) string {
	return `(SELECT a.canonical FROM (` + rowAt("artifacts", "canonical", "x.key = "+key) + `) a)`
}

// canonicalNow is where the versions lie now that were some artifact's at any moment.
func canonicalNow(key string) string {
	return `(SELECT c.canonical FROM read.artifacts c WHERE c.ws = $1 AND c.key = ` + key + `)`
}

var rootArtifactSQL = `SELECT ` + canonicalAt("$3")

var rootVersionArtifactSQL = `SELECT v.artifact FROM (` + rowAt("artifact_versions", "artifact", "x.key = $3") + `) v`

var rootVersionsSQL = `
SELECT k.key FROM read.artifact_versions k
CROSS JOIN LATERAL (` + rowAt("artifact_versions", "artifact, exists_now", "x.key = k.key") + `) r
WHERE k.ws = $1 AND k.artifact = ` + canonicalNow(`$3`) + ` AND k.key <= $4
AND r.artifact = ` + canonicalAt(`$3`) + ` AND r.exists_now
ORDER BY k.key DESC LIMIT $5`

var rootPipelineSQL = runsAt("pipeline", "$3", "", "$4", "$5")

// The parts of runs: themselves and what is nested in them at the moment, newest first, then the steps of all of these.
var rootRunsSQL = `
WITH RECURSIVE inner_runs AS (
	SELECT k AS key FROM unnest($3::bigint[]) k
	UNION
	SELECT c.key FROM inner_runs p
	CROSS JOIN LATERAL (` + everNested("p.key", "$4") + `) c
	CROSS JOIN LATERAL (` + rowAt("runs", "parent", "x.key = c.key") + `) r WHERE r.parent = p.key)
SELECT key FROM (
	SELECT key, 0 AS place FROM inner_runs
	UNION ALL
	SELECT s.key, 1 FROM inner_runs p JOIN read.steps s ON s.ws = $1 AND s.run = p.key AND s.key <= $4) x
ORDER BY place, key DESC LIMIT $5`

// roots are the nodes that the query's roots stand for.
func (w *walk) roots(ctx context.Context, to way) ([]root, error) {
	var out []root
	for _, n := range w.q.Roots {
		found, err := w.root(ctx, n, to)
		if err != nil {
			return nil, err
		}
		if len(found) >= maxRoots {
			w.cut = true
		}
		out = append(out, found...)
	}
	return out, nil
}

func (w *walk) root(ctx context.Context, n Node, to way) ([]root, error) {
	last := lastKey(w.m.Revision)
	var keys []int64
	var err error
	switch n.Kind {
	case domain.KindArtifact:
		if w.q.Granularity == ByArtifact {
			return w.rootKeys(ctx, artifact, rootArtifactSQL, n.Key)
		}
		return w.rootKeys(ctx, version, rootVersionsSQL, n.Key, last, maxRoots)
	case domain.KindArtifactVersion:
		if w.q.Granularity == ByArtifact {
			return w.rootKeys(ctx, artifact, rootVersionArtifactSQL, n.Key)
		}
		return []root{{n.Key, version}}, nil
	case domain.KindStep:
		keys = []int64{n.Key}
	case domain.KindRun:
		keys, err = list(ctx, w.db, w.m, "find the parts of a run", rootRunsSQL, pgx.RowTo[int64], []int64{n.Key}, last, maxRoots)
	case domain.KindPipeline:
		keys, err = list(ctx, w.db, w.m, "find runs of a pipeline", rootPipelineSQL, pgx.RowTo[int64], n.Key, last, 100)
		if err == nil {
			keys, err = list(ctx, w.db, w.m, "find the parts of runs", rootRunsSQL, pgx.RowTo[int64], keys, last, maxRoots)
		}
	default:
		return nil, invalid("lineage begins at an artifact, an artifact version, a run, a step or a pipeline, not at a %s", n.Kind)
	}
	if err != nil {
		return nil, err
	}
	if w.q.Granularity == ByVersion {
		return w.executions(ctx, keys)
	}
	return w.artifactsOf(ctx, keys, to)
}

func (w *walk) rootKeys(ctx context.Context, s side, statement string, values ...any) ([]root, error) {
	keys, err := list(ctx, w.db, w.m, "find the roots", statement, pgx.RowTo[int64], values...)
	roots := make([]root, len(keys))
	for i, k := range keys {
		roots[i] = root{k, s}
	}
	return roots, err
}

// executions are the roots of executions, their runs where steps stand for these.
func (w *walk) executions(ctx context.Context, keys []int64) ([]root, error) {
	if w.q.Collapse {
		if err := w.learnRuns(ctx, keys); err != nil {
			return nil, err
		}
	}
	roots := make([]root, len(keys))
	for i, k := range keys {
		roots[i] = root{w.standsFor(k), execution}
	}
	return roots, nil
}

const artifactsOfSQL = `
SELECT DISTINCT v.artifact FROM unnest($3::bigint[]) k (key) CROSS JOIN LATERAL `

var artifactsOfVersionsSQL = artifactsOfSQL + `(` + rowAt("artifact_versions", "artifact", "x.key = k.key") + `) v ORDER BY 1`

// artifactsOf are the artifacts that executions read (upwards) or wrote (downwards).
func (w *walk) artifactsOf(ctx context.Context, executions []int64, to way) ([]root, error) {
	hops, err := w.db.someHops(ctx, w.m, execution, to, executions, 10*maxRoots, maxRoots)
	if err != nil {
		return nil, err
	}
	versions := make([]int64, len(hops))
	for i, h := range hops {
		versions[i] = h.to
	}
	return w.rootKeys(ctx, artifact, artifactsOfVersionsSQL, versions)
}

const stepsOfSQL = `
SELECT key, run FROM read.steps WHERE ws = $1 AND $2::bigint IS NOT NULL AND run = ANY($3) AND key <= $4 ORDER BY key`

// withSteps adds the steps of runs.
func (w *walk) withSteps(ctx context.Context, runs []int64) ([]int64, error) {
	if len(runs) == 0 {
		return nil, nil
	}
	steps, err := list(ctx, w.db, w.m, "read steps of runs", stepsOfSQL, scanPair, runs, lastKey(w.m.Revision))
	out := slices.Clone(runs)
	for _, s := range steps {
		w.collapsed[s[0]] = s[1]
		out = append(out, s[0])
	}
	return out, err
}

const runsOfStepsSQL = `
SELECT key, run FROM read.steps WHERE ws = $1 AND $2::bigint IS NOT NULL AND key = ANY($3)`

// learnRuns finds the runs of those executions that are steps. A step never changes its run.
func (w *walk) learnRuns(ctx context.Context, executions []int64) error {
	steps, err := list(ctx, w.db, w.m, "read runs of steps", runsOfStepsSQL, scanPair, executions)
	for _, s := range steps {
		w.collapsed[s[0]] = s[1]
	}
	return err
}

func scanPair(row pgx.CollectableRow) (p [2]int64, err error) {
	err = row.Scan(&p[0], &p[1])
	return p, err
}

// collapse puts runs in the place of their steps at both ends.
func (w *walk) collapse(ctx context.Context, hops []hop, from side) ([]hop, error) {
	if !w.q.Collapse {
		return hops, nil
	}
	if from == version {
		unknown := []int64{}
		for _, h := range hops {
			if _, ok := w.collapsed[h.to]; !ok {
				unknown = append(unknown, h.to)
			}
		}
		if err := w.learnRuns(ctx, unknown); err != nil {
			return nil, err
		}
	}
	for i, h := range hops {
		hops[i].from, hops[i].to = w.standsFor(h.from), w.standsFor(h.to)
	}
	return hops, nil
}
