package fold_test

import (
	"testing"

	"github.com/annals-io/annals/domain"
)

const failuresSQL = `SELECT r.run_id, r.attempt, r.failure ->> 'type', a -> 'number', a ->> 'status', a -> 'failure' ->> 'type'
FROM read.runs r LEFT JOIN jsonb_array_elements(r.attempts) a ON true`

func failed(r domain.RunRef, what string) domain.RunReported {
	return domain.RunReported{Phase: domain.Failed, Run: r, Failure: &domain.Failure{Type: what}}
}

func TestFailureStaysWithTheAttemptThatFailed(t *testing.T) {
	t.Parallel()
	r := run("a", "j")
	one := []string{"a 3 - 1 failed OOM", "a 3 - 2 failed Timeout", "a 3 - 3 succeeded -"}
	tests := map[string]struct {
		given func(s *story)
		want  []string
	}{
		"one attempt": {func(s *story) {
			s.says(1, reported(r, domain.Started))
			s.says(2, failed(r, "OOM"))
		}, []string{"a 1 OOM - - -"}},
		"the next attempt has not failed": {func(s *story) {
			s.says(1, reported(r, domain.Started))
			s.says(2, failed(r, "OOM"))
			s.says(3, reported(r, domain.Started))
		}, []string{"a 2 - 1 failed OOM", "a 2 - 2 running -"}},
		"each its own": {func(s *story) {
			s.says(1, reported(r, domain.Started))
			s.says(2, failed(r, "OOM"))
			s.says(3, reported(r, domain.Started))
			s.says(4, failed(r, "Timeout"))
			s.says(5, reported(r, domain.Started))
			s.says(6, reported(r, domain.Succeeded))
		}, one},
		"backwards": {func(s *story) {
			s.says(6, reported(r, domain.Succeeded))
			s.says(5, reported(r, domain.Started))
			s.says(4, failed(r, "Timeout"))
			s.says(3, reported(r, domain.Started))
			s.says(2, failed(r, "OOM"))
			s.says(1, reported(r, domain.Started))
		}, one},
		"a start that comes late moves it": {func(s *story) {
			s.says(1, reported(r, domain.Started))
			s.says(2, failed(r, "OOM"))
			s.says(4, failed(r, "Timeout"))
			s.says(5, reported(r, domain.Started))
			s.says(6, reported(r, domain.Succeeded))
			s.says(3, reported(r, domain.Started))
		}, one},
		"numbered by the producer": {func(s *story) {
			late := failed(r, "OOM")
			late.Attempt = 1
			s.says(1, domain.RunReported{Phase: domain.Started, Run: r, Attempt: 1})
			s.says(3, domain.RunReported{Phase: domain.Started, Run: r, Attempt: 2})
			s.says(4, late)
		}, []string{"a 2 - 1 failed OOM", "a 2 - 2 running -"}},
		"the last word of an attempt": {func(s *story) {
			s.says(1, reported(r, domain.Started))
			s.says(4, failed(r, "second"))
			s.says(3, failed(r, "first"))
		}, []string{"a 1 second - - -"}},
		"contradicted": {func(s *story) {
			s.says(1, reported(r, domain.Started))
			s.says(2, failed(r, "OOM"))
			s.says(3, reported(r, domain.Succeeded))
		}, []string{"a 1 OOM 1 failed OOM"}},
		"NUL and halves of characters": {func(s *story) {
			s.says(1, failed(r, "a\x00"))
		}, []string{"a 1 a\uFFFD - - -"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStory()
			tt.given(s)
			eachWay(t, s, nil, func(m *model) { m.want("failures", failuresSQL, tt.want...) })
		})
	}
}

// What was believed before a fact came stays true of that moment.
func TestFailureAsItWasKnown(t *testing.T) {
	t.Parallel()
	r := run("a", "j")
	s := newStory()
	s.says(1, reported(r, domain.Started))
	s.says(4, failed(r, "Timeout"))
	s.says(2, failed(r, "OOM")) // late
	s.says(3, reported(r, domain.Started))
	eachWay(t, s, nil, func(m *model) {
		m.want("now", failuresSQL, "a 2 Timeout 1 failed OOM", "a 2 Timeout 2 failed Timeout")
		m.want("was", `SELECT since, until, failure ->> 'type', attempts FROM read.runs_was WHERE failure IS NOT NULL`, "2 4 Timeout -")
	})
}

func TestRunAndStepKeepWarnings(t *testing.T) {
	t.Parallel()
	r := native("a")
	x := domain.Execution{Run: r, Step: "s"}
	s := newStory()
	warned := func(codes ...string) { s.events[len(s.events)-1].Meta.Warnings = codes }
	s.says(1, domain.StepReported{Phase: domain.Started, Execution: x})
	warned("time_without_zone")
	s.says(2, domain.StepReported{Phase: domain.Succeeded, Execution: x})
	warned("time_in_future", "time_without_zone")
	s.says(3, domain.ArtifactsConsumed{Execution: domain.Execution{Run: r}, Phase: domain.Observed, Inputs: []domain.IO{io("x")}})
	warned("truncated")
	s.says(4, domain.MetricsLogged{Execution: x, Points: []domain.Metric{{Name: "m", Value: 1}}})
	warned("not_a_number\x00")
	s.says(5, reported(run("b", "j"), domain.Started))
	eachWay(t, s, nil, func(m *model) {
		m.want("steps", `SELECT name, array_to_string(warnings, ','), since FROM read.steps`, "s not_a_number\uFFFD,time_in_future,time_without_zone 4")
		m.want("what was", `SELECT array_to_string(warnings, ','), since, until FROM read.steps_was`, "time_in_future,time_without_zone 2 4", "time_without_zone 1 2")
		m.want("runs", `SELECT r.run_id, array_to_string(d.warnings, ',') FROM read.runs r LEFT JOIN read.run_details d ON d.key = r.key`, "a truncated", "b -")
	})
}
