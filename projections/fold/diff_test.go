package fold_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/projections/read"
)

// A snapshot is every thing of a workspace, with its fields.
type snapshot map[int64]map[read.FieldKey]read.FieldValue

// everything is the workspace as of a revision, thing by thing.
func (m *model) everything(rt *rapid.T, db *read.DB, at read.Moment) snapshot {
	nodes := []read.Node{{Kind: domain.KindWorkspace}}
	a := asker{m: m, at: at}
	for table, kind := range map[string]domain.Kind{
		"pipelines": domain.KindPipeline, "pipeline_versions": domain.KindPipelineVersion, "runs": domain.KindRun, "steps": domain.KindStep, "artifacts": domain.KindArtifact, "artifact_versions": domain.KindArtifactVersion,
	} {
		for _, key := range a.keys(table) {
			nodes = append(nodes, read.Node{Kind: kind, Key: key})
		}
	}
	found, err := db.Entities(context.Background(), at, nodes)
	if err != nil {
		rt.Fatal(err)
	}
	out := snapshot{}
	for key, e := range found {
		out[key] = e.Fields
	}
	return out
}

// apply makes of a snapshot what a diff says became of it.
func (s snapshot) apply(rt *rapid.T, diff []read.Difference) snapshot {
	out := maps.Clone(s)
	for _, d := range diff {
		fields := maps.Clone(out[d.Key])
		if (d.Change == read.Created) != (fields == nil) {
			rt.Fatalf("%s %d was %s, and was there before: %v", d.Kind, d.Key, d.Change, fields != nil)
		}
		if fields == nil {
			fields = map[read.FieldKey]read.FieldValue{}
		}
		for _, f := range d.Fields {
			was, there := fields[f.Key]
			if there != (f.Before != nil) || there && !was.Equal(withoutName(*f.Before)) {
				rt.Fatalf("%s of %s: before is %v, was %v", f.Name, d.Name, f.Before, was)
			}
			delete(fields, f.Key)
			if f.After != nil {
				fields[f.Key] = withoutName(*f.After)
			}
		}
		out[d.Key] = fields
		if d.Change == read.Removed {
			if len(fields) > 0 {
				rt.Fatalf("%s was removed, but for %v", d.Name, fields)
			}
			delete(out, d.Key)
		}
	}
	return out
}

// withoutName is a value as a thing has it: a diff gives what leads to another thing its name besides.
func withoutName(v read.FieldValue) read.FieldValue {
	if v.Ref.Key != 0 {
		v.JSON = nil
	}
	return v
}

// diff reads a whole diff in small pages.
func diffOf(rt *rapid.T, db *read.DB, at read.Moment, q read.DiffQuery) (all []read.Difference) {
	for {
		l, err := db.Diff(context.Background(), at, q)
		if err != nil {
			rt.Fatal(err)
		}
		for _, r := range l.Rows {
			all = append(all, r.Row)
		}
		if !l.More {
			return all
		}
		mark := l.Rows[len(l.Rows)-1].Mark
		if q.Page.Back {
			mark = l.Rows[0].Mark
		}
		q.Page.After = &mark
	}
}

// What a diff says became of the earlier moment makes the later one of it, and counting says how much that is. A change
// that was missing in read.changes, in pages or event by event, would be missing here.
func TestDiffMakesTheLaterMomentOfTheEarlierOne(t *testing.T) {
	t.Parallel()
	m := newModel(t)
	db := read.New(m.pool)
	rapid.Check(t, func(rt *rapid.T) {
		s := newStory()
		s.ws = 1000 + workspaceNumbers.Add(1)
		s.slug = domain.Slug(fmt.Sprint("w", s.ws))
		drawStory(rt, s, 18)
		m.project(s, rapid.IntRange(1, 9).Draw(rt, "page"), nil)
		from := domain.Revision(rapid.IntRange(0, len(s.events)-1).Draw(rt, "from"))
		to := domain.Revision(rapid.IntRange(int(from), len(s.events)-1).Draw(rt, "to"))
		at := read.Moment{Slug: s.slug, Number: s.ws, Schema: m.schema, Revision: to}
		earlier := at
		earlier.Revision = from
		q := read.DiffQuery{From: from, Page: read.Page{Limit: 3}}
		diff := diffOf(rt, db, at, q)
		got, want := m.everything(rt, db, earlier).apply(rt, diff), m.everything(rt, db, at)
		for key := range want {
			if differ := !maps.EqualFunc(got[key], want[key], read.FieldValue.Equal); differ {
				rt.Fatalf("from %d to %d: %d is\n%v, want\n%v\n%s", from, to, key, got[key], want[key], s.told())
			}
		}
		if len(got) != len(want) {
			rt.Fatalf("from %d to %d: %d things, want %d\n%s", from, to, len(got), len(want), s.told())
		}
		q.Page.Back = true
		back := diffOf(rt, db, at, q)
		order := func(a, b read.Difference) int { return int(a.Key - b.Key) }
		key := func(all []read.Difference) (keys []int64) {
			for _, d := range slices.SortedFunc(slices.Values(all), order) {
				keys = append(keys, d.Key)
			}
			return keys
		}
		if !slices.Equal(key(diff), key(back)) {
			rt.Fatalf("forward %v\nbackward %v", key(diff), key(back))
		}
		counts, complete, err := db.CountDiff(context.Background(), at, q, 1000)
		sum := 0
		for _, c := range counts {
			sum += c.Created + c.Changed + c.Removed
		}
		if err != nil || !complete || sum != len(diff) {
			rt.Fatalf("counted %v (%v), listed %d: %v", counts, complete, len(diff), err)
		}
	})
}
