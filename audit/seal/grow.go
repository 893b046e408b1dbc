package seal

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

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
		if err == nil && name == at.stream && s.checks(lastEvent) {
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
	is, err := s.leaf(ctx, &page.Events[0])
	if err != nil { // of the moment: it says nothing of the tree
		return err
	}
	if is != was {
		return brokenf("revision %d is not the event that was sealed", revision)
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
		if was != leaves[0].hash && s.checks(sealedEvents) {
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
		if err := grow.add(l); err != nil {
			return err
		}
	}
	return grow.done(w)
}

// catchUp adds what lies in the stream and was not seen when the log was read: the tree had been stopped.
func (s *Sealer) catchUp(ctx context.Context, t *growing, until int64, add func(leafAt) error) error {
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
			if err := add(leafAt{int64(page.Events[i].Revision), page.Events[i].EventID, h}); err != nil {
				return err
			}
		}
	}
	return nil
}
