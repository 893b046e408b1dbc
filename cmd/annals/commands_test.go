package main

import (
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// loaded is a server that holds examples/training.ndjson.
func loaded(t *testing.T) *testServer {
	t.Helper()
	s := startServer(t)
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	out, errs, exit := s.annals("", "import", "events", filepath.Join(root, "examples", "training.ndjson"), "-o", "json")
	if exit != 0 {
		t.Fatalf("import: %s %s", out, errs)
	}
	var sum imported
	decode(t, out, &sum)
	s.readable(t, sum.Revision)
	return s
}

// invocations is at least one way to run every command there is, in an order in which they succeed.
var invocations = []struct {
	command string
	args    []string
	exit    int
}{
	{"whoami", nil, 0},
	{"profile list", nil, 0},
	{"profile use", []string{"nowhere"}, exitUsage},
	{"login", []string{"ftp://nowhere"}, exitUsage},
	{"logout", nil, exitNotFound},
	{"account list", nil, 0},
	{"account disable", []string{"nobody@example.org"}, exitNotFound},
	{"account enable", []string{"nobody@example.org", "--reason", "back"}, exitNotFound},
	{"export", []string{"nowhere", "--json"}, exitNotFound},
	{"replay", []string{"default", "--until", "0"}, 0},
	{"replay", []string{"default", "--from", "0", "--until", "0", "--speed", "10x"}, 0},
	{"replay", []string{"default", "--speed", "fast"}, exitUsage},
	{"replay", []string{"default", "--from", "yesterdayish"}, exitUsage},
	{"replay", []string{"./no-export"}, exitNotFound},
	{"replay", []string{"./no-export", "--follow"}, exitUsage},
	{"replay", []string{"nowhere"}, exitNotFound},
	{"audit key", nil, 0},
	{"audit key rotate", nil, 0},
	{"audit key rotate", []string{"--audit-key", "./no-key"}, exitNotFound},
	{"audit prove", []string{"default@0"}, 0},
	{"audit prove", []string{"default@999999"}, exitNotFound},
	{"audit prove", []string{"default@"}, exitUsage},
	{"audit resume", []string{"workspace-default", "--reason", "restored"}, exitNotFound},
	{"audit resume", []string{"workspace-default"}, exitUsage},
	{"audit verify", []string{"./no-export"}, exitUsage},
	{"login-link", nil, 0},
	{"login-link", []string{"nobody@example.org"}, exitNotFound},
	{"login-link", []string{"somebody", "--new"}, exitUsage},
	{"workspace list", nil, 0},
	{"workspace create", []string{"research", "--name", "Research", "--label", "team=ml"}, 0},
	{"workspace create", []string{"research"}, exitConflict},
	{"workspace create", []string{"No Slug"}, exitUsage},
	{"workspace create", nil, exitUsage},
	{"team create", []string{"core", "--organization", "personal"}, 0},
	{"workspace create", []string{"--name", "Churn in Staging", "--environment", "staging", "--team", "core"}, 0},
	{"workspace classify", []string{"churn-in-staging", "--environment", "production", "--sensitivity", "confidential"}, 0},
	{"workspace classify", []string{"research", "--environment", "production"}, exitUsage},
	{"workspace classify", []string{"research"}, exitUsage},
	{"workspace list", []string{"--kind", "environment", "--environment", "production", "--team", "core"}, 0},
	{"workspace members", []string{"research"}, 0},
	{"workspace members", []string{"nowhere"}, exitNotFound},
	{"workspace rename", []string{"research", "Research and more"}, 0},
	{"workspace describe", []string{"research", "What we try"}, 0},
	{"workspace label", []string{"research", "stage=trial", "team-"}, 0},
	{"workspace edit", []string{"research", "--name", "Research", "--label", "stage=late", "--sensitivity", "internal"}, 0},
	{"workspace edit", []string{"research", "--name", "Kept", "--environment", "staging"}, exitUsage},
	{"workspace edit", []string{"research"}, exitUsage},
	{"workspace archive", []string{"research"}, 0},
	{"workspace rename", []string{"research", "archived"}, exitConflict},
	{"workspace restore", []string{"research"}, 0},
	{"workspace show", []string{"default"}, 0},
	{"workspace show", []string{"nowhere"}, exitNotFound},
	{"workspace delete", []string{"research", "--reason", "tried"}, exitUsage},
	{"workspace delete", []string{"research", "--dry-run"}, 0},
	{"workspace delete", []string{"research", "--confirm", "research"}, 0},
	{"workspace delete", []string{"default", "--confirm", "default"}, exitUsage},
	{"organization create", []string{"acme", "--name", "Acme"}, 0},
	{"organization create", []string{"acme"}, exitConflict},
	{"organization create", nil, exitUsage},
	{"organization rename", []string{"acme", "Acme Research"}, 0},
	{"organization describe", []string{"acme", "What we try"}, 0},
	{"organization list", nil, 0},
	{"organization show", []string{"acme"}, 0},
	{"organization show", []string{"acme", "--as-of", "0"}, 0},
	{"organization show", []string{"nowhere"}, exitNotFound},
	{"workspace create", []string{"acme-lab", "--organization", "acme"}, 0},
	{"workspace create", []string{"acme-lab-2", "--organization", "nowhere"}, exitNotFound},
	{"role define", []string{"runner", "-w", "acme-lab", "--permission", "workspace:read,runs:write"}, 0},
	{"role define", []string{"runner", "-w", "acme-lab", "--permission", "all"}, exitUsage},
	{"role define", []string{"Owner", "-w", "acme-lab", "--permission", "runs:write"}, exitUsage},
	{"role define", []string{"auditor", "--organization", "acme", "--permission", "workspace:read"}, 0},
	{"role list", []string{"-w", "acme-lab"}, 0},
	{"role permissions", nil, 0},
	{"service-account create", []string{"Robot", "--organization", "acme"}, 0},
	{"service-account list", []string{"--organization", "acme"}, 0},
	{"service-account delete", []string{"service_account:6ba7b810-9dad-41d1-80b4-00c04fd430c8", "--organization", "acme"}, exitNotFound},
	{"team create", []string{"ml", "--organization", "acme", "--title", "Machine learning"}, 0},
	{"team create", []string{"ml", "--organization", "acme"}, exitConflict},
	{"team add", []string{"ml", "Robot", "--organization", "acme"}, 0},
	{"team add", []string{"ml", "account:6ba7b810-9dad-41d1-80b4-00c04fd430c8", "--organization", "acme"}, exitNotFound},
	{"team show", []string{"ml", "--organization", "acme"}, 0},
	{"team list", []string{"--organization", "acme"}, 0},
	{"member add", []string{"team:ml", "--role", "viewer", "-w", "acme-lab"}, 0},
	{"member add", []string{"team:ml", "--role", "owner", "-w", "acme-lab"}, exitUsage},
	{"member add", []string{"team:ml", "-w", "acme-lab"}, exitUsage},
	{"member role", []string{"team:ml", "--grant", "workspace/runner", "--revoke", "viewer", "-w", "acme-lab"}, 0},
	{"member role", []string{"me", "--revoke", "owner", "-w", "acme-lab"}, exitConflict},
	{"member list", []string{"-w", "acme-lab"}, 0},
	{"member list", []string{"-w", "acme-lab", "--organization", "acme"}, exitUsage},
	{"member list", []string{"--organization", "acme", "--as-of", "0"}, 0},
	{"access explain", []string{"team:ml", "-w", "acme-lab"}, 0},
	{"access explain", []string{"nobody", "-w", "acme-lab"}, exitNotFound},
	{"access who-can", []string{"runs:write", "-w", "acme-lab"}, 0},
	{"member remove", []string{"team:ml", "-w", "acme-lab"}, 0},
	{"member suspend", []string{"me", "--organization", "acme"}, exitAuth},
	{"member reinstate", []string{"nobody", "--organization", "acme"}, exitNotFound},
	{"member leave", []string{"--organization", "acme"}, exitConflict},
	{"invite", []string{"--organization", "acme", "--role", "member", "--for", "2d", "--name", "grace@example.com"}, 0},
	{"invite", []string{"--organization", "acme", "--role", "member", "--for", "31d"}, exitUsage},
	{"invitation list", []string{"--organization", "acme", "--status", "open"}, 0},
	{"invitation revoke", []string{"6ba7b810-9dad-41d1-80b4-00c04fd430c8", "--organization", "acme"}, exitNotFound},
	{"invitation accept", []string{"nothing"}, exitNotFound},
	{"team remove", []string{"ml", "Robot", "--organization", "acme"}, 0},
	{"team delete", []string{"ml", "--organization", "acme"}, 0},
	{"role delete", []string{"runner", "-w", "acme-lab"}, 0},
	{"role delete", []string{"runner", "-w", "acme-lab"}, exitNotFound},
	{"pipeline list", nil, 0},
	{"pipeline show", []string{"train"}, 0},
	{"pipeline show", []string{"missing"}, exitNotFound},
	{"pipeline versions", []string{"train"}, 0},
	{"run list", []string{"--all"}, 0},
	{"run list", []string{"--where", "metrics.rmse < 0.2", "--sort", "-metrics.rmse"}, 0},
	{"run list", []string{"--where", "rmse < 0.2"}, exitUsage},
	{"run list", []string{"--limit", "-1"}, exitUsage},
	{"run show", []string{"train-2"}, 0},
	{"run show", []string{"missing"}, exitNotFound},
	{"artifact list", nil, 0},
	{"artifact show", []string{"features"}, 0},
	{"artifact versions", []string{"features"}, 0},
	{"artifact version", []string{"features@latest"}, 0},
	{"artifact promote", []string{"features@latest"}, exitUsage},
	{"workspace wall", []string{"default"}, exitUsage},
	{"lineage", []string{"features", "--up"}, 0},
	{"lineage", []string{"features", "--depth", "51"}, exitUsage},
	{"lineage", []string{"missing"}, exitNotFound},
	{"run compare", []string{"train-1", "train-1"}, 0},
	{"run compare", []string{"train-1", "train-2"}, exitUnverified},
	{"run compare", []string{"train-1", "missing"}, exitNotFound},
	{"artifact compare", []string{"features@1", "features@1"}, 0},
	{"artifact compare", []string{"features@1", "model@1"}, exitUnverified},
	{"artifact compare", []string{"features@1"}, exitUsage},
	{"diff", []string{"--from", "3", "--to", "3"}, 0},
	{"diff", []string{"default", "--from", "1", "--to", "9", "--kind", "run,step"}, exitUnverified},
	{"diff", []string{"--from", "1", "--kind", "things"}, exitUsage},
	{"diff", nil, exitUsage},
	{"log", nil, 0},
	{"log", []string{"default", "--from", "3", "--to", "5", "--type", "run.*"}, 0},
	{"log", []string{"--from", "whenever"}, exitUsage},
	{"projection list", nil, 0},
	{"projection retry", []string{"default"}, 0},
	{"projection swap", nil, exitNotFound},
	{"projection discard", nil, exitNotFound},
	{"projection rebuild", []string{"--keep-old", "24h", "--full-speed"}, 0},
	{"projection rebuild", []string{"--rollback", "--prove"}, exitUsage},
	{"projection rebuild", []string{"--keep-old", "forever"}, exitUsage},
	{"projection rebuild", []string{"--rollback"}, 0},
	{"projection verify", []string{"default"}, 0},
	{"projection verify", []string{"--all", "--full-speed"}, 0},
	{"projection verify", []string{"--all", "default"}, exitUsage},
	{"projection verify", nil, exitUsage},
	{"projection verify", []string{"nowhere"}, exitNotFound},
	{"projection rollback", nil, 0},
	{"projection rebuild", []string{"--rollback", "--keep-old", "2h"}, 0},
	{"projection rollback", []string{"--keep-old", "never"}, exitUsage},
	{"operation list", nil, 0},
	{"operation list", []string{"--state", "over"}, exitUsage},
	{"operation show", []string{"6ba7b810-9dad-41d1-80b4-00c04fd430c8"}, exitNotFound},
	{"operation cancel", []string{"6ba7b810-9dad-41d1-80b4-00c04fd430c8"}, exitNotFound},
	{"operation resume", []string{"nonsense"}, exitNotFound},
	{"key create", []string{"ci", "--scope", "read"}, 0},
	{"key create", []string{"--scope", "root"}, exitUsage},
	{"key list", nil, 0},
	{"key list", []string{"--workspace", "default", "--kind", "sa", "--all"}, 0},
	{"key list", []string{"--everybody"}, 0},
	{"key list", []string{"--workspace", "nowhere"}, exitNotFound},
	{"key list", []string{"--service-account", "6ba7b810-9dad-41d1-80b4-00c04fd430c8"}, exitNotFound},
	{"key create", []string{"ci", "--scope", "read", "--service-account", "ci"}, exitNotFound},
	{"key create", []string{"ci", "--scope", "read", "--service-account", "robot", "--organization", "acme"}, 0},
	{"workspace list", []string{"--environment", "nonsense"}, exitUsage},
	{"key create", []string{"ci", "--scope", "read", "--expires", "367d"}, exitUsage},
	{"key rotate", []string{"zzzzzzzzzzzz"}, exitNotFound},
	{"key rotate", []string{"zzzzzzzzzzzz", "--overlap", "long"}, exitUsage},
	{"key revoke", []string{"zzzzzzzzzzzz"}, exitNotFound},
	{"run token", []string{"train-2"}, exitConflict},
	{"run token", []string{"nowhere"}, exitNotFound},
	{"doctor", nil, exitFailed}, // of the test database, which forgets
	{"version", nil, 0},
	{"config", nil, 0},
	{"import openlineage", []string{"missing.ndjson"}, exitNotFound},
	{"import events", []string{"missing.ndjson"}, exitNotFound},
	{"import history", []string{"missing", "--as", "brought"}, exitNotFound},
	{"import history", []string{"missing"}, exitUsage},
	{"run cancel", []string{"train-2"}, exitConflict},
	{"run cancel", []string{"nowhere"}, exitNotFound},
	{"run delete", []string{"train-3"}, exitUsage},
	{"run delete", []string{"train-3", "--reason", "spoiled"}, 0},
	{"artifact delete-version", []string{"features@f3", "--reason", "spoiled"}, 0},
	{"artifact delete", []string{"scores", "--reason", "never used"}, 0},
	{"pipeline delete", []string{"score", "--reason", "never used"}, 0},
	{"vault rotate", []string{"--kek", "nonsense"}, exitUsage},
	{"vault rotate", nil, 0},
	{"fork", nil, 0},
	{"fork", []string{"--copied"}, 0},
	{"erase", []string{"run:train-2", "--dry-run"}, 0},
	{"erase", []string{"run:train-2"}, exitUsage},
	{"erase", []string{"run:nowhere", "--dry-run"}, exitNotFound},
	{"erase", []string{"pipeline:score", "--reason", "asked for", "--confirm", "pipeline:score"}, 0},
	{"erase", []string{"event:99999", "--dry-run"}, exitNotFound},
	{"erase", []string{"nonsense", "--dry-run"}, exitUsage},
	{"erase", []string{"person:nobody@example.org", "--dry-run"}, exitNotFound},
	{"erase", []string{"organization", "--organization", "personal", "--dry-run"}, 0},
	{"eventstore copy", []string{"--from", "nonsense://"}, exitUsage},
	{"serve", []string{"--listen", "nonsense"}, exitUsage},
	{"key list", []string{"--api-key", "nonsense"}, exitAuth},
}

// Every command answers -o json with exactly one document on stdout, or one on stderr, and the exit code it promises.
func TestEveryCommandSpeaksJSON(t *testing.T) {
	t.Parallel()
	s := loaded(t)
	for _, inv := range invocations {
		args := slices.Concat(strings.Fields(inv.command), inv.args, []string{"-o", "json"})
		out, errs, exit := s.annals("", args...)
		if exit != inv.exit {
			t.Errorf("annals %v exits %d, want %d: %s%s", args, exit, inv.exit, out, errs)
			continue
		}
		if exit == 0 || out != "" {
			oneDocument(t, args, out)
		}
		if exit != 0 {
			lines := strings.Split(strings.TrimSpace(errs), "\n")
			var said struct{ Error failure }
			if err := json.Unmarshal([]byte(lines[len(lines)-1]), &said); err != nil || said.Error.Code == "" || said.Error.Message == "" {
				t.Errorf("annals %v says %q: %v", args, errs, err)
			}
		}
	}
	var untried []string
	a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, getenv: func(string) string { return "" }, terminal: func(io.Writer) bool { return false }}
	visit(a.root(), func(c *cobra.Command) {
		path := strings.TrimPrefix(c.CommandPath(), "annals ")
		known := slices.ContainsFunc(invocations, func(i struct {
			command string
			args    []string
			exit    int
		}) bool {
			return i.command == path
		})
		if !known && path != "bench" {
			untried = append(untried, path)
		}
	})
	if len(untried) > 0 {
		t.Errorf("this test runs no %s", strings.Join(untried, ", "))
	}
}

