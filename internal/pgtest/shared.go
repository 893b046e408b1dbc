package pgtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"github.com/annals-io/annals/internal/embedded"
	"github.com/jackc/pgx/v5/pgxpool"
)

// testRole owns the databases of tests. It is no superuser, as no role of Annals is in production; it may make
// roles, since tests of grants do, and end sessions, since tests of lost connections do. It passes over row level
// security, as the server's own role does.
const testRole = "annals_test"

// shared is the server of all test processes, as this one sees it.
type shared struct {
	admin *pgxpool.Pool
	test  string // connection string of testRole
	hold  *hold  // while it is open the guard leaves the server alone
}

var once struct {
	sync.Mutex
	server *shared
}

// pointer is what the process that started the server leaves for the others.
type pointer struct {
	Dir   string `json:"dir"`
	Admin string `json:"admin"`
	Test  string `json:"test"`
}

// join takes part in the running server, or starts it. A process does so once; what failed is tried again.
func join(ctx context.Context) (*shared, error) {
	once.Lock()
	defer once.Unlock()
	if once.server != nil {
		return once.server, nil
	}
	base, err := baseDir()
	if err != nil {
		return nil, err
	}
	unlock, err := lockBase(ctx, base)
	if err != nil {
		return nil, err
	}
	defer unlock()
	current := filepath.Join(base, "current."+short(os.Getenv(BinEnv)))
	server, err := joinCurrent(ctx, current)
	if err != nil {
		sweep(base)
		server, err = startShared(ctx, base, current)
	}
	if err != nil {
		return nil, err
	}
	once.server = server
	return server, nil
}

// joinCurrent holds first and looks after: when the pointer still stands, the guard has seen our hold.
func joinCurrent(ctx context.Context, current string) (*shared, error) {
	p, err := readPointer(current)
	if err != nil {
		return nil, err
	}
	hold, err := holdAlive(p.Dir)
	if err != nil {
		return nil, fmt.Errorf("hold the test server: %w", err)
	}
	again, err := readPointer(current)
	if err == nil && again != p {
		err = errors.New("the test server is ending")
	}
	if err != nil {
		return nil, errors.Join(err, hold.Close())
	}
	server, err := p.connect(ctx, hold)
	if err != nil {
		return nil, errors.Join(err, hold.Close())
	}
	return server, nil
}

func startShared(ctx context.Context, base, current string) (*shared, error) {
	dir, hold, err := newGuarded(base, "shared-", current, idle)
	if err != nil {
		return nil, err
	}
	server, err := launchShared(ctx, dir, current, hold)
	if err != nil {
		endPostgres(dir)
		return nil, errors.Join(err, os.RemoveAll(dir), hold.Close())
	}
	return server, nil
}

func launchShared(ctx context.Context, dir, current string, hold *hold) (*shared, error) {
	// The server is never stopped from here: other processes use it when this one has ended.
	config, err := newConfig(filepath.Join(dir, "data"))
	if err != nil {
		return nil, err
	}
	started, err := embedded.Start(ctx, config)
	if err != nil {
		return nil, err
	}
	admin, err := url.Parse(started.AdminURL())
	if err != nil {
		return nil, fmt.Errorf("read the connection string: %w", err)
	}
	secret, _ := admin.User.Password()
	test := *admin
	test.User = url.UserPassword(testRole, secret)
	p := pointer{Dir: dir, Admin: admin.String(), Test: test.String()}
	server, err := p.connect(ctx, hold)
	if err != nil {
		return nil, err
	}
	create := fmt.Sprintf(`CREATE ROLE %s LOGIN CREATEDB CREATEROLE BYPASSRLS PASSWORD '%s' IN ROLE pg_monitor, pg_signal_backend`, testRole, secret)
	if _, err := server.admin.Exec(ctx, create); err != nil {
		return nil, fmt.Errorf("create the role of tests: %w", err)
	}
	// The roles of the wall between workspaces are made with the server, and only who may hand them on can put up walls in
	// databases of its own, as tests do.
	if _, err := server.admin.Exec(ctx, fmt.Sprintf(`GRANT annals_reader, annals_surveyor, annals_crosser TO %s WITH ADMIN OPTION`, testRole)); err != nil {
		return nil, fmt.Errorf("let tests put up walls: %w", err)
	}
	return server, p.write(current)
}

func (p pointer) connect(ctx context.Context, hold *hold) (*shared, error) {
	config, err := pgxpool.ParseConfig(p.Admin)
	if err != nil {
		return nil, fmt.Errorf("read the connection string: %w", err)
	}
	config.MaxConns = 4
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to the test server: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("connect to the test server: %w", err)
	}
	return &shared{admin: pool, test: p.Test, hold: hold}, nil
}

func (s *shared) databaseURL(name string) string {
	u, err := url.Parse(s.test)
	if err != nil {
		panic(err) // we wrote it
	}
	u.Path = "/" + name
	return u.String()
}

func readPointer(path string) (pointer, error) {
	var p pointer
	text, err := os.ReadFile(path)
	if err != nil {
		return p, fmt.Errorf("find the test server: %w", err)
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return p, fmt.Errorf("find the test server: %w", err)
	}
	return p, nil
}

func (p pointer) write(path string) error {
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("point to the test server: %w", err)
	}
	fresh := path + ".new"
	if err := errors.Join(os.WriteFile(fresh, text, 0o600), os.Rename(fresh, path)); err != nil {
		return fmt.Errorf("point to the test server: %w", err)
	}
	return nil
}

func short(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}
