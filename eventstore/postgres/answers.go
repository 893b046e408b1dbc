package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/klauspost/compress/zstd"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// Wall says how questions are asked of the log from behind the second wall: row level security, by which a role sees the
// rows of the streams that its transaction names, and no others. The roles, and the policies that hold them, are the owner's
// to make (package projections).
type Wall struct {
	Reader   string // sees the one stream whose name is in the setting annals.stream
	Surveyor string // sees those whose names are in annals.streams; Reader's connections take it on for one transaction
	// May says whether whoever asks in a context may read a place, by the name that read models know it by; MayWrite whether
	// they may know what was written there. They ask the rights anew, and believe nobody who asked before.
	May, MayWrite func(ctx context.Context, scope domain.Slug) (bool, error)
}

// A Glance is bodies of one stream that are asked for.
type Glance struct {
	Stream  domain.Stream
	For     domain.Slug // the place by whose rights they are shown
	Digests []domain.Digest
}

// Answers read what questions show of the log, from behind the second wall. What whoever asks may not read is answered as of
// a stream that never was, by the same statements, whatever was checked before. Close them.
type Answers struct {
	inner *Store // its pool's connections are the reader's
	wall  Wall
}

// What begins a transaction: what it sets ends with it.
const (
	enterSQL  = `SELECT set_config('annals.stream', $1, true)`
	surveySQL = `SELECT set_config('annals.streams', $1::text[]::text, true), set_config('role', $2, true)`
)

// OpenAnswers connects to the database of a log, or of what lies beside one, at most so many times at once.
func OpenAnswers(ctx context.Context, config *pgxpool.Config, most int32, wall Wall) (*Answers, error) {
	c := config.Copy()
	c.MaxConns, c.MinConns = most, 0
	c.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, `SET ROLE `+pgx.Identifier{wall.Reader}.Sanitize()); err != nil {
			return fmt.Errorf("become %s: %w", wall.Reader, err)
		}
		return nil
	}
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("connect as %s: %w", wall.Reader, err)
	}
	unzstd, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(eventstore.MaxEvidence+1))
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("read compressed bodies: %w", err)
	}
	return &Answers{&Store{pool: pool, unzstd: unzstd}, wall}, nil
}

// Close ends the connections.
func (a *Answers) Close() {
	a.inner.pool.Close()
	a.inner.unzstd.Close()
}

// Reset drops the connections: the database that they led to is gone.
func (a *Answers) Reset() { a.inner.pool.Reset() }

// enter begins what is asked of a stream: it names the stream where that may be read, else none.
func enter(ctx context.Context, may func(context.Context, domain.Slug) (bool, error), stream domain.Stream, scope domain.Slug) (*pgx.Batch, error) {
	ok, err := may(ctx, scope)
	if err != nil {
		return nil, fmt.Errorf("ask who may read %s: %w", scope, err)
	}
	if !ok {
		stream = ""
	}
	b := &pgx.Batch{}
	b.Queue(enterSQL, string(stream))
	return b, nil
}

// ReadStream reads a page of a stream, by the rights in a place. See [eventstore.Reader].
func (a *Answers) ReadStream(ctx context.Context, stream domain.Stream, scope domain.Slug, from domain.Revision, dir eventstore.Direction, limit int) (eventstore.Page, error) {
	b, err := enter(ctx, a.wall.May, stream, scope)
	if err != nil {
		return eventstore.Page{}, err
	}
	return a.inner.readStream(ctx, b, stream, from, dir, limit)
}

// Commands looks up which commands appended to a stream, for those who may write in a place. See [eventstore.Reader].
func (a *Answers) Commands(ctx context.Context, stream domain.Stream, scope domain.Slug, ids []string) (map[string]eventstore.KnownCommand, error) {
	b, err := enter(ctx, a.wall.MayWrite, stream, scope)
	if err != nil {
		return nil, err
	}
	return a.inner.commands(ctx, b, stream, ids)
}

const glancesSQL = `SELECT k.n, e.digest, e.bytes, e.encoding FROM unnest($1::int[], $2::text[], $3::bytea[]) k (n, stream, digest)
JOIN log.streams s ON s.name = k.stream JOIN log.evidence e ON e.stream = s.id AND e.digest = k.digest`

// Evidence reads bodies of several streams at once, in the order they are asked for. See [eventstore.EvidenceStore].
func (a *Answers) Evidence(ctx context.Context, glances []Glance) ([]map[domain.Digest][]byte, error) {
	var names []string
	var numbers []int32
	var streams []string
	var digests [][]byte
	for i, g := range glances {
		ok, err := a.wall.May(ctx, g.For)
		if err != nil {
			return nil, fmt.Errorf("ask who may read %s: %w", g.For, err)
		}
		if ok && !slices.Contains(names, string(g.Stream)) {
			names = append(names, string(g.Stream))
		}
		for _, d := range g.Digests {
			numbers, streams, digests = append(numbers, int32(i)), append(streams, string(g.Stream)), append(digests, slices.Clone(d[:]))
		}
	}
	b := &pgx.Batch{}
	if len(names) > 1 {
		b.Queue(surveySQL, names, a.wall.Surveyor)
	} else {
		b.Queue(enterSQL, append(names, "")[0])
	}
	found := make([]map[domain.Digest][]byte, len(glances))
	for i := range found {
		found[i] = map[domain.Digest][]byte{}
	}
	b.Queue(glancesSQL, numbers, streams, digests).Query(func(rows pgx.Rows) error {
		var n int32
		var digest, stored []byte
		var encoding int16
		_, err := pgx.ForEachRow(rows, []any{&n, &digest, &stored, &encoding}, func() error {
			body, err := a.inner.unpack(stored, encoding)
			if err != nil {
				return fmt.Errorf("evidence %x: %w", digest, err)
			}
			found[n][domain.Digest(digest)] = slices.Clone(body)
			return nil
		})
		return err
	})
	if err := a.inner.pool.SendBatch(ctx, b).Close(); err != nil {
		return nil, fmt.Errorf("read evidence of %d streams: %w", len(glances), translate(err))
	}
	return found, nil
}
