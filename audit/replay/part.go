package replay

import (
	"fmt"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A Moment is where a replay begins or ends: a revision, or a time by when things were recorded. The zero Moment is not
// said.
type Moment struct {
	Revision *domain.Revision
	Time     *time.Time
}

// Past says whether an event lies behind the moment.
func (m Moment) Past(e *eventstore.NewEvent) bool {
	return m.Revision != nil && e.Revision > *m.Revision || m.Time != nil && e.RecordedAt.After(*m.Time)
}

// A Part is what is asked for of a history: both ends belong to it.
type Part struct {
	From, Until Moment
	Follow      bool // and what is recorded from then on
}

// An Extent is how much there is of a history.
type Extent struct {
	Name  string          // such as "workspace lab"
	First time.Time       // when its first event was recorded
	Last  domain.Revision // of its last event
	Now   time.Time       // of what has the history; of an export, when it was made
	Whose string          // what Now is: "the server's time"
}

// An OutsideError says that a history has no such moment, or that a part ends before it begins.
type OutsideError struct {
	Field   string // from or until
	Code    string // one of those below
	Message string
}

func (e *OutsideError) Error() string { return e.Message }

// The codes of an [OutsideError]; the first two are those that questions as of a moment are refused with.
const (
	Before   = "as_of_before_first_event"
	Ahead    = "as_of_ahead"
	Backward = "invalid"
)

// clocksDiffer is how far ahead a time may lie: clocks go apart.
const clocksDiffer = time.Minute

// Check refuses, as *[OutsideError], a part that a history does not have: nobody should take an empty answer for an empty
// history. One moment behind the last is the place to go on from when there is more, and is good; so is one behind the end
// of the part, from which nothing is left.
func (p Part) Check(x Extent) error {
	for _, m := range []struct {
		field string
		Moment
		most domain.Revision
		free bool // it may lie ahead
	}{{"from", p.From, x.Last + 1, false}, {"until", p.Until, x.Last, p.Follow}} {
		switch {
		case m.Revision != nil && *m.Revision > m.most && !m.free:
			return &OutsideError{m.field, Ahead, fmt.Sprintf("%s has no revision %d yet; its last one is %d", x.Name, *m.Revision, x.Last)}
		case m.Time != nil && m.Time.After(x.Now.Add(clocksDiffer)) && !m.free:
			return &OutsideError{m.field, Ahead, fmt.Sprintf("%s lies ahead of %s, %s", stamp(*m.Time), x.Whose, stamp(x.Now))}
		}
	}
	switch from, until := p.From, p.Until; {
	case until.Time != nil && until.Time.Before(x.First):
		return &OutsideError{"until", Before, fmt.Sprintf("%s has no event at that moment: its first was recorded at %s (times are when Annals recorded an event, not when it happened)", x.Name, x.First.UTC().Format(time.RFC3339Nano))}
	case from.Revision != nil && until.Revision != nil && *from.Revision > *until.Revision+1:
		return &OutsideError{"until", Backward, fmt.Sprintf("from is revision %d and until is revision %d: from is the earlier one", *from.Revision, *until.Revision)}
	case from.Time != nil && until.Time != nil && from.Time.After(*until.Time):
		return &OutsideError{"until", Backward, fmt.Sprintf("from is %s and until is %s: from is the earlier one", stamp(*from.Time), stamp(*until.Time))}
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
