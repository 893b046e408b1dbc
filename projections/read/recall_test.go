package read

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"
)

// reveal has the tables say what they say once everything up to n has been projected, in one transaction, as a page
// would.
func (h *history) reveal(pool *pgxpool.Pool, n domain.Revision) error {
	return pgx.BeginFunc(context.Background(), pool, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		for _, table := range []string{"pipelines", "artifacts", "runs", "run_details", "steps", "artifact_versions", "lineage_edges", "artifact_edges"} {
			for _, part := range []string{"", "_was"} {
				batch.Queue("DELETE FROM "+testSchema+"."+table+part+" WHERE ws = $1", h.ws)
			}
		}
		h.queue(batch, n)
		return tx.SendBatch(context.Background(), batch).Close()
	})
}

// question draws a walk; ok is false where there is nothing to begin at by then.
func (h lineage) question(t *rapid.T, applied domain.Revision) (m Moment, q LineageQuery, ok bool) {
	q = LineageQuery{Up: rapid.Bool().Draw(t, "up"), Down: rapid.Bool().Draw(t, "down"), Depth: rapid.IntRange(1, 5).Draw(t, "depth"),
		Collapse: rapid.IntRange(0, 3).Draw(t, "collapse") == 0, Granularity: Granularity(rapid.IntRange(0, 1).Draw(t, "granularity"))}
	if rapid.Bool().Draw(t, "bounded") {
		q.MaxNodes = rapid.IntRange(1, 8).Draw(t, "max nodes")
	}
	if rapid.IntRange(0, 3).Draw(t, "filtered") == 0 {
		q.Statuses, q.Namespaces = []domain.Status{"succeeded"}, []string{"ns0"}
	}
	at := applied
	if rapid.Bool().Draw(t, "past") {
		at = domain.Revision(rapid.IntRange(1, int(applied)).Draw(t, "as of"))
	}
	kind, keys := domain.KindArtifactVersion, h.versions
	switch rapid.IntRange(0, 2).Draw(t, "kind") {
	case 0:
		kind, keys = domain.KindArtifact, h.artifacts
	case 1:
		kind, keys = domain.KindRun, h.executions
	}
	if len(keys) == 0 {
		return m, q, false
	}
	root := rapid.SampledFrom(keys).Draw(t, "root")
	if kind == domain.KindRun && h.isStep(root) {
		kind = domain.KindStep
	}
	q.Roots = []Node{{kind, root}}
	return h.moment(at), q, KeyRevision(root) <= at
}

// remembering asks walks of a history that goes on in between, of a DB that remembers and of one that does not; it
// answers the first difference.
func remembering(t *rapid.T, pool *pgxpool.Pool, with, without *DB) (difference string) {
	h := drawLineage(t)
	with.bounds.hops = rapid.SampledFrom([]int{4, 1000}).Draw(t, "hops")
	without.bounds.hops = with.bounds.hops
	with.bounds.kept = rapid.SampledFrom([]int{2, 500}).Draw(t, "kept")
	for applied := min(3, h.head); ; applied = min(applied+domain.Revision(rapid.IntRange(1, 8).Draw(t, "events")), h.head) {
		if err := h.reveal(pool, applied); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			m, q, ok := h.question(t, applied)
			if !ok {
				continue
			}
			got, err := with.Lineage(context.Background(), m, q)
			if err != nil {
				t.Fatal(err)
			}
			want, err := without.Lineage(context.Background(), m, q)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				return fmt.Sprintf("%d of %d applied, as of %d, %+v\n got %+v\nwant %+v", applied, h.head, m.Revision, q, got, want)
			}
		}
		if applied == h.head {
			return ""
		}
	}
}

// TestRememberedWalks compares walks that are remembered with walks that are read, over random histories that grow
// between the questions, at random moments, with room for all and with room for little.
func TestRememberedWalks(t *testing.T) {
	t.Parallel()
	with, pool := newModel(t)
	without := New(pool)
	without.Remember(0)
	rapid.Check(t, func(rt *rapid.T) {
		with.Remember(rapid.SampledFrom([]int{500, 3000, DefaultMemory}).Draw(rt, "bytes"))
		if difference := remembering(rt, pool, with, without); difference != "" {
			rt.Fatal(difference)
		}
	})
}

// TestRememberedWalksCatchWhatIsOutdated runs the same comparison with a memory that never asks whether what it has is
// still so: it must be found out.
func TestRememberedWalksCatchWhatIsOutdated(t *testing.T) {
	t.Parallel()
	with, pool := newModel(t)
	without := New(pool)
	without.Remember(0)
	caught := false
	rapid.Check(t, func(rt *rapid.T) {
		with.Remember(DefaultMemory)
		with.memory.gullible = true
		caught = caught || remembering(rt, pool, with, without) != ""
	})
	if !caught {
		t.Fatal("a memory that is never told of new edges gave the right answers")
	}
}

