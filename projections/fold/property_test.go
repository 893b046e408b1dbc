package fold_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/annals-io/annals/domain"
)

// labelsSQL gives names to what has keys: an artifact has the least of its names.
const labelsSQL = `
WITH c AS (SELECT canonical AS key, min((CASE WHEN namespace = '' THEN name ELSE namespace || '/' || name END) COLLATE "C") AS name FROM read.artifacts WHERE ws = $1 GROUP BY canonical),
r AS (SELECT r.*, CASE WHEN foreign_run THEN run_id || ' of ' || p.namespace || '/' || p.name ELSE run_id END AS label
    FROM read.runs r LEFT JOIN read.pipelines p ON p.ws = r.ws AND p.key = r.pipeline WHERE r.ws = $1),
x AS (SELECT key, label AS name FROM r UNION ALL SELECT s.key, r.label || '/' || s.name FROM read.steps s JOIN r ON r.key = s.run WHERE s.ws = $1),
v AS (SELECT a.key, a.outcome, a.completed_at, coalesce(a.name, '') AS name, a.exists_now,
    c.name || CASE WHEN a.promotion IS NOT NULL THEN ' received ' || a.promotion WHEN a.producer IS NULL THEN ' ' || a.kind || ' ' || coalesce(a.name, '') ELSE ' by ' || x.name || ' ' || a.attempt END AS label
    FROM read.artifact_versions a JOIN c ON c.key = a.artifact LEFT JOIN x ON x.key = a.producer WHERE a.ws = $1)`

// wrongs are what went wrong in which attempt, then in the last one.
const wrongs = `coalesce((SELECT string_agg((a ->> 'number') || ':' || (a -> 'failure' ->> 'type'), ',' ORDER BY nth) FROM jsonb_array_elements(attempts) WITH ORDINALITY t (a, nth)),
    CASE WHEN attempts IS NULL THEN attempt || ':' || (failure ->> 'type') END, '') || '/' || coalesce(failure ->> 'type', '')`

// stepWrongs are those of the step s.
var stepWrongs = strings.NewReplacer("(attempts)", "(s.attempts)", "WHEN attempts", "WHEN s.attempts", "attempt ||", "s.attempt ||", "failure ->> 'type') END", "s.failure ->> 'type') END", "coalesce(failure", "coalesce(s.failure").Replace(wrongs)

var (
	statusesSQL = labelsSQL + ` SELECT r.label, status, own_status, coalesce(jsonb_array_length(attempts), CASE WHEN attempt > 0 THEN 1 ELSE 0 END), contradictory, ` + wrongs + ` FROM r
UNION ALL SELECT r.label || '/' || s.name, s.status, s.own_status, coalesce(jsonb_array_length(s.attempts), CASE WHEN s.attempt > 0 THEN 1 ELSE 0 END), s.contradictory, ` + stepWrongs + ` FROM read.steps s JOIN r ON r.key = s.run WHERE s.ws = $1`
	versionsSQL = labelsSQL + ` SELECT label, outcome, completed_at, name FROM v WHERE exists_now`
	edgesSQL    = labelsSQL + ` SELECT x.name, e.direction = 1, v.label, e.role FROM read.lineage_edges e JOIN x ON x.key = e.execution JOIN v ON v.key = e.version WHERE e.ws = $1`
	linksSQL    = labelsSQL + ` SELECT s.name, t.name, coalesce(p.namespace || '/' || p.name, ''), e.supports FROM read.artifact_edges e JOIN c s ON s.key = e.source JOIN c t ON t.key = e.target
LEFT JOIN read.pipelines p ON p.ws = e.ws AND p.key = e.pipeline WHERE e.ws = $1`
	nestingsSQL = labelsSQL + ` SELECT r.label, p.label, r.parent IS NOT NULL, q.label FROM r JOIN r p ON p.key = coalesce(r.parent, r.refused_parent) LEFT JOIN r q ON q.key = r.root`
	columnsSQL  = labelsSQL + ` SELECT t.name, l.target_field, s.name, l.source_field, coalesce(p.namespace || '/' || p.name, ''), l.kind, l.subtype, l.masking FROM read.column_lineage l
JOIN c s ON s.key = l.source JOIN c t ON t.key = l.target LEFT JOIN read.pipelines p ON p.ws = l.ws AND p.key = l.pipeline WHERE l.ws = $1`
	meantSQL = labelsSQL + ` SELECT r.label, d.version_label, coalesce(v.hash, '') FROM read.run_details d JOIN r ON r.key = d.key LEFT JOIN read.pipeline_versions v ON v.ws = d.ws AND v.key = d.version WHERE d.ws = $1 AND d.version_label IS NOT NULL`
)

