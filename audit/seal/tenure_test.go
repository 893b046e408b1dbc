package seal_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/audit/leaf"
	"github.com/annals-io/annals/audit/seal"
	"github.com/annals-io/annals/audit/tree"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/internal/pgtest"
)

// witness notes in the database itself, with every checkpoint that is stored, which server stores it and who holds the
// lease at that moment.
const witness = `
CREATE TABLE public.witnesses (sealer text NOT NULL, holder uuid NOT NULL);
CREATE FUNCTION public.witness() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.witnesses SELECT current_setting('application_name'), holder FROM audit.sealing;
    RETURN NULL;
END $$;
CREATE TRIGGER witness AFTER INSERT ON audit.checkpoints FOR EACH STATEMENT EXECUTE FUNCTION public.witness()`

// named is a sealer whose connections say its name, so that the witness knows it.
func (h *home) named(t testing.TB, name string, with ...func(*seal.Config)) *seal.Sealer {
	t.Helper()
	u, err := url.Parse(h.url)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("application_name", name)
	u.RawQuery = q.Encode()
	pool := pgtest.Connect(t, u.String())
	return h.sealer(t, append(with, func(c *seal.Config) { c.Pool = pool })...)
}

// outOfTurn are the servers that stored a checkpoint while another one held the lease.
func (h *home) outOfTurn(t testing.TB, servers map[string]*seal.Sealer) (who []string, stored int) {
	t.Helper()
	rows, _ := h.Pool.Query(t.Context(), `SELECT sealer, holder FROM public.witnesses`)
	var name string
	var holder uuid.UUID
	_, err := pgx.ForEachRow(rows, []any{&name, &holder}, func() error {
		if stored++; servers[name].Holder() != holder {
			who = append(who, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return who, stored
}

// While one server reads the log, its lease ends and another one takes over, which is at work itself. The first stores
// nothing more; one that does not look at its tenure stores what it has, and there are two who seal.
func TestNobodySealsBehindTheirTenure(t *testing.T) {
	t.Parallel()
	for name, without := range map[string]seal.Check{"fenced": 0, "not fenced": seal.Tenure} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			pgtest.Exec(t, h.url, witness)
			h.append(t, fraud, 3)
			took, stored := make(chan struct{}), make(chan struct{})
			second := h.named(t, "second", func(c *seal.Config) {
				c.Source = &slowLog{Log: h.store, then: func() {
					close(took)
					<-stored
				}}
			})
			done := make(chan error, 1)
			first := h.named(t, "first", func(c *seal.Config) {
				c.Source = &slowLog{Log: h.store, then: func() {
					pgtest.Exec(t, h.url, `UPDATE audit.sealing SET until = '-infinity'`)
					go func() { done <- second.Seal(t.Context()) }()
					<-took
				}}
			})
			err := first.Without(without).Seal(t.Context())
			close(stored)
			other := <-done
			who, n := h.outOfTurn(t, map[string]*seal.Sealer{"first": first, "second": second})
			switch {
			case n != 1:
				t.Errorf("%d checkpoints were stored", n)
			case without == 0 && (err == nil || !strings.Contains(err.Error(), "another server") || other != nil || len(who) > 0):
				t.Errorf("the first: %v; the second: %v; out of their turn: %v", err, other, who)
			case without != 0 && (err != nil || !slices.Equal(who, []string{"first"})):
				t.Errorf("the control finds nothing: %v %v; out of their turn: %v", err, other, who)
			}
		})
	}
}

// hasty is a log during whose reading leases come to their end.
type hasty struct {
	seal.Log
	end func()
}

func (l hasty) ReadRaw(ctx context.Context, after eventstore.Position, limit int) (eventstore.RawPage, error) {
	l.end()
	return l.Log.ReadRaw(ctx, after, limit)
}

// However often leases change hands while several servers are at work, everything is sealed once, in order, by whoever holds
// the lease, and as it lies in the log.
func TestManyServersSealAsOne(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	pgtest.Exec(t, h.url, witness)
	const events = 400
	servers := map[string]*seal.Sealer{}
	for n := range 4 {
		name := fmt.Sprint("server-", n)
		random := rand.New(rand.NewPCG(uint64(n), 3))
		var mu sync.Mutex
		end := func() {
			mu.Lock()
			defer mu.Unlock()
			if random.IntN(3) == 0 {
				pgtest.Exec(t, h.url, `UPDATE audit.sealing SET until = '-infinity'`)
			}
		}
		servers[name] = h.named(t, name, func(c *seal.Config) { c.Source, c.Page, c.Rest = hasty{h.store, end}, 3, -1 })
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	for _, s := range servers {
		wg.Go(func() {
			for ctx.Err() == nil {
				_ = s.Seal(ctx) // it is fenced off again and again
				if c, _, err := h.Latest(ctx, fraud); err == nil && c.Size == events {
					return
				}
			}
		})
	}
	for range events / 4 {
		h.append(t, fraud, 4)
	}
	wg.Wait()
	who, n := h.outOfTurn(t, servers)
	if len(who) > 0 || n < 10 {
		t.Errorf("%d times it was stored, out of their turn by %v", n, who)
	}
	if stops, err := h.Stopped(t.Context()); err != nil || len(stops) > 0 {
		t.Errorf("stopped: %v %v", stops, err)
	}
	by := map[string]int{}
	rows, _ := h.Pool.Query(t.Context(), `SELECT sealer FROM public.witnesses`)
	var name string
	if _, err := pgx.ForEachRow(rows, []any{&name}, func() error { by[name]++; return nil }); err != nil || len(by) < 2 {
		t.Errorf("only %v have sealed, %v", by, err)
	}
	h.wantRoots(t, fraud, events)
}

// wantRoots computes the tree of a stream from its log, and compares each checkpoint there is.
func (h *home) wantRoots(t testing.TB, stream domain.Stream, events int64) {
	t.Helper()
	page, err := h.store.ReadRawStream(t.Context(), stream, 0, int(events)+1)
	if err != nil {
		t.Fatal(err)
	}
	var grown tree.Frontier
	roots := map[int64]string{}
	for i := range page.Events {
		l := leaf.Of(&page.Events[i])
		grown.Add(l.Hash(), nil)
		roots[grown.Size()] = grown.Root().String()
	}
	last := int64(0)
	for c, err := range h.Checkpoints(t.Context(), stream) {
		if err != nil {
			t.Fatal(err)
		}
		if last = c.Size; roots[c.Size] != c.Root.String() {
			t.Errorf("the checkpoint of %d has another root than the events", c.Size)
		}
	}
	if last != events || grown.Size() != events {
		t.Errorf("sealed are %d of %d", last, grown.Size())
	}
}
