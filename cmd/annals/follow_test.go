package main

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What is recorded while somebody follows is shown as it comes, and nothing twice.
func TestFollowingTheLog(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	var out, errs buffer
	a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, terminal: func(io.Writer) bool { return false },
		getenv: func(name string) string {
			return map[string]string{"ANNALS_URL": s.URL, "ANNALS_API_KEY": s.Key}[name]
		}}
	ctx, stop := context.WithCancel(t.Context())
	root := a.root()
	root.SetArgs([]string{"log", "default", "--follow", "--from", "0", "-o", "ndjson"})
	ended := make(chan error, 1)
	go func() { ended <- root.ExecuteContext(ctx) }()
	await := func(revisions int) {
		t.Helper()
		for began := time.Now(); strings.Count(out.String(), "\n") < revisions; pause() {
			if time.Since(began) > 30*time.Second {
				t.Fatalf("%d events after half a minute, want %d: %s", strings.Count(out.String(), "\n"), revisions, errs.String())
			}
		}
	}
	await(1) // the workspace's beginning
	repo, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	text := readFile(t, filepath.Join(repo, "examples", "training.ndjson"))
	if status, answer, _ := s.call(t, "POST", "/v1/workspaces/default/events", s.Key, text); status != 200 {
		t.Fatalf("ingest: %d %s", status, answer)
	}
	await(2)
	var data struct {
		Workspace struct{ AuditLog struct{ TotalCount int } }
	}
	c := &client{base: s.URL, key: s.Key, http: defaultClient(), notice: func(string) {}}
	if err := c.query(t.Context(), `{ workspace(slug: "default") { auditLog { totalCount } } }`, nil, &data); err != nil {
		t.Fatal(err)
	}
	await(data.Workspace.AuditLog.TotalCount)
	stop()
	<-ended
	seen := map[string]bool{}
	for i, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		var e struct{ Revision int }
		decode(t, line, &e)
		if e.Revision != i || seen[line] {
			t.Fatalf("line %d is revision %d", i, e.Revision)
		}
		seen[line] = true
	}
}
