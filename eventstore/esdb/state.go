package esdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A state is what this process knows of a stream. Whoever holds its turn may change it.
type state struct {
	name domain.Stream
	turn chan struct{}

	loaded bool            // found sound, and all below is true of the time of loading
	id     int32           // in log.streams; 0: no row yet
	stored domain.Revision // how far the tables know it
	last   domain.Revision
	hash   domain.Digest // of the last event
	at     time.Time     // recorded_at of the last event
	tail   map[string]appended
}

// appended is a command behind what the tables know.
type appended struct {
	eventstore.KnownCommand
	at      time.Time
	forever bool
}

// maxStates bounds what is kept; past it everything begins anew, which costs a look at each stream.
const maxStates = 200_000

// state is a stream's, with its turn taken: leave must be called.
func (s *Store) state(ctx context.Context, name domain.Stream) (*state, error) {
	s.mu.Lock()
	st := s.states[name]
	if st == nil {
		if len(s.states) >= maxStates {
			s.states = map[domain.Stream]*state{}
		}
		st = &state{name: name, turn: make(chan struct{}, 1), stored: domain.NoRevision, last: domain.NoRevision, tail: map[string]appended{}}
		s.states[name] = st
	}
	s.mu.Unlock()
	select {
	case st.turn <- struct{}{}:
		return st, nil
	case <-ctx.Done():
		return nil, &eventstore.UnavailableError{Cause: ctx.Err()}
	case <-s.ctx.Done():
		return nil, &eventstore.UnavailableError{Cause: errClosed}
	}
}

func (st *state) leave() { <-st.turn }

// forget drops the state of a stream that there is not, so that asking for names costs no memory.
func (s *Store) forget(st *state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.states[st.name] == st && st.last == domain.NoRevision && len(st.turn) == 1 {
		st.loaded = false
		delete(s.states, st.name)
	}
}

// load learns where a stream is, and that it is whole as far as its ends and its metadata tell. Errors:
// *DamagedError, *UnavailableError, *AccessDeniedError.
func (s *Store) load(ctx context.Context, st *state) error {
	if st.loaded {
		return nil
	}
	st.id, st.stored, st.last, st.hash = 0, domain.NoRevision, domain.NoRevision, domain.Digest{}
	clear(st.tail)
	err := s.pool.QueryRow(ctx, rowSQL, st.name).Scan(&st.id, &st.stored)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("look at stream %s: %w", st.name, besides(err))
	}
	if err := s.whole(ctx, st); err != nil {
		return err
	}
	st.last, st.loaded = st.stored, true
	if err := s.readTail(ctx, st); err != nil {
		st.loaded = false
		return err
	}
	return nil
}

// whole checks a stream's metadata and its two ends.
func (s *Store) whole(ctx context.Context, st *state) error {
	damaged := func(reason string, args ...any) error {
		return &eventstore.DamagedError{Stream: st.name, Reason: fmt.Sprintf(reason, args...)}
	}
	if reason, err := s.truncated(ctx, st.name); err != nil || reason != "" {
		if err == nil {
			err = damaged("%s", reason)
		}
		return err
	}
	end, err := s.cluster.read(ctx, query{stream: st.name, revision: fromEnd, backward: true, count: 1})
	switch {
	case errors.Is(err, errTombstone):
		return damaged("it was deleted for ever: a tombstone is its last event")
	case errors.Is(err, errNoStream), err == nil && len(end) == 0:
		if st.stored != domain.NoRevision {
			return damaged("it went to revision %d and has no events", st.stored)
		}
		return nil
	case err != nil:
		return fmt.Errorf("look at stream %s: %w", st.name, unavailable(ctx, err))
	}
	last, err := end[0].open()
	if err != nil {
		return err
	}
	if end[0].revision < st.stored {
		return damaged("it went to revision %d and ends at %d", st.stored, end[0].revision)
	}
	if end[0].revision == st.stored {
		st.hash, st.at = last.Annals.Hash, time.UnixMicro(last.Annals.Recorded).UTC()
	}
	begin, err := s.cluster.read(ctx, query{stream: st.name, count: 1})
	if err != nil {
		return fmt.Errorf("look at stream %s: %w", st.name, unavailable(ctx, err))
	}
	if len(begin) == 0 || begin[0].revision != 0 {
		return damaged("its first events are missing")
	}
	_, err = begin[0].open()
	return err
}

