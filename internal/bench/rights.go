package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/postgres"
)

// rights measures what asking for rights costs a request, and how long a right that was taken away still works on another
// server.
func (m *machine) rights(ctx context.Context) error {
	t, _, err := m.serve(ctx)
	if err != nil {
		return err
	}
	defer t.stop()
	pool, err := m.pool(ctx)
	if err != nil {
		return err
	}
	defer pool.Close()
	store, err := postgres.Open(ctx, m.pg.URL(), postgres.Options{})
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	defer store.Close()
	runs := m.scaled(100_000, 20_000)
	h, err := m.history(ctx, t, pool, "rights", runsHistory, runs, int64(4*runs))
	if err != nil {
		return err
	}
	if err := m.authorization(ctx, t, store, h); err != nil {
		return err
	}
	return m.revocations(ctx, t, pool, store)
}

// authorization measures a list over HTTP, and then what is asked for it of the rights, at the same pace: every so often
// what is remembered is too old and is read again.
func (m *machine) authorization(ctx context.Context, t *target, store eventstore.Store, h history) error {
	lists, err := t.asked(ctx, m.scaled(300, 60), runsDocument, func(int) map[string]any { return map[string]any{"s": h.slug} })
	if err != nil {
		return err
	}
	page, err := store.ReadStream(ctx, domain.WorkspaceStream(domain.Slug(h.slug)), 0, eventstore.Forward, 1)
	if err != nil {
		return err
	}
	created, ok := page.Events[0].Event.(domain.WorkspaceCreated)
	if !ok {
		return fmt.Errorf("%s begins with %s", h.slug, page.Events[0].Type)
	}
	rights := access.NewRights(store, nil, created.Organization)
	who := access.Principal{Account: created.Owner, Scopes: []access.Scope{access.Admin}}
	var spent time.Duration
	n := m.scaled(3000, 300)
	next := time.NewTicker(lists.at(0.5))
	defer next.Stop()
	for range n {
		<-next.C
		began := time.Now()
		may, err := rights.May(ctx, who, domain.Slug(h.slug), domain.ReadWorkspace)
		spent += time.Since(began)
		if err != nil || !may {
			return errors.Join(fmt.Errorf("the owner may read: %t", may), err)
		}
	}
	mean := spent / time.Duration(n)
	share := float64(mean) / float64(lists.at(0.5))
	m.add(Row{What: "authorization of a request, at the pace of a list", Figure: fmt.Sprintf("%.0f us, %.1f %% of the list", float64(mean)/1e3, 100*share),
		Ceiling: "p50 " + ms(lists.at(0.5)) + ", the list", Ratio: share, Budget: "<= 5 % of the list", Met: verdict(share <= 0.05)})
	return nil
}

// revocable is somebody whose role comes and goes.
type revocable struct {
	who domain.Grantee
	key string
}

// revocations changes 100 roles a second in the log while 1,000 reads a second go on at the server, which hears of none of
// it, and measures from the append of each revocation until the server refuses its holder.
func (m *machine) revocations(ctx context.Context, t *target, pool *pgxpool.Pool, store eventstore.Store) error {
	x := eventstore.New(store, eventstore.Config{})
	defer x.Close(ctx)
	cast, err := revocables(ctx, pool, 200)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var reads atomic.Int64
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() { read1000(ctx, t, 16, &reads) })
	}
	var mu sync.Mutex
	var all latencies
	var failed error
	var changes int
	var changing sync.WaitGroup
	began := time.Now()
	change := time.NewTicker(20 * time.Millisecond) // two of them each time
	defer change.Stop()
	for i := 0; time.Since(began) < time.Duration(m.scaled(20, 3))*time.Second; i++ {
		<-change.C
		one := cast[i%len(cast)]
		changing.Go(func() {
			gone, err := t.comesAndGoes(ctx, x, one)
			mu.Lock()
			defer mu.Unlock()
			all, changes, failed = append(all, gone), changes+2, errors.Join(failed, err)
		})
	}
	changing.Wait()
	took := time.Since(began)
	stop()
	wait.Wait()
	if failed != nil {
		return failed
	}
	m.add(Row{What: fmt.Sprintf("a revoked right is gone on another server, at %s role changes and %s reads", rate(perSecond(changes, took)), rate(perSecond(int(reads.Load()), took))),
		Figure: fmt.Sprintf("p50 %s, p99 %s, longest %s", ms(all.at(0.5)), ms(all.at(0.99)), ms(all.at(1))), Ceiling: "50 ms, how old an answer may be",
		Budget: "100 ms, at 100/s and 1,000/s", Met: verdict(all.at(1) <= 100*time.Millisecond && perSecond(changes, took) >= 95 && perSecond(int(reads.Load()), took) >= 950)})
	return nil
}

