package bench

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/postgres"
)

const (
	callers    = 256
	workspaces = 200
)

// executor measures durable commands through the executor: 256 callers, 200 workspaces, one event each, the whole
// write. Its ceiling is one client writing the same rows of all those tables in batches of 1,000.
func (m *machine) executor(ctx context.Context) error {
	server, err := pgx.ParseConfig(m.pg.URL())
	if err != nil {
		return fmt.Errorf("read the server's role: %w", err)
	}
	if err := postgres.Migrate(ctx, m.pg.OwnerURL(), server.User); err != nil {
		return fmt.Errorf("migrate the log: %w", err)
	}
	store, err := postgres.Open(ctx, m.pg.URL(), postgres.Options{})
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	defer store.Close()
	x := eventstore.New(store, eventstore.Config{})
	defer x.Close(ctx)
	for w := range workspaces {
		slug := domain.Slug(fmt.Sprintf("bench-%03d", w))
		if _, err := x.Execute(ctx, eventstore.Request{Stream: domain.WorkspaceStream(slug), Command: domain.CreateWorkspace{Slug: slug, Name: "Bench", Organization: "personal"}}); err != nil {
			return fmt.Errorf("create a workspace: %w", err)
		}
	}
	m.call(ctx, x, time.Duration(m.scaled(20, 2))*time.Second) // warm-up: WAL segments that are not recycled yet stall
	n, took, all, err := m.call(ctx, x, time.Duration(m.scaled(30, 4))*time.Second)
	if err != nil {
		return err
	}
	ceiling, err := m.batches(ctx, time.Duration(m.scaled(15, 2))*time.Second)
	if err != nil {
		return err
	}
	figure, p99 := perSecond(n, took), all.at(0.99)
	ratio := figure / ceiling
	m.add(Row{What: "durable commands, 256 callers", Figure: fmt.Sprintf("%s, p99 %s", rate(figure), ms(p99)), Ceiling: rate(ceiling), Ratio: ratio,
		Budget: ">= 35,000/s, p99 <= 20 ms, >= 70 %", Met: verdict(figure >= 35_000 && p99 <= 20*time.Millisecond && ratio >= 0.7)})
	return nil
}

// call lets all callers execute commands for a time.
func (m *machine) call(ctx context.Context, x *eventstore.Executor, long time.Duration) (n int, took time.Duration, all latencies, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	began := time.Now()
	end := began.Add(long)
	var mu sync.Mutex
	var wait sync.WaitGroup
	for c := range callers {
		wait.Go(func() {
			var mine latencies
			for i := 0; time.Now().Before(end); i++ {
				began := time.Now()
				if _, e := x.Execute(ctx, request(c, (c+i)%workspaces)); e != nil {
					mu.Lock()
					err = e
					mu.Unlock()
					cancel()
					return
				}
				mine = append(mine, time.Since(began))
			}
			mu.Lock()
			all = append(all, mine...)
			mu.Unlock()
		})
	}
	wait.Wait()
	return len(all), time.Since(began), all, err
}

// request is a report of a step that ended: about 300 bytes of data.
func request(caller, workspace int) eventstore.Request {
	id := uuid.NewString()
	return eventstore.Request{
		Stream: domain.WorkspaceStream(domain.Slug(fmt.Sprintf("bench-%03d", workspace))), CommandID: id, Digest: sha256.Sum256([]byte(id)), OccurredAt: time.Now(),
		Meta: domain.Meta{Actor: domain.Actor{Kind: "key", ID: "bench"}},
		Command: domain.Record{Events: []domain.Event{domain.StepReported{
			Phase: domain.Succeeded, Execution: domain.Execution{Run: domain.RunRef{ID: id}, Step: fmt.Sprintf("step_%d", caller)},
			Metadata: []domain.Attribute{{Name: "rows", Value: domain.IntValue(int64(caller) * 1000)}, {Name: "table", Value: domain.StringValue("warehouse.layer1.table_00017")}},
		}}},
	}
}

// batches is the ceiling: the same rows, by one client, 1,000 a transaction, decided by nobody.
func (m *machine) batches(ctx context.Context, long time.Duration) (float64, error) {
	pool, err := m.pool(ctx)
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	const size = 1000
	n := 0
	began := time.Now()
	for time.Since(began) < long {
		if err := writeBatch(ctx, pool, n, size); err != nil {
			return 0, fmt.Errorf("write a batch: %w", err)
		}
		n += size
	}
	return perSecond(n, time.Since(began)), nil
}

// ceilingBase keeps the ceiling's revisions away from those of the executor.
const ceilingBase = 1 << 40

func writeBatch(ctx context.Context, pool *pgxpool.Pool, from, size int) error {
	now := time.Now().UTC()
	type columns struct {
		stream   []int32
		revision []int64
		id, subj []uuid.UUID
		command  []string
		digest   [][]byte
		data     [][]byte
		meta     [][]byte
	}
	var c columns
	for i := range size {
		r := request(i, 0)
		e := r.Command.(domain.Record).Events[0]
		data, err := domain.Encode(e)
		if err != nil {
			return err
		}
		meta, err := eventstore.EncodeMeta(domain.Meta{Actor: r.Meta.Actor, CommandID: r.CommandID, RequestDigest: r.Digest})
		if err != nil {
			return err
		}
		c.stream, c.revision = append(c.stream, int32(1+i%workspaces)), append(c.revision, ceilingBase+int64(from+i))
		c.id, c.subj = append(c.id, uuid.New()), append(c.subj, e.Subject().ID)
		c.command, c.digest = append(c.command, r.CommandID), append(c.digest, r.Digest[:])
		c.data, c.meta = append(c.data, data), append(c.meta, meta)
	}
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		var b pgx.Batch
		b.Queue(`UPDATE log.streams SET recorded_at = $1 WHERE id <= $2`, now, workspaces)
		b.Queue(`INSERT INTO log.commands (first, last, at, stream, forever, digest, id) SELECT r, r, $1, s, true, d, i FROM unnest($2::bigint[], $3::int[], $4::bytea[], $5::text[]) AS u (r, s, d, i)`,
			now, c.revision, c.stream, c.digest, c.command)
		b.Queue(`WITH h AS (UPDATE log.head SET position = position + $1 RETURNING position - $1 AS base)
			INSERT INTO log.events (position, revision, recorded_at, occurred_at, stream, version, event_id, subject, kind, type, data, meta)
			SELECT h.base + n, r, $2, $2, s, 1, e, j, 'step', 'step.succeeded', d, m
			FROM h, unnest($3::bigint[], $4::int[], $5::uuid[], $6::uuid[], $7::bytea[], $8::bytea[]) WITH ORDINALITY AS u (r, s, e, j, d, m, n)`,
			size, now, c.revision, c.stream, c.id, c.subj, c.data, c.meta)
		return tx.SendBatch(ctx, &b).Close()
	})
}