// TestRememberedWalksBesideWriting walks while pages are applied. What was true at a moment stays so: in the end a DB
// that remembers nothing is asked the same questions.
func TestRememberedWalksBesideWriting(t *testing.T) {
	t.Parallel()
	with, pool := newModel(t)
	without := New(pool)
	without.Remember(0)
	type answer struct {
		m Moment
		q LineageQuery
		g Graph
	}
	rapid.Check(t, func(rt *rapid.T) {
		with.Remember(rapid.SampledFrom([]int{3000, DefaultMemory}).Draw(rt, "bytes"))
		h := drawLineage(rt)
		questions := make([][]answer, 3)
		for w := range questions {
			for range 20 {
				if m, q, ok := h.question(rt, h.head); ok {
					questions[w] = append(questions[w], answer{m: m, q: q})
				}
			}
		}
		var applied atomic.Int64
		if err := h.reveal(pool, 2); err != nil {
			rt.Fatal(err)
		}
		applied.Store(2)
		var all sync.WaitGroup
		var failed atomic.Value
		for w := range questions {
			all.Go(func() {
				for i := range questions[w] {
					a := &questions[w][i]
					root := KeyRevision(a.q.Roots[0].Key)
					a.m = h.moment(max(min(a.m.Revision, domain.Revision(applied.Load())), 1))
					var err error
					if root > a.m.Revision {
						continue
					}
					if a.g, err = with.Lineage(context.Background(), a.m, a.q); err != nil {
						failed.Store(err)
					}
				}
			})
		}
		for n := domain.Revision(2); n < h.head; {
			n = min(n+domain.Revision(len(questions[0])%4+1), h.head)
			if err := h.reveal(pool, n); err != nil {
				failed.Store(err)
			}
			applied.Store(int64(n))
		}
		all.Wait()
		if err := failed.Load(); err != nil {
			rt.Fatal(err)
		}
		for _, some := range questions {
			for _, a := range some {
				if a.g.Nodes == nil {
					continue
				}
				want, err := without.Lineage(context.Background(), a.m, a.q)
				if err != nil {
					rt.Fatal(err)
				}
				if !reflect.DeepEqual(a.g, want) {
					rt.Fatalf("as of %d, %+v\n got %+v\nwant %+v", a.m.Revision, a.q, a.g, want)
				}
			}
		}
	})
}

