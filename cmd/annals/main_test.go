package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/internal/pgtest"
)

// TestMain makes `annals` a command of scripts, and of tests that need a process of its own to kill.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"annals": func() { os.Exit(run()) }})
}

// buffer collects what several goroutines write.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// testServer is a server in this process, on a database of its own.
type testServer struct {
	URL, Key, Dir string
	Log           *buffer
}

// startServer runs the real serve until the test ends.
func startServer(t testing.TB) *testServer {
	t.Helper()
	return startServerIn(t, pgtest.Dir(t), pgtest.URL(t), func(stop func()) { t.Cleanup(stop) })
}

// startServerIn runs the real serve on a directory and a database.
func startServerIn(t testing.TB, dir, database string, deferred func(stop func()), with ...func(*serveFlags)) *testServer {
	t.Helper()
	s := &testServer{Dir: dir, Log: &buffer{}}
	var out buffer
	a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: s.Log, getenv: func(string) string { return "" }, terminal: func(io.Writer) bool { return false }}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	f := serveFlags{listen: "127.0.0.1:0", data: dir, databaseURL: database, logLevel: "info", logFormat: "json", drain: 5 * time.Second, commandRetention: postgres.CommandLife}
	for _, change := range with {
		change(&f)
	}
	go func() { done <- a.serve(ctx, f) }()
	deferred(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	s.await(t, done)
	return s
}

// await waits for the address that a server writes when it is ready.
func (s *testServer) await(t testing.TB, done chan error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		address, err := readLine(filepath.Join(s.Dir, addressFile))
		if err == nil {
			s.URL = address
			break
		}
		select {
		case err := <-done:
			done <- nil
			t.Fatalf("serve ended: %v\n%s", err, s.Log)
		default:
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			t.Fatalf("the server is not ready after a minute:\n%s", s.Log)
		}
	}
	key, err := readLine(filepath.Join(s.Dir, firstKeyFile))
	if err != nil {
		t.Fatalf("the first key: %v", err)
	}
	s.Key = key
}

// annals runs one command against the server, in this process.
func (s *testServer) annals(stdin string, args ...string) (stdout, stderr string, exit int) {
	var out, errs buffer
	a := &app{
		stdin: strings.NewReader(stdin), stdout: &out, stderr: &errs, terminal: func(io.Writer) bool { return false },
		getenv: func(name string) string {
			return map[string]string{"ANNALS_URL": s.URL, "ANNALS_API_KEY": s.Key, "ANNALS_DATA": s.Dir}[name]
		},
	}
	exit = a.main(args)
	return out.String(), errs.String(), exit
}

// call sends one request.
func (s *testServer) call(t testing.TB, method, path, key, body string, header ...string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req) // no redirects: none may be there
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp.StatusCode, string(answer), resp.Header
}

// newKey makes a key with some scopes, for a workspace or (empty) for all.
func (s *testServer) newKey(t testing.TB, workspace string, scopes ...string) string {
	t.Helper()
	args := []string{"key", "create", "test", "--scope", strings.Join(scopes, ","), "-o", "json"}
	if workspace != "" {
		args = append(args, "--workspace", workspace)
	}
	out, errs, exit := s.annals("", args...)
	if exit != 0 {
		t.Fatalf("annals %v exits %d: %s", args, exit, errs)
	}
	var made struct{ Key string }
	decode(t, out, &made)
	return made.Key
}
