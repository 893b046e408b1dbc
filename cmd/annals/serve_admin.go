package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/projections"
)

// adminAPI answers operators: how far the projections are, and what to do about it.
type adminAPI struct {
	engine *projections.Engine
	rights *access.Rights
	model  *modelKeeper
	unsafe func(context.Context) ([]string, error)
	seal   func() *sealStatus
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
	everything, err := a.rights.Operates(r.Context(), p)
	if err != nil {
		return nil, err
	}
	all, err := a.engine.Progress(r.Context())
	for _, s := range all {
		seen, err := everything, error(nil)
		if !everything {
			seen, err = a.rights.May(r.Context(), p, s.Workspace, domain.ReadWorkspace)
		}
		if err != nil {
			return nil, err
		}
		if !seen {
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
	Unsafe     []string    `json:"unsafe"`         // settings of the database with which acknowledged events can be lost
	Wall       *wallStatus `json:"wall,omitempty"` // for operators
	Seal       *sealStatus `json:"seal,omitempty"` // for operators
	Key        keyStatus   `json:"key"`
}

// wallStatus is how the second wall between workspaces stands.
type wallStatus struct {
	Up     bool     `json:"up"`
	Tables int      `json:"tables"`
	Faults []string `json:"faults"`
	Notes  []string `json:"notes"`
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
	if operates, err := a.rights.Operates(r.Context(), p); err != nil {
		a.fail(w, r, err)
		return
	} else if operates {
		wall, err := a.engine.Wall(r.Context())
		if err != nil {
			a.fail(w, r, err)
			return
		}
		s.Seal = a.seal()
		s.Wall = &wallStatus{wall.Up, wall.Tables, append([]string{}, wall.Faults...), append([]string{}, wall.Notes...)}
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
	p, _ := access.From(r.Context())
	if err := a.rights.Permit(r.Context(), p, slug, domain.ConfigureWorkspace, &projections.NotFoundError{Slug: slug}); err != nil {
		a.fail(w, r, err)
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
		none   *projections.NotFoundError
		paused *projections.PausedError
	)
	switch {
	case errors.As(err, &none):
		return &access.Refusal{Status: http.StatusNotFound, Code: "not_found", Message: none.Error()}
	case errors.As(err, &paused):
		return &access.Refusal{Status: http.StatusConflict, Code: "paused", Message: paused.Error()}
	}
	var refused *access.Refusal
	if errors.As(err, &refused) {
		return refused
	}
	if no := modelRefusal(err); no != nil {
		return no
	}
	return &access.Refusal{Status: http.StatusServiceUnavailable, Code: "unavailable", Message: "the server cannot do it now; it was logged"}
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(rawJSON(v), '\n')) // whoever asked has gone
}
