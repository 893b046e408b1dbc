package seal

import (
	"context"
	"fmt"
	"time"

	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/domain"
)

// How long a receipt waits for its event to be sealed, and how often it looks.
const (
	proofWait = 3 * time.Second
	proofLook = 100 * time.Millisecond
)

// ProveSoon is [Store.Prove] for an event that may have been recorded just now: it waits a moment for it to be sealed.
func (s Store) ProveSoon(ctx context.Context, stream domain.Stream, revision domain.Revision) (checkpoint.Proof, error) {
	if err := s.await(ctx, stream, int64(revision)+1, proofWait); err != nil {
		return checkpoint.Proof{}, err
	}
	return s.Prove(ctx, stream, revision)
}

// await waits until so many leaves of a stream are sealed.
func (s Store) await(ctx context.Context, stream domain.Stream, size int64, most time.Duration) error {
	for until := time.Now().Add(most); time.Now().Before(until); {
		c, _, err := s.Latest(ctx, stream)
		if err != nil || c.Size >= size {
			return err
		}
		if err := rest(ctx, proofLook); err != nil {
			return err
		}
	}
	return nil
}

// Ties shows for the last checkpoint of a stream that covers at most size leaves that the instance's tree has it: the
// content of an export's instance.ndjson. It is empty where there is no such checkpoint.
func (s Store) Ties(ctx context.Context, stream domain.Stream, size int64) ([]byte, error) {
	c, ok, err := s.last(ctx, stream, size)
	if err != nil || !ok {
		return nil, err
	}
	proof, err := s.ProveCheckpoint(ctx, c)
	if err != nil {
		return nil, err
	}
	return append(checkpoint.Tie{Checkpoint: c.Note, Proof: proof}.Line(), '\n'), nil
}

const lastSQL = `SELECT number, at, note FROM audit.checkpoints WHERE name = $1 AND size <= $2 ORDER BY size DESC LIMIT 1`

// last is the last checkpoint of a stream that covers at most size leaves.
func (s Store) last(ctx context.Context, stream domain.Stream, size int64) (c Checkpoint, ok bool, err error) {
	rows, _ := s.Pool.Query(ctx, lastSQL, stream, size)
	defer rows.Close()
	for rows.Next() {
		if err = rows.Scan(&c.Number, &c.At, &c.Note); err != nil {
			break
		}
		ok = true
	}
	if err == nil {
		err = rows.Err()
	}
	if err != nil || !ok {
		if err != nil {
			err = fmt.Errorf("read the last checkpoint of %s: %w", stream, err)
		}
		return c, false, err
	}
	c, err = c.read()
	return c, err == nil, err
}
