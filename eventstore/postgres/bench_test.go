package postgres_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/internal/pgtest"
)

const (
	benchWorkspaces = 200
	benchCallers    = 256
)

// durable is the connection string of a migrated log on a server that flushes what it acknowledges.
func durable(b *testing.B) string {
	b.Helper()
	settings := map[string]string{"shared_buffers": "1GB", "max_wal_size": "4GB", "jit": "off"}
	for k, v := range pgtest.Durable {
		settings[k] = v
	}
	server := pgtest.Private(b, settings)
	if err := postgres.Migrate(b.Context(), server.OwnerURL(), "annals_server"); err != nil {
		b.Fatal(err)
	}
	return server.URL()
}

// BenchmarkExecutor256 measures durable commands through the executor: 256 callers over 200 workspaces, one event
// each, everything that is written of it. Run it with -benchtime 400000x; p99 is of a caller's wait. "report" needs
// the workspace's state alone, "start" a run that was never seen.
func BenchmarkExecutor256(b *testing.B) {
	b.Run("report", func(b *testing.B) {
		benchExecutor(b, func(n int64) domain.Command {
			return domain.Record{Events: []domain.Event{completed(n)}}
		})
	})
	b.Run("start", func(b *testing.B) {
		benchExecutor(b, func(n int64) domain.Command {
			e := completed(n)
			e.Phase = domain.Started
			return domain.MoveRun{RunReported: e}
		})
	})
}

// completed is a report of some 390 bytes of JSON.
func completed(n int64) domain.RunReported {
	return domain.RunReported{
		Phase: domain.Progressed, Run: domain.RunRef{ID: fmt.Sprintf("run-%016d", n)}, Pipeline: &domain.Name{Name: "training-pipeline"},
		Parameters: []domain.Attribute{
			{Name: "learning_rate", Value: domain.FloatValue(0.001)}, {Name: "batch_size", Value: domain.IntValue(128)},
			{Name: "optimizer", Value: domain.StringValue("adam")},
		},
		Metadata: []domain.Attribute{{Name: "host", Value: domain.StringValue("worker-17.eu-west-1.internal")}, {Name: "gpu", Value: domain.IntValue(3)}},
		Tags:     []domain.Tag{{Key: "team", Value: "recommendations"}},
		Code:     &domain.CodeRef{Repo: "github.com/example/models", Version: "8f3c2d1b9a7e6f5d4c3b2a19080706050403020f"},
	}
}