// visit calls f for the commands that do something.
func visit(c *cobra.Command, f func(*cobra.Command)) {
	if !c.HasSubCommands() {
		f(c)
	}
	for _, child := range c.Commands() {
		visit(child, f)
	}
}

func oneDocument(t *testing.T, args []string, out string) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(out))
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		t.Errorf("annals %v prints %q: %v", args, out, err)
		return
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		t.Errorf("annals %v prints more than one document: %q", args, out)
	}
	if items, ok := v["items"]; ok {
		_, cursor := v["nextCursor"]
		_, count := v["totalCount"]
		if _, list := items.([]any); !list || !cursor || !count {
			t.Errorf("annals %v prints a list without items, nextCursor or totalCount: %q", args, out)
		}
	}
}

// The other forms work for every list and object as well.
func TestEveryFormOfEveryList(t *testing.T) {
	t.Parallel()
	s := loaded(t)
	for _, command := range []string{"workspace list", "workspace show default", "pipeline list", "pipeline show train", "run list --all", "run show train-2", "run show train#2",
		"artifact list", "artifact show features", "artifact versions features", "artifact version features@f2", "lineage features", "log", "key list", "projection list", "config"} {
		for _, form := range []string{"table", "ndjson", "yaml"} {
			args := append(strings.Fields(command), "-o", form)
			out, errs, exit := s.annals("", args...)
			if exit != 0 || out == "" {
				t.Errorf("annals %v exits %d: %q %s", args, exit, out, errs)
			}
			if form != "ndjson" {
				continue
			}
			for _, line := range strings.Split(strings.TrimSuffix(out, "\n"), "\n") {
				if !json.Valid([]byte(line)) {
					t.Errorf("annals %v prints the line %q", args, line)
				}
			}
		}
	}
}
