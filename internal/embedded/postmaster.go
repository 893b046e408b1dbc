package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// quitPatience is how long an ordered shutdown at the end of a context may still take.
const quitPatience = 10 * time.Second

// postmaster is one life of the server process: a child of ours, or one adopted.
type postmaster struct {
	pid      int
	endpoint endpoint
	exited   chan struct{}
}

func newPostmaster(pid int, at endpoint) *postmaster {
	return &postmaster{pid: pid, endpoint: at, exited: make(chan struct{})}
}

// watch closes exited when an adopted postmaster has gone; the kernel tells parents only.
func (p *postmaster) watch() {
	tick := time.NewTicker(5 * pollEvery)
	defer tick.Stop()
	for range tick.C {
		if !alive(p.pid) {
			close(p.exited)
			return
		}
	}
}

// stop asks for a fast shutdown and waits. When ctx ends it orders an immediate one, which leaves recovery to
// the next start, and waits a little more.
func (p *postmaster) stop(ctx context.Context) error {
	if err := p.signal(syscall.SIGINT); err != nil {
		return err
	}
	select {
	case <-p.exited:
		return nil
	case <-ctx.Done():
	}
	if err := p.signal(syscall.SIGQUIT); err != nil {
		return err
	}
	select {
	case <-p.exited:
		return nil
	case <-time.After(quitPatience):
		return errors.New("it did not end, even by an immediate shutdown")
	}
}

// signal never reaches a stranger that got the number of a postmaster already known to be dead.
func (p *postmaster) signal(sig syscall.Signal) error {
	select {
	case <-p.exited:
		return nil
	default:
	}
	if err := syscall.Kill(p.pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal it: %w", err)
	}
	return nil
}

func endProcess(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGINT); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("end the postgres found running (pid %d): %w", pid, err)
	}
	return nil
}

// noted is what a postmaster writes about itself in its pid file.
type noted struct {
	pid      int
	endpoint endpoint
	ready    bool
}

func (p place) pidFile() string { return filepath.Join(p.cluster(), "postmaster.pid") }

// readPID reads the pid file: pid, data directory, start time, port, socket directory, listen address, shared
// memory key, status. The later lines appear as the start goes on.
func (p place) readPID() (noted, error) {
	text, err := os.ReadFile(p.pidFile())
	if err != nil {
		return noted{}, fmt.Errorf("read the pid file of postgres: %w", err)
	}
	lines := strings.Split(string(text), "\n")
	var n noted
	if n.pid, err = strconv.Atoi(strings.TrimSpace(lines[0])); err != nil || n.pid <= 0 {
		return noted{}, fmt.Errorf("the pid file of postgres begins with %q", lines[0])
	}
	if len(lines) < 8 {
		return n, nil
	}
	if n.endpoint.port, err = strconv.Atoi(strings.TrimSpace(lines[3])); err != nil {
		return noted{}, fmt.Errorf("the pid file of postgres names the port %q", lines[3])
	}
	n.endpoint.socketDir = strings.TrimSpace(lines[4])
	n.ready = strings.TrimSpace(lines[7]) == "ready"
	return n, nil
}

// lockFile takes an exclusive lock that lives as long as the returned file is open in any process. It answers
// ErrInUse at once when somebody has it.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock %s: %w", path, err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, ErrInUse
	}
	return nil, fmt.Errorf("lock %s: %w", path, err)
}
