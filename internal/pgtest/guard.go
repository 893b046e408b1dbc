package pgtest

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Who ends a server when the tests that use it may be killed at any moment? Every test process holds the
// writing end of a pipe with a name, and a shell (guard.sh) reads it: the kernel tells it when the last writer
// has gone, without numbers of processes that could be reused. Each writer also leaves one byte, so that the
// guard knows whether anybody came while it slept.

//go:embed guard.sh
var guardScript string

const (
	aliveName = "alive"
	usersName = "users"
)

// idle is how long the shared server waits for the next test process: longer than a package compiles.
var idle = 3 * time.Minute

// baseDir is the directory of all test servers of this user.
func baseDir() (string, error) {
	dir := filepath.Join(os.TempDir(), "annals-pgtest-"+strconv.Itoa(os.Getuid()))
	err := os.Mkdir(dir, 0o711)
	if err == nil {
		return dir, os.Chmod(dir, 0o711)
	}
	if !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("make the directory of test servers: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", fmt.Errorf("look at the directory of test servers: %w", err)
	}
	if !info.IsDir() || int(info.Sys().(*syscall.Stat_t).Uid) != os.Getuid() {
		return "", fmt.Errorf("%s belongs to somebody else", dir)
	}
	return dir, nil
}

// lockBase serializes what changes the directory of test servers; the returned function ends it.
func lockBase(ctx context.Context, base string) (func(), error) {
	f, err := os.OpenFile(filepath.Join(base, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the test servers: %w", err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, fmt.Errorf("lock the test servers: %w", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("wait for another test process that starts PostgreSQL: %w", ctx.Err())
		}
	}
}

// newGuarded makes a directory and its guard. The directory lives while the returned file is open here or in
// another process; current is the file that points to it, or empty. Call it under lockBase.
func newGuarded(base, prefix, current string, idle time.Duration) (string, *hold, error) {
	dir, err := os.MkdirTemp(base, prefix)
	if err != nil {
		return "", nil, fmt.Errorf("make a directory for a test server: %w", err)
	}
	if err := errors.Join(os.Chmod(dir, 0o711), syscall.Mkfifo(filepath.Join(dir, aliveName), 0o600)); err != nil {
		return "", nil, fmt.Errorf("prepare the directory of a test server: %w", err)
	}
	hold, err := startGuard(dir, current, idle)
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("guard a test server: %w", err), os.RemoveAll(dir))
	}
	return dir, hold, nil
}

func startGuard(dir, current string, idle time.Duration) (*hold, error) {
	// Both ends, so that neither our opening nor the guard's blocks; ours for reading goes when the guard's is there.
	both, err := os.OpenFile(filepath.Join(dir, aliveName), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer both.Close()
	hold, err := holdAlive(dir)
	if err != nil {
		return nil, err
	}
	seconds := strconv.FormatFloat(idle.Seconds(), 'f', -1, 64)
	guard := exec.Command("/bin/sh", "-c", guardScript, "annals-pgtest-guard", dir, current, seconds)
	guard.Dir = "/"
	// A session of its own: neither Ctrl-C nor the end of `go test` may end it before its work is done.
	guard.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := guard.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, hold.Close())
	}
	if err := guard.Start(); err != nil {
		return nil, errors.Join(err, hold.Close())
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		return nil, errors.Join(fmt.Errorf("the guard did not start: %w", err), guard.Wait(), hold.Close())
	}
	go func() { _ = guard.Wait() }() // it collects the guard of a private directory; another one outlives us
	return hold, nil
}

// A hold is the use that one process makes of a directory. The kernel ends it with the process.
type hold struct {
	alive *os.File // tells the guard
	users *os.File // shared lock: tells who would clear up after a guard that was killed
}

// Close ends the use.
func (h *hold) Close() error { return errors.Join(h.alive.Close(), h.users.Close()) }

// holdAlive takes part in the use of a directory. It fails at once where the guard is gone; see unguarded.
func holdAlive(dir string) (*hold, error) {
	users, err := os.OpenFile(filepath.Join(dir, usersName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(users.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, users.Close())
	}
	alive, err := os.OpenFile(filepath.Join(dir, aliveName), os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, errors.Join(err, users.Close())
	}
	h := &hold{alive, users}
	if _, err := alive.Write([]byte{'+'}); err != nil && !errors.Is(err, syscall.EAGAIN) { // full of others' bytes: they say it too
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

// unguarded says whether an error of holdAlive means that the guard is gone: nobody reads the pipe, or there is none.
// Any other is trouble of this process, such as too many open files, and says nothing about a server that others use.
func unguarded(err error) bool {
	return errors.Is(err, syscall.ENXIO) || errors.Is(err, syscall.EPIPE) || errors.Is(err, fs.ErrNotExist)
}

// used says whether any process holds the directory, or that it cannot be told.
func used(dir string) bool {
	users, err := os.OpenFile(filepath.Join(dir, usersName), os.O_RDWR, 0)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	defer users.Close()
	return syscall.Flock(int(users.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil
}

// guardedDir is a directory for one test. release ends what runs there and removes it.
func guardedDir() (dir string, release func() error, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	base, err := baseDir()
	if err != nil {
		return "", nil, err
	}
	unlock, err := lockBase(ctx, base)
	if err != nil {
		return "", nil, err
	}
	defer unlock()
	dir, hold, err := newGuarded(base, "private-", "", 0)
	if err != nil {
		return "", nil, err
	}
	return filepath.Join(dir, "data"), func() error {
		endPostgres(dir)
		return errors.Join(os.RemoveAll(dir), hold.Close())
	}, nil
}

// sweep ends and removes what has lost its guard, as after a crash of the machine, and is not used any more: a guard may
// be killed while a test run goes on. Call it under lockBase.
func sweep(base string) {
	dirs, _ := filepath.Glob(filepath.Join(base, "*-*"))
	for _, dir := range dirs {
		hold, err := holdAlive(dir)
		if err == nil {
			hold.Close()
			continue
		}
		if !unguarded(err) || used(dir) {
			continue
		}
		endPostgres(dir)
		_ = os.RemoveAll(dir)
	}
}

// endPostgres does at once what the guard would do.
func endPostgres(dir string) {
	_ = exec.Command("/bin/sh", "-c", guardScript, "annals-pgtest-guard", dir, "", "now").Run()
}
