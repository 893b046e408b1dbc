package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/internal/pgtest"
)

// newerEvent is one of a version or type that only a newer program knows, appended behind what a stream has.
func newerEvent(t *testing.T, url, slug, typ string, version int) domain.Revision {
	t.Helper()
	store, err := postgres.Open(t.Context(), url, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	stream := domain.WorkspaceStream(domain.Slug(slug))
	info, err := store.Info(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	results, err := store.Append(t.Context(), []eventstore.Slice{{Stream: stream, Expected: eventstore.Expected(info.Last), Events: []eventstore.NewEvent{{
		Data: []byte(`{"shape":"of tomorrow"}`),
		Envelope: domain.Envelope{EventID: uuid.New(), Type: typ, Version: version, RecordedAt: time.Now().UTC(), OccurredAt: time.Now().UTC(),
			Subject: domain.RunReported{Run: domain.RunRef{ID: "later"}}.Subject()},
	}}}})
	if err != nil || results[0].Err != nil {
		t.Fatal(errors.Join(err, results[0].Err))
	}
	return info.Last + 1
}

// An event of a newer version, or of a type that this program does not know, parks its workspace and says so wherever
// anybody looks: nothing is skipped, nothing is decided there, what was there before can be read, and other workspaces go on.
func TestAnEventOfANewerProgram(t *testing.T) {
	t.Parallel()
	for name, event := range map[string]struct {
		typ     string
		version int
	}{"a newer version": {"run.started", 2}, "an unknown type": {"run.dreamt", 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.URL(t)
			s := startServerIn(t, pgtest.Dir(t), url, func(stop func()) { t.Cleanup(stop) })
			if out, errs, exit := s.annals("", "workspace", "create", "ahead"); exit != 0 {
				t.Fatal(out, errs)
			}
			at := newerEvent(t, url, "ahead", event.typ, event.version)
			var out string
			eventually(t, "the workspace is paused", func() bool {
				out, _, _ = s.annals("", "projection", "list", "-o", "json")
				return strings.Contains(out, `"state":"paused"`)
			})
			var l struct {
				Items []standing
			}
			decode(t, out, &l)
			for _, one := range l.Items {
				parked := one.Workspace == "ahead"
				if (one.State == "paused") != parked || parked && (len(one.Parked) != 1 || one.Parked[0].Revision != int64(at) || one.Applied != int64(at)-1 || !strings.Contains(one.Reason, event.typ)) {
					t.Errorf("projection list has %+v", one)
				}
			}
			if log := s.Log.String(); !strings.Contains(log, "its stream is paused") || !strings.Contains(log, event.typ) {
				t.Error("the log does not say it")
			}
			if _, body, _ := s.call(t, "GET", "/v1/status", s.Key, ""); !strings.Contains(body, `"paused":[{"workspace":"ahead"`) || !strings.Contains(body, event.typ) {
				t.Errorf("the status is %s", body)
			}
			if out, _, _ := s.annals("", "doctor"); !strings.Contains(out, "ahead") || !strings.Contains(out, "start a newer server") {
				t.Errorf("doctor says %s", out)
			}
			// what was there can be read; what lies behind cannot, and that is said
			if status, body, _ := s.call(t, "GET", "/v1/workspaces/ahead", s.Key, ""); status != 200 {
				t.Errorf("what was there before: %d %s", status, body)
			}
			_, body, _ := s.call(t, "POST", "/graphql", s.Key, `{"query":"{ workspace(slug: \"ahead\", atLeast: `+fmt.Sprint(int64(at))+`) { slug } }"}`, "Content-Type", "application/json")
			if !strings.Contains(body, "PAUSED") {
				t.Errorf("what lies behind: %s", body)
			}
			// nothing is decided there
			status, body, header := s.call(t, "PATCH", "/v1/workspaces/ahead", s.Key, `{"description":"x"}`, "Content-Type", "application/json")
			if status != 503 || !strings.Contains(body, `"paused"`) || header.Get("Retry-After") == "" {
				t.Errorf("a change: %d %s", status, body)
			}
			if status, body, _ := s.call(t, "POST", "/v1/workspaces/ahead/events", s.Key, nativeEvent); status != 503 || !strings.Contains(body, `"paused"`) {
				t.Errorf("an event: %d %s", status, body)
			}
			// and elsewhere all goes on
			if status, body, _ := s.call(t, "PATCH", "/v1/workspaces/default", s.Key, `{"description":"x"}`, "Content-Type", "application/json"); status != 200 {
				t.Errorf("another workspace: %d %s", status, body)
			}
			if out, errs, exit := s.annals("", "projection", "verify", "ahead"); exit != 0 || !strings.Contains(out, "paused:") {
				t.Errorf("verify exits %d: %s%s", exit, out, errs)
			}
		})
	}
}

// A program that could not read what earlier ones wrote does not start, and touches nothing.
func TestABrokenChainOfUpcastsDoesNotStart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(pgtest.Dir(t), "data")
	var errs buffer
	decoder := func([]byte) (domain.Event, error) { return nil, nil }
	a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: &errs, getenv: func(string) string { return "" }, terminal: func(io.Writer) bool { return false }}
	a.vocabulary = func() error {
		_, err := domain.NewVocabulary(map[string]domain.Shape{"thing.made": {Version: 2, Decode: decoder}}, nil)
		return err
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := a.serve(ctx, serveFlags{listen: "127.0.0.1:0", data: dir, databaseURL: "postgres://127.0.0.1:1/none", logLevel: "info", logFormat: "json", drain: time.Second})
	if f := failureOf(err); f.Code != "bad_vocabulary" || f.Exit != exitFailed || !strings.Contains(f.Message, "thing.made: no upcast leads on from version 1: a gap") {
		t.Errorf("serve: %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the data directory: %v", err)
	}
	a.vocabulary = nil // the control: the events of this program
	if f := failureOf(a.serve(ctx, serveFlags{listen: "127.0.0.1:0", data: dir, databaseURL: "postgres://127.0.0.1:1/none", logLevel: "info", logFormat: "json", drain: time.Second})); f.Code == "bad_vocabulary" {
		t.Errorf("serve: %v", f)
	}
}
