package fold_test

import (
	"context"
	"encoding/json"
	"math"
	"testing"

	"github.com/annals-io/annals/domain"
)

// eachWay projects a story event by event and in one page, checks the rows both times and compares the digests.
func eachWay(t *testing.T, s *story, ev *bodies, check func(m *model)) {
	t.Helper()
	m := newModel(t)
	m.project(s, 1, ev)
	check(m)
	one := m.digest(ws)
	m.fresh("read_2")
	m.project(s.readBack(t), 1000, ev)
	check(m)
	equalDigests(t, "one page", one, m.digest(ws))
}

// bodies is evidence in memory.
type bodies map[domain.Digest][]byte

func (b *bodies) Evidence(_ context.Context, _ domain.Stream, digests []domain.Digest) (map[domain.Digest][]byte, error) {
	out := map[domain.Digest][]byte{}
	if b == nil {
		return out, nil
	}
	for _, d := range digests {
		if body, ok := (*b)[d]; ok {
			out[d] = body
		}
	}
	return out, nil
}

func TestLaterWordCountsByName(t *testing.T) {
	t.Parallel()
	param := func(name string, n int64) domain.RunReported {
		return domain.RunReported{Phase: domain.Annotated, Run: run("a", "j"), Parameters: []domain.Attribute{{Name: name, Value: domain.IntValue(n)}}}
	}
	s := newStory()
	s.says(5, param("p", 5), param("q", 5))
	s.says(3, param("p", 3)) // late and older
	s.says(7, param("q", 7))
	s.says(4, domain.PipelineTagged{Pipeline: job("j"), Set: []domain.Tag{{Key: "a", Value: "1"}, {Key: "b"}}})
	s.says(6, domain.PipelineTagged{Pipeline: job("j"), Removed: []string{"a"}})
	s.says(5, domain.PipelineTagged{Pipeline: job("j"), Set: []domain.Tag{{Key: "a", Value: "2"}}})
	eachWay(t, s, nil, func(m *model) {
		m.want("parameters", `SELECT name, num, since FROM read.attributes WHERE space = 1`, "p 5 1", "q 7 4")
		m.want("what was", `SELECT name, num, since, until FROM read.attributes_was WHERE space = 1`, "q 5 2 4")
		m.want("tags", `SELECT name, gone FROM read.attributes WHERE space = 3`, "a true", "b false")
	})
}

func TestMetricsAreFoldedByTime(t *testing.T) {
	t.Parallel()
	point := func(v float64, step int64) domain.MetricsLogged {
		return domain.MetricsLogged{Execution: domain.Execution{Run: native("a")}, Points: []domain.Metric{{Name: "m", Value: domain.Float(v), Step: step}}}
	}
	s := newStory()
	s.says(1, point(math.NaN(), 1))
	s.says(5, point(5, 2))
	s.says(5, point(4, 1))
	s.says(2, point(9, 9))
	eachWay(t, s, nil, func(m *model) {
		m.want("metric", `SELECT last, last_step, min, max, points FROM read.metrics`, "5 2 4 9 4")
		m.want("before", `SELECT last, min, points FROM read.metrics_was WHERE since = 1`, "NaN NaN 1")
	})
}

func TestDeclarationReplacesTheEarlierOne(t *testing.T) {
	t.Parallel()
	declared := func(ins, outs []domain.IO) domain.PipelineDeclared {
		return domain.PipelineDeclared{Pipeline: job("p"), Inputs: ins, Outputs: outs}
	}
	s := newStory()
	s.says(5, declared([]domain.IO{io("a"), io("b")}, []domain.IO{io("c")}))
	s.says(3, declared([]domain.IO{io("z")}, nil)) // older
	s.says(7, declared([]domain.IO{io("b")}, []domain.IO{io("c")}))
	const names = `SELECT d.direction, a.name, d.since FROM read.declared d JOIN read.artifacts a ON a.key = d.artifact`
	eachWay(t, s, nil, func(m *model) {
		m.want("declared", names, "0 b 1", "1 c 1")
		m.want("edges", `SELECT s.name, t.name, e.supports, e.since FROM read.artifact_edges e JOIN read.artifacts s ON s.key = e.source JOIN read.artifacts t ON t.key = e.target`, "b c 1 1")
		m.want("no versions", `SELECT count(*) FROM read.artifact_versions`, "0")
	})
}

