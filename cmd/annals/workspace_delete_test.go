package main

import (
	"io"
	"strings"
	"testing"
)

// typing runs a command as a person does, who types what stdin holds.
func (s *testServer) typing(stdin string, args ...string) (stdout, stderr string, exit int) {
	var out, errs buffer
	a := &app{
		stdin: strings.NewReader(stdin), stdout: &out, stderr: &errs, terminal: func(io.Writer) bool { return true },
		getenv: func(name string) string {
			return map[string]string{"ANNALS_URL": s.URL, "ANNALS_API_KEY": s.Key, "NO_COLOR": "1"}[name]
		},
	}
	exit = a.main(args)
	return out.String(), errs.String(), exit
}

// A person sees what deleting comes to, ends what stands in the way with the command that is shown, and types the slug. The
// old word for workspaces does it all.
func TestAWorkspaceIsDeletedByHand(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	must := func(out, errs string, exit int) string {
		t.Helper()
		if exit != 0 {
			t.Fatalf("exits %d: %s%s", exit, out, errs)
		}
		return out
	}
	must(s.annals("", "tenant", "create", "lab"))
	if status, body, _ := s.call(t, "POST", "/v1/workspaces/lab/events", s.Key, `{"id":"1","run":"r","pipeline":{"name":"train"},"at":"2026-03-01T12:00:00Z","body":{"type":"runStarted"}}`+"\n"); status != 200 || strings.Contains(body, "rejected\":1") {
		t.Fatal(status, body)
	}
	out, errs, exit := s.annals("", "workspace", "delete", "lab", "--confirm", "lab")
	if exit != exitConflict || !strings.Contains(errs, "train#1 is running: `annals run cancel ") {
		t.Fatalf("with a run under way it exits %d: %s%s", exit, out, errs)
	}
	_, errs, exit = s.typing("lab\n", "tenant", "delete", "lab")
	if exit != exitConflict || !strings.Contains(errs, "1 to be ended first") {
		t.Errorf("a person is told %d: %s", exit, errs)
	}
	_, command, _ := strings.Cut(errs, "annals run cancel ")
	command, _, _ = strings.Cut(command, "`")
	must(s.annals("", append([]string{"run", "cancel"}, strings.Fields(strings.ReplaceAll(command, "--workspace", "--tenant"))...)...))
	if _, errs, exit := s.typing("lap\n", "workspace", "delete", "lab"); exit != exitConflict || !strings.Contains(errs, "1 pipeline, 1 ended run") {
		t.Errorf("a slip exits %d: %s", exit, errs)
	}
	if out := must(s.typing("lab\n", "workspace", "delete", "lab")); !strings.Contains(out, "1 ended run") {
		t.Errorf("deleting says %s", out)
	}
	if out, errs, exit := s.annals("", "tenant", "delete", "lab", "--confirm", "lab"); exit != exitNotFound {
		t.Errorf("once more, it exits %d: %s%s", exit, out, errs)
	}
	if out, errs, exit := s.annals("", "workspace", "create", "lab"); exit != exitConflict {
		t.Errorf("its slug can be had again: %d %s%s", exit, out, errs)
	}
	if status, body, _ := s.call(t, "POST", "/v1/workspaces/lab/events", s.Key, nativeEvent); status != 410 {
		t.Errorf("a late event is answered %d %s", status, body)
	}
}
