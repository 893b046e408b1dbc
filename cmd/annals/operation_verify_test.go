package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/internal/pgtest"
)

// execute runs statements as the superuser of a database.
func execute(t *testing.T, url string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	for _, sql := range statements {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// What was altered behind the server's back is found by a verification, named by table, key and field, with exit code 6; a
// rebuild makes it good.
func TestVerifyByTheCommandLine(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	s := startServerIn(t, pgtest.Dir(t), url, func(stop func()) { t.Cleanup(stop) })
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	out, errs, exit := s.annals("", "import", "events", root+"/examples/training.ndjson", "-o", "json")
	if exit != 0 {
		t.Fatal(out, errs)
	}
	var sum imported
	decode(t, out, &sum)
	s.readable(t, sum.Revision)

	if out, errs, exit := s.annals("", "projection", "verify", "--all"); exit != 0 || !strings.Contains(out, "equal:       yes") {
		t.Fatalf("before: exit %d: %s%s", exit, out, errs)
	}
	execute(t, url, `UPDATE read_1.runs SET own_status = 'failed' WHERE (ws, key) = (SELECT ws, min(key) FROM read_1.runs WHERE own_status <> 'failed' GROUP BY ws LIMIT 1)`)
	out, errs, exit = s.annals("", "projection", "verify", "default")
	if exit != exitUnverified || !strings.Contains(out, "own_status") || !strings.Contains(out, `"failed"`) || !strings.Contains(errs, "annals projection rebuild") {
		t.Errorf("after: exit %d: %s%s", exit, out, errs)
	}
	out, _, exit = s.annals("", "projection", "verify", "--all", "-o", "json")
	var report verifyReport
	decode(t, out, &report)
	if exit != exitUnverified || report.Equal || report.Tables != 1 || report.Differences[0].Table != "runs" || report.Differences[0].Workspace != "default" || report.Differences[0].First[0].Field != "own_status" {
		t.Errorf("as JSON: exit %d: %s", exit, out)
	}
	if _, errs, exit := s.annals("", "projection", "rebuild"); exit != exitUnverified {
		t.Errorf("a rebuild by the same code: exit %d: %s", exit, errs)
	}
	// An order about a workspace is for who may configure it: for others neither it nor the workspace is there.
	if out, errs, exit := s.annals("", "workspace", "create", "other"); exit != 0 {
		t.Fatal(out, errs)
	}
	var o operation
	out, _, _ = s.annals("", "projection", "verify", "default", "--detach", "-o", "json")
	decode(t, out, &o)
	stranger, own := s.newKey(t, "other", "admin"), s.newKey(t, "default", "admin")
	for _, request := range [][3]string{{"GET", "/v1/operations/" + o.ID, ""}, {"POST", "/v1/operations/" + o.ID + "/cancel", ""}, {"POST", "/v1/operations/" + o.ID + "/resume", ""},
		{"POST", "/v1/operations", `{"kind":"projection.verify","target":"default"}`}} {
		if status, body, _ := s.call(t, request[0], request[1], stranger, request[2]); status != 404 {
			t.Errorf("%s %s of a stranger: %d %s", request[0], request[1], status, body)
		}
	}
	if _, body, _ := s.call(t, "GET", "/v1/operations", stranger, ""); !strings.Contains(body, `"items":[]`) {
		t.Errorf("a stranger sees %s", body)
	}
	if status, body, _ := s.call(t, "GET", "/v1/operations/"+o.ID, own, ""); status != 200 {
		t.Errorf("who may configure it: %d %s", status, body)
	}
	if status, body, _ := s.call(t, "POST", "/v1/operations", own, `{"kind":"projection.verify"}`); status != 403 {
		t.Errorf("all workspaces, by who configures one: %d %s", status, body)
	}
}

// A verification that a killed server left is taken up by the next, from where it was, while the terminal that ordered it
// is gone; Ctrl-C in a terminal that follows it leaves it running.
func TestAnOperationSurvivesItsServer(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	v := newVictim(t, "--database-url", url)
	v.start()
	env := []string{"ANNALS_DATA=" + v.dir}
	out, err := command(env, "import", "events", "../../examples/training.ndjson").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// given that no workspace can be compared: somebody holds its row
	holding, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer holding.Close(context.Background())
	if _, err := holding.Exec(t.Context(), `BEGIN; LOCK TABLE read_1.runs IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	follower := command(env, "projection", "verify", "--all")
	follower.Stdout, follower.Stderr = &buffer{}, &buffer{}
	if err := follower.Start(); err != nil {
		t.Fatal(err)
	}
	var o struct {
		Items []struct{ ID, State string }
	}
	eventually(t, "it runs", func() bool {
		out, _ := command(env, "operation", "list", "-o", "json").Output()
		decode(t, string(out), &o)
		return len(o.Items) == 1 && o.Items[0].State == "running"
	})
	id := o.Items[0].ID
	// when the terminal is left
	_ = follower.Process.Signal(os.Interrupt)
	if err := follower.Wait(); exitCode(err) != exitInterrupted || !strings.Contains(follower.Stderr.(*buffer).String(), "goes on in the server") {
		t.Errorf("left by Ctrl-C: %v: %s", err, follower.Stderr)
	}
	// and the server killed
	v.kill()
	_ = holding.Close(context.Background())
	v.start()
	// then the next one takes it up
	out, err = command(env, "operation", "show", id, "--follow", "-o", "json").Output()
	var done struct {
		State string
		Tries int
	}
	decode(t, string(out), &done)
	if err != nil || done.State != "done" || done.Tries != 2 {
		t.Errorf("it ended as %s, %v", out, err)
	}
}

// A verification that is under way is cancelled, leaves nothing in the database, and goes on when it is resumed.
func TestAVerificationIsCancelledAndResumed(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	s := startServerIn(t, pgtest.Dir(t), url, func(stop func()) { t.Cleanup(stop) })
	holding, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer holding.Close(context.Background())
	if _, err := holding.Exec(t.Context(), `BEGIN; LOCK TABLE read_1.runs IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	var o operation
	out, errs, exit := s.annals("", "projection", "verify", "--all", "--detach", "-o", "json")
	if exit != 0 {
		t.Fatal(errs)
	}
	decode(t, out, &o)
	is := func(state string) func() bool {
		return func() bool {
			out, _, _ := s.annals("", "operation", "show", o.ID, "-o", "json")
			decode(t, out, &o)
			return o.State == state
		}
	}
	eventually(t, "it runs", is("running"))
	if out, errs, exit := s.annals("", "operation", "cancel", o.ID); exit != 0 {
		t.Fatal(out, errs)
	}
	eventually(t, "it is cancelled", is("cancelled"))
	if _, errs, exit := s.annals("", "operation", "show", o.ID, "--follow"); exit != exitConflict || !strings.Contains(errs, "annals operation resume") {
		t.Errorf("following what was cancelled exits %d: %s", exit, errs)
	}
	if _, err := holding.Exec(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := holding.QueryRow(t.Context(), `SELECT count(*) FROM log.models WHERE state = 'checking'`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d models are left, %v", left, err)
	}
	if out, errs, exit := s.annals("", "operation", "resume", o.ID); exit != 0 {
		t.Fatal(out, errs)
	}
	if out, errs, exit := s.annals("", "operation", "show", o.ID, "--follow"); exit != 0 || !strings.Contains(out, "tries:      2") {
		t.Errorf("resumed, it exits %d: %s%s", exit, out, errs)
	}
}

// eventually looks again and again until it is as it should be.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !is() {
		if sleep(ctx, 20*time.Millisecond) != nil {
			t.Fatalf("not in time: %s", what)
		}
	}
}
