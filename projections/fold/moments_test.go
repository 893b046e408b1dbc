package fold_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/projections/read"
)

// An answer is what a question was answered with.
type answer struct{ question, text string }

// An asker asks a model everything, as of one moment.
type asker struct {
	m    *model
	db   *read.DB
	at   read.Moment
	list []answer
}

// asked is what the read model answers to every question about everything that existed at a revision.
func (m *model) asked(db *read.DB, s *story, n domain.Revision) []answer {
	m.t.Helper()
	a := &asker{m: m, db: db, at: read.Moment{Slug: s.slug, Number: s.ws, Schema: m.schema, Revision: n}}
	runs, steps := a.keys("runs"), a.keys("steps")
	a.runs(runs)
	a.names()
	a.artifacts(a.keys("artifacts"))
	for _, key := range append(slices.Clone(runs), steps...) {
		for what, users := range map[string]func(context.Context, read.Moment, []int64, int) (map[int64][]read.Use, error){"inputs": db.Inputs, "outputs": db.Outputs} {
			uses, err := users(context.Background(), a.at, []int64{key}, 100)
			a.note(fmt.Sprint(what, " of ", key), uses, err)
		}
	}
	roots := map[domain.Kind][]int64{domain.KindRun: runs, domain.KindStep: steps, domain.KindPipeline: a.keys("pipelines"), domain.KindArtifact: a.keys("artifacts"), domain.KindArtifactVersion: a.keys("artifact_versions")}
	for kind, keys := range roots {
		for _, key := range keys {
			for _, granularity := range []read.Granularity{read.ByVersion, read.ByArtifact} {
				g, err := db.Lineage(context.Background(), a.at, read.LineageQuery{Roots: []read.Node{{Kind: kind, Key: key}}, Granularity: granularity, Collapse: kind == domain.KindRun})
				a.note(fmt.Sprintf("lineage of %s %d, %v", kind, key, granularity), g, err)
			}
		}
	}
	slices.SortStableFunc(a.list, func(x, y answer) int { return strings.Compare(x.question, y.question) })
	return a.list
}

