package seal

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/annals-io/annals/audit/leaf"
	"github.com/annals-io/annals/eventstore"
)

// A leafAt is an event that is to be sealed.
type leafAt struct {
	revision int64
	id       uuid.UUID
	hash     tlog.Hash
}

// page seals one page of the log in one transaction. It looks at other trees, too, if they are named, whether they grow or not.
func (s *Sealer) page(ctx context.Context, at eventstore.Position, page eventstore.RawPage, others ...string) error {
	began := time.Now()
	grown, order, err := s.leaves(ctx, page.Events)
	if err != nil {
		return err
	}
	w := &writing{now: began.UTC()}
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		now, err := s.fence(ctx, tx)
		if err != nil {
			return err
		}
		if now.Position != at {
			return fmt.Errorf("the log is sealed up to %s, and not to %s, as it was a moment ago", now.Position, at)
		}
		if last := now.stream; last != "" && grown[last] == nil {
			order = append(order, last)
		}
		for _, other := range others {
			if grown[other] == nil && other != now.stream {
				order = append(order, other)
			}
		}
		if err := s.grow(ctx, tx, grown, order, now, w); err != nil {
			return err
		}
		w.last = w.lastOf(page.Events)
		return w.store(ctx, tx, page.Next, s.Signer.Key().String())
	})
	if err != nil {
		return err
	}
	if len(s.known) > maxKnown {
		clear(s.known)
	}
	for _, t := range w.trees {
		if t.last != nil {
			s.known[t.name] = *t.last
		}
	}
	for _, stop := range w.stops {
		s.Logger.Error("ALARM: a history is not what was sealed; it is sealed no more", "tree", stop.Tree, "sealed", stop.Size, "reason", stop.Reason)
		if s.Hooks.Alarm != nil {
			s.Hooks.Alarm(stop)
		}
	}
	if w.halted {
		return fmt.Errorf("the tree of all checkpoints is not what was signed, and nothing is sealed until somebody has looked: %s", w.instanceFault)
	}
	if s.Hooks.Sealed != nil {
		s.Hooks.Sealed(w.events, len(w.checkpoints), time.Since(began))
	}
	return nil
}

// leaves are the leaves of a page, by stream, and the streams in the order in which they come.
func (s *Sealer) leaves(ctx context.Context, events []eventstore.NewEvent) (grown map[string][]leafAt, order []string, err error) {
	grown = map[string][]leafAt{}
	for i := range events {
		name := string(events[i].Stream)
		h, err := s.leaf(ctx, &events[i])
		if err != nil {
			return nil, nil, err
		}
		if _, ok := grown[name]; !ok {
			order = append(order, name)
		}
		grown[name] = append(grown[name], leafAt{int64(events[i].Revision), events[i].EventID, h})
	}
	return grown, order, nil
}

func (s *Sealer) leaf(ctx context.Context, e *eventstore.NewEvent) (tlog.Hash, error) {
	l, err := s.Leaf(ctx, e)
	return l.Hash(), err
}

// Leaf is the leaf of a stored event: that of the stream where it was first written.
func (s *Sealer) Leaf(ctx context.Context, e *eventstore.NewEvent) (leaf.Event, error) {
	l := leaf.Of(e)
	if s.Origin != nil {
		origin, err := s.Origin(ctx, e.Stream, e.Revision)
		if err != nil {
			return l, fmt.Errorf("look where revision %d of %s was first written: %w", e.Revision, e.Stream, err)
		}
		l.Stream = string(origin)
	}
	return l, nil
}
