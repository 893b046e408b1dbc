package seal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/audit/leaf"
	"github.com/annals-io/annals/audit/tree"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A leafAt is an event that is to be sealed.
type leafAt struct {
	revision int64
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
		grown[name] = append(grown[name], leafAt{int64(events[i].Revision), h})
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

// grow grows the trees of the streams, and the instance's by their checkpoints.
func (s *Sealer) grow(ctx context.Context, tx pgx.Tx, grown map[string][]leafAt, order []string, at reached, w *writing) error {
	trees, err := load(ctx, tx, append(slices.Clone(order), checkpoint.InstanceLog))
	if err != nil {
		return err
	}
	instance := trees[checkpoint.InstanceLog]
	if err := s.open(ctx, tx, instance); err != nil {
		w.halted = true
		return w.halt(instance, err)
	}
	for _, name := range order {
		t := trees[name]
		if t.stopped {
			continue
		}
		err := s.open(ctx, tx, t)
		if err == nil && name == at.stream {
			err = s.still(ctx, tx, t, at.revision)
		}
		if err == nil {
			err = s.extend(ctx, tx, t, grown[name], w)
		}
		if err := w.halt(t, err); err != nil {
			return err
		}
	}
	return w.sign(s.Signer, instance)
}

// A broken is what is wrong with a tree: it is stopped. Any other error is one of the moment.
type broken struct {
	reason string
	note   []byte // the checkpoint from elsewhere that it does not follow from; nil: it is something else
}

func (b *broken) Error() string { return b.reason }

func brokenf(format string, args ...any) error { return &broken{reason: fmt.Sprintf(format, args...)} }

// still says whether the last event that was sealed is still there: where the log was cut and written anew, another one is
// in its place.
func (s *Sealer) still(ctx context.Context, tx pgx.Tx, t *growing, revision int64) error {
	was, err := t.leaf(ctx, tx, revision)
	if err != nil {
		return err
	}
	page, err := s.Source.ReadRawStream(ctx, domain.Stream(t.name), domain.Revision(revision), 1)
	var damaged *eventstore.DamagedError
	var none *eventstore.NotFoundError
	if errors.As(err, &damaged) || errors.As(err, &none) || err == nil && len(page.Events) == 0 {
		return brokenf("revision %d was sealed, and is missing", revision)
	}
	if err != nil {
		return err
	}
	if is, err := s.leaf(ctx, &page.Events[0]); err != nil || is != was {
		return errors.Join(err, brokenf("revision %d is not the event that was sealed", revision))
	}
	return nil
}

// extend adds the leaves that come to a tree, with a checkpoint every so often and at the end.
func (s *Sealer) extend(ctx context.Context, tx pgx.Tx, t *growing, leaves []leafAt, w *writing) error {
	size := t.frontier.Size()
	for len(leaves) > 0 && leaves[0].revision < size { // told again, or another event in its place
		was, err := t.leaf(ctx, tx, leaves[0].revision)
		if err != nil {
			return err
		}
		if was != leaves[0].hash {
			return brokenf("revision %d is not the event that was sealed", leaves[0].revision)
		}
		leaves = leaves[1:]
	}
	if len(leaves) == 0 {
		return nil
	}
	if size == 0 && leaves[0].revision > 0 {
		return brokenf("it begins with revision %d", leaves[0].revision)
	}
	grow := t.grow(s.Signer, s.Most)
	if leaves[0].revision > size {
		if err := s.catchUp(ctx, t, leaves[0].revision, grow.add); err != nil {
			return err
		}
	}
	for _, l := range leaves {
		if l.revision != t.frontier.Size() {
			return brokenf("revision %d is followed by revision %d", t.frontier.Size()-1, l.revision)
		}
		if err := grow.add(l.hash); err != nil {
			return err
		}
	}
	return grow.done(w)
}

// catchUp adds what lies in the stream and was not seen when the log was read: the tree had been stopped.
func (s *Sealer) catchUp(ctx context.Context, t *growing, until int64, add func(tlog.Hash) error) error {
	for t.frontier.Size() < until {
		page, err := s.Source.ReadRawStream(ctx, domain.Stream(t.name), domain.Revision(t.frontier.Size()), int(min(until-t.frontier.Size(), int64(s.Page))))
		var damaged *eventstore.DamagedError
		var none *eventstore.NotFoundError
		if errors.As(err, &damaged) || errors.As(err, &none) || err == nil && len(page.Events) == 0 {
			return brokenf("revision %d is missing", t.frontier.Size())
		}
		if err != nil {
			return err
		}
		for i := range page.Events {
			h, err := s.leaf(ctx, &page.Events[i])
			if err != nil {
				return err
			}
			if err := add(h); err != nil {
				return err
			}
		}
	}
	return nil
}

// open reads the right edge of a tree, and holds it against the last checkpoint there is of it: in the store, in what this
// process has seen, and in what places outside were told.
func (s *Sealer) open(ctx context.Context, tx pgx.Tx, t *growing) error {
	if t.stopped {
		return brokenf("%s", t.reason)
	}
	var err error
	if t.frontier, err = tree.Parse(t.size, t.edge); err != nil {
		return brokenf("%v", err)
	}
	known, seen := s.known[t.name]
	switch {
	case t.note == nil && t.size > 0:
		return brokenf("it has %d leaves, and no checkpoint says so", t.size)
	case t.note == nil && seen:
		if err := against(ctx, tx, t, known, brokenf("it was sealed up to %d, and nothing of that is left", known.Size)); err != nil {
			return err
		}
	case t.note == nil:
	case seen && string(known.Note) == string(t.note):
		t.last = &known
	default:
		c, err := checkpoint.Open(t.note, s.Signer.Keys()...)
		if err != nil {
			return brokenf("its last checkpoint: %v", err)
		}
		if c.Origin != s.Signer.Key().Origin(t.name) {
			return brokenf("its last checkpoint is of %s", c.Origin)
		}
		t.last = &c
	}
	if t.last != nil && (t.last.Size != t.size || t.last.Root != t.frontier.Root()) {
		return brokenf("it has %d leaves with the root %s, and its last checkpoint says %d with %s", t.size, t.frontier.Root(), t.last.Size, t.last.Root)
	}
	if seen && string(known.Note) != string(t.note) {
		if err := against(ctx, tx, t, known, s.follows(ctx, tx, t, known, "this server has seen")); err != nil {
			return err
		}
	}
	return s.checkTold(ctx, tx, t)
}

// against adds to what is wrong the checkpoint from elsewhere that shows it, and forgives what an operator has accepted.
func against(ctx context.Context, tx pgx.Tx, t *growing, c checkpoint.Checkpoint, err error) error {
	var b *broken
	if !errors.As(err, &b) {
		return err
	}
	if is, err := accepted(ctx, tx, t.name, c); err != nil || is {
		return err
	}
	return &broken{b.reason, c.Note}
}

// follows says whether a tree is one that an earlier checkpoint grew into.
func (s *Sealer) follows(ctx context.Context, tx pgx.Tx, t *growing, earlier checkpoint.Checkpoint, who string) error {
	if earlier.Size > t.size {
		return brokenf("%s a checkpoint of %d leaves, and it has %d: history was rewound", who, earlier.Size, t.size)
	}
	if earlier.Size == 0 {
		return nil
	}
	proof, err := tlog.ProveTree(t.size, earlier.Size, &tree.Reader{Tiles: t.tiles(ctx, tx)})
	if err != nil {
		return brokenf("%s a checkpoint of %d leaves, which cannot be compared: %v", who, earlier.Size, err)
	}
	if tlog.CheckTree(proof, t.size, t.frontier.Root(), earlier.Size, earlier.Root) != nil {
		return brokenf("%s a checkpoint of %d leaves with the root %s, and the tree did not grow from that", who, earlier.Size, earlier.Root)
	}
	return nil
}
