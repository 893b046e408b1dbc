package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/annals-io/annals/internal/pgtest"
)

// victim is `annals serve` as a process of its own.
type victim struct {
	t    *testing.T
	dir  string
	args []string
	cmd  *exec.Cmd
	log  *buffer
}

// newVictim prepares a server on a directory; nothing runs yet.
func newVictim(t *testing.T, args ...string) *victim {
	t.Helper()
	v := &victim{t: t, dir: pgtest.Dir(t), log: &buffer{}}
	v.args = append([]string{"serve", "--listen", "127.0.0.1:0", "--data", v.dir}, args...)
	if bin := os.Getenv(pgtest.BinEnv); bin != "" {
		v.args = append(v.args, "--postgres-bin", bin)
	}
	t.Cleanup(v.stop)
	return v
}

func (v *victim) start() {
	v.t.Helper()
	_ = os.Remove(filepath.Join(v.dir, addressFile)) // of a server that was killed
	v.cmd = exec.Command("annals", v.args...)
	v.cmd.Stderr = v.log
	if err := v.cmd.Start(); err != nil {
		v.t.Fatal(err)
	}
	for began := time.Now(); ; pause() {
		if v.address() != "" {
			return
		}
		if time.Since(began) > time.Minute {
			v.t.Fatalf("the server is not ready after a minute:\n%s", v.log)
		}
	}
}

// address is where it is, empty while it is not ready.
func (v *victim) address() string {
	address, _ := readLine(filepath.Join(v.dir, addressFile)) // absent: not ready
	return address
}

func (v *victim) kill() {
	_ = v.cmd.Process.Kill()
	_ = v.cmd.Wait() // it says that it was killed
}

func (v *victim) stop() {
	if v.cmd == nil || v.cmd.ProcessState != nil {
		return
	}
	_ = v.cmd.Process.Signal(os.Interrupt)
	if err := v.cmd.Wait(); err != nil {
		v.t.Errorf("the server did not stop cleanly: %v\n%s", err, v.log)
	}
}

// killPostgres ends the postmaster and all its children at once, as a crash of the machine's would.
func (v *victim) killPostgres() {
	v.t.Helper()
	first, _, _ := strings.Cut(readFile(v.t, filepath.Join(v.dir, "postgres", "postmaster.pid")), "\n")
	postmaster, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		v.t.Fatalf("the pid file of PostgreSQL: %v", err)
	}
	pids := append([]int{postmaster}, childrenOf(v.t, postmaster)...)
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL) // some have gone already
	}
}

// crash ends the server and PostgreSQL, as a power cut would, and starts again.
func (v *victim) crash() {
	v.t.Helper()
	v.kill()
	v.killPostgres()
	v.start()
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func childrenOf(t *testing.T, parent int) []int {
	t.Helper()
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=").Output()
	if err != nil {
		t.Fatalf("list processes: %v", err)
	}
	var children []int
	for _, line := range strings.Split(string(out), "\n") {
		var pid, ppid int
		if n, _ := fmt.Sscan(line, &pid, &ppid); n == 2 && ppid == parent {
			children = append(children, pid)
		}
	}
	return children
}
