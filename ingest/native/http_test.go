package native

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/memory"
)

// laboratory serves events over a store with the workspaces lab, gone (deleted) and shut (archived); to "closed"
// nobody comes in.
func laboratory(t *testing.T, commands func(eventstore.Commander) eventstore.Commander) *httptest.Server {
	t.Helper()
	store := memory.New()
	x := eventstore.New(store, eventstore.Config{})
	do := func(slug domain.Slug, c domain.Command) {
		t.Helper()
		if _, err := x.Execute(t.Context(), eventstore.Request{Stream: domain.WorkspaceStream(slug), Command: c}); err != nil {
			t.Fatal(err)
		}
	}
	for _, slug := range []domain.Slug{"lab", "gone", "shut"} {
		do(slug, domain.CreateWorkspace{Slug: slug, Name: "Laboratory", Organization: "org", Owner: uuid.New()})
	}
	do("gone", domain.DeleteWorkspace{})
	do("shut", domain.ArchiveWorkspace{})
	h := &Handler{Commands: x, Now: func() time.Time { return noon },
		Door: func(_ *http.Request, named domain.Slug) (domain.Slug, domain.Actor, error) {
			if named == "closed" {
				return "", domain.Actor{}, errors.New("closed")
			}
			return named, domain.Actor{Kind: "key", ID: "k"}, nil
		},
		Fail: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusForbidden)
		},
	}
	if commands != nil {
		h.Commands = commands(x)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /v1/workspaces/{slug}/events", h)
	s := httptest.NewServer(mux)
	t.Cleanup(func() {
		s.Close()
		if err := errors.Join(x.Close(context.Background()), store.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// heard is an answer, of either kind.
type heard struct {
	status int
	retry  string
	Answer
	Error struct{ Code, Message, Field, Path, Rule string }
}

func send(t *testing.T, s *httptest.Server, slug, body string, headers ...string) heard {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/v1/workspaces/"+slug+"/events", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	h := heard{status: resp.StatusCode, retry: resp.Header.Get("Retry-After")}
	_ = json.NewDecoder(resp.Body).Decode(&h) // what is no JSON has no code
	return h
}

func zipped(t *testing.T, body string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(body)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRequestsRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	s := laboratory(t, nil)
	row := event(`{"type":"runStarted"}`)
	huge := strings.Repeat(" ", MaxBody+2)
	for name, tt := range map[string]struct {
		slug, body string
		headers    []string
		status     int
		code       string
		field      string
		says       string
	}{
		"an image":                {"lab", "x", []string{"Content-Type", "image/png"}, 415, "unsupported_media_type", "header Content-Type", "NDJSON"},
		"another encoding":        {"lab", row, []string{"Content-Encoding", "br"}, 415, "unsupported_encoding", "header Content-Encoding", "gzip"},
		"no gzip":                 {"lab", row, []string{"Content-Encoding", "gzip"}, 400, "bad_gzip", "body", "gzip"},
		"gzip cut off":            {"lab", zipped(t, row)[:40], []string{"Content-Encoding", "gzip"}, 400, "bad_gzip", "body", "cut off"},
		"too large":               {"lab", huge, nil, 413, "too_large", "body", "parts"},
		"too large when unzipped": {"lab", zipped(t, huge), []string{"Content-Encoding", "gzip"}, 413, "too_large", "body", "parts"},
		"too large behind a row":  {"lab", row + "\n" + huge, nil, 413, "too_large", "body", "parts"},
		"no slug":                 {"NO!", row, nil, 400, "invalid_workspace", "workspace", "slug"},
		"a reserved slug":         {"api", row, nil, 400, "invalid_workspace", "workspace", "reserved"},
		"no such workspace":       {"missing", row, nil, 404, "not_found", "workspace", `workspace "missing"`},
		"an archived workspace":   {"shut", row, nil, 409, "archived", "workspace", `workspace "shut"`},
		"a deleted workspace":     {"gone", row, nil, 410, "gone", "workspace", `workspace "gone"`},
	} {
		h := send(t, s, tt.slug, tt.body, tt.headers...)
		if h.status != tt.status || h.Error.Code != tt.code || h.Error.Field != tt.field || h.Error.Rule == "" || !strings.Contains(h.Error.Message, tt.says) {
			t.Errorf("%s: %d %+v; want %d %s of %q, saying %q", name, h.status, h.Error, tt.status, tt.code, tt.field, tt.says)
		}
	}
	if h := send(t, s, "closed", row); h.status != http.StatusForbidden {
		t.Errorf("closed: %d", h.status)
	}
	if h := send(t, s, "lab", row, "Content-Encoding", "identity"); h.status != http.StatusOK || h.Accepted != 1 || h.Revision != 1 {
		t.Errorf("nothing was written before: %d %+v", h.status, h.Answer)
	}
}

func TestRowsAreAnsweredForEachOnItsOwn(t *testing.T) {
	t.Parallel()
	s := laboratory(t, nil)
	row := func(id, typ string) string {
		return `{"id":"` + id + `","run":"r","at":"2026-03-01T12:00:00Z","body":{"type":"` + typ + `"}}` + "\n"
	}
	for _, tt := range []struct {
		name, body                     string
		status, accepted, dup, refused int
		code, path                     string
	}{
		{"new ones", row("a", "runStarted") + row("b", "runCompleted"), 200, 2, 0, 0, "", ""},
		{"again", row("a", "runStarted") + row("b", "runCompleted"), 200, 0, 2, 0, "", ""},
		{"one with another content", row("a", "runFailed"), 409, 0, 0, 1, "conflict", "/id"},
		{"beside a known one", row("b", "runCompleted") + row("a", "runFailed"), 207, 0, 1, 1, "conflict", "/id"},
		{"beside one that is none", row("a", "runFailed") + "{\n", 400, 0, 0, 2, "", ""},
		{"no event", "nothing\n", 400, 0, 0, 1, "not_json", ""},
	} {
		h := send(t, s, "lab", tt.body)
		if h.status != tt.status || h.Accepted != tt.accepted || h.Duplicates != tt.dup || h.Rejected != tt.refused {
			t.Errorf("%s: %d %+v", tt.name, h.status, h.Answer)
			continue
		}
		for _, r := range h.Results {
			if r.Code == "" || r.Rule == "" || r.Message == "" || r.Line == 0 || tt.code != "" && (r.Code != tt.code || r.Path != tt.path) {
				t.Errorf("%s: %+v", tt.name, r)
			}
		}
	}
}

// troubled answers every command with one error.
type troubled struct{ err error }

func (c troubled) Execute(context.Context, eventstore.Request) (eventstore.Result, error) {
	return eventstore.Result{}, c.err
}

func (c troubled) ExecuteAll(_ context.Context, rs []eventstore.Request) []eventstore.Answer {
	all := make([]eventstore.Answer, len(rs))
	for i := range all {
		all[i].Err = c.err
	}
	return all
}

func TestTroubleOfTheStore(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err    error
		status int
		code   string
		retry  string
	}{
		"overload":       {&eventstore.OverloadedError{RetryAfter: time.Second}, 503, "overloaded", "1"},
		"another id":     {&eventstore.CommandConflictError{}, 409, "", ""},
		"too many facts": {&eventstore.TooLargeError{Size: 2, Limit: 1}, 400, "", ""},
		"an outage":      {&eventstore.UnavailableError{Cause: errors.New("down")}, 403, "", ""}, // told by Fail
	} {
		s := laboratory(t, func(eventstore.Commander) eventstore.Commander { return troubled{tt.err} })
		if h := send(t, s, "lab", event(`{"type":"runStarted"}`)); h.status != tt.status || h.Error.Code != tt.code || h.retry != tt.retry {
			t.Errorf("%s: %d %+v, Retry-After %q", name, h.status, h.Error, h.retry)
		}
	}
}
