package seal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/audit/tree"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

const (
	growSQL = `
UPDATE audit.trees t SET size = g.size, frontier = g.frontier
FROM unnest($1::bigint[], $2::bigint[], $3::bytea[]) g (id, size, frontier) WHERE t.id = g.id`
	stopSQL = `
UPDATE audit.trees t SET stopped = g.reason, contradicts = g.note FROM unnest($1::bigint[], $2::text[], $3::bytea[]) g (id, reason, note) WHERE t.id = g.id`
	tilesSQL = `
INSERT INTO audit.tiles AS t (tree, level, n, hashes)
SELECT * FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::bytea[])
ON CONFLICT (tree, level, n) DO UPDATE SET hashes = t.hashes || excluded.hashes`
	signedSQL = `
INSERT INTO audit.checkpoints (number, name, size, at, note)
SELECT number, name, size, $5, note FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bytea[]) c (number, name, size, note)`
	signedInstanceSQL = `INSERT INTO audit.instance_checkpoints (size, at, note) VALUES ($1, $2, $3)`
)

// A growth is what becomes of one tree in one transaction.
type growth struct {
	tree        *growing
	signer      *checkpoint.Signer
	most        int
	since       int // leaves since the last checkpoint
	added       int
	nodes       []tree.Node
	first       int64       // the first leaf that is added
	ids         []uuid.UUID // of the events that are added; none in the instance's tree
	checkpoints []checkpoint.Checkpoint
}

func (t *growing) grow(signer *checkpoint.Signer, most int) *growth {
	return &growth{tree: t, signer: signer, most: most, first: t.frontier.Size()}
}

// add grows the tree by a leaf, and signs it every so often.
func (g *growth) add(l leafAt) error {
	g.tree.frontier.Add(l.hash, func(n tree.Node) { g.nodes = append(g.nodes, n) })
	g.added++
	if l.id != uuid.Nil {
		g.ids = append(g.ids, l.id)
	}
	if g.since++; g.since < g.most {
		return nil
	}
	return g.sign()
}

func (g *growth) sign() error {
	c, err := g.signer.Sign(g.tree.name, g.tree.frontier.Size(), g.tree.frontier.Root())
	if err != nil {
		return err
	}
	g.since, g.tree.last, g.checkpoints = 0, &c, append(g.checkpoints, c)
	return nil
}

// done signs what is not signed yet, and hands it all over to be written.
func (g *growth) done(w *writing) error {
	if g.since > 0 {
		if err := g.sign(); err != nil {
			return err
		}
	}
	w.add(g)
	w.events += g.added
	for _, c := range g.checkpoints {
		w.checkpoints = append(w.checkpoints, signed{g.tree.name, c})
	}
	return nil
}

type signed struct {
	name string
	checkpoint.Checkpoint
}

// A writing is what one transaction stores.
type writing struct {
	now         time.Time
	events      int
	trees       []*growing
	grown       []*growth
	checkpoints []signed
	first       int64                  // number of the first of them
	instance    *checkpoint.Checkpoint // nil: nothing was signed
	stops       []Stop
	stopped     []*growing
	last        *domain.Envelope // of the page

	halted        bool // the instance's tree is broken: the position stays
	instanceFault string
}

func (w *writing) add(g *growth) {
	w.grown = append(w.grown, g)
	w.trees = append(w.trees, g.tree)
}

// lastOf is the last of some events that was sealed: those of a stopped tree were not.
func (w *writing) lastOf(events []eventstore.NewEvent) *domain.Envelope {
	sealed := map[string]bool{}
	for _, g := range w.grown {
		sealed[g.tree.name] = true
	}
	for i := len(events) - 1; i >= 0; i-- {
		if sealed[string(events[i].Stream)] {
			return &events[i].Envelope
		}
	}
	return nil
}

// halt stops a tree for what is wrong with it. An error that says nothing of the tree is given back.
func (w *writing) halt(t *growing, err error) error {
	var b *broken
	if !errors.As(err, &b) {
		return err
	}
	if t.name == checkpoint.InstanceLog {
		w.instanceFault = b.reason
	}
	if !t.stopped {
		t.contradicts = b.note
		w.stops, w.stopped = append(w.stops, Stop{t.name, t.size, b.reason}), append(w.stopped, t)
	}
	return nil
}

// sign adds the checkpoints to the instance's tree, as they are, and signs that.
func (w *writing) sign(signer *checkpoint.Signer, instance *growing) error {
	if len(w.checkpoints) == 0 {
		return nil
	}
	w.first = instance.frontier.Size()
	g := instance.grow(signer, len(w.checkpoints)+1)
	for _, c := range w.checkpoints {
		if err := g.add(leafAt{hash: tlog.RecordHash(c.Note)}); err != nil {
			return err
		}
	}
	if err := g.sign(); err != nil {
		return err
	}
	w.add(g)
	w.instance = &g.checkpoints[0]
	return nil
}

// store writes it all.
func (w *writing) store(ctx context.Context, tx pgx.Tx, next eventstore.Position, key string) error {
	b := &pgx.Batch{}
	if len(w.stopped) > 0 {
		ids, reasons, notes := make([]int64, len(w.stopped)), make([]string, len(w.stopped)), make([][]byte, len(w.stopped))
		for i, t := range w.stopped {
			ids[i], reasons[i], notes[i] = t.id, w.stops[i].Reason, t.contradicts
		}
		b.Queue(stopSQL, ids, reasons, notes)
	}
	if len(w.grown) > 0 {
		w.queueTrees(b)
		w.queueCheckpoints(b)
	}
	if !w.halted {
		var stream *string
		var revision *int64
		if w.last != nil {
			stream, revision = (*string)(&w.last.Stream), (*int64)(&w.last.Revision)
		}
		b.Queue(moveSQL, int64(next.Commit), int64(next.Prepare), key, stream, revision)
	}
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("store what is sealed: %w", err)
	}
	return nil
}

func (w *writing) queueTrees(b *pgx.Batch) {
	type row struct {
		tree, n int64
		level   int16
	}
	var ids, sizes, trees, numbers []int64
	var levels []int16
	var edges, hashes [][]byte
	for _, g := range w.grown {
		ids, sizes, edges = append(ids, g.tree.id), append(sizes, g.tree.frontier.Size()), append(edges, g.tree.frontier.Bytes())
		at := map[row]int{}
		for _, n := range g.nodes {
			key := row{g.tree.id, n.N >> tree.Height, int16(n.Level)}
			i, ok := at[key]
			if !ok {
				i = len(trees)
				at[key], trees, numbers, levels, hashes = i, append(trees, key.tree), append(numbers, key.n), append(levels, key.level), append(hashes, nil)
			}
			hashes[i] = append(hashes[i], n.Hash[:]...)
		}
	}
	b.Queue(growSQL, ids, sizes, edges)
	b.Queue(tilesSQL, trees, levels, numbers, hashes)
	w.queuePrints(b)
}

func (w *writing) queueCheckpoints(b *pgx.Batch) {
	var numbers, sizes []int64
	var names []string
	var notes [][]byte
	for i, c := range w.checkpoints {
		numbers, names, sizes, notes = append(numbers, w.first+int64(i)), append(names, c.name), append(sizes, c.Size), append(notes, c.Note)
	}
	b.Queue(signedSQL, numbers, names, sizes, notes, w.now)
	b.Queue(signedInstanceSQL, w.instance.Size, w.now, w.instance.Note)
}