// truncated says how the metadata of a stream makes it lose events, if it does.
func (s *Store) truncated(ctx context.Context, name domain.Stream) (string, error) {
	found, err := s.cluster.read(ctx, query{stream: "$$" + name, revision: fromEnd, backward: true, count: 1})
	switch {
	case errors.Is(err, errNoStream), err == nil && len(found) == 0:
		return "", nil
	case errors.Is(err, errTombstone):
		return "it was deleted for ever: a tombstone is its last event", nil
	case err != nil:
		return "", fmt.Errorf("look at the metadata of stream %s: %w", name, unavailable(ctx, err))
	}
	return truncation(found[0].data), nil
}

// truncation says what metadata makes a stream lose events.
func truncation(meta []byte) string {
	var m struct {
		MaxCount *json.Number `json:"$maxCount"`
		MaxAge   *json.Number `json:"$maxAge"`
		Before   *json.Number `json:"$tb"`
	}
	if json.Unmarshal(meta, &m) != nil {
		return ""
	}
	switch {
	case m.Before != nil && m.Before.String() == fmt.Sprint(int64(math.MaxInt64)):
		return "it was deleted"
	case m.Before != nil && m.Before.String() != "0":
		return "its metadata cuts its beginning off: $tb is " + m.Before.String()
	case m.MaxCount != nil:
		return "its metadata lets it forget events: $maxCount is " + m.MaxCount.String()
	case m.MaxAge != nil:
		return "its metadata lets it forget events: $maxAge is " + m.MaxAge.String()
	}
	return ""
}

// tailPage is how many events are read at once where all of a tail is wanted.
const tailPage = 1000

// maxTail is how many commands of a tail are kept before the tables are told of them: where the tables were lost, a
// stream is read from its beginning, and is not held in memory for that.
const maxTail = 10_000

// readTail reads on from the last event known: what the tables or this process were not told.
func (s *Store) readTail(ctx context.Context, st *state) error {
	for {
		from := max(st.last, 0) // with the last one known again, to see that it is still the same
		records, err := s.cluster.read(ctx, query{stream: st.name, revision: from, count: tailPage})
		if errors.Is(err, errNoStream) && st.last == domain.NoRevision {
			return nil
		}
		if errors.Is(err, errNoStream) || errors.Is(err, errTombstone) {
			st.loaded = false
			return &eventstore.DamagedError{Stream: st.name, Reason: "it was deleted"}
		}
		if err != nil {
			return fmt.Errorf("read stream %s: %w", st.name, unavailable(ctx, err))
		}
		for i := range records {
			if err := st.learn(&records[i], from+domain.Revision(i)); err != nil {
				st.loaded = false
				return err
			}
		}
		if len(st.tail) >= s.maxTail {
			if err := s.remember(ctx, []*state{st}); err != nil {
				return err
			}
		}
		if len(records) < tailPage {
			return nil
		}
	}
}

// learn takes in the next event of a stream.
func (st *state) learn(r *record, want domain.Revision) error {
	if r.revision != want {
		return missing(st.name, want)
	}
	c, err := r.open()
	if err != nil {
		return err
	}
	e := c.Annals
	if r.revision == st.last {
		if st.hash != (domain.Digest{}) && st.hash != e.Hash {
			return &eventstore.DamagedError{Stream: st.name, Reason: fmt.Sprintf("revision %d is not the event it was", r.revision)}
		}
	} else if st.last == domain.NoRevision && e.Previous != (domain.Digest{}) || st.last != domain.NoRevision && e.Previous != st.hash {
		return broken(st.name, r.revision)
	}
	st.last, st.hash, st.at = r.revision, e.Hash, time.UnixMicro(e.Recorded).UTC()
	if e.Command != "" && r.revision == e.Last && r.revision > st.stored && e.Digest != nil {
		st.tail[e.Command] = appended{
			KnownCommand: eventstore.KnownCommand{ID: e.Command, RequestDigest: *e.Digest, First: e.First, Last: e.Last}, at: st.at, forever: e.Forever,
		}
	}
	return nil
}

func missing(stream domain.Stream, r domain.Revision) error {
	return &eventstore.DamagedError{Stream: stream, Reason: fmt.Sprintf("revision %d is missing", r)}
}

func broken(stream domain.Stream, r domain.Revision) error {
	return &eventstore.DamagedError{Stream: stream, Reason: fmt.Sprintf("revision %d does not follow the event before it: its chain of hashes is broken", r)}
}
