package domain

import (
	"slices"
	"time"
)

// A Fact is one report on an execution, as far as its life goes.
type Fact struct {
	Phase   Phase
	Order   Order
	Attempt int      // as the producer numbered it, from 1; 0: it did not
	Failure *Failure // what it says went wrong; nil: nothing
}

// An Attempt is one try of an execution.
type Attempt struct {
	Number        int
	Status        Status
	Opened        Order     // of the fact that opened it: what an unnumbered fact at or after it belongs to
	StartedAt     time.Time // zero: no start is known
	EndedAt       time.Time // zero: it did not end
	Contradictory bool      // facts disagree on how it ended
	Failure       *Failure  // what went wrong, by its last fact that says so; nil: none does
	hasStart      bool
	retriedAt     time.Time // when its producer said that it will be tried again
}

// over says that a start opens the next attempt: this one ended, or is to be tried again.
func (a *Attempt) over() bool { return a.Status.Ended() || a.Status == StatusRetrying }

// A Life is what the facts of an execution amount to.
type Life struct {
	Status        Status
	Attempts      []Attempt
	First         time.Time // least event time: when a read by it began; zero without facts
	StartedAt     time.Time // of the last attempt
	EndedAt       time.Time // of the last attempt
	Contradictory bool      // one of the attempts is
}

// FoldLife folds the facts of an execution, whatever the order they came in. Within one attempt failure and
// cancellation beat success and the contradiction is flagged; a second start after an end or a retry opens another attempt,
// but a start that is the only one never reopens what has ended (DESIGN 8). A producer that numbers its attempts
// is believed.
func FoldLife(facts []Fact) Life {
	facts = slices.Clone(facts)
	slices.SortFunc(facts, func(a, b Fact) int { return a.Order.Compare(b.Order) })
	life := Life{Status: StatusUnknown}
	for _, f := range facts {
		if life.First.IsZero() {
			life.First = f.Order.At
		}
		life.attempt(f).fold(f)
	}
	if len(life.Attempts) == 0 {
		return life
	}
	slices.SortStableFunc(life.Attempts, func(a, b Attempt) int { return a.Number - b.Number })
	for i := range life.Attempts {
		life.Contradictory = life.Contradictory || life.Attempts[i].Contradictory
		if i+1 < len(life.Attempts) && life.Attempts[i].Status == StatusRetrying {
			life.Attempts[i].Status, life.Attempts[i].EndedAt = StatusRetried, life.Attempts[i].retriedAt
		}
	}
	last := life.Attempts[len(life.Attempts)-1]
	life.Status, life.StartedAt, life.EndedAt = last.Status, last.StartedAt, last.EndedAt
	return life
}

// attempt is the attempt that the next fact in order belongs to, opened where need be.
func (l *Life) attempt(f Fact) *Attempt {
	number := max(f.Attempt, 1)
	if n := len(l.Attempts); f.Attempt == 0 && n > 0 {
		last := &l.Attempts[n-1]
		if f.Phase != Started || !last.over() || !last.hasStart {
			return last
		}
		number = last.Number + 1
	}
	for i := range l.Attempts {
		if l.Attempts[i].Number == number {
			return &l.Attempts[i]
		}
	}
	l.Attempts = append(l.Attempts, Attempt{Number: number, Status: StatusUnknown, Opened: f.Order})
	return &l.Attempts[len(l.Attempts)-1]
}

// fold adds the next fact in order to the attempt.
func (a *Attempt) fold(f Fact) {
	if f.Failure != nil {
		a.Failure = f.Failure
	}
	if f.Phase == Started && !a.hasStart {
		a.hasStart = true
		a.StartedAt = f.Order.At
		if a.Status.Ended() {
			a.StartedAt = a.Opened.At // it began, at the latest, when something was first said of it
		}
	}
	next, moves := statusOf[f.Phase]
	switch {
	case !moves:
		if a.Status == StatusUnknown && f.Phase == Observed {
			a.Status = StatusRunning // it says something of itself: it is there
		}
	case f.Phase.Terminal():
		a.end(f, next)
	case next == StatusRetrying && a.Status == StatusFailed:
		a.Status, a.retriedAt, a.EndedAt = next, a.EndedAt, time.Time{} // the failure is not the last word
	case !a.Status.Ended() && !(a.Status == StatusRunning && (next == StatusQueued || next == StatusInitializing)):
		a.Status = next
		if next == StatusRetrying {
			a.retriedAt = f.Order.At
		}
	}
}

// end folds in a terminal fact. Lost is only a guess: any other end replaces it without a contradiction.
func (a *Attempt) end(f Fact, next Status) {
	was := a.Status
	switch {
	case !was.Ended() || was == StatusLost || was == next:
		a.Status, a.EndedAt = next, f.Order.At
	case next == StatusLost:
	case weight(next) >= weight(was):
		a.Status, a.EndedAt, a.Contradictory = next, f.Order.At, true
	default:
		a.Contradictory = true
	}
}

// weight orders the ends that contradict each other: failing or being cancelled is the stronger word.
func weight(s Status) int {
	if s == StatusFailed || s == StatusCancelled {
		return 1
	}
	return 0
}

// AttemptAt is the number of the attempt that a fact belongs to: the one its producer named, else the last one
// opened at or before it, else the first.
func (l Life) AttemptAt(o Order, named int) int {
	if named > 0 {
		return named
	}
	number := 1
	for _, a := range l.Attempts {
		if a.Opened.Compare(o) <= 0 {
			number = a.Number
		}
	}
	return number
}

// Attempt is the attempt of that number; ok is false where no fact speaks of it.
func (l Life) Attempt(number int) (a Attempt, ok bool) {
	for _, a := range l.Attempts {
		if a.Number == number {
			return a, true
		}
	}
	return Attempt{}, false
}

// Under is the life of an execution beneath another one that has ended (or itself counts as ended): without an end
// of its own it is unfinished, not running.
func (l Life) Under(parentEnded bool) Status {
	if parentEnded && !l.Status.Ended() && l.Status != StatusUnknown {
		return StatusUnfinished
	}
	return l.Status
}
