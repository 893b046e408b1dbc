package read

import (
	"context"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/internal/pgtest"
	"github.com/annals-io/annals/schema/postgres"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const testSchema = "read_7"

// noon is when a test workspace's first event is recorded; the others follow a second apart.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func recordedAt(n domain.Revision) time.Time { return noon.Add(time.Duration(n) * time.Second) }

// newModel is a database with an empty read model.
func newModel(t testing.TB) (*DB, *pgxpool.Pool) {
	t.Helper()
	pool := pgtest.Pool(t)
	for _, text := range []string{postgres.ReadTables, postgres.FoldIndexes, postgres.Indexes} {
		text = strings.ReplaceAll(strings.ReplaceAll(text, "read.", testSchema+"."), "CREATE SCHEMA read;", "CREATE SCHEMA "+testSchema+";")
		if _, err := pool.Exec(context.Background(), text); err != nil {
			t.Fatalf("create the read model: %v", err)
		}
	}
	return New(pool), pool
}

// A history is the rows of one workspace over time, kept in memory so that a test can say by itself what was true
// when, and written to the tables at the end.
type history struct {
	ws    int32
	head  domain.Revision
	rows  map[string][]*line // by table
	ords  map[domain.Revision]int64
	about map[domain.Revision]Node // subjects of events
}

// A line is a row over time: what it is called, and its states.
type line struct {
	table  string
	id     map[string]any // primary key columns
	states []state
}

// A state is what a row said since a revision; gone states are gaps.
type state struct {
	since domain.Revision
	gone  bool
	cols  map[string]any
}

var workspaces atomic.Int32

func newHistory() *history {
	return &history{ws: workspaces.Add(1), head: -1, rows: map[string][]*line{}, ords: map[domain.Revision]int64{}, about: map[domain.Revision]Node{}}
}

// next is the next event: what is written after it is since its revision.
func (h *history) next() domain.Revision {
	h.head++
	return h.head
}

// key is a new key, named by the current event.
func (h *history) key() int64 {
	k := int64(h.head)*keysPerRevision + h.ords[h.head]
	h.ords[h.head]++
	return k
}

// set writes columns of the row of a table with that primary key, since the current event.
func (h *history) set(table string, id, cols map[string]any) {
	for _, l := range h.rows[table] {
		if !same(l.id, id) {
			continue
		}
		last := &l.states[len(l.states)-1]
		merged := map[string]any{}
		if !last.gone {
			for k, v := range last.cols {
				merged[k] = v
			}
		}
		for k, v := range cols {
			merged[k] = v
		}
		if last.since == h.head {
			last.cols, last.gone = merged, false
			return
		}
		l.states = append(l.states, state{since: h.head, cols: merged})
		return
	}
	h.rows[table] = append(h.rows[table], &line{table: table, id: id, states: []state{{since: h.head, cols: cols}}})
}

// unset ends the row: for tables whose rows can cease, such as edges.
func (h *history) unset(table string, id map[string]any) {
	for _, l := range h.rows[table] {
		if same(l.id, id) && l.states[len(l.states)-1].since < h.head {
			l.states = append(l.states, state{since: h.head, gone: true})
		}
	}
}

func same(a, b map[string]any) bool {
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return true
}

// at is what the line says as of n; ok is false before it began and in gaps.
func (l *line) at(n domain.Revision) (s state, ok bool) {
	for _, st := range l.states {
		if st.since <= n {
			s, ok = st, !st.gone
		}
	}
	return s, ok
}

func (h *history) moment(n domain.Revision) Moment {
	return Moment{Slug: domain.Slug(fmt.Sprintf("ws-%d", h.ws)), Number: h.ws, Schema: testSchema, Revision: n, Time: recordedAt(n), Settled: true}
}

// write fills the tables.
func (h *history) write(t testing.TB, pool *pgxpool.Pool) {
	t.Helper()
	batch := &pgx.Batch{}
	h.queue(batch, h.head)
	entries := [][]any{}
	for n := domain.Revision(0); n <= h.head; n++ {
		kind, subject := "run", any(nil)
		if about, ok := h.about[n]; ok {
			kind, subject = string(about.Kind), about.Key
		}
		command := any(nil) // each made two events, but for the first one, which nobody asked for
		if n > 0 {
			command = fmt.Sprint("command-", (n-1)/2)
		}
		entries = append(entries, []any{h.ws, int64(n), kind + ".annotated", kind, subject, recordedAt(n), recordedAt(n), command})
	}
	if err := pool.SendBatch(context.Background(), batch).Close(); err != nil {
		t.Fatalf("write rows: %v", err)
	}
	_, err := pool.CopyFrom(context.Background(), pgx.Identifier{testSchema, "audit_entries"},
		[]string{"ws", "revision", "type", "kind", "subject", "occurred_at", "recorded_at", "command"}, pgx.CopyFromRows(entries))
	if err != nil {
		t.Fatalf("write audit entries: %v", err)
	}
}

// queue has the rows written as they are once everything up to n has been projected.
func (h *history) queue(batch *pgx.Batch, n domain.Revision) {
	for table, lines := range h.rows {
		for _, l := range lines {
			states := slices.DeleteFunc(slices.Clone(l.states), func(s state) bool { return s.since > n })
			last := len(states) - 1
			for i, s := range states {
				if s.gone {
					continue
				}
				if i == last {
					insert(batch, table, h.ws, l.id, s.cols, map[string]any{"since": s.since})
					continue
				}
				until := states[i+1].since
				level := bits.Len64(uint64(until-s.since)) - 1
				insert(batch, table+"_was", h.ws, l.id, s.cols, map[string]any{"since": s.since, "until": until, "level": level})
			}
		}
	}
}

func insert(batch *pgx.Batch, table string, ws int32, parts ...map[string]any) {
	names, places, values := []string{"ws"}, []string{"$1"}, []any{ws}
	for _, part := range parts {
		keys := make([]string, 0, len(part))
		for k := range part {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			values = append(values, part[k])
			names, places = append(names, k), append(places, fmt.Sprintf("$%d", len(values)))
		}
	}
	text := fmt.Sprintf("INSERT INTO %s.%s (%s) VALUES (%s)", testSchema, table, strings.Join(names, ", "), strings.Join(places, ", "))
	batch.Queue(text, values...)
}