// totalsWrong is a row where totals are not what counting the rows gives.
const totalsWrong = `
SELECT t.*, c.* FROM (SELECT (SELECT count(*) FROM read.pipelines WHERE ws = $1 AND NOT deleted) AS pipelines, (SELECT count(*) FROM read.runs WHERE ws = $1 AND NOT deleted) AS runs,
    (SELECT count(*) FROM read.steps WHERE ws = $1 AND NOT deleted) AS steps, (SELECT count(*) FROM read.artifacts WHERE ws = $1 AND NOT deleted) AS artifacts,
    (SELECT count(*) FROM read.artifact_versions WHERE ws = $1 AND NOT deleted AND exists_now) AS versions) c
LEFT JOIN read.totals t ON t.ws = $1
WHERE (coalesce(t.pipelines, 0), coalesce(t.runs, 0), coalesce(t.steps, 0), coalesce(t.artifacts, 0), coalesce(t.versions, 0)) <> (c.pipelines, c.runs, c.steps, c.artifacts, c.versions)`

// equalNaive compares the rows with what the bare facts amount to.
func (m *model) equalNaive(number int32, n *naive) (differ string) {
	versions, edges, links := n.lineage()
	for _, c := range []struct {
		what, sql string
		want      []string
	}{
		{"statuses", statusesSQL, n.statuses()}, {"versions", versionsSQL, versions}, {"edges", edgesSQL, edges}, {"edges between artifacts", linksSQL, links},
		{"versions of pipelines", meantSQL, n.meant()}, {"nestings", nestingsSQL, n.nestings()}, {"columns", columnsSQL, n.fields()},
		{"versions astray", versionsAstray + " AND v.ws = $1", nil}, {"totals that are wrong", totalsWrong, nil},
	} {
		if got := m.rows(c.sql, number); !slices.Equal(got, c.want) {
			differ += fmt.Sprintf("%s:\n got  %s\n want %s\n", c.what, strings.Join(got, "\n      "), strings.Join(c.want, "\n      "))
		}
	}
	return differ
}

// told writes a story for a failure.
func (s *story) told() string {
	var b strings.Builder
	for i, e := range s.events {
		data, _ := domain.Encode(e.Event)
		fmt.Fprintf(&b, "%d at %v: %s %s\n", i, e.OccurredAt.Sub(noon).Seconds(), e.Type, data)
	}
	return b.String()
}

