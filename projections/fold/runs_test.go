package fold_test

import (
	"testing"

	"github.com/annals-io/annals/domain"
)

const runsSQL = `SELECT run_id, status, own_status, started_at, ended_at, attempt, contradictory FROM read.runs`

func TestRunIsItsFactsInOrderOfTime(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		given func(s *story)
		want  string
	}{
		"in order": {func(s *story) {
			s.says(1, reported(run("a", "j"), domain.Started))
			s.says(5, reported(run("a", "j"), domain.Succeeded))
		}, "a succeeded succeeded 1 5 1 false"},
		"end before start": {func(s *story) {
			s.says(5, reported(run("a", "j"), domain.Succeeded))
			s.says(1, reported(run("a", "j"), domain.Started))
		}, "a succeeded succeeded 1 5 1 false"},
		"failure beats success": {func(s *story) {
			s.says(1, reported(run("a", "j"), domain.Started))
			s.says(5, reported(run("a", "j"), domain.Failed))
			s.says(5.01, reported(run("a", "j"), domain.Succeeded))
		}, "a failed failed 1 5 1 true"},
		"a second start opens a second attempt": {func(s *story) {
			s.says(1, reported(run("a", "j"), domain.Started))
			s.says(5, reported(run("a", "j"), domain.Failed))
			s.says(7, reported(run("a", "j"), domain.Started))
		}, "a running running 7 - 2 false"},
		"only named": {func(s *story) {
			s.says(1, consumed(run("a", "j"), domain.Started, io("x")))
		}, "a unknown unknown - - 0 false"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, m := newStory(), newModel(t)
			tt.given(s)
			m.project(s, 1, nil)
			m.want("runs", runsSQL, tt.want)
		})
	}
}

func TestRunUnderAnEndedParentIsUnfinished(t *testing.T) {
	t.Parallel()
	dag, task, sub := run("d", "dag"), run("t", "task"), run("u", "sub")
	s, m := newStory(), newModel(t)
	s.says(1, reported(dag, domain.Started))
	s.says(2, reported(task, domain.Started), domain.RunNested{Run: task, Parent: dag})
	s.says(3, reported(sub, domain.Started), domain.RunNested{Run: sub, Parent: task})
	s.says(3, domain.StepReported{Phase: domain.Started, Execution: domain.Execution{Run: sub, Step: "s"}})
	m.project(s, 100, nil)
	m.want("before the end", `SELECT run_id, status FROM read.runs`, "d running", "t running", "u running")

	s.says(9, reported(dag, domain.Succeeded))
	m.project(s, 100, nil)
	m.want("after the end", `SELECT run_id, status, own_status FROM read.runs`, "d succeeded succeeded", "t unfinished running", "u unfinished running")
	m.want("its steps", `SELECT name, status, own_status FROM read.steps`, "s unfinished running")

	s.says(10, reported(dag, domain.Started))
	m.project(s, 100, nil)
	m.want("the end taken back", `SELECT run_id, status FROM read.runs`, "d running", "t running", "u running")
	m.want("its steps", `SELECT name, status FROM read.steps`, "s running")
	m.want("what was", `SELECT status, since, until, level FROM read.runs_was WHERE run_id = 'u' AND status = 'unfinished'`, "unfinished 7 8 0")
}

// Of words that go round in a loop the latest one by event time is refused, whatever came first and however long the
// loop is; what lies beneath shows what that means.
func TestLoopOfRunsIsOpenedAtItsLatestWord(t *testing.T) {
	t.Parallel()
	a, b, c := run("a", "j"), run("b", "j"), run("c", "j")
	const nested = `SELECT r.run_id, r.status, p.run_id, q.run_id FROM read.runs r LEFT JOIN read.runs p ON p.key = r.parent LEFT JOIN read.runs q ON q.key = r.refused_parent`
	words := []func(s *story){
		func(s *story) { s.says(2, domain.RunNested{Run: a, Parent: b}) },
		func(s *story) { s.says(3, domain.RunNested{Run: b, Parent: c}) },
		func(s *story) { s.says(4, domain.RunNested{Run: c, Parent: a}) },
	}
	for name, order := range map[string][]int{"in order": {0, 1, 2}, "backwards": {2, 1, 0}, "turned": {1, 2, 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStory()
			s.says(1, reported(a, domain.Started), domain.RunNested{Run: a, Parent: a})
			s.says(1, reported(b, domain.Started))
			s.says(1, reported(c, domain.Started))
			s.says(1, domain.StepReported{Phase: domain.Started, Execution: domain.Execution{Run: c, Step: "s"}})
			for _, i := range order {
				words[i](s)
			}
			eachWay(t, s, nil, func(m *model) {
				m.want("the loop", nested, "a running b -", "b running c -", "c running - a")
			})
			s.says(9, reported(a, domain.Failed))
			eachWay(t, s, nil, func(m *model) {
				m.want("an end beneath", nested, "a failed b -", "b running c -", "c running - a")
				m.want("a step", `SELECT status FROM read.steps`, "running")
			})
			s.says(10, domain.RunNested{Run: b, Parent: run("d", "j")})
			eachWay(t, s, nil, func(m *model) {
				m.want("the loop opened", nested, "a failed b -", "b running d -", "c unfinished a -", "d unknown - -")
				m.want("a step", `SELECT status FROM read.steps`, "unfinished")
			})
		})
	}
}

func TestDeletedRunKeepsAReason(t *testing.T) {
	t.Parallel()
	s, m := newStory(), newModel(t)
	s.writes(run("a", "j"), 1, 2, io("x"))
	s.because(3, "a test", domain.RunDeleted{Run: run("a", "j")})
	m.project(s, 1, nil)
	m.want("run", `SELECT run_id, status, deleted, reason FROM read.runs`, "a succeeded true a test")
	m.want("edges stay", `SELECT direction FROM read.lineage_edges`, "1")
}

func TestEndlessRunKeepsFewFacts(t *testing.T) {
	t.Parallel()
	r := run("stream", "j")
	s := newStory()
	s.says(0, domain.RunReported{Phase: domain.Started, Run: r, Streaming: true})
	for i := range 400 {
		out := io("out")
		out.URI = "s3://x"
		s.says(float64(i), reported(r, domain.Progressed), consumed(r, domain.Progressed, io("in")), produced(r, domain.Progressed, out))
	}
	s.says(5000, reported(r, domain.Succeeded))
	eachWay(t, s, nil, func(m *model) {
		m.want("run", `SELECT status, started_at, ended_at, streaming FROM read.runs`, "succeeded 0 5000 true")
		m.want("life", `SELECT count(*), max(revision) FROM read.life_facts`, "130 1202")
		m.want("uses", `SELECT direction, count(*), min(revision), max(revision) FROM read.io_facts GROUP BY direction`, "0 128 3 1200", "1 128 4 1201")
		m.want("version", `SELECT v.outcome, v.completed_at, d.uri FROM read.artifact_versions v JOIN read.version_details d ON d.key = v.key`, "complete 5000 s3://x")
	})
}
