package embedded_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/annals-io/annals/internal/embedded"
	"github.com/annals-io/annals/internal/pgtest"
	"github.com/jackc/pgx/v5"
)

const asParent = "ANNALS_TEST_START_IN"

func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// TestAsParent is no test: with the environment variable it is the process that others start to kill it.
func TestAsParent(t *testing.T) {
	dir := os.Getenv(asParent)
	if dir == "" {
		return
	}
	s, err := embedded.Start(context.Background(), embedded.Config{DataDir: dir, BinDir: os.Getenv(pgtest.BinEnv), Settings: undurable})
	if err != nil {
		fmt.Println("failed", err)
		return
	}
	fmt.Println("started", s.PID())
	select {} // until it is killed
}

// startParent runs TestAsParent and answers with it and the postmaster's number.
func startParent(t *testing.T, dir string) (*exec.Cmd, int) {
	t.Helper()
	parent := exec.Command(os.Args[0], "-test.run=^TestAsParent$")
	parent.Env = append(os.Environ(), asParent+"="+dir)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "started ") {
		_ = parent.Process.Kill()
		t.Fatalf("the parent said %q, %v", line, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "started ")))
	if err != nil {
		t.Fatal(err)
	}
	return parent, pid
}

func TestAPostmasterThatOutlivedItsParentIsAdopted(t *testing.T) {
	t.Parallel()
	c := config(t)
	parent, postmaster := startParent(t, c.DataDir)
	if _, err := embedded.Start(t.Context(), c); err == nil {
		t.Fatal("the directory of a living parent was taken")
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()

	s := start(t, c)
	if s.PID() != postmaster {
		t.Fatalf("postmaster %d was left and %d runs", postmaster, s.PID())
	}
	if got := ask(t, s.URL(), `SELECT 'here'`); got != "here" {
		t.Fatalf("it answers %q", got)
	}
	t.Run("and missed when it dies", func(t *testing.T) {
		kill(t, s.PID())
		<-s.Exited()
		if err := s.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s.PID() == postmaster {
			t.Fatal("the dead postmaster is still the one")
		}
	})
}

func TestParentAndPostmasterKilledTogether(t *testing.T) {
	t.Parallel()
	c := config(t)
	parent, postmaster := startParent(t, c.DataDir)
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	kill(t, postmaster)
	_ = parent.Wait()
	s := start(t, c)
	if got := ask(t, s.URL(), `SELECT 'here'`); got != "here" {
		t.Fatalf("it answers %q", got)
	}
}

func TestAKilledPostmasterIsReplacedAndNothingIsLost(t *testing.T) {
	t.Parallel()
	c := config(t)
	c.Settings = map[string]string{"shared_buffers": "32MB"} // durable
	s := start(t, c)
	url := s.URL()
	pgtest.Exec(t, url, `CREATE SCHEMA s`, `CREATE TABLE s.kept AS SELECT 'here'::text AS what`)

	// Given a session busy with a statement that would keep its process alive for hours.
	busy, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close(context.Background())
	running := busy.PgConn().PID()
	ended := make(chan error, 1)
	go func() {
		_, err := busy.Exec(context.Background(), `SELECT count(*) FROM generate_series(1, 1000000000) a, generate_series(1, 1000) b`)
		ended <- err
	}()
	waitBusy(t, url, running)

	// When the postmaster is killed, and restarted as soon as that is known.
	old := s.PID()
	kill(t, old)
	<-s.Exited()
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}

	// Then the session is gone, there is a new postmaster, and the data are there at the same address.
	if err := <-ended; err == nil {
		t.Error("the busy session went on")
	}
	if s.PID() == old || s.URL() != url {
		t.Errorf("postmaster %d, before %d; %s, before %s", s.PID(), old, s.URL(), url)
	}
	if got := ask(t, url, `SELECT what FROM s.kept`); got != "here" {
		t.Errorf("found %q", got)
	}
	if err := s.Restart(t.Context()); err != nil || s.PID() == old {
		t.Errorf("a restart of a living server: %v", err)
	}
}

func waitBusy(t *testing.T, url string, pid uint32) {
	t.Helper()
	query := fmt.Sprintf(`SELECT coalesce(max(state), '') FROM pg_stat_activity WHERE pid = %d`, pid)
	for ask(t, url, query) != "active" {
	}
}

// Whoever restarts a server that was killed an instant ago, before anybody was told, gets one that answers.
func TestRestartRightAfterAKill(t *testing.T) {
	t.Parallel()
	s := start(t, config(t))
	for range 3 {
		kill(t, s.PID())
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		if err := s.Restart(ctx); err != nil {
			t.Fatal(err)
		}
		conn, err := pgx.Connect(ctx, s.URL())
		if err != nil {
			t.Fatalf("restarted, it does not answer: %v", err)
		}
		_ = conn.Close(ctx)
	}
}