// drawStory draws a stream of messages about a few runs and artifacts, at a few moments: so that they meet.
func drawStory(t *rapid.T, s *story, most int) {
	runs := []domain.RunRef{run("a", "j1"), run("b", "j1"), run("c", "j2"), native("n"), native("m")}
	phases := []domain.Phase{domain.Started, domain.Started, domain.Succeeded, domain.Succeeded, domain.Failed, domain.Progressed, domain.Observed, domain.Queued, domain.Lost, domain.Cached}
	name := rapid.SampledFrom([]string{"x", "y", "z", "w"})
	drawIO := func(label string) domain.IO {
		out := io(name.Draw(t, label))
		out.Version = rapid.SampledFrom([]string{"", "", "", "1", "2"}).Draw(t, "version")
		if was := rapid.SampledFrom([]string{"", "", "", "", "j-old", "a-old x"}).Draw(t, "renamed"); was != "" {
			earlier := data(was)
			out.Renamed = &earlier
		}
		return out
	}
	scale := rapid.SampledFrom([]float64{1, 3600}).Draw(t, "scale") // near each other, or windows apart
	registered, received := map[string]bool{}, map[uuid.UUID]bool{}
	count := rapid.IntRange(1, most).Draw(t, "messages")
	for range count {
		when := scale * float64(rapid.IntRange(1, 12).Draw(t, "when"))
		x := domain.Execution{Run: rapid.SampledFrom(runs).Draw(t, "run")}
		if rapid.IntRange(0, 4).Draw(t, "in a step") == 0 {
			x.Step = "s"
		}
		phase := rapid.SampledFrom(phases).Draw(t, "phase")
		var events []domain.Event
		switch kind := rapid.IntRange(0, 23).Draw(t, "kind"); {
		case kind == 0 || kind == 17 || kind == 19:
			e := domain.RunNested{Run: x.Run, Parent: rapid.SampledFrom(runs).Draw(t, "parent")}
			if rapid.Bool().Draw(t, "with root") {
				root := rapid.SampledFrom(runs).Draw(t, "root")
				e.Root = &root
			}
			events = append(events, e)
		case kind == 1:
			events = append(events, domain.ArtifactAliased{Artifact: data(name.Draw(t, "artifact")), Alias: domain.Alias{Name: data(name.Draw(t, "alias"))}})
		case kind == 2:
			out := io(name.Draw(t, "artifact"))
			out.Version = rapid.SampledFrom([]string{"1", "2"}).Draw(t, "version")
			events = append(events, domain.ArtifactObserved{IO: out})
		case kind == 3 && rapid.Bool().Draw(t, "of what was received"):
			events = append(events, domain.ArtifactVersionDeleted{Version: domain.VersionRef{Artifact: data(name.Draw(t, "artifact")), Promotion: drawPromotion(t)}})
		case kind == 23 || kind == 18:
			id := drawPromotion(t)
			if received[id] {
				continue // it is received once
			}
			received[id] = true
			out := io(name.Draw(t, "artifact"))
			out.Version, out.URI = rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "version"), "s3://b/k"
			events = append(events, domain.ArtifactVersionReceived{IO: out, Promotion: id})
		case kind == 3:
			by := x
			events = append(events, domain.ArtifactVersionDeleted{Version: domain.VersionRef{Artifact: data(name.Draw(t, "artifact")), Producer: &by, Attempt: rapid.IntRange(1, 2).Draw(t, "attempt")}})
		case kind == 22:
			events = append(events, drawDeletion(t, x, name))
		case kind == 5:
			e := domain.PipelineDeclared{Pipeline: job(rapid.SampledFrom([]string{"j1", "j3"}).Draw(t, "pipeline"))}
			for range rapid.IntRange(0, 2).Draw(t, "inputs") {
				e.Inputs = append(e.Inputs, io(name.Draw(t, "input")))
			}
			for range rapid.IntRange(0, 2).Draw(t, "outputs") {
				out := io(name.Draw(t, "output"))
				if rapid.Bool().Draw(t, "said from what") {
					out.From = []domain.Name{data(name.Draw(t, "from"))}
				} else if rapid.Bool().Draw(t, "columns") {
					out.Columns = drawColumns(t, name)
				}
				e.Outputs = append(e.Outputs, out)
			}
			events = append(events, e)
		case kind == 4 || kind == 20 || kind == 21:
			p := job(rapid.SampledFrom([]string{"j1", "j3"}).Draw(t, "pipeline"))
			word := rapid.SampledFrom([]string{"", "v1", "v2", "h1"}).Draw(t, "version of the pipeline")
			r := native(rapid.SampledFrom([]string{"n", "m"}).Draw(t, "native run"))
			events = append(events, domain.RunReported{Phase: phase, Run: r, Pipeline: &p, Version: word})
		case kind == 7:
			word := rapid.SampledFrom([]string{"v1", "v2", "h3"}).Draw(t, "version of the pipeline")
			events = append(events, domain.RunReported{Phase: phase, Run: x.Run, Version: word})
		case kind == 11 || kind == 13:
			p, n := rapid.SampledFrom([]string{"j1", "j3"}).Draw(t, "pipeline"), rapid.IntRange(1, 4).Draw(t, "hash")
			if registered[p+fmt.Sprint(n)] {
				continue // it is registered once
			}
			registered[p+fmt.Sprint(n)] = true
			events = append(events, domain.PipelineVersionRegistered{Pipeline: job(p), Hash: fmt.Sprint("h", n), Label: []string{"v1", "v1", "v2", "v1"}[n-1]})
		default:
			var failure *domain.Failure
			if phase == domain.Failed || phase == domain.Progressed {
				if kind := rapid.SampledFrom([]string{"", "E", "F"}).Draw(t, "what went wrong"); kind != "" {
					failure = &domain.Failure{Type: kind}
				}
			}
			if x.Step == "" {
				title := rapid.SampledFrom([]string{"", "", "jolly", "jolly x"}).Draw(t, "title")
				events = append(events, domain.RunReported{Phase: phase, Run: x.Run, Failure: failure, Name: title})
			} else {
				events = append(events, domain.StepReported{Phase: phase, Execution: x, Failure: failure})
			}
			if kind%2 == 0 {
				e := domain.ArtifactsConsumed{Execution: x, Phase: phase}
				for range rapid.IntRange(1, 2).Draw(t, "inputs") {
					in := drawIO("input")
					in.Role = rapid.SampledFrom([]string{"", "", "r"}).Draw(t, "role")
					e.Inputs = append(e.Inputs, in)
				}
				events = append(events, e)
			}
			if kind%3 == 0 {
				e := domain.ArtifactsProduced{Execution: x, Phase: phase}
				for range rapid.IntRange(1, 2).Draw(t, "outputs") {
					out := drawIO("output")
					switch rapid.IntRange(0, 5).Draw(t, "made from") {
					case 0:
						out.From = []domain.Name{data(name.Draw(t, "from"))}
					case 1:
						out.Columns = drawColumns(t, name)
					case 2:
						out.Aliases = []domain.Alias{{Name: data(name.Draw(t, "alias"))}}
					case 3:
						out.Deleted = []string{"columnLineage"}
					}
					e.Outputs = append(e.Outputs, out)
				}
				events = append(events, e)
			}
		}
		s.says(when, events...)
	}
}