func TestJobFacetsReplaceAndAreRemoved(t *testing.T) {
	t.Parallel()
	sql := &domain.Text{Evidence: domain.Digest{1}, Pointer: "/job/facets/sql/query"}
	s := newStory()
	s.says(5, domain.RunReported{Phase: domain.Started, Run: run("a", "p"), Job: &domain.JobInfo{Type: "MODEL", SQL: sql, Description: sql}})
	s.says(4, domain.RunReported{Phase: domain.Queued, Run: run("a", "p"), Job: &domain.JobInfo{Type: "OLD"}})
	s.says(6, domain.PipelineDeclared{Pipeline: job("p"), Deleted: []string{"sql"}})
	eachWay(t, s, nil, func(m *model) {
		m.want("job", `SELECT job ->> 'type', job -> 'sql', description IS NOT NULL, description_at FROM read.pipelines`, "MODEL - true /job/facets/sql/query")
	})
}

// A report of a run takes facets of its job away as a declaration does, and a later one brings them back.
func TestRunsRemoveFacetsOfTheirJob(t *testing.T) {
	t.Parallel()
	text := &domain.Text{Evidence: domain.Digest{1}, Pointer: "/job/facets/sql/query"}
	s := newStory()
	s.says(7, domain.RunReported{Phase: domain.Succeeded, Run: run("a", "p"), Job: &domain.JobInfo{Deleted: []string{"documentation", "sql", "unknown"}}})
	s.says(5, domain.RunReported{Phase: domain.Started, Run: run("a", "p"), Job: &domain.JobInfo{Type: "MODEL", SQL: text, Description: text}})
	s.says(8, domain.RunReported{Phase: domain.Started, Run: run("b", "p"), Job: &domain.JobInfo{SQL: text}})
	eachWay(t, s, nil, func(m *model) {
		m.want("job", `SELECT job ->> 'type', job -> 'sql' IS NOT NULL, description IS NULL, job -> 'deleted' FROM read.pipelines`, "MODEL true true -")
	})
}

func TestColumnLineageIsTheLatestFacet(t *testing.T) {
	t.Parallel()
	columns := func(from string, fields ...string) domain.IO {
		out := io("out")
		for _, f := range fields {
			out.Columns = append(out.Columns, domain.ColumnEdge{Field: f, From: data(from), FromField: f, Kind: "DIRECT"})
		}
		return out
	}
	bulky := io("out")
	bulky.ColumnsIn = &domain.Digest{9}
	body, err := json.Marshal([]domain.ColumnEdge{{Field: "b", From: data("in"), FromField: "b", Kind: "DIRECT"}, {Field: "c", From: data("hidden"), FromField: "c"}})
	if err != nil {
		t.Fatal(err)
	}
	ev := &bodies{{9}: body}
	s := newStory()
	s.says(5, reported(run("a", "j"), domain.Started), produced(run("a", "j"), domain.Started, columns("in", "a", "b")))
	s.says(4, produced(run("a", "j"), domain.Queued, columns("older", "a")))
	s.says(6, produced(run("b", "j"), domain.Started, bulky))
	const fields = `SELECT t.name, c.target_field, s.name, c.source_field, c.since FROM read.column_lineage c JOIN read.artifacts s ON s.key = c.source JOIN read.artifacts t ON t.key = c.target`
	eachWay(t, s, ev, func(m *model) {
		m.want("columns", fields, "out b in b 2", "out c hidden c 4")
		m.want("implied inputs", `SELECT r.run_id, a.name, e.role FROM read.lineage_edges e JOIN read.runs r ON r.key = e.execution
			JOIN read.artifact_versions v ON v.key = e.version JOIN read.artifacts a ON a.key = v.artifact WHERE e.direction = 0`,
			"a in column", "a older column", "b hidden column", "b in column")
	})
}

func TestVersionsOfPipelinesAreNumberedAndFound(t *testing.T) {
	t.Parallel()
	s := newStory()
	p := domain.Name{Name: "train"}
	s.says(1, domain.PipelineRegistered{Pipeline: p})
	s.says(2, domain.PipelineVersionRegistered{Pipeline: p, Hash: "h1", Label: "one", Spec: domain.Spec{Steps: []domain.StepSpec{{Name: "s"}}}})
	s.says(3, domain.PipelineVersionRegistered{Pipeline: p, Hash: "h2", Label: "two"})
	s.says(3, domain.PipelineVersionRegistered{Pipeline: p, Hash: "h1", Label: "again"})
	s.says(4, domain.RunReported{Phase: domain.Started, Run: native("a"), Pipeline: &p})
	s.says(5, domain.RunReported{Phase: domain.Progressed, Run: native("a"), Version: "two"})
	s.because(6, "old", domain.PipelineDeleted{Pipeline: p})
	eachWay(t, s, nil, func(m *model) {
		m.want("versions", `SELECT number, hash, label FROM read.pipeline_versions`, "1 h1 one", "2 h2 two")
		m.want("run", `SELECT r.number, v.hash FROM read.runs r JOIN read.run_details d ON d.key = r.key JOIN read.pipeline_versions v ON v.key = d.version`, "1 h2")
		m.want("pipeline", `SELECT deleted, reason FROM read.pipelines`, "true old")
	})
}

