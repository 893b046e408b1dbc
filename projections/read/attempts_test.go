package read

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/annals-io/annals/domain"
)

func TestAttemptsHaveTheirOwnFailures(t *testing.T) {
	t.Parallel()
	const two = `[{"number":1,"status":"failed","failure":{"type":"OOM"}},{"number":2,"status":"running"}]`
	for name, tt := range map[string]struct {
		attempt           int
		attempts, failure string
		want              []string // what went wrong in each
	}{
		"nothing was reported": {0, "", "", nil},
		"one that goes well":   {1, "", "", []string{""}},
		"one that failed":      {1, "", `{"type":"OOM"}`, []string{"OOM"}},
		"two":                  {2, two, "", []string{"OOM", ""}},
		"a contradiction":      {1, `[{"number":1,"status":"failed","contradictory":true,"failure":{"type":"OOM"}}]`, `{"type":"OOM"}`, []string{"OOM"}},
	} {
		r := Run{Attempt: tt.attempt, OwnStatus: domain.StatusFailed, Attempts: json.RawMessage(tt.attempts), Failure: json.RawMessage(tt.failure)}
		s := Step{Attempt: tt.attempt, OwnStatus: domain.StatusFailed, Attempts: json.RawMessage(tt.attempts), Failure: json.RawMessage(tt.failure)}
		for _, ask := range []func() ([]Attempt, error){r.AllAttempts, s.AllAttempts} {
			got, err := ask()
			if err != nil || len(got) != len(tt.want) {
				t.Fatalf("%s: %+v, %v", name, got, err)
			}
			for i, a := range got {
				what := ""
				if a.Failure != nil {
					what = a.Failure.Type
				}
				if what != tt.want[i] {
					t.Errorf("%s: attempt %d says %q went wrong, want %q", name, a.Number, what, tt.want[i])
				}
			}
		}
	}
	if _, err := (Run{Attempts: json.RawMessage(`{`)}).AllAttempts(); err == nil {
		t.Error("attempts that cannot be read are no error")
	}
}

func TestRunInALoopSaysSo(t *testing.T) {
	t.Parallel()
	x := newExample(t)
	found, err := x.db.RunsByKey(context.Background(), x.moment(x.head), []int64{x.nested, x.twin})
	if err != nil || len(found) != 2 {
		t.Fatalf("%+v, %v", found, err)
	}
	for _, r := range found {
		if got := r.Odd(RunDetail{}); (len(got) == 1 && got[0] == ParentInLoop) != (r.Key == x.twin) || got == nil {
			t.Errorf("run %s: %v, %+v", r.RunID, got, r)
		}
	}
	if got := (Run{RefusedParent: 1}).Odd(RunDetail{Warnings: []string{"time_in_future"}}); len(got) != 2 {
		t.Errorf("both are odd: %v", got)
	}
}

func TestStepsHaveWarnings(t *testing.T) {
	t.Parallel()
	x := newExample(t)
	found, err := x.db.StepsByKey(context.Background(), x.moment(x.head), []int64{x.load, x.fit})
	if err != nil || len(found) != 2 {
		t.Fatalf("%+v, %v", found, err)
	}
	for _, s := range found {
		if odd := s.Key == x.load; odd != (len(s.Warnings) == 1 && s.Warnings[0] == "time_in_future") {
			t.Errorf("step %s has the warnings %v", s.Name, s.Warnings)
		}
	}
}
