package limit_test

import (
	"testing"
	"time"

	"github.com/annals-io/annals/graphql/limit"
)

func TestRate(t *testing.T) {
	t.Parallel()
	r, now := limit.NewRate(3, 100*time.Millisecond), time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	take := func(who string, after time.Duration) time.Duration {
		t.Helper()
		now = now.Add(after)
		wait, ok := r.Take(who, now)
		if ok != (wait == 0) {
			t.Fatalf("%s: ok %t with a wait of %s", who, ok, wait)
		}
		return wait
	}
	for i, tt := range []struct {
		who   string
		after time.Duration
		wait  time.Duration
	}{
		{"a", 0, 0}, {"a", 0, 0}, {"a", 0, 0}, // all at once
		{"a", 0, 100 * time.Millisecond},
		{"b", 0, 0}, // another caller has their own
		{"a", 40 * time.Millisecond, 60 * time.Millisecond},               // who is refused waits no longer for it
		{"a", 60 * time.Millisecond, 0}, {"a", 0, 100 * time.Millisecond}, // one more after a pause
		{"a", time.Hour, 0}, {"a", 0, 0}, {"a", 0, 0}, {"a", 0, 100 * time.Millisecond}, // never more than all
	} {
		if got := take(tt.who, tt.after); got != tt.wait {
			t.Errorf("step %d: %s waits %s, want %s", i, tt.who, got, tt.wait)
		}
	}
}
