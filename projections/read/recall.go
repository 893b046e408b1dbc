package read

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
)

// A recall is what one walk takes from memory.
//
// A record is right at every moment up to the revision it is known for: it holds the closed rows too. At a later moment
// it may be outdated, by this process or by another one that projects. Nobody tells: the walk takes it all the same,
// and when it has ended one round trip asks whether anything that it took so changed since. Mostly nothing did, and all
// of it is known for the walk's moment from then on; what changed is forgotten and the walk begins again.
//
// A database that was restored may hold other rows of the same revisions. So each walk asks in which era it is, beside
// everything else it asks; in another era everything is forgotten.
type recall struct {
	db    *DB
	m     Moment
	model uint16
	era   era
	now   chan eraFound
	sure  bool // what is not known for the moment is read
	// joined says, once the walk is known to hold, whether the workspace took part in a promotion by the moment.
	joined bool

	mu      sync.Mutex
	doubted [questions][]int64
	since   domain.Revision // the least that any of them is known for
}

// An era is a database's life with one set of tables: since when the server runs, and which table has the name.
type era struct{ started, table int64 }

type eraFound struct {
	era
	joined bool
	err    error
}

// eraSQL asks for promotions besides: that costs a walk next to nothing here, and a statement of its own elsewhere.
const eraSQL = `SELECT (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint, coalesce(to_regclass($3)::oid::bigint, 0),
EXISTS (SELECT FROM read.promotions WHERE ws = $1 AND began <= $2)`

func (d *DB) findEra(ctx context.Context, m Moment) (f eraFound) {
	table := pgx.Identifier{m.Schema, "lineage_edges"}.Sanitize()
	found, err := list(ctx, d, m, "see whether the database is still the same", eraSQL, func(row pgx.CollectableRow) (f eraFound, err error) {
		err = row.Scan(&f.started, &f.table, &f.joined)
		return f, err
	}, table)
	if err != nil {
		return eraFound{err: err}
	}
	return found[0]
}

// recall begins one; nil where nothing is remembered. What others' walks left in memory is behind the wall too.
func (d *DB) recall(ctx context.Context, m Moment, sure bool) (*recall, error) {
	if d.memory == nil {
		return nil, nil
	}
	if sees, err := d.sees(ctx, m); err != nil || !sees {
		return nil, err
	}
	r := &recall{db: d, m: m, model: d.memory.model(m.Schema), sure: sure, now: make(chan eraFound, 1)}
	var known bool
	if r.era, known = d.memory.eraOf(r.model); !known {
		f := d.findEra(ctx, m)
		if f.err != nil {
			return nil, f.err
		}
		r.era = f.era
		d.memory.turn(r.model, r.era)
		r.now <- f
		return r, nil
	}
	go func() { r.now <- d.findEra(ctx, m) }()
	return r, nil
}

func (c *memory) eraOf(model uint16) (e era, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, known = c.eras[model]
	return e, known
}

// turn begins an era of a model: whatever is kept of another one goes.
func (c *memory) turn(model uint16, e era) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if was, known := c.eras[model]; known && was != e {
		c.clear()
	}
	c.eras[model] = e
}

func (r *recall) on(asks question) shelf {
	return shelf{ws: r.m.Number, model: r.model, asks: asks}
}

// each looks nodes up: ok is false where the walk has to read for itself.
func (r *recall) each(asks question, nodes []int64, found func(i int, data []byte, ok bool)) {
	var doubted []int64
	since := always
	r.db.memory.each(r.on(asks), nodes, func(i int, data []byte, upTo domain.Revision, ok bool) {
		if ok && upTo < r.m.Revision && !r.db.memory.gullible {
			if r.sure {
				ok = false
			} else {
				doubted, since = append(doubted, nodes[i]), min(since, upTo)
			}
		}
		found(i, data, ok)
	})
	if len(doubted) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.noDoubts() {
		r.since = since
	}
	r.doubted[asks], r.since = append(r.doubted[asks], doubted...), min(r.since, since)
}

func (r *recall) noDoubts() bool {
	for _, nodes := range r.doubted {
		if len(nodes) > 0 {
			return false
		}
	}
	return true
}

func (r *recall) puts(records func(putter)) { r.db.memory.puts(r.era, r.model, records) }

// news is how one finds out which records of a question are outdated.
func news(asks question) (statement string, more []any) {
	if asks < asksFacts {
		r := routeOf(side(asks/2), way(asks%2))
		return r.news, []any{r.direction}
	}
	return factsNews[asks-asksFacts], nil
}

// holds says whether everything that was taken from memory was true at the walk's moment. What was not is forgotten.
func (r *recall) holds(ctx context.Context) (bool, error) {
	if r == nil {
		return true, nil
	}
	changed, err := r.changed(ctx)
	now := <-r.now
	if err != nil || now.err != nil {
		return false, cmp.Or(err, now.err)
	}
	if now.era != r.era {
		r.db.memory.turn(r.model, now.era)
		return false, nil
	}
	holds := true
	r.joined = now.joined
	for asks, nodes := range r.doubted {
		on := r.on(question(asks))
		if len(changed[asks]) > 0 {
			holds = false
			r.db.memory.forget(on, changed[asks], r.m.Revision)
			nodes = slices.DeleteFunc(nodes, func(n int64) bool { return slices.Contains(changed[asks], n) })
		}
		r.db.memory.confirm(r.era, on, nodes, r.since, r.m.Revision)
	}
	return holds, nil
}

// changed are the nodes whose records are outdated, by question: one round trip, or none where nothing is in doubt.
func (r *recall) changed(ctx context.Context) (changed [questions][]int64, err error) {
	batch := &pgx.Batch{}
	for asks, nodes := range r.doubted {
		if len(nodes) == 0 {
			continue
		}
		statement, more := news(question(asks))
		batch.Queue(r.db.text(r.m, statement), append([]any{r.m.Number, r.m.Revision, nodes, r.since}, more...)...).Query(func(rows pgx.Rows) (err error) {
			changed[asks], err = pgx.CollectRows(rows, pgx.RowTo[int64])
			return err
		})
	}
	if batch.Len() == 0 {
		return changed, nil
	}
	if err := r.db.send(ctx, r.m, batch); err != nil {
		return changed, fmt.Errorf("see what changed beside a walk of %s: %w", r.m.Slug, err)
	}
	return changed, nil
}
