package postgres

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// commit is the events at positions first to last; their revision is their position.
func commit(first, last int) func() []domain.Recorded {
	return func() []domain.Recorded {
		var events []domain.Recorded
		for p := first; p <= last; p++ {
			events = append(events, domain.Recorded{Envelope: domain.Envelope{Revision: domain.Revision(p)}})
		}
		return events
	}
}

// taken drains what the feed has after a position.
func taken(f *feed, after uint64, limit int) (got []domain.Revision) {
	for {
		events, _, _ := f.take(after, limit)
		if len(events) == 0 {
			return got
		}
		for i := range events {
			got = append(got, events[i].Revision)
		}
		after += uint64(len(events))
	}
}

func TestFeed(t *testing.T) {
	t.Parallel()
	type published struct{ first, last int }
	for name, tt := range map[string]struct {
		publish []published
		after   uint64
		want    string
	}{
		"in order":                        {[]published{{1, 3}, {4, 4}, {5, 9}}, 0, "[1 2 3 4 5 6 7 8 9]"},
		"from the middle of a commit":     {[]published{{1, 3}, {4, 8}}, 5, "[6 7 8]"},
		"at the head":                     {[]published{{1, 3}}, 3, "[]"},
		"before what is kept":             {[]published{{4, 6}}, 2, "[]"},
		"another process wrote between":   {[]published{{1, 3}, {6, 7}, {8, 8}}, 0, "[]"},
		"behind what the other one wrote": {[]published{{1, 3}, {6, 7}, {8, 8}}, 5, "[6 7 8]"},
		"published late":                  {[]published{{1, 2}, {5, 6}, {3, 4}}, 2, "[3 4 5 6]"},
		"published too late":              {[]published{{5, 6}, {1, 2}}, 0, "[]"},
	} {
		for _, limit := range []int{1, 2, 100} {
			f := newFeed()
			f.join()
			for _, p := range tt.publish {
				f.publish(uint64(p.last), p.last-p.first+1, commit(p.first, p.last))
			}
			if got := fmt.Sprint(taken(f, tt.after, limit)); got != tt.want {
				t.Errorf("%s, by %d: %s, want %s", name, limit, got, tt.want)
			}
		}
	}
}

func TestFeedIsBounded(t *testing.T) {
	t.Parallel()
	f := newFeed()
	f.publish(10, 10, func() []domain.Recorded { t.Error("events were made for nobody"); return nil })
	f.join()
	for i := range 100 {
		f.publish(uint64(10+(i+1)*1000), 1000, commit(11+i*1000, 10+(i+1)*1000))
	}
	if f.events > feedEvents || len(f.pages) > feedEvents/1000 {
		t.Errorf("%d events in %d pages are kept", f.events, len(f.pages))
	}
	large := commit(100_011, 100_011)()
	large[0].Data = make([]byte, feedBytes+1)
	f.publish(100_011, 1, func() []domain.Recorded { return large })
	if f.events != 1 {
		t.Errorf("%d events are kept beside one that is larger than all may be", f.events)
	}
	f.leave()
	if f.events != 0 || f.pages != nil {
		t.Errorf("%d events are kept for nobody", f.events)
	}
}

func TestErrorsAreTranslated(t *testing.T) {
	t.Parallel()
	pg := func(severity, code string) error {
		return fmt.Errorf("exec: %w", &pgconn.PgError{Severity: severity, SeverityUnlocalized: severity, Code: code})
	}
	for name, tt := range map[string]struct {
		err            error
		before, commit any // what it is before anything was written, and once the commit was sent
	}{
		"connection lost":      {io.ErrUnexpectedEOF, new(*eventstore.UnavailableError), new(*eventstore.OutcomeUnknownError)},
		"session ended":        {pg("FATAL", "57P01"), new(*eventstore.UnavailableError), new(*eventstore.OutcomeUnknownError)},
		"starting up":          {pg("FATAL", "57P03"), new(*eventstore.UnavailableError), new(*eventstore.OutcomeUnknownError)},
		"disk full":            {pg("ERROR", "53100"), new(*eventstore.UnavailableError), new(*eventstore.UnavailableError)},
		"too many connections": {pg("FATAL", "53300"), new(*eventstore.UnavailableError), new(*eventstore.OutcomeUnknownError)},
		"no right":             {pg("ERROR", "42501"), new(*eventstore.AccessDeniedError), new(*eventstore.AccessDeniedError)},
		"wrong password":       {pg("FATAL", "28P01"), new(*eventstore.AccessDeniedError), new(*eventstore.OutcomeUnknownError)},
		"a standby":            {pg("ERROR", "25006"), new(*eventstore.UnavailableError), new(*eventstore.UnavailableError)},
		"deadlock":             {pg("ERROR", "40P01"), new(*eventstore.UnavailableError), new(*eventstore.UnavailableError)},
	} {
		if got := translate(tt.err); !errors.As(got, tt.before) || !errors.Is(got, tt.err) {
			t.Errorf("%s: %T", name, got)
		}
		if got := outcome(tt.err); !errors.As(got, tt.commit) || !errors.Is(got, tt.err) {
			t.Errorf("%s at the commit: %T", name, got)
		}
	}
	damaged := &eventstore.DamagedError{Stream: "s"}
	if got := translate(fmt.Errorf("read: %w", damaged)); got != error(damaged) {
		t.Errorf("damage became %T", got)
	}
}
