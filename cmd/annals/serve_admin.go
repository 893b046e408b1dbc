package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/projections"
)

// adminAPI answers operators: how far the projections are, and what to do about it.
type adminAPI struct {
	engine *projections.Engine
	model  *modelKeeper
	unsafe func(context.Context) ([]string, error)
	log    *slog.Logger
	began  time.Time
}

// standing is how far a workspace is, as answers show it.
type standing struct {
	Workspace string        `json:"workspace"`
	Applied   int64         `json:"applied"`
	Head      int64         `json:"head"`
	Lag       int64         `json:"lag"` // events
	State     string        `json:"state"`
	Reason    string        `json:"reason,omitempty"`
	Parked    []parkedEvent `json:"parked"`
}

type parkedEvent struct {
	Revision int64  `json:"revision"`
	Error    string `json:"error"`
	Tries    int    `json:"tries"`
}

func (a adminAPI) standings(r *http.Request) ([]standing, error) {
	p, _ := access.From(r.Context())
	out := []standing{}
	all, err := a.engine.Progress(r.Context())
	for _, s := range all {
		if !p.CanRead(s.Workspace) {
			continue
		}
		shown := standing{
			Workspace: string(s.Workspace), Applied: int64(s.Applied), Head: int64(s.Head), Lag: s.Lag, State: s.State, Reason: s.Reason, Parked: []parkedEvent{},
		}
		for _, e := range s.Parked {
			shown.Parked = append(shown.Parked, parkedEvent{int64(e.Revision), e.Error, e.Tries})
		}
		out = append(out, shown)
	}
	return out, err
}

