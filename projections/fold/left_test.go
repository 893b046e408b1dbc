package fold_test

import (
	"context"
	"testing"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/projections/read"
)

// moving is a story of runs that are said to be of another pipeline, and nested in other runs, than before.
func moving() *story {
	s := newStory()
	a, b, dag, other := native("a"), native("b"), native("dag"), native("other")
	s.says(1, of(a, "p"), of(b, "p"))                                                                         // 1, 2
	s.says(2, consumed(b, domain.Started, io("x")), produced(b, domain.Started, io("y")))                     // 3, 4
	s.says(3, domain.RunNested{Run: b, Parent: dag, Root: &dag})                                              // 5
	s.says(4, of(b, "q"))                                                                                     // 6: p has a alone
	s.says(5, domain.RunNested{Run: b, Parent: other})                                                        // 7: dag has nothing
	s.says(6, domain.RunNested{Run: other, Parent: b, Root: &dag})                                            // 8: refused
	s.says(7, of(a, "q"))                                                                                     // 9: p has none
	s.says(8, of(b, "p"))                                                                                     // 10: b is back
	s.says(9, domain.RunNested{Run: b, Parent: dag})                                                          // 11: the loop is open
	s.says(10, domain.ArtifactAliased{Artifact: data("y"), Alias: domain.Alias{Name: data("x")}}, of(a, "r")) // 12, 13
	return s
}

func TestAPipelineHasTheLastRunThatItHadThen(t *testing.T) {
	t.Parallel()
	s, m := moving(), newModel(t)
	m.project(s, 1000, nil)
	db, ctx := read.New(m.pool), context.Background()
	lastRuns := map[domain.Revision]map[string]string{
		1: {"p": "a"}, 2: {"p": "b"}, 6: {"p": "a", "q": "b"}, 8: {"p": "a", "q": "b"}, 9: {"p": "", "q": "b"}, 10: {"p": "b", "q": "a"}, 13: {"p": "b", "q": "", "r": "a"},
	}
	for n, want := range lastRuns {
		at := read.Moment{Slug: slug, Number: ws, Schema: m.schema, Revision: n}
		list, err := db.Pipelines(ctx, at, read.NameQuery{Order: read.ByLatest, Descending: true})
		if err != nil || len(list.Rows) != len(want) {
			t.Fatalf("as of %d: %d pipelines, %v; want %d", n, len(list.Rows), err, len(want))
		}
		for _, p := range list.Rows {
			var id string
			if found, err := db.RunsByKey(ctx, at, []int64{p.Row.LastRun}); err != nil {
				t.Fatal(err)
			} else if len(found) == 1 {
				id = found[0].RunID
			}
			if id != want[p.Row.Name] {
				t.Errorf("as of %d the last run of %s is %q, want %q", n, p.Row.Name, id, want[p.Row.Name])
			}
		}
	}
}

func TestARefusedParentHasNoRoot(t *testing.T) {
	t.Parallel()
	s := moving()
	eachWay(t, s, nil, func(m *model) {
		m.want("once the loop is open", `SELECT p.run_id, q.run_id, r.refused_parent IS NULL, r.refused_root IS NULL FROM read.runs r JOIN read.runs p ON p.key = r.parent JOIN read.runs q ON q.key = r.root WHERE r.run_id = 'other'`, "b dag true true")
		m.want("while it was refused", `SELECT r.parent, r.root, p.run_id, q.run_id FROM read.runs_was r JOIN read.runs p ON p.key = r.refused_parent JOIN read.runs q ON q.key = r.refused_root WHERE r.run_id = 'other' AND r.since <= 8 AND r.until > 8`, "- - b dag")
	})
}

// Every answer, as of every revision, is the one of a model that ends there.
func TestMovingRunsAreWhereTheyWere(t *testing.T) {
	t.Parallel()
	whole, m := moving(), newModel(t)
	db := read.New(m.pool)
	then := make([][]answer, len(whole.events))
	for i := range whole.events {
		s := *whole
		s.events = whole.events[:i+1]
		m.project(&s, 1, nil)
		then[i] = m.asked(db, &s, domain.Revision(i))
	}
	for i := range then {
		now := m.asked(db, whole, domain.Revision(i))
		if len(now) != len(then[i]) {
			t.Fatalf("as of %d there are %d answers, there were %d", i, len(now), len(then[i]))
		}
		for j, a := range then[i] {
			if now[j] != a {
				t.Errorf("as of %d: %s\n was %s\n is  %s", i, a.question, a.text, now[j].text)
			}
		}
	}
}
