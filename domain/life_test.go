package domain

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// at is a fact n seconds after noon.
func at(n float64, p Phase, attempt ...int) Fact {
	f := Fact{Phase: p, Order: Order{At: noon.Add(time.Duration(n * float64(time.Second))), Rank: p.rank()}}
	if len(attempt) > 0 {
		f.Attempt = attempt[0]
	}
	return f
}

func TestFoldLife(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		facts         []Fact
		status        Status
		attempts      int
		start, end    float64 // seconds; -1: none
		contradictory bool
	}{
		"nothing":                     {nil, StatusUnknown, 0, -1, -1, false},
		"started":                     {[]Fact{at(0, Started)}, StatusRunning, 1, 0, -1, false},
		"tidy":                        {[]Fact{at(0, Started), at(1, Progressed), at(2, Succeeded)}, StatusSucceeded, 1, 0, 2, false},
		"progress after the end":      {[]Fact{at(0, Started), at(2, Succeeded), at(3, Progressed)}, StatusSucceeded, 1, 0, 2, false},
		"failed, then succeeded":      {[]Fact{at(0, Started), at(2, Failed), at(2.01, Succeeded)}, StatusFailed, 1, 0, 2, true},
		"succeeded, then failed":      {[]Fact{at(0, Started), at(2, Succeeded), at(3, Failed)}, StatusFailed, 1, 0, 3, true},
		"failed twice":                {[]Fact{at(0, Started), at(2, Failed), at(3, Failed)}, StatusFailed, 1, 0, 3, false},
		"lone start after the end":    {[]Fact{at(5, Started), at(2, Succeeded)}, StatusSucceeded, 1, 2, 2, false},
		"second start reopens":        {[]Fact{at(0, Started), at(2, Succeeded), at(5, Started)}, StatusRunning, 2, 5, -1, false},
		"second attempt succeeds":     {[]Fact{at(0, Started), at(2, Failed), at(5, Started), at(6, Succeeded)}, StatusSucceeded, 2, 5, 6, false},
		"end without start":           {[]Fact{at(2, Succeeded)}, StatusSucceeded, 1, -1, 2, false},
		"start and abort at once":     {[]Fact{at(1, Cancelled), at(1, Started)}, StatusCancelled, 1, 1, 1, false},
		"only other":                  {[]Fact{at(1, Observed)}, StatusRunning, 1, -1, -1, false},
		"only annotated":              {[]Fact{at(1, Annotated)}, StatusUnknown, 1, -1, -1, false},
		"lost, then found":            {[]Fact{at(0, Started), at(5, Lost), at(6, Succeeded)}, StatusSucceeded, 1, 0, 6, false},
		"ended, then called lost":     {[]Fact{at(0, Started), at(5, Succeeded), at(6, Lost)}, StatusSucceeded, 1, 0, 5, false},
		"queued late":                 {[]Fact{at(0, Started), at(1, Queued)}, StatusRunning, 1, 0, -1, false},
		"numbered attempts":           {[]Fact{at(0, Started, 1), at(1, Failed, 1), at(2, Started, 2), at(1.5, Retrying, 1)}, StatusRunning, 2, 2, -1, false},
		"numbered, the first is late": {[]Fact{at(2, Succeeded, 2), at(9, Failed, 1)}, StatusSucceeded, 2, -1, 2, false},
		"started after a retry":       {[]Fact{at(0, Started), at(1, Retrying), at(2, Started)}, StatusRunning, 2, 2, -1, false},
		"retried twice":               {[]Fact{at(0, Started), at(1, Retrying), at(2, Started), at(3, Retrying)}, StatusRetrying, 2, 2, -1, false},
		"failed, then to be retried":  {[]Fact{at(0, Started), at(1, Failed), at(2, Retrying)}, StatusRetrying, 1, 0, -1, false},
		"failed, retried, started":    {[]Fact{at(0, Started), at(1, Failed), at(2, Retrying), at(3, Started), at(4, Succeeded)}, StatusSucceeded, 2, 3, 4, false},
		"a retry without a start":     {[]Fact{at(1, Retrying), at(2, Started)}, StatusRunning, 1, 2, -1, false},
		"retrying":                    {[]Fact{at(0, Started), at(1, Retrying)}, StatusRetrying, 1, 0, -1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := FoldLife(tt.facts)
			if l.Status != tt.status || len(l.Attempts) != tt.attempts || l.Contradictory != tt.contradictory {
				t.Errorf("got %s, %d attempts, contradictory %v", l.Status, len(l.Attempts), l.Contradictory)
			}
			if got := seconds(l.StartedAt); got != tt.start {
				t.Errorf("started at %v, want %v", got, tt.start)
			}
			if got := seconds(l.EndedAt); got != tt.end {
				t.Errorf("ended at %v, want %v", got, tt.end)
			}
		})
	}
}

