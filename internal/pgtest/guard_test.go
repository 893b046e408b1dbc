package pgtest

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const asUser = "ANNALS_PGTEST_AS"

// TestAsUser is no test: with the environment variable it is the process that others start to kill it.
func TestAsUser(t *testing.T) {
	switch os.Getenv(asUser) {
	case "private":
		s := Private(t, nil)
		fmt.Println("ready", s.PID(), filepath.Dir(filepath.Dir(s.Dir())))
	case "passing":
		idle = 100 * time.Millisecond
		if err := passThrough(); err != nil {
			fmt.Println("failed", err)
			os.Exit(1)
		}
		os.Exit(0)
	case "shared":
		server, err := join(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		var started string
		if err := server.admin.QueryRow(context.Background(), `SELECT pg_postmaster_start_time()::text`).Scan(&started); err != nil {
			t.Fatal(err)
		}
		fmt.Println("ready", 0, strings.ReplaceAll(started, " ", "T"))
	default:
		return
	}
	select {} // until it is killed
}

// startUser runs TestAsUser and answers with its words, once it holds a server.
func startUser(t *testing.T, kind string, environment ...string) (user *exec.Cmd, pid int, word string) {
	t.Helper()
	user = exec.Command(os.Args[0], "-test.run=^TestAsUser$")
	user.Env = append(append(os.Environ(), asUser+"="+kind), environment...)
	out, err := user.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := user.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = user.Process.Kill(); _ = user.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	words := strings.Fields(line)
	if err != nil || len(words) != 3 {
		t.Fatalf("the process said %q, %v", line, err)
	}
	if pid, err = strconv.Atoi(words[1]); err != nil {
		t.Fatal(err)
	}
	return user, pid, words[2]
}

// eventually waits for what another process does, which sends no signal.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

func gone(path string) func() bool {
	return func() bool { _, err := os.Stat(path); return os.IsNotExist(err) }
}

func TestAKilledTestLeavesNothing(t *testing.T) {
	t.Parallel()
	user, postmaster, dir := startUser(t, "private")
	if err := user.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = user.Wait()
	eventually(t, "the directory is removed", gone(dir))
	eventually(t, "the postmaster ends", func() bool {
		command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", postmaster))
		return err != nil && syscall.Kill(postmaster, 0) != nil || len(command) == 0
	})
}

func TestProcessesShareOneServer(t *testing.T) {
	t.Parallel()
	// Given a temporary directory where no server is known.
	base := filepath.Join(filepath.Dir(Dir(t)), "tmp")
	if err := os.Mkdir(base, 0o711); err != nil {
		t.Fatal(err)
	}
	// When processes ask for one after each other.
	var first string
	var users []*exec.Cmd
	for range 3 {
		user, _, started := startUser(t, "shared", "TMPDIR="+base)
		users = append(users, user)
		if first == "" {
			first = started
		}
		if started != first {
			t.Errorf("servers started at %s and at %s", first, started)
		}
	}
	// Then one data directory is there; and when its guard is gone, as after a crash, it is replaced and removed.
	shared, err := filepath.Glob(filepath.Join(base, "*", "shared-*"))
	if err != nil || len(shared) != 1 {
		t.Fatalf("data directories %v, %v", shared, err)
	}
	t.Cleanup(func() { endPostgres(shared[0]) })
	killGuard(t, shared[0])
	_, _, started := startUser(t, "shared", "TMPDIR="+base)
	if started == first {
		t.Error("a server without a guard is still joined")
	}
	// Then those who use it go on, and it is removed once they have gone.
	if gone(filepath.Join(shared[0], "data", "postgres", "postmaster.pid"))() {
		t.Error("a server was ended while it was used")
	}
	for _, user := range users {
		_ = user.Process.Kill()
		_ = user.Wait()
	}
	unlock, err := lockBase(t.Context(), filepath.Dir(shared[0]))
	if err != nil {
		t.Fatal(err)
	}
	sweep(filepath.Dir(shared[0]))
	unlock()
	if !gone(shared[0])() {
		t.Error("a server without a guard and without users was left")
	}
	left, err := filepath.Glob(filepath.Join(base, "*", "shared-*"))
	if err != nil || len(left) != 1 {
		t.Fatalf("data directories %v, %v", left, err)
	}
	t.Cleanup(func() { endPostgres(left[0]) })
}

// passThrough joins, uses the server for a moment, and leaves.
func passThrough() error {
	server, err := join(context.Background())
	if err != nil {
		return err
	}
	for range 20 {
		conn, err := pgx.Connect(context.Background(), server.databaseURL("postgres"))
		if err != nil {
			return err
		}
		if err := conn.Close(context.Background()); err != nil {
			return err
		}
	}
	return nil
}

// Processes come and go while the guard is always about to end the server: whoever has joined can use it until he
// leaves.
func TestJoinsAndLeavesOverlap(t *testing.T) {
	t.Parallel()
	base := filepath.Join(filepath.Dir(Dir(t)), "tmp")
	if err := os.Mkdir(base, 0o711); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		left, _ := filepath.Glob(filepath.Join(base, "*", "shared-*"))
		for _, dir := range left {
			endPostgres(dir)
		}
	})
	const workers, rounds = 3, 8
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for round := range rounds {
				user := exec.Command(os.Args[0], "-test.run=^TestAsUser$")
				user.Env = append(os.Environ(), asUser+"=passing", "TMPDIR="+base)
				if out, err := user.CombinedOutput(); err != nil {
					t.Errorf("round %d: %v: %s", round, err, out)
				}
				// A moment about as long as the guard sleeps, so that some come just when it ends the server.
				eventually(t, "a moment passes", after(time.Duration(rand.IntN(200))*time.Millisecond))
			}
		})
	}
	wg.Wait()
}

