package bench

import (
	"context"
	"fmt"
	"net/url"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/esdb"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/internal/esdbfake"
)

// esdb measures the backend for EventStoreDB beside the one for PostgreSQL: the same commands of the same callers, and
// then the same log followed from its beginning. The server is the one of our tests, in this process, in memory: it
// says what the protocol, and the backend, cost at least, and nothing about a cluster.
func (m *machine) esdb(ctx context.Context) error {
	server, err := esdbfake.Start(esdbfake.Options{})
	if err != nil {
		return fmt.Errorf("start the event store: %w", err)
	}
	defer server.Close()
	beside, err := m.secondDatabase(ctx)
	if err != nil {
		return err
	}
	for _, url := range []string{m.pg.OwnerURL(), beside} {
		if err := postgres.Migrate(ctx, url, ""); err != nil {
			return fmt.Errorf("migrate the log: %w", err)
		}
	}
	inside, err := postgres.Open(ctx, m.pg.OwnerURL(), postgres.Options{})
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	defer inside.Close()
	outside, err := esdb.Open(ctx, server.ConnectionString(), beside, esdb.Options{})
	if err != nil {
		return fmt.Errorf("open the event store: %w", err)
	}
	defer outside.Close()
	ours, err := m.through(ctx, inside)
	if err != nil {
		return err
	}
	theirs, err := m.through(ctx, outside)
	if err != nil {
		return err
	}
	for _, r := range []struct {
		what          string
		here, ceiling backendFigure
	}{
		{"durable commands through EventStoreDB (fake), 256 callers", theirs.append, ours.append},
		{"following the log of EventStoreDB (fake)", theirs.follow, ours.follow},
	} {
		m.add(Row{
			What: r.what, Figure: r.here.String(), Ceiling: r.ceiling.String(), Ratio: r.here.rate() / r.ceiling.rate(), Met: Unsaid,
			Note: "held against the PostgreSQL backend in the same run; " + m.cost(r.here) + " an event, there " + m.cost(r.ceiling),
		})
	}
	return nil
}

// A backendFigure is what one backend did.
type backendFigure struct {
	n     int
	took  time.Duration
	p99   time.Duration // 0: not measured
	spent spending
}

func (f backendFigure) rate() float64 { return perSecond(f.n, f.took) }

func (f backendFigure) String() string {
	if f.p99 == 0 {
		return rate(f.rate())
	}
	return fmt.Sprintf("%s, p99 %s", rate(f.rate()), ms(f.p99))
}

// cost is the processor time of one event: of this process, in which callers, backend and fake run, and of PostgreSQL.
func (m *machine) cost(f backendFigure) string {
	per := func(d time.Duration) time.Duration {
		return (d / time.Duration(max(f.n, 1))).Round(100 * time.Nanosecond)
	}
	return fmt.Sprintf("processor time %v and %v of PostgreSQL", per(f.spent.load), per(f.spent.database))
}

type backendFigures struct{ append, follow backendFigure }

// through lets the callers execute commands on a store, and then follows its log from the beginning.
func (m *machine) through(ctx context.Context, store eventstore.Store) (f backendFigures, err error) {
	x := eventstore.New(store, eventstore.Config{})
	defer x.Close(ctx)
	for w := range workspaces {
		slug := domain.Slug(fmt.Sprintf("bench-%03d", w))
		if _, err := x.Execute(ctx, eventstore.Request{Stream: domain.WorkspaceStream(slug), Command: domain.CreateWorkspace{Slug: slug, Name: "Bench", Organization: "personal"}}); err != nil {
			return f, fmt.Errorf("create a workspace: %w", err)
		}
	}
	if _, _, _, err := m.call(ctx, x, time.Duration(m.scaled(5, 1))*time.Second); err != nil {
		return f, err
	}
	before := m.used()
	n, took, all, err := m.call(ctx, x, time.Duration(m.scaled(20, 2))*time.Second)
	if err != nil {
		return f, err
	}
	f.append = backendFigure{n: n, took: took, p99: all.at(0.99), spent: m.used().less(before)}
	before = m.used()
	began := time.Now()
	for p, err := range store.Follow(ctx, eventstore.Position{}, 2000) {
		if err != nil {
			return f, fmt.Errorf("follow the log: %w", err)
		}
		if f.follow.n += len(p.Events); p.CaughtUp {
			break
		}
	}
	f.follow.took, f.follow.spent = time.Since(began), m.used().less(before)
	if f.follow.n < n {
		return f, fmt.Errorf("followed %d events of %d", f.follow.n, n)
	}
	return f, nil
}

// used is the processor time of this process and of PostgreSQL so far.
func (m *machine) used() (s spending) {
	var own syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &own) == nil {
		s.load = time.Duration(own.Utime.Nano() + own.Stime.Nano())
	}
	for pid, p := range processes() {
		if pid == m.pg.PID() {
			s.database += p.own + p.ended
		} else if p.parent == m.pg.PID() {
			s.database += p.own
		}
	}
	return s
}

func (s spending) less(before spending) spending {
	return spending{server: s.server - before.server, database: s.database - before.database, load: s.load - before.load}
}

// secondDatabase makes another database in the same cluster: one lies beside the event store, and holds no log.
func (m *machine) secondDatabase(ctx context.Context) (string, error) {
	owner, err := pgx.ParseConfig(m.pg.OwnerURL())
	if err != nil {
		return "", fmt.Errorf("read the owner's role: %w", err)
	}
	pool, err := pgxpool.New(ctx, m.pg.AdminURL())
	if err != nil {
		return "", fmt.Errorf("open the cluster: %w", err)
	}
	defer pool.Close()
	if _, err := pool.Exec(ctx, "CREATE DATABASE beside OWNER "+pgx.Identifier{owner.User}.Sanitize()); err != nil {
		return "", fmt.Errorf("make a database: %w", err)
	}
	u, err := url.Parse(m.pg.OwnerURL())
	if err != nil {
		return "", fmt.Errorf("read the address of the database: %w", err)
	}
	u.Path = "/beside"
	return u.String(), nil
}
