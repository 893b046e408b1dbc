package main

import (
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/annals-io/annals/internal/pgtest"
)

// commandLine finds the command lines of a page that stand by themselves, without what is said of them.
var commandLine = regexp.MustCompile(`(?m)^    annals (.+?)(?:\s{2,}.*)?$`)

// docs/operating.md: every command line is one that there is, with its flags; the examples are what happens; and the words by
// which it says that a workspace is paused are those that the program says.
func TestOperatingIsAsDocumented(t *testing.T) {
	t.Parallel()
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	text := readFile(t, filepath.Join(root, "docs", "operating.md"))
	lines := commandLine.FindAllStringSubmatch(text, -1)
	if len(lines) < 10 {
		t.Errorf("only %d command lines were found", len(lines))
	}
	for _, line := range lines {
		args := strings.Fields(strings.ReplaceAll(line[1], " ...", " x"))
		a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, getenv: func(string) string { return "" }, terminal: func(io.Writer) bool { return false }}
		cmd, rest, err := a.root().Find(args)
		if err != nil || !cmd.Runnable() || cmd.HasSubCommands() {
			t.Errorf("annals %s: there is no such command: %v", line[1], err)
			continue
		}
		if err := cmd.ParseFlags(rest); err != nil {
			t.Errorf("annals %s: %v", line[1], err)
			continue
		}
		if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
			t.Errorf("annals %s: %v", line[1], err)
		}
	}
	s := startServerIn(t, pgtest.Dir(t), pgtest.URL(t), t.Cleanup)
	e := examples{s, s.newKey(t, "", "ingest"), filepath.Join(t.TempDir(), "none.ndjson")}
	ran := 0
	for _, found := range fence.FindAllStringSubmatch(text, -1) {
		if found[1] == "console" {
			e.command(t, found[2])
		} else {
			e.request(t, found[2])
		}
		ran++
	}
	if ran < 3 {
		t.Errorf("only %d examples were run", ran)
	}
	for _, word := range []string{"an event cannot be folded; its stream is paused", "WORKSPACE_PAUSED", "503 `paused`", "parked events", "annals_projection_parked_total"} {
		if !strings.Contains(text, word) {
			t.Errorf("it does not say %q", word)
		}
	}
}
