package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/annals-io/annals/internal/pgtest"
)

// fence finds the examples of a page: the kind of each, and what stands in it.
var fence = regexp.MustCompile("(?s)```(console|http)\n(.*?)\n```")

// Every example of a refusal in docs/cli.md is what happens.
func TestRefusalsAreAsDocumented(t *testing.T) {
	t.Parallel()
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(readFile(t, filepath.Join(root, "docs", "cli.md")), "\n## Refusals\n")
	database := pgtest.URL(t)
	s := startServerIn(t, pgtest.Dir(t), database, t.Cleanup)
	out, errs, exit := s.annals("", "import", "events", filepath.Join(root, "examples", "training.ndjson"), "-o", "json")
	if exit != 0 {
		t.Fatal(errs)
	}
	var sum imported
	decode(t, out, &sum)
	s.readable(t, sum.Revision)
	pgtest.Exec(t, database, `UPDATE read_1.audit_entries SET kind = 'forged' WHERE revision = 1 AND type NOT LIKE 'api_key.%'`) // for the example of models that differ
	e := examples{s, s.newKey(t, "", "ingest"), filepath.Join(t.TempDir(), "broken.ndjson")}
	if err := os.WriteFile(e.broken, []byte(strings.ReplaceAll(oneRun, "%", "whole")+"\n{\"id\":\"half\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, found := range fence.FindAllStringSubmatch(text, -1) {
		if found[1] == "console" {
			kinds[e.command(t, found[2])]++
			continue
		}
		kinds[e.request(t, found[2])]++
	}
	for _, kind := range []string{"exit code 1", "exit code 2", "exit code 3", "exit code 4", "exit code 5", "exit code 6", "exit code 7", "exit code 8", "200", "400", "401", "403", "404", "405"} {
		if kinds[kind] == 0 {
			t.Errorf("there is no example of %s", kind)
		}
	}
}

// examples are run against a server.
type examples struct {
	*testServer
	ingest string
	broken string // the file that is imported
}

// real puts what there is in the place of what the page says.
func (e examples) real(text string) string {
	return strings.NewReplacer("http://127.0.0.1:8080", e.URL, "INGEST_KEY", e.ingest, "Bearer KEY", "Bearer "+e.Key, "--api-key KEY", "--api-key "+e.Key, "broken.ndjson", e.broken).Replace(text)
}

// command runs an example of three lines: the command, the last line of its standard error, and the exit code.
func (e examples) command(t *testing.T, text string) string {
	t.Helper()
	lines := strings.Split(text, "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "$ annals ") {
		t.Fatalf("this is no example of a command:\n%s", text)
	}
	_, errs, exit := e.annals("", strings.Fields(e.real(lines[0]))[2:]...)
	said := strings.Split(strings.TrimSpace(errs), "\n")
	got := strings.ReplaceAll(said[len(said)-1], e.URL, "http://127.0.0.1:8080")
	if got != lines[1] || fmt.Sprint("exit code ", exit) != lines[2] {
		t.Errorf("%s\nsays  %s\nwant  %s\nexit code %d, want %s", lines[0], got, lines[1], exit, lines[2])
	}
	return lines[2]
}

// request sends an example of a request, its headers and perhaps a body, and compares the status, headers and body that
// stand below.
func (e examples) request(t *testing.T, text string) string {
	t.Helper()
	parts := strings.Split(text, "\n\n")
	head, want := strings.Split(parts[0], "\n"), strings.Split(parts[len(parts)-1], "\n")
	method, path, _ := strings.Cut(head[0], " ")
	var headers []string
	for _, line := range head[1:] {
		name, value, _ := strings.Cut(e.real(line), ": ")
		headers = append(headers, name, value)
	}
	body := ""
	if len(parts) == 3 {
		body = parts[1]
	}
	status, answer, header := e.call(t, method, path, "", body, headers...)
	if got := fmt.Sprint(status, " ", http.StatusText(status)); got != want[0] {
		t.Errorf("%s\nanswers %s, want %s", text, got, want[0])
	}
	for _, line := range want[1 : len(want)-1] {
		name, value, _ := strings.Cut(line, ": ")
		if header.Get(name) != value {
			t.Errorf("%s\nhas %s: %s, want %s", text, name, header.Get(name), value)
		}
	}
	var got, wanted any
	decode(t, answer, &got)
	decode(t, want[len(want)-1], &wanted)
	if !reflect.DeepEqual(got, wanted) {
		t.Errorf("%s %s\nanswers %s\nwant    %s", method, path, answer, want[len(want)-1])
	}
	return fmt.Sprint(status)
}

// declaredCode finds codes where they are declared: a constant, or the field of a refusal.
var declaredCode = regexp.MustCompile(`(?:[cC]ode\w*|\b[A-Z]\w+(?: +foreign\.Code)?) += "([A-Za-z]+(?:_[A-Za-z]+)*)"|Code: +"([a-z_]+)"|conflict\("([a-z_]+)"`)

// docs/cli.md names every code that is declared in the places where refusals are made.
func TestEveryCodeIsDocumented(t *testing.T) {
	t.Parallel()
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(readFile(t, filepath.Join(root, "docs", "cli.md")), "\n## Refusals\n")
	found := 0
	for _, file := range []string{
		"access/errors.go", "access/mux.go", "cmd/annals/serve_admin.go", "cmd/annals/serve_admin_model.go", "cmd/annals/serve_operations.go", "cmd/annals/serve_operation_kinds.go", "cmd/annals/serve_verify.go", "cmd/annals/serve_ready.go", "cmd/annals/serve_observe.go",
		"ingest/refusal/problem.go", "ingest/foreign/refusal.go", "ingest/native/reader.go",
		"graphql/errors.go", "graphql/load.go", "graphql/lineage.go", "graphql/refusals.go", "graphql/streams.go", "graphql/transport/request.go", "graphql/limit/measure.go",
	} {
		source := readFile(t, filepath.Join(root, filepath.FromSlash(file)))
		for _, m := range declaredCode.FindAllStringSubmatch(source, -1) {
			code := m[1] + m[2] + m[3]
			if slices.Contains([]string{"body", "workspace"}, code) || strings.Contains(code, "id_") { // fields, not codes
				continue
			}
			found++
			if !strings.Contains(text, "`"+code+"`") {
				t.Errorf("docs/cli.md does not name the code %s of %s", code, file)
			}
		}
	}
	if found < 60 {
		t.Errorf("%d codes were found: the pattern does not fit any more", found)
	}
}
