package seal

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/audit/tree"
	"github.com/annals-io/annals/domain"
)

// A Checkpoint is one that was signed and is kept. Number is its leaf in the instance's tree; At is when it was signed.
type Checkpoint struct {
	checkpoint.Checkpoint
	Number int64
	At     time.Time
}

// A Store reads what is sealed. It takes the database's word: who must be sure checks signatures and roots.
type Store struct{ Pool *pgxpool.Pool }

const (
	latestSQL      = `SELECT number, at, note FROM audit.checkpoints WHERE name = $1 ORDER BY size DESC LIMIT 1`
	checkpointsSQL = `SELECT number, at, note FROM audit.checkpoints WHERE name = $1 AND size > $2 ORDER BY size LIMIT $3`
	instanceSQL    = `SELECT at, note FROM audit.instance_checkpoints ORDER BY size DESC LIMIT 1`
	tileSQL        = `SELECT hashes FROM audit.tiles WHERE tree = (SELECT id FROM audit.trees WHERE name = $1) AND level = $2 AND n = $3`
	stoppedSQL     = `SELECT name, size, stopped FROM audit.trees WHERE stopped IS NOT NULL ORDER BY name LIMIT 100`
)

// Latest is the last checkpoint of a stream; ok is false where there is none yet.
func (s Store) Latest(ctx context.Context, stream domain.Stream) (c Checkpoint, ok bool, err error) {
	err = s.Pool.QueryRow(ctx, latestSQL, stream).Scan(&c.Number, &c.At, &c.Note)
	if errors.Is(err, pgx.ErrNoRows) {
		return c, false, nil
	}
	if err != nil {
		return c, false, fmt.Errorf("read the last checkpoint of %s: %w", stream, err)
	}
	c, err = c.read()
	return c, err == nil, err
}

// checkpointPage is how many checkpoints are read at once.
const checkpointPage = 1000

// Checkpoints yields every checkpoint of a stream that is kept, the oldest first. A failure is yielded last.
func (s Store) Checkpoints(ctx context.Context, stream domain.Stream) iter.Seq2[Checkpoint, error] {
	return func(yield func(Checkpoint, error) bool) {
		for after, more := int64(-1), true; more; {
			rows, _ := s.Pool.Query(ctx, checkpointsSQL, stream, after, checkpointPage)
			page, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c Checkpoint, err error) {
				if err := row.Scan(&c.Number, &c.At, &c.Note); err != nil {
					return c, err
				}
				return c.read()
			})
			if err != nil {
				yield(Checkpoint{}, fmt.Errorf("read the checkpoints of %s: %w", stream, err))
				return
			}
			for _, c := range page {
				if after = c.Size; !yield(c, nil) {
					return
				}
			}
			more = len(page) == checkpointPage
		}
	}
}

// Instance is the last checkpoint of the instance's tree; ok is false where nothing is sealed yet.
func (s Store) Instance(ctx context.Context) (c Checkpoint, ok bool, err error) {
	err = s.Pool.QueryRow(ctx, instanceSQL).Scan(&c.At, &c.Note)
	if errors.Is(err, pgx.ErrNoRows) {
		return c, false, nil
	}
	if err != nil {
		return c, false, fmt.Errorf("read the last checkpoint of the instance: %w", err)
	}
	c, err = c.read()
	return c, err == nil, err
}

func (c Checkpoint) read() (Checkpoint, error) {
	read, err := checkpoint.Read(c.Note)
	c.Checkpoint, c.At = read, c.At.UTC()
	return c, err
}

// ErrNotSealed says that an event is not sealed yet: it will be in a moment, unless sealing of its stream has stopped.
var ErrNotSealed = errors.New("it is not sealed yet")

// Prove is the receipt of an event of a stream by its last checkpoint, without the leaf.
func (s Store) Prove(ctx context.Context, stream domain.Stream, revision domain.Revision) (checkpoint.Proof, error) {
	c, ok, err := s.Latest(ctx, stream)
	if err != nil {
		return checkpoint.Proof{}, err
	}
	if !ok || int64(revision) >= c.Size {
		return checkpoint.Proof{}, fmt.Errorf("revision %d of %s: %w", revision, stream, ErrNotSealed)
	}
	return s.prove(ctx, string(stream), c, int64(revision))
}

// ProveCheckpoint shows that a checkpoint is a leaf of the instance's tree.
func (s Store) ProveCheckpoint(ctx context.Context, of Checkpoint) (checkpoint.Proof, error) {
	c, ok, err := s.Instance(ctx)
	if err != nil {
		return checkpoint.Proof{}, err
	}
	if !ok || of.Number >= c.Size {
		return checkpoint.Proof{}, fmt.Errorf("checkpoint %d: %w", of.Number, ErrNotSealed)
	}
	return s.prove(ctx, checkpoint.InstanceLog, c, of.Number)
}

func (s Store) prove(ctx context.Context, name string, c Checkpoint, index int64) (checkpoint.Proof, error) {
	hashes, err := tlog.ProveRecord(c.Size, index, &tree.Reader{Tiles: s.tiles(ctx, name)})
	if err != nil {
		return checkpoint.Proof{}, fmt.Errorf("prove leaf %d of %s: %w", index, name, err)
	}
	return checkpoint.Proof{Index: index, Hashes: hashes, Checkpoint: c.Note}, nil
}

func (s Store) tiles(ctx context.Context, name string) tree.Tiles {
	return func(level int, n int64) (hashes []byte, err error) {
		err = s.Pool.QueryRow(ctx, tileSQL, name, level, n).Scan(&hashes)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil, nil
		}
		return hashes, err
	}
}

// A Stop is a tree that is sealed no more, and why.
type Stop struct {
	Tree   string `json:"tree"` // the stream, or "instance"
	Size   int64  `json:"size"` // how far it is sealed
	Reason string `json:"reason"`
}

// Stopped are the trees that are sealed no more; the first hundred.
func (s Store) Stopped(ctx context.Context) ([]Stop, error) {
	rows, _ := s.Pool.Query(ctx, stoppedSQL)
	stops, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Stop])
	if err != nil {
		return nil, fmt.Errorf("look for trees that are sealed no more: %w", err)
	}
	return stops, nil
}
