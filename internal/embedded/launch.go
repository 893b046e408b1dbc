package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// pollEvery is how often a state that sends no signal is looked at again.
const pollEvery = 10 * time.Millisecond

// launch starts a postmaster, or adopts the one that has the lock. Between the death of a postmaster and that
// of its last child there is neither: then it tells the children to quit and waits.
func (s *Server) launch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		lock, err := lockFile(s.place.file("postgres.lock"))
		if err == nil {
			return s.launchLocked(ctx, lock)
		}
		if !errors.Is(err, ErrInUse) {
			return err
		}
		switch adopted, err := s.adopt(ctx); {
		case err != nil:
			return err
		case adopted:
			return nil
		}
		quitOrphans(s.place.cluster())
		if err := pause(ctx); err != nil {
			return fmt.Errorf("wait for the processes of an earlier postgres in %s to end: %w", s.place.cluster(), err)
		}
	}
}

// launchLocked runs a new postmaster, which inherits the lock. Nothing else of this cluster lives, so pid file
// and socket are stale, whatever process has that number today. PostgreSQL itself cannot know: it takes another
// program with the number for the owner, and a killed postmaster that nobody has collected yet for a living one.
func (s *Server) launchLocked(ctx context.Context, lock *os.File) error {
	s.lock = lock
	defer func() { s.lock = nil; lock.Close() }()
	if err := removeStale(s.place.pidFile()); err != nil {
		return err
	}
	if err := s.prepareCluster(ctx); err != nil {
		return err
	}
	at, err := s.chooseEndpoint()
	if err != nil {
		return err
	}
	if at.socketDir != "" {
		socket := filepath.Join(at.socketDir, socketName)
		if err := errors.Join(removeStale(socket), removeStale(socket+".lock")); err != nil {
			return err
		}
	}
	if err := s.writeConfiguration(at); err != nil {
		return err
	}
	post, err := s.spawn(at)
	if err != nil {
		return err
	}
	if err := s.waitReady(ctx, post); err != nil {
		return err
	}
	s.settle(post, "postgres started")
	return nil
}

func removeStale(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove what a dead postgres left: %w", err)
	}
	return nil
}

// chooseEndpoint keeps the port of a server that is restarted, so that its connection strings stay true.
func (s *Server) chooseEndpoint() (endpoint, error) {
	if dir := s.socketDir(); dir != "" {
		return endpoint{socketDir: dir, port: socketPort}, nil
	}
	s.mu.Lock()
	before := s.post
	s.mu.Unlock()
	address := "127.0.0.1:0"
	if before != nil && before.endpoint.socketDir == "" {
		address = "127.0.0.1:" + strconv.Itoa(before.endpoint.port)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return endpoint{}, fmt.Errorf("find a port for postgres: %w", err)
	}
	defer l.Close()
	return endpoint{port: l.Addr().(*net.TCPAddr).Port}, nil
}

func (s *Server) writeConfiguration(at endpoint) error {
	ours := tuned(machineMemory())
	ours["port"] = strconv.Itoa(at.port)
	ours["unix_socket_directories"] = at.socketDir
	ours["listen_addresses"] = ""
	if at.socketDir == "" {
		ours["listen_addresses"] = "127.0.0.1"
	}
	path := filepath.Join(s.place.cluster(), "annals.conf")
	if err := writeFile(path, configuration(ours, s.config.Settings), 0o600); err != nil {
		return err
	}
	return s.user.own(path)
}

func (s *Server) spawn(at endpoint) (*postmaster, error) {
	out, err := openLog(s.place.file("postgres.log"))
	if err != nil {
		return nil, err
	}
	defer out.Close()
	// No context: the postmaster must outlive whatever called Start.
	cmd := s.command(context.Background(), s.place.cluster(), "postgres", "-D", s.place.cluster())
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("run %s: %w", cmd.Path, err)
	}
	post := newPostmaster(cmd.Process.Pid, at)
	go func() {
		_ = cmd.Wait() // how it ended stands in its log
		close(post.exited)
	}()
	return post, nil
}

// waitReady watches the pid file, whose last line says when sessions are taken, then proves it by one.
func (s *Server) waitReady(ctx context.Context, post *postmaster) error {
	for {
		if noted, err := s.place.readPID(); err == nil && noted.ready && noted.pid == post.pid {
			if err := s.reach(ctx, post.endpoint); err == nil {
				return nil
			} else if !comingUp(err) {
				return errors.Join(fmt.Errorf("connect to postgres: %w", err), post.stop(ctx))
			}
		}
		select {
		case <-post.exited:
			return fmt.Errorf("postgres did not start: %s", s.logTail())
		default:
		}
		if err := pause(ctx); err != nil {
			return errors.Join(fmt.Errorf("wait for postgres to accept connections: %w", err), post.stop(ctx))
		}
	}
}

// reach opens and closes one session of the server's role.
func (s *Server) reach(ctx context.Context, at endpoint) error {
	conn, err := pgconn.Connect(ctx, at.connectionString(roleServer, s.secrets.Server, databaseName))
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// comingUp tells a server that is not yet, or no longer, taking sessions from one that refuses us.
func comingUp(err error) bool {
	if _, unreadable := errors.AsType[*pgconn.ParseConfigError](err); unreadable {
		return false
	}
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		return refused.Code == "57P03" || refused.Code == "53300"
	}
	return true
}

// adopt takes over a postmaster that outlived the process which started it. It reports false where there is
// none, and also while one shuts down: the caller comes again until the lock is free.
func (s *Server) adopt(ctx context.Context) (bool, error) {
	noted, err := s.place.readPID()
	if err != nil || !alive(noted.pid) {
		return false, nil
	}
	if s.secrets == (secrets{}) {
		// Without passwords there is no way in. Ended cleanly, the next round of launch renews them.
		return false, endProcess(noted.pid)
	}
	if !noted.ready {
		return false, nil
	}
	if err := s.reach(ctx, noted.endpoint); err != nil {
		if comingUp(err) {
			return false, nil
		}
		return false, fmt.Errorf("connect to the postgres found running (pid %d): %w", noted.pid, err)
	}
	if err := s.findBinaries(ctx); err != nil {
		return false, err
	}
	post := newPostmaster(noted.pid, noted.endpoint)
	go post.watch()
	s.settle(post, "postgres adopted")
	return true, nil
}

func (s *Server) settle(post *postmaster, what string) {
	s.mu.Lock()
	s.post = post
	s.mu.Unlock()
	go keepSmall(s.place.file("postgres.log"), post.exited)
	s.config.Logger.Info(what, "pid", post.pid, "dir", s.place.cluster(), "binaries", s.binDir)
}

// pause waits one poll, or as long as ctx allows.
func pause(ctx context.Context) error {
	timer := time.NewTimer(pollEvery)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
