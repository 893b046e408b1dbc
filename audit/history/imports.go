package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/domain"
)

const (
	originsSQL = `SELECT origins FROM log.imports WHERE stream = $1`
	notesSQL   = `SELECT checkpoints FROM log.imports WHERE stream = $1`
	pendingSQL = `SELECT EXISTS (SELECT 1 FROM log.imports WHERE stream = $1 AND done IS NULL)`
)

// Origins says in which streams the events of a stream were recorded first, where it was imported: those are the names
// that their leaves go by. A stream that was not has none.
func Origins(ctx context.Context, pool *pgxpool.Pool, stream domain.Stream) (origins []bundle.Origin, err error) {
	var stored []byte
	err = pool.QueryRow(ctx, originsSQL, stream).Scan(&stored)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for the origin of %s: %w", stream, err)
	}
	if err := json.Unmarshal(stored, &origins); err != nil {
		return nil, fmt.Errorf("read the origin of %s: %w", stream, err)
	}
	return origins, nil
}

// OriginsCache answers by which names the leaves of streams go, and asks the database once for each stream.
type OriginsCache struct {
	pool *pgxpool.Pool

	mu    sync.Mutex
	known map[domain.Stream][]bundle.Origin
}

// NewOrigins looks into the database that the log lies in or beside.
func NewOrigins(pool *pgxpool.Pool) *OriginsCache {
	return &OriginsCache{pool: pool, known: map[domain.Stream][]bundle.Origin{}}
}

// Of is the stream in which a revision of a stream was recorded first. What is being imported is known to be that before
// its first event is there, so that an answer never changes.
func (c *OriginsCache) Of(ctx context.Context, stream domain.Stream, r domain.Revision) (domain.Stream, error) {
	c.mu.Lock()
	origins, ok := c.known[stream]
	c.mu.Unlock()
	if !ok {
		var err error
		if origins, err = Origins(ctx, c.pool, stream); err != nil {
			return "", err
		}
		c.mu.Lock()
		if len(c.known) >= maxClear {
			clear(c.known)
		}
		c.known[stream] = origins
		c.mu.Unlock()
	}
	m := bundle.Manifest{Stream: stream, Origins: origins}
	return m.OriginOf(r), nil
}

// Notes are the signed checkpoints that came with an imported history, the oldest first.
func Notes(ctx context.Context, pool *pgxpool.Pool, stream domain.Stream) ([][]byte, error) {
	var file []byte
	err := pool.QueryRow(ctx, notesSQL, stream).Scan(&file)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the checkpoints that came with %s: %w", stream, err)
	}
	return checkpoint.Split(file), nil
}

// Veil knows which workspaces are being imported. They do not exist for anybody until they are whole. It is safe for
// concurrent use.
type Veil struct {
	pool *pgxpool.Pool

	mu    sync.Mutex
	clear map[domain.Slug]bool // known to be whole, which they stay: an import begins with no stream
}

// maxClear bounds what a veil remembers.
const maxClear = 100_000

// NewVeil looks into the database that the log lies in or beside.
func NewVeil(pool *pgxpool.Pool) *Veil { return &Veil{pool: pool, clear: map[domain.Slug]bool{}} }

// Hides says whether a workspace whose stream has events is still being imported.
func (v *Veil) Hides(ctx context.Context, ws domain.Slug) (bool, error) {
	v.mu.Lock()
	known := v.clear[ws]
	v.mu.Unlock()
	if known {
		return false, nil
	}
	var pending bool
	if err := v.pool.QueryRow(ctx, pendingSQL, domain.WorkspaceStream(ws)).Scan(&pending); err != nil {
		return true, fmt.Errorf("look whether workspace %s is being imported: %w", ws, err)
	}
	if pending {
		return true, nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.clear) >= maxClear {
		clear(v.clear)
	}
	v.clear[ws] = true
	return false, nil
}
