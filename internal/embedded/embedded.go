// Package embedded runs the PostgreSQL that `annals serve` starts when nobody gave it a database.
//
// The user has Go, git and make, and nothing else. So this package finds PostgreSQL binaries or fetches them
// once ([Resolve]), creates a cluster under the data directory, starts it and watches it. What makes it more
// than a call of pg_ctl is what must survive:
//
//   - The postmaster outlives a killed server, and the next [Start] adopts it. It is never started twice: the
//     postmaster and all its backends inherit an open file that holds a lock, and the kernel gives that lock
//     back when the last of them has gone. Whoever gets the lock may start; whoever does not must adopt or wait.
//   - A cluster is made in a directory of its own and renamed when it is whole, roles and database included.
//     A start that was interrupted leaves nothing that looks like data.
//   - PostgreSQL refuses to run as root. Started by root it becomes an unprivileged user, and where that user
//     cannot enter the data or the cache directory (a clone in root's own home) they move below /var.
//
// The layout below Config.DataDir, or below the directory it moved to:
//
//	postgres/              the cluster
//	postgres.secret        passwords of the three roles, mode 0600
//	postgres.log           what PostgreSQL says, kept small
//	postgres.lock          held by the postmaster and its children
//	annals.lock            held by the process that called Start
//	socket/                the Unix socket, when the path is short enough
package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// ErrInUse says that another living process has started the PostgreSQL of this data directory.
var ErrInUse = errors.New("the data directory is in use by another process")

// readyTimeout bounds the wait for a server that recovers after a crash: replaying max_wal_size of log takes
// seconds on a small disk, minutes on a very slow one.
const readyTimeout = 5 * time.Minute

// Config says where the cluster lives and which binaries run it. Only DataDir is required.
type Config struct {
	// DataDir is the data directory of the application; the cluster is its subdirectory "postgres".
	DataDir string
	// CacheDir keeps fetched binaries. Empty means the user's cache directory.
	CacheDir string
	// BinDir names installed binaries (postgres and initdb, 15 or newer). Empty means those fetched or found.
	BinDir string
	// Version of the binaries to fetch, as "18.4.0". Empty means [DefaultVersion].
	Version string
	// Repository is the Maven repository binaries are fetched from. Empty means Maven Central.
	Repository string
	// Logger hears what was started, adopted and stopped. Nil means silence.
	Logger *slog.Logger
	// Settings are put after our own in postgresql.conf. With fsync "off" the cluster is also created without
	// flushing, which is for tests only.
	Settings map[string]string
	// Progress is told, in words for a person, what takes long: fetching and creating. Nil means nobody is.
	Progress func(msg string)

	machine machine
}

// machine is what tests pretend about the machine; the zero value is the machine as it is.
type machine struct {
	movedData  string
	movedCache string
	installed  []string // where programs are looked for, instead of the usual places and PATH
	noSockets  bool
}

func (c Config) withDefaults() (Config, error) {
	if c.DataDir == "" {
		return c, errors.New("embedded postgres: no data directory was given")
	}
	dir, err := filepath.Abs(c.DataDir)
	if err != nil {
		return c, fmt.Errorf("find the data directory: %w", err)
	}
	c.DataDir = dir
	c.Version = cmp.Or(c.Version, DefaultVersion)
	c.Repository = cmp.Or(c.Repository, mavenCentral)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	c.machine.movedData = cmp.Or(c.machine.movedData, movedData)
	c.machine.movedCache = cmp.Or(c.machine.movedCache, movedCache)
	return c, nil
}

// Server is a running PostgreSQL. Its connection strings stay the same over [Server.Restart].
type Server struct {
	config  Config
	user    *unprivileged
	place   place
	binDir  string
	secrets secrets
	notes   []string
	hold    *os.File // annals.lock
	lock    *os.File // postgres.lock, only while we launch: every program we run inherits it

	mu      sync.Mutex
	post    *postmaster
	stopped bool
}