func seconds(t time.Time) float64 {
	if t.IsZero() {
		return -1
	}
	return t.Sub(noon).Seconds()
}

// Facts shuffled and doubled fold to the same life.
func TestFoldLifeIgnoresArrival(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		facts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Fact {
			f := at(float64(rapid.IntRange(0, 6).Draw(t, "at")), rapid.SampledFrom(phases).Draw(t, "phase"), rapid.IntRange(0, 3).Draw(t, "attempt"))
			f.Order.Digest[0] = byte(rapid.IntRange(0, 3).Draw(t, "digest"))
			return f
		}), 0, 12).Draw(t, "facts")
		facts = distinctFacts(facts)
		want := FoldLife(facts)
		shuffled := append(append([]Fact{}, facts...), facts...)
		rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if got := FoldLife(distinctFacts(shuffled)); !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	})
}

// distinctFacts keeps one of each order and phase: the same message is one fact however often it came.
func distinctFacts(facts []Fact) []Fact {
	seen := map[Order]bool{}
	var out []Fact
	for _, f := range facts {
		if !seen[f.Order] {
			seen[f.Order] = true
			out = append(out, f)
		}
	}
	// Two facts of one order differ in their attempt only here, never in life: the digest covers it.
	for i := range out {
		out[i].Attempt = int(out[i].Order.Digest[0])
	}
	return out
}

func TestFailureBelongsToItsAttempt(t *testing.T) {
	t.Parallel()
	wrong := func(f Fact, what string) Fact {
		f.Failure = &Failure{Type: what}
		return f
	}
	facts := []Fact{at(0, Started), wrong(at(1, Failed), "a"), wrong(at(2, Annotated), "b"), at(3, Started), wrong(at(4, Failed), "c"), at(5, Started), at(6, Succeeded)}
	for range 20 {
		rand.Shuffle(len(facts), func(i, j int) { facts[i], facts[j] = facts[j], facts[i] })
		l := FoldLife(facts)
		if len(l.Attempts) != 3 || l.Attempts[0].Failure.Type != "b" || l.Attempts[1].Failure.Type != "c" || l.Attempts[2].Failure != nil {
			t.Fatalf("the failures of %+v", l.Attempts)
		}
	}
}

func TestAttemptAt(t *testing.T) {
	t.Parallel()
	l := FoldLife([]Fact{at(0, Started), at(2, Failed), at(5, Started), at(6, Succeeded)})
	for name, tt := range map[string]struct {
		fact Fact
		want int
	}{
		"before all":     {at(-1, Observed), 1},
		"in the first":   {at(1, Progressed), 1},
		"its end":        {at(2, Failed), 1},
		"the next start": {at(5, Started), 2},
		"the last end":   {at(6, Succeeded), 2},
		"numbered":       {at(6, Succeeded, 1), 1},
	} {
		if got := l.AttemptAt(tt.fact.Order, tt.fact.Attempt); got != tt.want {
			t.Errorf("%s: attempt %d, want %d", name, got, tt.want)
		}
	}
}
