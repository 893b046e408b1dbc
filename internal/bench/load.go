package bench

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// A batch is a request with so many events in it.
type batch struct {
	body   []byte
	events int
}

// A loaded is what became of a load: events, the time until the last one was shown, how long requests took, and the
// processor time it cost.
type loaded struct {
	n     int
	took  time.Duration
	all   latencies
	spent spending
	from  spending
}

// load sends batches over several connections for 30 s (3 s in a short run), each connection into a workspace of its
// own, and waits until all of it is shown. The first ready batches of each connection are made before, so that making
// them costs the measurement nothing; should they not last, the others are made on the way.
func (m *machine) load(ctx context.Context, t *target, name string, connections, ready int, path func(slug string) string, typ string, next func(connection int) batch) (l loaded, err error) {
	slugs := make([]string, connections)
	for i := range slugs {
		slugs[i] = fmt.Sprintf("%s-%02d", name, i)
		if err := t.createWorkspace(ctx, slugs[i]); err != nil {
			return l, err
		}
	}
	batches := make([][]batch, connections)
	for i := range batches {
		for range ready {
			batches[i] = append(batches[i], next(i))
		}
	}
	l.from = m.spent(t)
	began := time.Now()
	end := began.Add(time.Duration(m.scaled(30, 3)) * time.Second)
	last := make([]int64, connections)
	var mu sync.Mutex
	var wait sync.WaitGroup
	for c := range connections {
		wait.Go(func() {
			var mine latencies
			events := 0
			for i := 0; time.Now().Before(end); i++ {
				var answer struct{ Revision int64 }
				var b batch
				if i < len(batches[c]) {
					b = batches[c][i]
				} else {
					b = next(c)
				}
				sent := time.Now()
				if e := t.post(ctx, path(slugs[c]), typ, b.body, &answer); e != nil {
					mu.Lock()
					err = e
					mu.Unlock()
					return
				}
				mine = append(mine, time.Since(sent))
				events += b.events
				last[c] = max(last[c], answer.Revision)
			}
			mu.Lock()
			l.n, l.all = l.n+events, append(l.all, mine...)
			mu.Unlock()
		})
	}
	wait.Wait()
	if err != nil {
		return l, err
	}
	for c, slug := range slugs {
		if err := t.seen(ctx, slug, last[c]); err != nil {
			return l, err
		}
	}
	l.took, l.spent = time.Since(began), m.spent(t)
	return l, nil
}

// counts are the events of the log and the rows of the tables.
type counts struct{ events, rows int64 }

func (m *machine) counts(ctx context.Context) (c counts, err error) {
	pool, err := m.pool(ctx)
	if err != nil {
		return c, err
	}
	defer pool.Close()
	if err := pool.QueryRow(ctx, `SELECT position FROM log.head`).Scan(&c.events); err != nil {
		return c, fmt.Errorf("count events: %w", err)
	}
	err = pool.QueryRow(ctx, `SELECT coalesce(sum(n_tup_ins), 0)::bigint FROM pg_stat_user_tables WHERE relname <> 'bench_again'`).Scan(&c.rows)
	return c, err
}

// ingested adds a row of ingest with its ceilings: COPY of all rows there are by now, as rows a second, and decoding.
func (m *machine) ingested(ctx context.Context, what string, l loaded, before counts, budget string, met func(figure, ratio float64) bool) error {
	after, err := m.counts(ctx)
	if err != nil {
		return err
	}
	pool, err := m.pool(ctx)
	if err != nil {
		return err
	}
	defer pool.Close()
	schema, err := liveModel(ctx, pool)
	if err != nil {
		return fmt.Errorf("find the live model: %w", err)
	}
	var tables []string
	for _, s := range []string{schema, "log"} {
		some, err := tablesOf(ctx, pool, s)
		if err != nil {
			return err
		}
		tables = append(tables, some...)
	}
	c, err := copyAgain(ctx, pool, tables)
	if err != nil {
		return err
	}
	figure := perSecond(l.n, l.took)
	rowsPerEvent := float64(after.rows-before.rows) / float64(l.n)
	ceiling := float64(c.rows) / c.took.Seconds() / rowsPerEvent
	m.add(Row{What: what, Figure: fmt.Sprintf("%s, request p50 %s, p99 %s", rate(figure), ms(l.all.at(0.5)), ms(l.all.at(0.99))), Ceiling: rate(ceiling) + " by COPY", Ratio: figure / ceiling, Budget: budget,
		Met: verdict(met(figure, figure/ceiling)), Note: fmt.Sprintf("%d events in, %.2f domain events and %.1f rows written for each; the time includes until the last one was shown%s", l.n, float64(after.events-before.events)/float64(l.n), rowsPerEvent, l.spent.each(l.from, l.n))})
	return nil
}
