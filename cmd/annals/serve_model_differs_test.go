package main

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/internal/pgtest"
)

// foldedOtherwise makes the rows of the live model such as this code does not make them.
func (o *outdatedServer) foldedOtherwise() {
	pgtest.Exec(o.t, o.database, `UPDATE read_1.pipelines SET name = 'score as it was'`)
}

// pipelines are what a reader sees.
func (o *outdatedServer) pipelines() string {
	o.t.Helper()
	out, errs, exit := o.annals("", "pipeline", "list", "-o", "ndjson")
	if exit != 0 {
		o.t.Fatalf("pipeline list exits %d: %s", exit, errs)
	}
	return out
}

// models are the read models there are, such as "read_1 live, read_2 building".
func (o *outdatedServer) models() string {
	o.t.Helper()
	return textOf(o.t, o.database, `SELECT string_agg(schema || ' ' || state, ', ' ORDER BY schema) FROM log.models`)
}

// textOf is the one value that a statement answers.
func textOf(t testing.TB, database, sql string) (text string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(t.Context(), sql).Scan(&text); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return text
}

// untaken says why it is not so that the new model, which differs, was left beside the old one; "" where it is.
func (o *outdatedServer) untaken() string {
	o.t.Helper()
	switch seen, models := o.pipelines(), o.models(); {
	case !strings.Contains(seen, "score as it was"):
		return "readers see the new model: " + seen
	case models != "read_1 live, read_2 building":
		return "the models are " + models
	}
	return ""
}

// Where the model that was built anew differs, nobody but a person takes it: it waits, and that is said wherever
// operators look, until one swaps it in.
func TestAReadModelThatDiffersWaitsForAPerson(t *testing.T) {
	t.Parallel()
	o := newOutdated(t)
	o.foldedOtherwise()
	o.start("auto")
	defer func() { o.stop() }()
	o.record("after")
	for range 2 {
		o.becomes(modelWaiting)
		if why := o.untaken(); why != "" {
			t.Fatal(why)
		}
		o.runs("before")
		for _, path := range []string{"/readyz", "/v1/status"} {
			text := o.ask(path)
			for _, said := range []string{"made by another version of this program", "read_2", "annals projection swap --accept-differences", "annals projection discard"} {
				if !strings.Contains(text, said) {
					t.Errorf("%s does not say %q: %q", path, said, text)
				}
			}
		}
		if text := o.ask("/metrics"); !strings.Contains(text, "annals_read_model_current 0") || !strings.Contains(text, "annals_read_model_waiting 1") {
			t.Error("the metrics do not say that a model waits")
		}
		if _, _, header := o.call(t, "POST", "/graphql", o.Key, `{"query":"{ __typename }"}`, "Content-Type", "application/json"); header.Get(modelHeader) != "outdated; waiting" {
			t.Errorf("%s: %q", modelHeader, header.Get(modelHeader))
		}
		if out, _, exit := o.annals("", "doctor"); exit != exitFailed || !strings.Contains(out, "annals projection swap") {
			t.Errorf("doctor exits %d: %s", exit, out)
		}
		if !strings.Contains(o.Log.String(), "waits for somebody to look") {
			t.Errorf("the log does not say that it waits:\n%s", o.Log)
		}
		o.stop() // and it is found again, not built again
		o.start("auto")
	}
	// When somebody looks, then he sees what differs, and nothing changes.
	out, errs, exit := o.annals("", "projection", "swap", "-o", "table")
	for _, said := range []string{"equal:               no", "tables that differ:  ", "swapped:             no", "WORKSPACE  TABLE", "pipelines", `"score as it was"`, `"score"`} {
		if !strings.Contains(out, said) {
			t.Errorf("projection swap does not say %q:\n%s", said, out)
		}
	}
	if exit != exitUnverified || !strings.Contains(errs, "--accept-differences` takes the new one") {
		t.Errorf("projection swap exits %d: %s", exit, errs)
	}
	if out, _, exit := o.annals("", "projection", "swap", "-o", "json"); exit != exitUnverified || !strings.Contains(out, `"swapped":false`) || !strings.Contains(out, `"Field":"name"`) {
		t.Errorf("projection swap -o json exits %d: %s", exit, out)
	}
	if why := o.untaken(); why != "" {
		t.Error(why)
	}
	// When he accepts, then it is taken, with all that was recorded.
	if out, errs, exit := o.annals("", "projection", "swap", "--accept-differences"); exit != 0 || !strings.Contains(out, "swapped:             yes") {
		t.Fatalf("projection swap --accept-differences exits %d: %s%s", exit, out, errs)
	}
	o.runs("before", "after")
	if seen := o.pipelines(); strings.Contains(seen, "as it was") {
		t.Errorf("readers see the old model: %s", seen)
	}
	if text := o.ask("/v1/status"); !strings.Contains(text, `"state":"current"`) {
		t.Errorf("the status is %s", text)
	}
}