func (a adminAPI) list(w http.ResponseWriter, r *http.Request) {
	all, err := a.standings(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	answerJSON(w, http.StatusOK, map[string]any{"items": all, "nextCursor": nil, "totalCount": len(all)})
}

// serverStatus is what `annals doctor` asks for.
type serverStatus struct {
	Version    string      `json:"version"`
	Time       time.Time   `json:"time"`
	Uptime     float64     `json:"uptimeSeconds"`
	Workspaces int         `json:"workspaces"`
	Lag        int64       `json:"lag"` // events that are not projected yet, over all workspaces
	Paused     []standing  `json:"paused"`
	Model      modelReport `json:"readModel"`
	Unsafe     []string    `json:"unsafe"` // settings of the database with which acknowledged events can be lost
	Key        keyStatus   `json:"key"`
}

// keyStatus is what the key of the request may do.
type keyStatus struct {
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	Scopes    []access.Scope `json:"scopes"`
	Workspace string         `json:"workspace,omitempty"`
	ExpiresAt *time.Time     `json:"expiresAt"`
}

func (a adminAPI) status(w http.ResponseWriter, r *http.Request) {
	all, err := a.standings(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	unsafe, err := a.unsafe(r.Context())
	if err != nil {
		a.fail(w, r, err)
		return
	}
	p, _ := access.From(r.Context())
	s := serverStatus{
		Version: buildVersion(), Time: time.Now().UTC(), Uptime: time.Since(a.began).Seconds(), Workspaces: len(all), Paused: []standing{}, Model: a.model.report(), Unsafe: unsafe,
		Key: keyStatus{ID: p.KeyID, Name: p.Name, Scopes: p.Scopes, Workspace: string(p.Workspace)},
	}
	if !p.Expires.IsZero() {
		s.Key.ExpiresAt = &p.Expires
	}
	for _, one := range all {
		s.Lag += one.Lag
		if one.State == "paused" {
			s.Paused = append(s.Paused, one)
		}
	}
	answerJSON(w, http.StatusOK, s)
}

func (a adminAPI) retry(w http.ResponseWriter, r *http.Request) {
	slug := domain.Slug(r.PathValue("slug"))
	if p, _ := access.From(r.Context()); !p.CanAdmin(slug) {
		a.fail(w, r, &projections.NotFoundError{Slug: slug})
		return
	}
	if err := a.engine.Retry(r.Context(), slug); err != nil {
		a.fail(w, r, err)
		return
	}
	s, err := a.engine.ProgressOf(r.Context(), slug)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	answerJSON(w, http.StatusOK, standing{Workspace: string(slug), Applied: int64(s.Applied), Head: int64(s.Head), Lag: s.Lag, State: s.State, Parked: []parkedEvent{}})
}

// rebuildOrder is the body of POST /v1/projections/rebuild.
type rebuildOrder struct {
	AcceptDifferences bool `json:"acceptDifferences"`
	Prove             bool `json:"prove"`
}

// rebuildLine is a line of its answer: how far it is, and at the end the report or what went wrong.
type rebuildLine struct {
	Done   int64             `json:"done"`
	Total  int64             `json:"total"`
	Rate   float64           `json:"rate"`
	Report *rebuildReport    `json:"report,omitempty"`
	Error  map[string]string `json:"error,omitempty"`
}

type rebuildReport struct {
	From        string                        `json:"from"`
	To          string                        `json:"to"`
	SameCode    bool                          `json:"sameCode"`
	Workspaces  int                           `json:"workspaces"`
	Events      int64                         `json:"events"`
	Seconds     float64                       `json:"seconds"`
	Rate        float64                       `json:"rate"`
	Equal       bool                          `json:"equal"`
	Swapped     bool                          `json:"swapped"`
	Paused      []domain.Slug                 `json:"paused"`
	Differences []projections.TableDifference `json:"differences"`
}

// rebuild answers with a line of JSON every now and then, and the report as the last. Whoever hangs up ends it: the
// live model stays as it is.
func (a adminAPI) rebuild(w http.ResponseWriter, r *http.Request) {
	if p, _ := access.From(r.Context()); !p.IsAdmin() {
		access.Refuse(w, &access.Refusal{Status: http.StatusForbidden, Code: "scope_missing", Message: "this key is bound to one workspace, and this is about the whole server"})
		return
	}
	var order rebuildOrder
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<10)).Decode(&order); err != nil && !errors.Is(err, io.EOF) {
		access.Refuse(w, &access.Refusal{Status: http.StatusBadRequest, Code: "invalid", Message: "the body is no order to rebuild: " + err.Error()})
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	var mu sync.Mutex // progress may be told by several goroutines
	say := func(line rebuildLine) {
		mu.Lock()
		defer mu.Unlock()
		_ = json.NewEncoder(w).Encode(line)       // whoever asked has gone, and the context tells the rebuild so
		_ = http.NewResponseController(w).Flush() // as above
	}
	report, err := a.engine.Rebuild(r.Context(), projections.RebuildOptions{AcceptDifferences: order.AcceptDifferences, Prove: order.Prove},
		func(done, total int64, rate float64) { say(rebuildLine{Done: done, Total: total, Rate: rate}) })
	last := rebuildLine{Done: report.Events, Total: report.Events, Rate: report.Rate, Report: &rebuildReport{
		From: report.From, To: report.To, SameCode: report.SameCode, Workspaces: report.Workspaces, Events: report.Events, Seconds: report.Took.Seconds(),
		Rate: report.Rate, Equal: report.Equal, Swapped: report.Swapped, Paused: report.Paused, Differences: report.Differences,
	}}
	if err != nil {
		no := adminRefusal(err)
		last.Error = map[string]string{"code": no.Code, "message": no.Message}
		a.log.WarnContext(r.Context(), "rebuild", "err", err)
	}
	say(last)
}

func (a adminAPI) fail(w http.ResponseWriter, r *http.Request, err error) {
	no := adminRefusal(err)
	if no.Status >= 500 && !errors.Is(err, context.Canceled) {
		a.log.ErrorContext(r.Context(), "operators' request failed", "path", r.URL.Path, "err", err)
	}
	access.Refuse(w, no)
}

// adminRefusal is what an operator may be told: all of it, for these are his own words and numbers.
func adminRefusal(err error) *access.Refusal {
	var (
		none      *projections.NotFoundError
		paused    *projections.PausedError
		different *projections.DifferentError
	)
	switch {
	case errors.As(err, &none):
		return &access.Refusal{Status: http.StatusNotFound, Code: "not_found", Message: none.Error()}
	case errors.As(err, &paused):
		return &access.Refusal{Status: http.StatusConflict, Code: "paused", Message: paused.Error()}
	case errors.As(err, &different):
		return &access.Refusal{Status: http.StatusConflict, Code: "different", Message: different.Error()}
	case errors.Is(err, projections.ErrRebuilding):
		return &access.Refusal{Status: http.StatusConflict, Code: "rebuilding", Message: "another rebuild is under way"}
	}
	return &access.Refusal{Status: http.StatusServiceUnavailable, Code: "unavailable", Message: "the server cannot do it now; it was logged"}
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(rawJSON(v), '\n')) // whoever asked has gone
}