func benchExecutor(b *testing.B, command func(n int64) domain.Command) {
	s := open(b, durable(b), postgres.Options{})
	var appends, events atomic.Int64
	x := eventstore.New(s, eventstore.Config{Observe: eventstore.Observer{Append: func(_ time.Duration, _, n int, _ error) {
		appends.Add(1)
		events.Add(int64(n))
	}}})
	defer x.Close(context.Background())
	streams := make([]domain.Stream, benchWorkspaces)
	for i := range streams {
		slug := domain.Slug(fmt.Sprintf("team-%d", i))
		streams[i] = domain.WorkspaceStream(slug)
		r := eventstore.Request{Stream: streams[i], CommandID: "create", Command: domain.CreateWorkspace{Slug: slug, Name: "W", Organization: "personal"}}
		if _, err := x.Execute(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
	var next atomic.Int64
	run := func(total int64) []time.Duration {
		waits := make([][]time.Duration, benchCallers)
		var wg sync.WaitGroup
		for c := range benchCallers {
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(uint64(c), 1))
				for {
					n := next.Add(1)
					if n > total {
						return
					}
					r := eventstore.Request{
						Stream: streams[rnd.IntN(len(streams))], CommandID: fmt.Sprintf("command-%020d", n), Forever: true, Command: command(n),
						OccurredAt: time.Now(), Meta: domain.Meta{Actor: domain.Actor{Kind: "key", ID: "k1"}},
					}
					binary.BigEndian.PutUint64(r.Digest[:], uint64(n))
					began := time.Now()
					if _, err := x.Execute(b.Context(), r); err != nil {
						b.Errorf("%s: %v", r.CommandID, err)
						return
					}
					waits[c] = append(waits[c], time.Since(began))
				}
			})
		}
		wg.Wait()
		return slices.Concat(waits...)
	}
	run(int64(b.N) / 8) // the first files of the log are made
	next.Store(int64(b.N))
	appends.Store(0)
	events.Store(0)
	spent := spending(b, s)
	b.ResetTimer()
	waits := run(2 * int64(b.N))
	b.StopTimer()
	spent()
	slices.Sort(waits)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ev/s")
	b.ReportMetric(float64(waits[len(waits)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(waits[len(waits)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(events.Load())/float64(max(1, appends.Load())), "ev/append")
}

// BenchmarkCeiling writes the same rows of the same tables as one client in batches of 1,000, with nothing around it:
// what the executor is held against.
func BenchmarkCeiling(b *testing.B) {
	url := durable(b)
	conn, err := pgx.Connect(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(context.Background())
	s := open(b, url, postgres.Options{})
	for i := range benchWorkspaces {
		sl := eventstore.Slice{Stream: domain.Stream(fmt.Sprintf("team-%d", i)), Expected: eventstore.NoStream, Events: []eventstore.NewEvent{newEvent(completed(0))}}
		if _, err := s.Append(b.Context(), []eventstore.Slice{sl}); err != nil {
			b.Fatal(err)
		}
	}
	const batch = 1000
	revisions := make([]int64, benchWorkspaces)
	n := 0
	write := func() {
		streams, revs, now := make([]int32, batch), make([]int64, batch), make([]time.Time, batch)
		ids, subjects := make([]uuid.UUID, batch), make([]uuid.UUID, batch)
		data, meta, digests, commands := make([][]byte, batch), make([][]byte, batch), make([][]byte, batch), make([]string, batch)
		at := time.Now()
		for i := range batch {
			n++
			w := rand.IntN(benchWorkspaces)
			revisions[w]++
			e := newEvent(completed(int64(n)))
			streams[i], revs[i], now[i] = int32(w+1), revisions[w], at
			ids[i], subjects[i] = uuid.New(), e.Subject.ID
			data[i] = e.Data
			meta[i] = []byte(`{"actor":{"kind":"key","id":"k1"},"command":"command-00000000000000000000","digest":"0000000000000000000000000000000000000000000000000000000000000000"}`)
			digests[i] = make([]byte, 32)
			commands[i] = fmt.Sprintf("command-%020d", n)
		}
		all := make([]int32, benchWorkspaces)
		for i := range all {
			all[i] = int32(i + 1)
		}
		q := &pgx.Batch{}
		q.Queue(`BEGIN`)
		q.Queue(`SELECT id, revision FROM log.streams WHERE id = ANY($1::int[]) ORDER BY id FOR UPDATE`, all)
		q.Queue(`INSERT INTO log.commands (stream, id, digest, first, last, at, forever)
SELECT stream, id, digest, revision, revision, at, true FROM unnest($1::int[], $2::text[], $3::bytea[], $4::bigint[], $5::timestamptz[]) AS c (stream, id, digest, revision, at)`,
			streams, commands, digests, revs, now)
		q.Queue(`UPDATE log.streams s SET revision = v.revision, recorded_at = now() FROM unnest($1::int[], $2::bigint[]) AS v (id, revision) WHERE s.id = v.id`, all, revisions)
		q.Queue(`UPDATE log.head SET position = position + $1 RETURNING position`, batch)
		q.Queue(`INSERT INTO log.events (position, stream, revision, recorded_at, occurred_at, version, event_id, subject, kind, type, data, meta)
SELECT (SELECT position FROM log.head) - $1::bigint + n, stream, revision, at, at, 1, event_id, subject, 'run', 'run.progressed', data, meta
FROM unnest($2::int[], $3::bigint[], $4::timestamptz[], $5::uuid[], $6::uuid[], $7::bytea[], $8::bytea[])
WITH ORDINALITY AS e (stream, revision, at, event_id, subject, data, meta, n)`, batch, streams, revs, now, ids, subjects, data, meta)
		q.Queue(`COMMIT`)
		if err := conn.SendBatch(b.Context(), q).Close(); err != nil {
			b.Fatal(err)
		}
	}
	for range b.N / 8 / batch {
		write()
	}
	spent := spending(b, s)
	b.ResetTimer()
	for done := 0; done < b.N; done += batch {
		write()
	}
	b.StopTimer()
	spent()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ev/s")
}

// spending reports the processor time of an operation, of this process and, where /proc tells, of the server's
// sessions. On a shared machine it says more than the clock does.
func spending(b *testing.B, s *postgres.Store) func() {
	ours, theirs := processorTime(b, s)
	return func() {
		oursNow, theirsNow := processorTime(b, s)
		b.ReportMetric(float64((oursNow-ours).Microseconds())/float64(b.N), "go-us/ev")
		if theirs > 0 {
			b.ReportMetric(float64((theirsNow-theirs).Microseconds())/float64(b.N), "pg-us/ev")
		}
	}
}

func processorTime(b *testing.B, s *postgres.Store) (ours, theirs time.Duration) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	ours = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	rows, _ := s.Pool().Query(b.Context(), `SELECT pid FROM pg_stat_activity`)
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		b.Fatal(err)
	}
	for _, pid := range pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue // it ended, or there is no /proc
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		for _, ticks := range fields[11:13] { // user and system, in hundredths of a second
			n, _ := strconv.Atoi(ticks)
			theirs += time.Duration(n) * 10 * time.Millisecond
		}
	}
	return ours, theirs
}

func newEvent(e domain.Event) eventstore.NewEvent {
	data, err := domain.Encode(e)
	if err != nil {
		panic(err)
	}
	return eventstore.NewEvent{
		Envelope: domain.Envelope{EventID: uuid.New(), Type: e.EventType(), Version: 1, RecordedAt: time.Now(), OccurredAt: time.Now(), Subject: e.Subject()},
		Event:    e, Data: data,
	}
}