// killGuard ends the shell that guards dir, found by its arguments.
func killGuard(t *testing.T, dir string) {
	t.Helper()
	list, err := exec.Command("ps", "-axo", "pid=,args=").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(list)) {
		if !strings.Contains(line, "annals-pgtest-guard "+dir+" ") {
			continue
		}
		pid, err := strconv.Atoi(strings.Fields(line)[0])
		if err != nil {
			t.Fatal(err)
		}
		_ = syscall.Kill(-pid, syscall.SIGKILL) // it leads a session: its helpers hold the pipe too
		eventually(t, "the pipe has no reader", func() bool {
			hold, err := holdAlive(dir)
			if err == nil {
				hold.Close()
			}
			return err != nil
		})
		return
	}
	t.Fatalf("no guard of %s", dir)
}

func TestTheGuardWaitsWhileItIsUsed(t *testing.T) {
	t.Parallel()
	base := filepath.Dir(Dir(t))
	current := filepath.Join(base, "current")
	dir, hold, err := newGuarded(base, "shared-", current, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(current, []byte(dir), 0o600); err != nil {
		t.Fatal(err)
	}
	another, err := holdAlive(dir)
	if err != nil {
		t.Fatal(err)
	}
	hold.Close()
	// Longer than the guard sleeps: it has looked, and found the other one.
	eventually(t, "a second passes", after(1500*time.Millisecond))
	if gone(dir)() || gone(current)() {
		t.Fatal("the guard removed what is in use")
	}
	another.Close()
	eventually(t, "the directory is removed", gone(dir))
	if !gone(current)() {
		t.Error("the pointer to it is still there")
	}
}

func after(wait time.Duration) func() bool {
	begin := time.Now()
	return func() bool { return time.Since(begin) > wait }
}

func TestADirectoryOfSomebodyElseIsRefused(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	if err := os.WriteFile(filepath.Join(dir, "annals-pgtest-"+strconv.Itoa(os.Getuid())), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := baseDir(); err == nil {
		t.Error("a file was taken for a directory")
	}
}