func TestWorkspaceRow(t *testing.T) {
	t.Parallel()
	s := newStory()
	s.says(1, domain.WorkspaceRenamed{Name: "Other"})
	s.says(2, domain.WorkspaceLabelled{Set: map[string]string{"a": "1", "b": "2"}, Removed: []string{"team"}})
	s.says(3, domain.WorkspaceArchived{})
	s.says(4, domain.WorkspaceRestored{})
	s.says(5, domain.WorkspaceRenamed{Name: "Other"})
	eachWay(t, s, nil, func(m *model) {
		m.want("now", `SELECT slug, name, organization, labels::text, archived, since FROM read.workspaces`, `acme Other personal {"a": "1", "b": "2"} false 4`)
		m.want("was", `SELECT name, archived, since, until, level FROM read.workspaces_was`, "Acme false 0 1 0", "Other false 1 2 0", "Other false 2 3 0", "Other true 3 4 0")
		m.want("audit", `SELECT count(*), count(subject), max(revision) FROM read.audit_entries`, "6 0 5")
	})
}

func TestStepsHaveRunsAndWords(t *testing.T) {
	t.Parallel()
	x := domain.Execution{Run: native("a"), Step: "load"}
	s := newStory()
	s.says(1, domain.StepReported{Phase: domain.Started, Execution: x, Upstream: []string{"b", "c\"d"}, Name: "Load it"})
	s.says(2, domain.StepReported{Phase: domain.Failed, Execution: x, Failure: &domain.Failure{Type: "ValueError"}})
	s.says(3, domain.StepReported{Phase: domain.Started, Execution: x})
	eachWay(t, s, nil, func(m *model) {
		m.want("step", `SELECT name, title, status, attempt, upstream, failure, attempts -> 0 -> 'failure' ->> 'type', jsonb_array_length(attempts) FROM read.steps`, `load Load it running 2 [b c"d] - ValueError 2`)
		m.want("run", `SELECT run_id, status, foreign_run FROM read.runs`, "a unknown false")
		m.want("words", `SELECT word, kind FROM read.words`, "a run")
	})
}

// What a fact says of a version stays with the fact: where a start that comes late opens another attempt, it goes
// over to the version of that attempt.
func TestVersionsAreDescribedByTheFactsOfTheirAttempt(t *testing.T) {
	t.Parallel()
	out := func(uri string, rows int64, note string) domain.IO {
		o := io("x")
		o.URI, o.Schema = uri, []domain.Field{{Name: uri}}
		o.Metadata = []domain.Attribute{{Name: "rows", Value: domain.IntValue(rows)}, {Name: note, Value: domain.Value(`{ "a": "<b>" }`)}}
		return o
	}
	r := run("a", "j")
	s := newStory()
	s.says(1, reported(r, domain.Started))
	s.says(5, reported(r, domain.Failed), produced(r, domain.Failed, out("one", 1, "first")))
	s.says(9, reported(r, domain.Succeeded), produced(r, domain.Succeeded, out("two", 2, "second")))
	s.says(2, domain.ArtifactVersionAnnotated{Version: domain.VersionRef{Artifact: data("x"), Producer: &domain.Execution{Run: r}, Attempt: 1}, Metadata: []domain.Attribute{{Name: "note", Value: domain.IntValue(7)}}})
	s.says(7, reported(r, domain.Started)) // it comes late
	eachWay(t, s, nil, func(m *model) {
		m.want("details", `SELECT v.attempt, v.outcome, d.uri, d.schema -> 0 ->> 'name' FROM read.artifact_versions v JOIN read.version_details d ON d.key = v.key`,
			"1 failed one one", "2 complete two two")
		m.want("metadata", `SELECT v.attempt, a.name, convert_from(a.value, 'UTF8') FROM read.attributes a JOIN read.artifact_versions v ON v.key = a.entity WHERE NOT a.gone`,
			`1 first {"a":"<b>"}`, "1 note 7", "1 rows 1", "2 rows 2", `2 second {"a":"<b>"}`)
	})
}