// Start brings PostgreSQL up and returns when it accepts connections. It adopts a postmaster that survived an
// earlier process, waits for the children of one that was killed, and creates the cluster when there is none.
// A cluster in use by another living process of ours is refused with [ErrInUse].
//
// Start removes the variables of libpq (PGSERVICE, PGOPTIONS and their like) from the environment of this
// process: the user set them for another server, and pgx would mix them into every connection to this one.
func Start(ctx context.Context, c Config) (*Server, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	forgetClientVariables()
	s := &Server{config: c}
	if s.user, err = unprivilegedUser(c.DataDir); err != nil {
		return nil, err
	}
	if err := s.choosePlace(ctx); err != nil {
		return nil, err
	}
	if s.hold, err = lockFile(s.place.file("annals.lock")); err != nil {
		return nil, fmt.Errorf("take the data directory %s: %w", s.place.base, err)
	}
	if err := s.knownSecrets(); err != nil {
		s.release()
		return nil, err
	}
	if err := s.launch(ctx); err != nil {
		s.release()
		return nil, err
	}
	if err := s.prepareRoles(ctx); err != nil {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTimeout)
		defer cancel()
		return nil, errors.Join(err, s.Stop(stop))
	}
	return s, nil
}

// knownSecrets reads the passwords of an existing cluster; when their file is gone, prepareCluster renews them.
func (s *Server) knownSecrets() error {
	if !s.place.hasCluster() {
		return nil
	}
	secrets, err := readSecrets(s.place.file("postgres.secret"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	s.secrets = secrets
	return err
}

// URL is the connection string of the server's own role: it may create schemas, and on the tables of the
// owner it may read and insert; what more it needs a migration grants.
func (s *Server) URL() string { return s.connectionString(roleServer, s.secrets.Server, databaseName) }

// OwnerURL is the connection string of the role that owns the database and runs migrations.
func (s *Server) OwnerURL() string {
	return s.connectionString(roleOwner, s.secrets.Owner, databaseName)
}

// AdminURL is the connection string of the bootstrap superuser: for doctor, backups and test servers.
func (s *Server) AdminURL() string {
	return s.connectionString(roleAdmin, s.secrets.Admin, "postgres")
}

// AllURL is the connection string of the bootstrap superuser to the database of the server: for who copies all that is in
// it. Row level security keeps events from the owner, and grants keep keys from the server's role.
func (s *Server) AllURL() string {
	return s.connectionString(roleAdmin, s.secrets.Admin, databaseName)
}

// Dir is the cluster's directory, which is not below Config.DataDir when it had to move (see Notes).
func (s *Server) Dir() string { return s.place.cluster() }

// BinDir is the directory of the binaries in use.
func (s *Server) BinDir() string { return s.binDir }

// PID is the process id of the postmaster.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.post.pid
}

// Notes tells a person what was decided otherwise than expected, such as where the data went.
func (s *Server) Notes() []string { return s.notes }

func (s *Server) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

// Exited is closed when the postmaster that runs now has gone, whoever ended it. Ask again after Restart.
func (s *Server) Exited() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.post.exited
}

// Restart brings PostgreSQL up again after it died, and returns when it accepts connections. While it does, nothing is
// done. After Stop it is an error.
func (s *Server) Restart(ctx context.Context) error {
	s.mu.Lock()
	stopped, post := s.stopped, s.post
	s.mu.Unlock()
	if stopped {
		return errors.New("restart postgres: it was stopped")
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		select {
		case <-post.exited:
			return s.launch(ctx)
		default:
		}
		// Whoever lost a connection may know of a death before we were told: only a session proves that it lives.
		if err := s.reach(ctx, post.endpoint); err == nil {
			return nil
		} else if !comingUp(err) {
			return fmt.Errorf("restart postgres: it lives, and refuses us: %w", err)
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("wait for postgres to be gone, or to accept connections: %w", err)
		}
	}
}

// Stop ends PostgreSQL by a fast shutdown: sessions are cut, everything committed is checkpointed. It waits
// until the postmaster has gone. When ctx ends first it is told to quit at once; recovery at the next start
// loses nothing that was acknowledged.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	post, again := s.post, s.stopped
	s.stopped = true
	s.mu.Unlock()
	if again {
		return nil
	}
	defer s.release()
	if err := post.stop(ctx); err != nil {
		return fmt.Errorf("stop postgres (pid %d): %w", post.pid, err)
	}
	s.config.Logger.Info("postgres stopped", "pid", post.pid)
	return nil
}

func (s *Server) release() {
	if s.post != nil && filepath.Dir(s.post.endpoint.socketDir) != s.place.base {
		_ = os.Remove(s.post.endpoint.socketDir) // a directory elsewhere, empty now
	}
	s.hold.Close()
}