// TestMemoryIsForgottenWithTheDatabase gives the tables other rows of the same revisions, as a restored backup may have.
func TestMemoryIsForgottenWithTheDatabase(t *testing.T) {
	t.Parallel()
	db, pool := newModel(t)
	h := newHistory()
	h.next()
	artifact := h.key()
	h.set("artifacts", map[string]any{"key": artifact}, map[string]any{"namespace": "", "name": "a", "canonical": artifact})
	h.next()
	version, run := h.key(), h.key()
	h.set("artifact_versions", map[string]any{"key": version}, map[string]any{"artifact": artifact, "named_as": artifact, "number": 1, "kind": "produced", "outcome": "complete"})
	h.set("runs", map[string]any{"key": run}, map[string]any{"run_id": "r", "foreign_run": false, "number": 1, "status": "succeeded", "own_status": "succeeded"})
	h.set("lineage_edges", map[string]any{"execution": run, "direction": 1, "version": version, "role": ""}, map[string]any{"position": 0})
	if err := h.reveal(pool, h.head); err != nil {
		t.Fatal(err)
	}
	walk := func() Graph {
		g, err := db.Lineage(context.Background(), h.moment(h.head), LineageQuery{Up: true, Roots: []Node{{domain.KindArtifactVersion, version}}})
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	if g := walk(); len(g.Nodes) != 2 {
		t.Fatalf("walked to %+v", g.Nodes)
	}
	// When another table has the name, without the edge, and the run's row is another one.
	_, err := pool.Exec(context.Background(), fmt.Sprintf(`
		CREATE TABLE %[1]s.restored (LIKE %[1]s.lineage_edges INCLUDING ALL); DROP TABLE %[1]s.lineage_edges; ALTER TABLE %[1]s.restored RENAME TO lineage_edges`, testSchema))
	if err != nil {
		t.Fatal(err)
	}
	if g := walk(); len(g.Nodes) != 1 {
		t.Fatalf("after the restore, walked to %+v", g.Nodes)
	}
}

// TestMemoryKeepsWithinItsBytes fills a memory with more than it may hold, while some of it is asked for.
func TestMemoryKeepsWithinItsBytes(t *testing.T) {
	t.Parallel()
	const bytes, few, many = 100_000, 100, 10_000
	c := newMemory(bytes)
	c.turn(0, era{})
	of := func(n int64) []byte { return fmt.Appendf(nil, "%050d", n) }
	put := func(e era, n int64) {
		c.puts(e, 0, func(put putter) { put(shelf{asks: question(n % 3)}, n, of(n), 1) })
	}
	there := func(n int64) (found bool) {
		c.each(shelf{asks: question(n % 3)}, []int64{n}, func(_ int, data []byte, upTo domain.Revision, ok bool) {
			if found = ok; ok && (string(data) != string(of(n)) || upTo != 1) {
				t.Fatalf("record %d says %q up to %d", n, data, upTo)
			}
		})
		return found
	}
	for n := range int64(many) {
		put(era{}, n)
		for wanted := range int64(few) {
			if wanted <= n && !there(wanted) {
				t.Fatalf("record %d was forgotten after %d more, while it was asked for all the time", wanted, n)
			}
		}
		if c.used > bytes {
			t.Fatalf("%d bytes of %d after %d records", c.used, bytes, n+1)
		}
	}
	found := 0
	for n := range int64(many) {
		if there(n) {
			found++
		}
	}
	if most := bytes / (50 + keyBytes); found < most*2/3 || found > most {
		t.Errorf("%d records are kept, of at most %d", found, most)
	}
	put(era{started: 1}, -1)
	if there(-1) {
		t.Error("a record of another era was kept")
	}
	c.turn(0, era{started: 1})
	if there(few) || there(many-1) {
		t.Error("a record outlived its era")
	}
}

// TestMemoryTakesWhatItSays fills a memory as walks would and weighs the heap.
func TestMemoryTakesWhatItSays(t *testing.T) {
	const bytes = 8 << 20
	weigh := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	before := weigh()
	c := newMemory(bytes)
	c.turn(0, era{})
	for n := range int64(200_000) {
		c.puts(era{}, 0, func(put putter) { put(shelf{asks: question(n % 4)}, n*1024, make([]byte, 10+n%60), 1) })
	}
	if took := weigh() - before; took > bytes*3/2 || c.used < bytes*3/4 {
		t.Errorf("%d bytes are on the heap, %d are counted, %d may be", took, c.used, bytes)
	}
	runtime.KeepAlive(c)
}

// TestRecordsSayWhatWasWritten writes edges and facts and reads them back at every moment.
func TestRecordsSayWhatWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var hops, none []hop
		for range rapid.IntRange(0, 20).Draw(rt, "edges") {
			since := domain.Revision(rapid.IntRange(0, 30).Draw(rt, "since"))
			until := domain.Revision(0)
			if rapid.Bool().Draw(rt, "closed") {
				until = since + domain.Revision(rapid.IntRange(1, 9).Draw(rt, "length"))
			}
			hops = append(hops, hop{from: 5, to: rapid.Int64Range(0, 1<<50).Draw(rt, "to"), role: rapid.SampledFrom([]string{"", "in", "é \x00"}).Draw(rt, "role"),
				pipeline: rapid.Int64Range(0, 1<<40).Draw(rt, "pipeline"), since: since, until: until})
		}
		hops, _ = sortHops(hops, []int64{5})
		data := encodeHops(nil, hops)
		for n := domain.Revision(0); n < 45; n++ {
			want := none
			for _, h := range hops {
				if h.at(n) {
					want = append(want, h)
				}
			}
			if got := appendHops(nil, 5, data, n); !reflect.DeepEqual(got, want) {
				rt.Fatalf("as of %d\n got %+v\nwant %+v", n, got, want)
			}
		}
		f := factsRow{since: 3, until: domain.Revision(rapid.SampledFrom([]int{0, 9}).Draw(rt, "until")), nodeFacts: nodeFacts{
			kind: rapid.SampledFrom(kindsOfNodes).Draw(rt, "kind"), namespace: "ns", name: rapid.String().Draw(rt, "name"), status: "failed", pipeline: 1 << 40, deleted: rapid.Bool().Draw(rt, "deleted")}}
		for n := domain.Revision(0); n < 12; n++ {
			got, ok := decodeFacts(encodeFacts(nil, f), n, map[string]string{})
			if want := n >= 3 && (f.until == 0 || n < f.until); ok != want || ok && got != f.nodeFacts {
				rt.Fatalf("as of %d: %v %+v, of %+v", n, ok, got, f)
			}
		}
	})
}
