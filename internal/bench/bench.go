package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/internal/embedded"
)

// Options say what is measured. Zero fields have defaults.
type Options struct {
	Short  bool      // smaller data, two minutes
	Only   string    // only rows whose group begins with this: executor, esdb, ingest, rebuild, rebuild-live, rights, lists, workspaces, lineage, replay, history, asof, diff, start
	Dir    string    // for the data, removed afterwards; default a temporary directory
	Binary string    // the program to measure over HTTP; default this one
	Seed   uint64    // default 1
	Events int       // of rebuild-live and history; default a million, 20,000 in a short run
	Out    io.Writer // the table
	Log    io.Writer // progress; nil: none
}

// A machine is where everything is measured. Each group has a fresh cluster, so that none pays for the rows of another.
type machine struct {
	Options
	pg   *embedded.Server
	dir  string
	rows []Row
}

// Run measures and prints the table. Its error is one of measuring: a missed budget is in the table.
func Run(ctx context.Context, o Options) error {
	m, err := prepare(o)
	if err != nil {
		return err
	}
	defer os.RemoveAll(m.dir)
	for _, group := range []struct {
		name    string
		measure func(context.Context) error
	}{
		{"executor", m.executor},
		{"esdb", m.esdb},
		{"ingest", m.ingest},
		{"rebuild", m.rebuild},
		{"rebuild-live", m.rebuildLive},
		{"rights", m.rights},
		{"lists", m.lists},
		{"workspaces", m.workspaces},
		{"lineage", m.lineage},
		{"audit", m.audit},
		{"replay", m.replay},
		{"history", m.carrying},
		{"asof", m.asOfs},
		{"diff", m.diffs},
	} {
		if !strings.HasPrefix(group.name, o.Only) {
			continue
		}
		if err := m.group(ctx, group.name, group.measure); err != nil {
			return fmt.Errorf("measure %s: %w", group.name, err)
		}
	}
	return Print(o.Out, m.rows)
}

func prepare(o Options) (*machine, error) {
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Binary == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find the program itself: %w", err)
		}
		o.Binary = self
	}
	dir, err := os.MkdirTemp(o.Dir, "annals-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for the data: %w", err)
	}
	return &machine{Options: o, dir: dir}, os.Chmod(dir, 0o755) // the database may run as another user
}

// group measures one group on a cluster of its own.
func (m *machine) group(ctx context.Context, name string, measure func(context.Context) error) error {
	m.say("measuring %s", name)
	pg, err := embedded.Start(ctx, embedded.Config{DataDir: filepath.Join(m.dir, name), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	m.pg = pg
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := pg.Stop(ctx); err != nil {
			m.say("stopping PostgreSQL: %v", err)
		}
	}()
	if err := m.warm(ctx); err != nil {
		return err
	}
	return measure(ctx)
}

// warm has PostgreSQL write one max_wal_size of its log (little of it in a short run) and take the files into use again.
// A file of the log that is new is filled with zeros first, a tenth of all processor time of a server under load and
// pauses of tens of milliseconds; one that has run for a while no longer pays that.
func (m *machine) warm(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, m.pg.AdminURL())
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for range m.scaled(4096, 128) {
		if _, err := conn.Exec(ctx, `SELECT pg_logical_emit_message(false, 'bench', repeat('x', 1024 * 1024))`); err != nil {
			return fmt.Errorf("warm the log up: %w", err)
		}
	}
	if _, err := conn.Exec(ctx, `CHECKPOINT`); err != nil {
		return fmt.Errorf("warm the log up: %w", err)
	}
	return nil
}

func (m *machine) say(format string, args ...any) {
	fmt.Fprintf(m.Log, "bench: "+format+"\n", args...)
}

func (m *machine) add(r Row) {
	if m.Short && r.Met != Unsaid {
		r.Met = Unsaid
	}
	m.rows = append(m.rows, r)
	m.say("%s: %s (ceiling %s)", r.What, r.Figure, r.Ceiling)
}

// scaled is the full size, or the size of a short run.
func (m *machine) scaled(full, short int) int {
	if m.Short {
		return short
	}
	return full
}

// pool opens the database as its superuser, who may make the tables that ceilings are measured on, and read and fill those
// of read models: their owner sees no row of them.
func (m *machine) pool(ctx context.Context) (*pgxpool.Pool, error) {
	owner, err := pgxpool.ParseConfig(m.pg.OwnerURL())
	if err != nil {
		return nil, fmt.Errorf("read the address of the database: %w", err)
	}
	config, err := pgxpool.ParseConfig(m.pg.AdminURL())
	if err != nil {
		return nil, fmt.Errorf("read the address of the database: %w", err)
	}
	config.ConnConfig.Database = owner.ConnConfig.Database
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return pool, nil
}
