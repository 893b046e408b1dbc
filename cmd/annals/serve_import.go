package main

import (
	"errors"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/audit/history"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// importLine is a line of the answer to an import: how far it is, and at the end what it came to or why it did not.
type importLine struct {
	Stage  string            `json:"stage,omitempty"` // checking, bodies or events
	Done   int64             `json:"done"`
	Total  int64             `json:"total"`
	Result *history.Imported `json:"result,omitempty"`
	Error  map[string]string `json:"error,omitempty"`
}

// bring takes a history as a tar, and brings it into a new workspace. Nothing is written to the log before all of it was
// read here and proven. The answer goes on while that is done; who hangs up ends it, and it is taken up by asking again.
func (a historyAPI) bring(w http.ResponseWriter, r *http.Request) {
	p, _ := access.From(r.Context())
	org, slug := domain.Slug(r.PathValue("org")), domain.Slug(r.PathValue("slug"))
	owner, err := a.desk.OwnerOfNew(r.Context(), p, org)
	if err == nil {
		err = domain.FreeSlug(string(slug))
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	var keys []checkpoint.Key
	for _, text := range r.URL.Query()["key"] {
		key, err := checkpoint.ParseKey(text)
		if err != nil {
			a.fail(w, r, &access.Refusal{Status: http.StatusBadRequest, Code: "invalid", Field: "key", Message: err.Error()})
			return
		}
		keys = append(keys, key)
	}
	room, err := makeRoom(a.data)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	defer room.leave()
	d, err := bundle.CreateDir(filepath.Join(room.dir, "export"))
	if err == nil {
		err = bundle.Receive(r.Body, d, nil)
	}
	var b *bundle.Bundle
	if err == nil {
		b, err = d.Open()
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	say := throttled(w)
	proven, err := history.Prove(r.Context(), b, keys, func(done, total int64) { say("checking", done, total) })
	var result history.Imported
	if err == nil {
		result, err = a.imports.Import(r.Context(), proven, history.Bringing{As: slug, Organization: org, Owner: owner, Actor: p.Actor()}, say)
	}
	last := importLine{Result: &result}
	if err != nil {
		last = importLine{Error: said(a.refusal(r, err))}
	}
	_ = saidLine(w, last) // whoever asked has gone, and asks again
}

// throttled says how far it is, a few times a second.
func throttled(w http.ResponseWriter) func(stage string, done, total int64) {
	var mu sync.Mutex
	var was string
	var at time.Time
	return func(stage string, done, total int64) {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); stage != was || now.Sub(at) >= 200*time.Millisecond {
			was, at = stage, now
			_ = saidLine(w, importLine{Stage: stage, Done: done, Total: total}) // the end of the request tells who has gone
		}
	}
}

// refusal is what may be said of a failure: all that is about the export is the caller's own.
func (a historyAPI) refusal(r *http.Request, err error) *access.Refusal {
	var no *access.Refusal
	var rule *domain.Error
	var damaged *bundle.DamagedError
	var none *bundle.NoBundleError
	var forged *history.ForgedError
	var missing *eventstore.NotFoundError
	switch {
	case errors.As(err, &no):
		return no
	case errors.As(err, &rule):
		return &access.Refusal{Status: access.StatusOf(rule.Code), Code: string(rule.Code), Message: rule.Message, Field: rule.Subject}
	case errors.As(err, &damaged):
		return &access.Refusal{Status: http.StatusBadRequest, Code: "damaged", Message: "the export is damaged: " + damaged.Error() + ": nothing was written", Field: damaged.File}
	case errors.As(err, &none):
		return &access.Refusal{Status: http.StatusBadRequest, Code: "damaged", Message: "this is no whole export: " + none.Reason + ": nothing was written"}
	case errors.As(err, &forged):
		return &access.Refusal{Status: http.StatusBadRequest, Code: "forged", Message: forged.Error() + ": nothing was written"}
	case errors.As(err, &missing):
		return errNoSuchWorkspace
	}
	if r.Context().Err() == nil {
		a.log.ErrorContext(r.Context(), "a history could not be carried over", "path", r.URL.Path, "err", err)
	}
	return &access.Refusal{Status: http.StatusServiceUnavailable, Code: "unavailable", Message: "the server cannot do it now; it was logged: try again, and it goes on where it was"}
}