// The check above must find a server that takes what differs by itself: told to accept, it does.
func TestThatADifferenceIsNotTakenIsSeen(t *testing.T) {
	t.Parallel()
	o := newOutdated(t)
	o.foldedOtherwise()
	o.start("accept")
	defer func() { o.stop() }()
	o.becomes(modelCurrent)
	if why := o.untaken(); !strings.Contains(why, "readers see the new model") {
		t.Errorf("a server that accepts differences is not found out: %q", why)
	}
	if models := o.models(); models != "read_1 old, read_2 live" {
		t.Errorf("the models are %s", models)
	}
}

// What a person discards is not built again behind his back, neither now nor after a restart.
func TestADiscardedReadModelIsNotBuiltAgain(t *testing.T) {
	t.Parallel()
	o := newOutdated(t)
	o.foldedOtherwise()
	o.start("auto")
	defer func() { o.stop() }()
	o.becomes(modelWaiting)
	if out, errs, exit := o.annals("", "projection", "discard"); exit != 0 || out != "discarded:  read_2\nlive:       read_1\n" {
		t.Errorf("projection discard exits %d: %q %s", exit, out, errs)
	}
	for range 2 {
		o.becomes(modelOutdated)
		if text := o.ask("/readyz"); !strings.Contains(text, "was discarded") || !strings.Contains(text, rebuildByHand) {
			t.Errorf("/readyz says %q", text)
		}
		o.stop()
		o.start("auto")
	}
	if models := o.models(); models != "read_1 live, read_2 dropped" {
		t.Errorf("the models are %s", models)
	}
	if out, _, exit := o.annals("", "projection", "rebuild", "-o", "table"); exit != exitUnverified || !strings.Contains(out, "built:               read_3") || !strings.Contains(out, "FIELD") {
		t.Errorf("projection rebuild exits %d: %s", exit, out)
	}
	o.becomes(modelWaiting)
}

// There and back: two models of one version, both kept up.
func TestGoingBackToTheReadModelBefore(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	for _, tt := range []struct {
		args string
		exit int
		said string
	}{
		{"projection swap", exitNotFound, "there is no such read model"},
		{"projection discard", exitNotFound, "there is no such read model"},
		{"projection rollback", exitNotFound, "there is no such read model"},
		{"projection rebuild", exitOK, "swapped:     yes"},
		{"projection rollback", exitOK, "live:    read_1\nbefore:  read_2\n"},
		{"projection rollback -o json", exitOK, `{"live":"read_2","before":"read_1"}`},
		{"projection swap -o json", exitNotFound, `{"error":{"code":"no_model",`},
	} {
		out, errs, exit := s.annals("", strings.Fields(tt.args)...)
		if exit != tt.exit || !strings.Contains(out+errs, tt.said) {
			t.Errorf("annals %s exits %d: %s%s; want %d, %q", tt.args, exit, out, errs, tt.exit, tt.said)
		}
	}
}
