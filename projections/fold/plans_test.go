package fold_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/projections/fold"
	"github.com/annals-io/annals/schema/postgres"
)

// wholeWorkspace is a search of an index by nothing but the workspace.
var wholeWorkspace = regexp.MustCompile(`Index Cond: \([a-z_]*\.?ws = [a-z_.]+\)\s`)

// TestLoadsUseIndexes looks at the generic plan of every statement that a connection has prepared after folding
// everything there is: none may read a table from end to end.
func TestLoadsUseIndexes(t *testing.T) {
	t.Parallel()
	s, m := newStory(), newModel(t)
	p := domain.Name{Name: "train"}
	for i := range 1000 { // so many that an index is worth its while
		out := io(fmt.Sprint("many-", i))
		out.Columns = []domain.ColumnEdge{{Field: "a", From: data(fmt.Sprint("many-", i-1)), FromField: "b"}}
		s.says(0, domain.PipelineDeclared{Pipeline: job(fmt.Sprint("job-", i)), Inputs: []domain.IO{io("x")}})
		s.writes(run(fmt.Sprint("many-", i), fmt.Sprint("job-", i)), float64(i), float64(i)+1, out)
	}
	m.project(s, pageSize, nil)
	many := len(s.events)
	for i := range 3 {
		at := float64(i * 100)
		s.says(at, domain.PipelineVersionRegistered{Pipeline: p, Hash: "h", Label: "l"}, domain.RunReported{Phase: domain.Started, Run: native("n"), Pipeline: &p, Version: "h", Name: "x"})
		s.says(at, domain.StepReported{Phase: domain.Started, Execution: domain.Execution{Run: native("n"), Step: "s"}})
		s.says(at, domain.MetricsLogged{Execution: domain.Execution{Run: native("n")}, Points: []domain.Metric{{Name: "m"}}})
		s.writes(run("w", "write"), at, at+1, domain.IO{Artifact: data("x"), Version: "7", Columns: []domain.ColumnEdge{{Field: "a", From: data("y"), FromField: "b"}}})
		s.reads(run("r", "read"), at+2, at+3, io("x"), named("x", "7"))
		s.says(at+4, domain.RunNested{Run: run("r", "read"), Parent: run("d", "dag")}, reported(run("d", "dag"), domain.Succeeded))
		s.says(at+5, domain.PipelineDeclared{Pipeline: job("write"), Outputs: []domain.IO{io("x")}}, domain.ArtifactTagged{Artifact: data("x"), Set: []domain.Tag{{Key: "k"}}})
		if i > 0 {
			s.says(at+6, domain.ArtifactAliased{Artifact: data("x"), Alias: domain.Alias{Name: data("y")}})
		}
	}
	ctx := context.Background()
	for line := range strings.SplitSeq(postgres.Indexes, "\n") {
		if words := strings.Fields(line); len(words) > 2 && words[0] == "CREATE" {
			if _, err := m.pool.Exec(ctx, "DROP INDEX "+m.schema+"."+words[2]); err != nil {
				t.Fatal(err)
			}
		}
	}
	conn, err := m.pool.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "ANALYZE"); err != nil {
		t.Fatal(err)
	}
	for i := range s.events[many:] {
		i += many
		err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			return fold.Apply(ctx, tx, m.schema, []fold.Page{{Number: ws, Slug: slug, Events: s.events[i : i+1]}}, nil)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	rows, _ := conn.Query(ctx, `SELECT name, statement, cardinality(parameter_types) FROM pg_prepared_statements WHERE name LIKE 'stmt\_%' AND statement ~ '^\s*(SELECT|WITH|UPDATE|DELETE)' AND parameter_types <> '{}'`)
	type prepared struct {
		Name, SQL string
		Params    int
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[prepared])
	if err != nil || len(list) < 20 {
		t.Fatalf("%d statements, %v", len(list), err)
	}
	for _, st := range list {
		err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			for _, set := range []string{"enable_seqscan = off", "enable_hashjoin = off", "enable_mergejoin = off", "plan_cache_mode = force_generic_plan"} {
				if _, err := tx.Exec(ctx, "SET LOCAL "+set, pgx.QueryExecModeSimpleProtocol); err != nil {
					return err
				}
			}
			nulls := strings.TrimSuffix(strings.Repeat("NULL,", st.Params), ",")
			rows, _ := tx.Query(ctx, fmt.Sprintf("EXPLAIN EXECUTE %s(%s)", st.Name, nulls), pgx.QueryExecModeSimpleProtocol)
			plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if text := strings.Join(plan, "\n"); strings.Contains(text, "Seq Scan on") || wholeWorkspace.MatchString(text) {
				t.Errorf("%s\n%s", st.SQL, text)
			}
			return err
		})
		if err != nil {
			t.Fatalf("%s: %v", st.SQL, err)
		}
	}
}