// read1000 is one of so many readers who ask 1,000 times a second together.
func read1000(ctx context.Context, t *target, readers int, reads *atomic.Int64) {
	next := time.NewTicker(time.Duration(readers) * time.Millisecond)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		if t.ask(ctx, `{ workspace(slug: "rights") { name runs(first: 1) { nodes { id status } } } }`, nil, nil) == nil {
			reads.Add(1)
		}
	}
}

// comesAndGoes grants a role, waits until the server knows of it, revokes it, and says how long after that its holder was
// still let in.
func (t *target) comesAndGoes(ctx context.Context, x *eventstore.Executor, one revocable) (time.Duration, error) {
	if err := changeRole(ctx, x, one.who, false); err != nil {
		return 0, err
	}
	if _, err := t.untilShown(ctx, one.key, true); err != nil {
		return 0, err
	}
	if err := changeRole(ctx, x, one.who, true); err != nil {
		return 0, err
	}
	at := time.Now()
	asked, err := t.untilShown(ctx, one.key, false)
	return max(0, asked.Sub(at)), err // asked when it was gone, whatever the answer took
}

// untilShown asks by a key until the workspace is shown, or is not shown any more, and says when that was asked.
func (t *target) untilShown(ctx context.Context, key string, shown bool) (asked time.Time, err error) {
	other := *t
	other.key = key
	for {
		asked = time.Now()
		var answer struct{ Workspace *struct{ Slug string } }
		if err := other.ask(ctx, `{ workspace(slug: "rights") { slug } }`, nil, &answer); err != nil || (answer.Workspace != nil) == shown {
			return asked, err
		}
	}
}

// revocables are people with a key each, who hold no role yet.
func revocables(ctx context.Context, pool *pgxpool.Pool, n int) ([]revocable, error) {
	keys := access.NewKeys(pool, nil)
	var cast []revocable
	for range n {
		account := uuid.New()
		text, _, err := access.Mint(access.Personal, rand.Reader)
		if err != nil {
			return nil, err
		}
		maker := access.Principal{KeyID: "bench", Account: account, Scopes: []access.Scope{access.Admin}, Organization: "personal", DefaultWorkspace: "default"}
		if _, err := keys.Adopt(ctx, maker, access.Wish{Name: "bench", Scopes: []access.Scope{access.Admin}}, text); err != nil {
			return nil, fmt.Errorf("make a key: %w", err)
		}
		cast = append(cast, revocable{domain.Person(account), text})
	}
	return cast, nil
}

func changeRole(ctx context.Context, x *eventstore.Executor, who domain.Grantee, revoke bool) error {
	by := domain.Asker{Holds: domain.SetOf(domain.Permissions(domain.WorkspaceLevel)...)}
	var c domain.Command = domain.GrantRole{Member: who, Role: domain.Member, By: by}
	if revoke {
		c = domain.RevokeRole{Member: who, Role: domain.Member, By: by}
	}
	if _, err := x.Execute(ctx, eventstore.Request{Stream: domain.WorkspaceStream("rights"), OccurredAt: time.Now(), Command: c}); err != nil {
		return fmt.Errorf("change a role: %w", err)
	}
	return nil
}
