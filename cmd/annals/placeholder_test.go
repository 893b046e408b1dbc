package main

import (
	"strings"
	"testing"
)

// A run that others only mention is listed and shown like any other, under its producer's id.
func TestARunThatWasOnlyMentioned(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	rows := `{"id":"p-1","run":"child","pipeline":{"name":"score"},"at":"2026-03-01T12:00:00Z","body":{"type":"runNested","parent":"mother"}}`
	if out, errs, exit := s.annals(rows, "import", "events", "-"); exit != 0 {
		t.Fatalf("import: %s %s", out, errs)
	}
	out, errs, exit := s.annals("", "run", "list")
	if exit != 0 || !strings.Contains(out, "mother") {
		t.Errorf("run list exits %d: %s%s", exit, out, errs)
	}
	out, errs, exit = s.annals("", "run", "show", "mother")
	if exit != 0 || !strings.Contains(out, "placeholder:") || !strings.Contains(out, "score#1") {
		t.Errorf("run show exits %d: %s%s", exit, out, errs)
	}
}