// drawPromotion draws the id of one of a few promotions.
func drawPromotion(t *rapid.T) uuid.UUID {
	return uuid.UUID{15: byte(rapid.IntRange(1, 4).Draw(t, "promotion"))}
}

// drawDeletion draws a deletion of anything: later facts may speak of it all the same.
func drawDeletion(t *rapid.T, x domain.Execution, name *rapid.Generator[string]) domain.Event {
	switch rapid.IntRange(0, 3).Draw(t, "deleted") {
	case 0:
		return domain.PipelineDeleted{Pipeline: job(rapid.SampledFrom([]string{"j1", "j3"}).Draw(t, "pipeline"))}
	case 1:
		return domain.ArtifactDeleted{Artifact: data(name.Draw(t, "artifact"))}
	case 2:
		return domain.StepDeleted{Execution: domain.Execution{Run: x.Run, Step: "s"}}
	}
	return domain.RunDeleted{Run: x.Run}
}

// drawColumns draws column lineage in which fields meet, and are masked or not.
func drawColumns(t *rapid.T, name *rapid.Generator[string]) []domain.ColumnEdge {
	var out []domain.ColumnEdge
	for range rapid.IntRange(1, 2).Draw(t, "columns") {
		out = append(out, domain.ColumnEdge{
			Field: rapid.SampledFrom([]string{"f", "h"}).Draw(t, "field"), From: data(name.Draw(t, "from")), FromField: "g",
			Kind: rapid.SampledFrom([]string{"", "DIRECT"}).Draw(t, "kind of column"), Masking: rapid.Bool().Draw(t, "masking"),
		})
	}
	return out
}

// workspaceNumbers gives every drawn story a workspace of its own in one model.
var workspaceNumbers atomic.Int32

func TestRowsEqualTheBareFactsAfterEveryArrival(t *testing.T) {
	t.Parallel()
	m := newModel(t)
	rapid.Check(t, func(rt *rapid.T) {
		s := newStory()
		s.ws = 1000 + workspaceNumbers.Add(1)
		s.slug = domain.Slug(fmt.Sprint("w", s.ws))
		drawStory(rt, s, 18)
		n := newNaive()
		whole := s.events
		for i := range whole {
			s.events = whole[:i+1]
			n.add(&whole[i])
			m.project(s, 1, nil)
			if i+1 < len(whole) && whole[i+1].OccurredAt.Equal(whole[i].OccurredAt) && i%3 != 0 {
				continue // look after some events inside messages too
			}
			if differ := m.equalNaive(s.ws, n); differ != "" {
				rt.Fatalf("after event %d\n%s%s", i, differ, s.told())
			}
		}
	})
}

func TestRowsDoNotDependOnPages(t *testing.T) {
	t.Parallel()
	single := newModel(t)
	paged := newModel(t)
	rapid.Check(t, func(rt *rapid.T) {
		s := newStory()
		s.ws = 1000 + workspaceNumbers.Add(1)
		s.slug = domain.Slug(fmt.Sprint("w", s.ws))
		drawStory(rt, s, 40)
		single.project(s.readBack(t), 1, nil)
		for paged.done[s.ws] < len(s.events) {
			to := min(paged.done[s.ws]+rapid.IntRange(1, 20).Draw(rt, "page"), len(s.events))
			rt.Logf("page to %d", to)
			cut := *s
			cut.events = s.events[:to]
			paged.project(&cut, 1000, nil)
		}
		a, b := single.digest(s.ws), paged.digest(s.ws)
		differ := ""
		for _, table := range slices.Sorted(maps.Keys(a)) {
			if a[table] != b[table] {
				all := "SELECT * FROM read." + table + " WHERE ws = $1"
				differ += onlyIn(table+" event by event", single.rows(all, s.ws), paged.rows(all, s.ws)) + onlyIn(table+" in pages", paged.rows(all, s.ws), single.rows(all, s.ws))
			}
		}
		if differ != "" {
			rt.Fatalf("tables differ:\n%s%s", differ, s.told())
		}
	})
}

// onlyIn lists what one of two sorted lists has and the other has not.
func onlyIn(what string, a, b []string) string {
	out := ""
	for _, line := range a {
		if _, found := slices.BinarySearch(b, line); !found {
			out += what + ": " + line + "\n"
		}
	}
	return out
}
