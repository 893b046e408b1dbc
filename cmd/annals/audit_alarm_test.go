package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/annals-io/annals/internal/pgtest"
)

// A history that is not what was sealed is told to whoever looks: the log, /readyz without a name, doctor with it, and the
// metric. Writing goes on.
func TestAnAlarmIsHeard(t *testing.T) {
	t.Parallel()
	database := pgtest.URL(t)
	s := startServerIn(t, pgtest.Dir(t), database, t.Cleanup)
	if _, errs, exit := s.annals("", "audit", "prove", "default@0"); exit != 0 { // it is sealed
		t.Fatal(errs)
	}
	pgtest.Exec(t, database, `UPDATE audit.trees SET frontier = decode(repeat('00', length(frontier)), 'hex') WHERE name = 'workspace-default'`)
	const more = `{"id":"a-1","run":"r1","pipeline":{"name":"train"},"at":"2026-03-01T12:00:00Z","body":{"type":"runStarted"}}` + "\n"
	if status, answer, _ := s.call(t, http.MethodPost, "/v1/workspaces/default/events", s.Key, more); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	for until := time.Now().Add(30 * time.Second); !strings.Contains(s.Log.String(), "ALARM"); {
		if time.Now().After(until) || sleep(t.Context(), 20*time.Millisecond) != nil {
			t.Fatalf("the log says nothing of it:\n%s", s.Log)
		}
	}
	var ready string
	for until := time.Now().Add(30 * time.Second); !strings.Contains(ready, "ALARM"); {
		var status int
		if status, ready, _ = s.call(t, http.MethodGet, "/readyz", "", ""); status != http.StatusOK || strings.Contains(ready, "workspace-default") || time.Now().After(until) {
			t.Fatalf("/readyz: %d %s", status, ready)
		}
		if err := sleep(t.Context(), 20*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	out, _, exit := s.annals("", "doctor")
	if exit != exitFailed || !strings.Contains(out, "workspace-default") || !strings.Contains(out, "docs/auditing.md") {
		t.Errorf("doctor: %d %s", exit, out)
	}
	if _, metrics, _ := s.call(t, http.MethodGet, "/metrics", s.Key, ""); !strings.Contains(metrics, "annals_seal_stopped 1") {
		t.Error("the metric does not say it")
	}
	if _, errs, exit := s.annals("", "audit", "prove", "default@0"); exit != 0 { // what was sealed stays proven
		t.Errorf("a receipt of before: %d %s", exit, errs)
	}
	if status, answer, _ := s.call(t, http.MethodPost, "/v1/workspaces/default/events", s.Key, strings.Replace(more, "a-1", "a-2", 1)); status != http.StatusOK {
		t.Errorf("writing ended: %d %s", status, answer)
	}
}
