package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A target is a server that is measured over HTTP: a process of its own on the machine's database.
type target struct {
	url    string
	key    string
	cmd    *exec.Cmd
	client *http.Client
}

// serve starts a server and says how long it took until it was ready.
func (m *machine) serve(ctx context.Context) (*target, time.Duration, error) {
	data := filepath.Join(m.dir, "server")
	if err := os.MkdirAll(data, 0o755); err != nil {
		return nil, 0, err
	}
	address := filepath.Join(data, "address")
	if err := os.Remove(address); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, 0, err
	}
	t := &target{client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DialContext: (&net.Dialer{}).DialContext}}}
	log, err := os.Create(filepath.Join(data, "log"))
	if err != nil {
		return nil, 0, err
	}
	defer log.Close()
	t.cmd = exec.CommandContext(ctx, m.Binary, "serve", "--listen", "127.0.0.1:0", "--data", data, "--database-url", m.pg.URL(), "--database-owner-url", m.pg.OwnerURL())
	t.cmd.Stdout, t.cmd.Stderr = log, log
	t.cmd.Cancel = func() error { return t.cmd.Process.Signal(syscall.SIGTERM) }
	began := time.Now()
	if err := t.cmd.Start(); err != nil {
		return nil, 0, fmt.Errorf("start the server: %w", err)
	}
	exited := make(chan error, 1)
	go func() { exited <- t.cmd.Wait() }()
	for tick := time.NewTicker(2 * time.Millisecond); ; {
		select {
		case err := <-exited:
			text, _ := os.ReadFile(filepath.Join(data, "log"))
			return nil, 0, fmt.Errorf("the server ended: %w\n%s", err, text)
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		case <-tick.C:
		}
		if t.url == "" {
			t.url = strings.TrimSpace(read(address))
			t.key = strings.TrimSpace(read(filepath.Join(data, "first-api-key")))
		}
		if t.url != "" && t.ready(ctx) {
			tick.Stop()
			return t, time.Since(began), nil
		}
	}
}

func read(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(data)
}

func (t *target) ready(ctx context.Context) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url+"/readyz", nil)
	if err != nil {
		return false
	}
	answer, err := t.client.Do(r)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode == http.StatusOK
}

// stop ends the server as an operator would and waits for it.
func (t *target) stop() {
	_ = t.cmd.Process.Signal(syscall.SIGTERM)
	for range 600 {
		if t.cmd.Process.Signal(syscall.Signal(0)) != nil {
			return
		}
		<-time.After(50 * time.Millisecond)
	}
	_ = t.cmd.Process.Kill()
}

// memory is the resident memory of the server in bytes, now and at its highest; 0 where the system does not say.
func (t *target) memory() (now, highest int64) {
	for line := range strings.Lines(read(fmt.Sprintf("/proc/%d/status", t.cmd.Process.Pid))) {
		name, value, _ := strings.Cut(line, ":")
		kb, _, _ := strings.Cut(strings.TrimSpace(value), " ")
		n, _ := strconv.ParseInt(kb, 10, 64)
		switch name {
		case "VmRSS":
			now = n << 10
		case "VmHWM":
			highest = n << 10
		}
	}
	return now, highest
}

// post sends a body and decodes the answer, if it is wanted.
func (t *target) post(ctx context.Context, path, typ string, body []byte, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", typ)
	r.Header.Set("Authorization", "Bearer "+t.key)
	answer, err := t.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode > 299 {
		return fmt.Errorf("POST %s: %s: %.300s", path, answer.Status, data)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(data, into)
}

// ask sends a GraphQL document.
func (t *target) ask(ctx context.Context, query string, variables map[string]any, into any) error {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return err
	}
	var answer struct {
		Data   json.RawMessage
		Errors []struct {
			Message    string
			Extensions struct{ Code string }
		}
	}
	if err := t.post(ctx, "/graphql", "application/json", body, &answer); err != nil {
		return err
	}
	if len(answer.Errors) > 0 {
		return fmt.Errorf("GraphQL: %s: %s", answer.Errors[0].Extensions.Code, answer.Errors[0].Message)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer.Data, into)
}

// asked measures a question: n times after a warm-up, one after the other.
func (t *target) asked(ctx context.Context, n int, query string, variables func(i int) map[string]any) (latencies, error) {
	var all latencies
	for i := range n + n/10 + 5 {
		began := time.Now()
		if err := t.ask(ctx, query, variables(i), nil); err != nil {
			return nil, err
		}
		if i >= n/10+5 {
			all = append(all, time.Since(began))
		}
	}
	return all, nil
}

// createWorkspace makes a workspace to send events into.
func (t *target) createWorkspace(ctx context.Context, slug string) error {
	return t.ask(ctx, `mutation($i: CreateWorkspaceInput!) { createWorkspace(input: $i) { userErrors { message } } }`,
		map[string]any{"i": map[string]any{"slug": slug, "name": slug}}, nil)
}

// seen waits until a workspace shows a revision, however far behind it is.
func (t *target) seen(ctx context.Context, slug string, revision int64) error {
	for try := 0; ; try++ {
		err := t.ask(ctx, `query($s: String!, $n: Int64!) { workspace(slug: $s, atLeast: $n, timeoutMs: 9000) { slug } }`, map[string]any{"s": slug, "n": revision}, nil)
		if err == nil || try == 60 || !strings.Contains(err.Error(), "CONSISTENCY_TIMEOUT") {
			return err
		}
	}
}
