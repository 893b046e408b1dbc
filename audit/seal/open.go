package seal

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/audit/tree"
)

// A broken is what is wrong with a tree: it is stopped. Any other error is one of the moment.
type broken struct {
	reason string
	note   []byte // the checkpoint from elsewhere that it does not follow from; nil: it is something else
}

func (b *broken) Error() string { return b.reason }

func brokenf(format string, args ...any) error { return &broken{reason: fmt.Sprintf(format, args...)} }

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
	case t.note == nil && t.size > 0 && s.checks(lastCheckpoint):
		return brokenf("it has %d leaves, and no checkpoint says so", t.size)
	case t.note == nil && seen && s.checks(memory):
		if err := against(ctx, tx, t, known, brokenf("it was sealed up to %d, and nothing of that is left", known.Size)); err != nil {
			return err
		}
	case t.note == nil:
	case seen && string(known.Note) == string(t.note):
		t.last = &known
	default:
		c, err := checkpoint.Open(t.note, s.Signer.Keys()...)
		if err != nil && s.checks(signatures) {
			return brokenf("its last checkpoint: %v", err)
		}
		if c.Origin != s.Signer.Key().Origin(t.name) {
			return brokenf("its last checkpoint is of %s", c.Origin)
		}
		t.last = &c
	}
	if s.checks(lastCheckpoint) && t.last != nil && (t.last.Size != t.size || t.last.Root != t.frontier.Root()) {
		return brokenf("it has %d leaves with the root %s, and its last checkpoint says %d with %s", t.size, t.frontier.Root(), t.last.Size, t.last.Root)
	}
	if seen && s.checks(memory) && string(known.Note) != string(t.note) {
		if err := against(ctx, tx, t, known, s.follows(ctx, tx, t, known, "this server has seen")); err != nil {
			return err
		}
	}
	if !s.checks(outsiders) {
		return nil
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
