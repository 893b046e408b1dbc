package main

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/annals-io/annals/internal/pgtest"
)

// command is `annals` as a process of its own, with nothing in its environment but what is given.
func command(env []string, args ...string) *exec.Cmd {
	cmd := exec.Command("annals", args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, env...)
	return cmd
}

func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

// The whole of a first day: an embedded database, a second server that is sent away, a clean stop, and all of it found
// again.
func TestAnInstanceOfItsOwn(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	v.start()
	second := command(nil, v.args...)
	out, err := second.CombinedOutput()
	if exitCode(err) != exitConflict || !strings.Contains(string(out), "another server already runs on the data") {
		t.Errorf("a second server exits with %v: %s", err, out)
	}
	for _, name := range []string{firstKeyFile} {
		if info, err := os.Stat(filepath.Join(v.dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want mode 0600", name, info, err)
		}
	}
	list := func() string {
		t.Helper()
		out, err := command([]string{"ANNALS_DATA=" + v.dir}, "key", "list", "-o", "json").Output()
		if err != nil {
			t.Fatalf("key list: %v", err)
		}
		var l struct{ Items []struct{ ID string } }
		decode(t, string(out), &l)
		return fmt.Sprint(l.Items)
	}
	before := list()
	doctor, err := command([]string{"ANNALS_DATA=" + v.dir}, "doctor", "-o", "json").CombinedOutput()
	if err != nil {
		t.Errorf("doctor: %v: %s", err, doctor)
	}

	_ = v.cmd.Process.Signal(syscall.SIGTERM)
	if err := v.cmd.Wait(); err != nil {
		t.Fatalf("stopped by SIGTERM: %v\n%s", err, v.log)
	}
	for line := range strings.Lines(v.log.String()) {
		if strings.Contains(line, `"level":"WARN"`) || strings.Contains(line, `"level":"ERROR"`) {
			t.Errorf("a clean life and stop is logged as trouble: %s", line)
		}
	}
	if _, err := os.Stat(filepath.Join(v.dir, addressFile)); err == nil {
		t.Error("the address stays after the server has gone")
	}
	if _, err := os.Stat(filepath.Join(v.dir, "postgres", "postmaster.pid")); err == nil {
		t.Error("PostgreSQL was not stopped")
	}
	v.start()
	if after := list(); after != before {
		t.Errorf("keys are %s after a restart, %s before", after, before)
	}
}

func TestServingTLS(t *testing.T) {
	t.Parallel()
	certFile, keyFile := newCertificate(t, t.TempDir(), 7, time.Now())
	v := newVictim(t, "--database-url", pgtest.URL(t), "--tls-cert", certFile, "--tls-key", keyFile)
	v.args[2] = "localhost:0"
	v.start()
	if !strings.HasPrefix(v.address(), "https://localhost:") {
		t.Fatalf("the address is %s", v.address())
	}
	pem := readFile(t, certFile)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(pem))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
	resp, err := client.Get(v.address() + "/readyz")
	if err != nil || resp.StatusCode != 200 || resp.ProtoMajor != 2 {
		t.Fatalf("GET /readyz: %v, %v; want 200 over HTTP/2", resp, err)
	}
	resp.Body.Close()
	out, err := command([]string{"ANNALS_DATA=" + v.dir, "SSL_CERT_FILE=" + certFile}, "key", "list").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "first key") {
		t.Errorf("over TLS: %v: %s", err, out)
	}
}

// Traces are sent where they are asked for, and what is left is sent at the end.
func TestTraces(t *testing.T) {
	t.Parallel()
	var got atomic.Int64
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			if plain, err := gzip.NewReader(r.Body); err == nil {
				body = plain
			}
		}
		if text, err := io.ReadAll(body); err == nil && r.URL.Path == "/v1/traces" && bytes.Contains(text, []byte("http.response.status_code")) {
			got.Add(1)
		}
	}))
	defer collector.Close()
	v := newVictim(t, "--database-url", pgtest.URL(t), "--otlp-endpoint", collector.URL+"/v1/traces")
	v.start()
	resp, err := http.Get(v.address() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	v.stop()
	if got.Load() == 0 {
		t.Errorf("no span of a request came:\n%s", v.log)
	}
}

// importer is a server that answers batches as it is told: the status of each, in order, then 200.
func importer(t *testing.T, statuses ...int) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	var calls, events atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/workspaces/w/api/v1/lineage/batch") {
			http.NotFound(w, r)
			return
		}
		n := int(calls.Add(1)) - 1
		if n < len(statuses) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(statuses[n])
			fmt.Fprintln(w, `{"error":{"code":"told_so","message":"as told"}}`)
			return
		}
		var list []json.RawMessage
		if err := json.NewDecoder(r.Body).Decode(&list); err != nil {
			t.Error(err)
		}
		events.Add(int64(len(list)))
		fmt.Fprintf(w, `{"status":"success","summary":{"received":%[1]d,"successful":%[1]d,"duplicates":0},"revision":5}`, len(list))
	}))
	t.Cleanup(s.Close)
	return s, &events
}

// An interrupt ends an import that waits for more, says how to go on, and exits with 130.
func TestInterruptingAnImport(t *testing.T) {
	t.Parallel()
	s, events := importer(t)
	cmd := command([]string{"ANNALS_URL=" + s.URL, "ANNALS_API_KEY=k"}, "import", "openlineage", "-", "--workspace", "w", "-o", "json")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out, errs buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	fmt.Fprintln(stdin, strings.Repeat(event+"\n", 600)) // more than one batch, and no end
	for began := time.Now(); events.Load() == 0; pause() {
		if time.Since(began) > time.Minute {
			t.Fatalf("nothing was sent: %s", errs.String())
		}
	}
	_ = cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); exitCode(err) != exitInterrupted {
		t.Errorf("exits with %v: %s%s", err, out.String(), errs.String())
	}
	var sum imported
	decode(t, out.String(), &sum)
	if sum.Complete || !strings.Contains(errs.String(), "run the same command again") {
		t.Errorf("says %s%s", out.String(), errs.String())
	}
}

// What may pass is tried again, and what may not ends the import.
func TestAnImportIsPatient(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "events.ndjson")
	if err := os.WriteFile(file, []byte(event+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		statuses []int
		args     []string
		exit     int
		events   int64
	}{
		"overloaded once":      {[]int{503}, nil, 0, 1},
		"overloaded for good":  {[]int{503, 503, 503, 503, 503, 503}, []string{"--patience", "1ms"}, exitFailed, 0},
		"a key that may not":   {[]int{403}, nil, exitAuth, 0},
		"a workspace that has": {[]int{410}, nil, exitNotFound, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, events := importer(t, tt.statuses...)
			fake := &testServer{URL: s.URL, Key: "k", Dir: t.TempDir()}
			out, errs, exit := fake.annals("", append([]string{"import", "openlineage", file, "--workspace", "w", "-o", "json"}, tt.args...)...)
			if exit != tt.exit || events.Load() != tt.events {
				t.Errorf("exits %d after %d events: %s%s", exit, events.Load(), out, errs)
			}
			var sum imported
			decode(t, out, &sum)
			if sum.Complete != (tt.exit == 0) {
				t.Errorf("the summary is %s", out)
			}
		})
	}
}
