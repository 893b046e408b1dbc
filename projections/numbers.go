package projections

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// How names get their numbers: once, in order, and never again.
const (
	numberWorkspaces = `INSERT INTO log.workspaces (slug) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING`
	numberStreams    = `INSERT INTO states.streams (stream) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING`
	workspaceNumbers = `SELECT slug, number FROM log.workspaces WHERE slug = ANY($1)`
	streamNumbers    = `SELECT stream, number FROM states.streams WHERE stream = ANY($1)`
)

// numbers knows the small numbers of names and gives new names theirs. They are durable before anything refers to
// them, and never change: what memory holds stays true.
type numbers struct {
	pool         *pgxpool.Pool
	insert, read string

	learning sync.Mutex // held while names get numbers
	mu       sync.RWMutex
	known    map[string]int32
}

func newNumbers(pool *pgxpool.Pool, insert string) *numbers {
	n := &numbers{pool: pool, insert: insert, read: workspaceNumbers, known: map[string]int32{}}
	if insert == numberStreams {
		n.read = streamNumbers
	}
	return n
}

// get is the number of a name that has one in memory.
func (n *numbers) get(name string) (int32, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	number, ok := n.known[name]
	return number, ok
}

// learn gives all names a number. Lanes that meet a new name at the same time take turns: the loser of a race for a
// number uses one up all the same, and then every second number, and with two lanes one of them, would be nobody's.
func (n *numbers) learn(ctx context.Context, names []string) error {
	n.learning.Lock()
	defer n.learning.Unlock()
	names = slices.DeleteFunc(names, func(name string) bool { _, ok := n.get(name); return ok })
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names) // two processes that meet the same names lock them in one order
	found, err := n.lookUp(ctx, names)
	if err != nil {
		return err
	}
	var fresh []string
	for _, name := range names {
		if _, ok := found[name]; !ok {
			fresh = append(fresh, name)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	if _, err := n.pool.Exec(ctx, n.insert, fresh); err != nil {
		return fmt.Errorf("number %d names: %w", len(fresh), err)
	}
	_, err = n.lookUp(ctx, fresh)
	return err
}

func (n *numbers) lookUp(ctx context.Context, names []string) (map[string]int32, error) {
	rows, _ := n.pool.Query(ctx, n.read, names)
	found := map[string]int32{}
	var name string
	var number int32
	_, err := pgx.ForEachRow(rows, []any{&name, &number}, func() error {
		found[name] = number
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the numbers of %d names: %w", len(names), err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for name, number := range found {
		n.known[name] = number
	}
	return found, nil
}