// keys are those of the rows that a table has at the moment.
func (a *asker) keys(table string) []int64 {
	var keys []int64
	for _, row := range a.m.rows("SELECT key FROM read."+table+" WHERE ws = $1 AND key < $2", a.at.Number, (int64(a.at.Revision)+1)*domain.MaxNames) {
		var key int64
		if _, err := fmt.Sscan(row, &key); err != nil {
			a.m.t.Fatal(err)
		}
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func (a *asker) note(question string, v any, err error) {
	a.m.t.Helper()
	if err != nil {
		a.m.t.Fatalf("%s as of %d: %v", question, a.at.Revision, err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		a.m.t.Fatal(err)
	}
	a.list = append(a.list, answer{question, string(text)})
}

func (a *asker) runs(keys []int64) {
	ctx, db := context.Background(), a.db
	list, err := db.Runs(ctx, a.at, read.RunQuery{Nested: true})
	a.note("all runs", list, err)
	list, err = db.Runs(ctx, a.at, read.RunQuery{Statuses: []domain.Status{domain.StatusRunning, domain.StatusSucceeded}, Order: read.RunOrder{By: read.ByStarted}})
	a.note("running and succeeded runs", list, err)
	facets, _, err := db.RunFacets(ctx, a.at, read.RunQuery{Nested: true})
	a.note("facets of runs", facets, err)
	for _, pipeline := range a.keys("pipelines") {
		list, err := db.Runs(ctx, a.at, read.RunQuery{Pipelines: []int64{pipeline}, Nested: true})
		a.note(fmt.Sprint("runs of pipeline ", pipeline), list, err)
		for number := range 3 {
			r, _, err := db.RunByNumber(ctx, a.at, pipeline, number+1)
			a.note(fmt.Sprint("run ", number+1, " of pipeline ", pipeline), r, err)
		}
	}
	details, err := db.RunDetails(ctx, a.at, keys)
	a.note("details of runs", details, err)
	counts, err := db.StepCounts(ctx, a.at, keys)
	a.note("counts of steps", counts, err)
	for _, key := range keys {
		list, err := db.Runs(ctx, a.at, read.RunQuery{Parent: key})
		a.note(fmt.Sprint("runs in ", key), list, err)
		dag, err := db.Dag(ctx, a.at, key, 100)
		a.note(fmt.Sprint("graph of ", key), dag, err)
		bars, err := db.Timeline(ctx, a.at, key, 100)
		a.note(fmt.Sprint("timeline of ", key), bars, err)
		steps, err := db.Steps(ctx, a.at, read.StepQuery{Run: key})
		a.note(fmt.Sprint("steps of ", key), steps, err)
		versions, err := db.VersionsOfRun(ctx, a.at, key, read.Page{})
		a.note(fmt.Sprint("versions of run ", key), versions, err)
	}
}

// names asks for lists of pipelines and artifacts, with their last run or version, in every order and page by page.
func (a *asker) names() {
	ctx, db := context.Background(), a.db
	for _, order := range []read.NameOrder{read.ByName, read.ByNaming, read.ByLatest} {
		for _, descending := range []bool{false, true} {
			q := read.NameQuery{Order: order, Descending: descending, Page: read.Page{Limit: 2}}
			for page := 1; ; page++ {
				pipelines, err := db.Pipelines(ctx, a.at, q)
				a.note(fmt.Sprintf("pipelines by %d, %v, page %d", order, descending, page), pipelines, err)
				if !pipelines.More {
					break
				}
				q.Page.After = &pipelines.Rows[len(pipelines.Rows)-1].Mark
			}
			artifacts, err := db.Artifacts(ctx, a.at, read.NameQuery{Order: order, Descending: descending})
			a.note(fmt.Sprintf("artifacts by %d, %v", order, descending), artifacts, err)
		}
	}
	declared, err := db.DeclaredIO(ctx, a.at, a.keys("pipelines"))
	a.note("declarations", declared, err)
	latest, err := db.LatestPipelineVersions(ctx, a.at, a.keys("pipelines"))
	a.note("versions of pipelines", latest, err)
	for _, text := range []string{"x", "j", "a"} {
		hits, err := db.Search(ctx, a.at, text, nil, 20)
		a.note("search "+text, hits, err)
	}
}

func (a *asker) artifacts(keys []int64) {
	ctx, db := context.Background(), a.db
	aliases, err := db.Aliases(ctx, a.at, keys)
	a.note("aliases", aliases, err)
	for _, key := range keys {
		versions, err := db.Versions(ctx, a.at, key, read.Page{})
		a.note(fmt.Sprint("versions of artifact ", key), versions, err)
		for _, name := range []string{"", "1", "2"} {
			v, _, err := db.VersionNamed(ctx, a.at, key, 0, name)
			a.note(fmt.Sprintf("version %q of artifact %d", name, key), v, err)
		}
		for what, columns := range map[string]func(context.Context, read.Moment, int64, *string, int) ([]read.ColumnEdge, error){"sources": db.ColumnSources, "targets": db.ColumnTargets} {
			edges, err := columns(ctx, a.at, key, nil, 100)
			a.note(fmt.Sprint("columns of ", key, ", ", what), edges, err)
		}
		for _, upwards := range []bool{false, true} {
			near, err := db.Neighbours(ctx, a.at, key, upwards, 100)
			a.note(fmt.Sprint("neighbours of ", key, upwards), near, err)
		}
	}
	details, err := db.VersionDetails(ctx, a.at, a.keys("artifact_versions"))
	a.note("details of versions", details, err)
}

// Whatever came later, the past is what it was: each answer as of a revision is the one that was given when that
// revision was the last.
func TestThePastIsWhatItWas(t *testing.T) {
	t.Parallel()
	m := newModel(t)
	db := read.New(m.pool)
	rapid.Check(t, func(rt *rapid.T) {
		s := newStory()
		s.ws = 1000 + workspaceNumbers.Add(1)
		s.slug = domain.Slug(fmt.Sprint("w", s.ws))
		drawStory(rt, s, 18)
		n := domain.Revision(rapid.IntRange(0, len(s.events)-1).Draw(rt, "moment"))
		part := *s
		part.events = s.events[:n+1]
		m.project(&part, 7, nil)
		then := m.asked(db, s, n)
		m.project(s, 7, nil)
		now := m.asked(db, s, n)
		for i, a := range then {
			if i >= len(now) || now[i] != a {
				rt.Fatalf("as of %d: %s\n was %s\n is  %v\n%s", n, a.question, a.text, now[min(i, len(now)-1)], s.told())
			}
		}
	})
}
