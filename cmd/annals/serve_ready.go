package main

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/annals-io/annals/access"
)

// gate is shut while the database is away, and for good when the server stops: requests are told to come again, and not
// made to wait for a dead one. It counts those that it let through, so that they can be finished.
type gate struct {
	opened atomic.Bool
	refuse func(w http.ResponseWriter, r *http.Request, err error) // set before the first request; nil: as JSON

	mu       sync.Mutex
	under    int           // requests under way
	draining chan struct{} // not nil: no more are let through; closed when none is under way
}

func (g *gate) open() { g.opened.Store(true) }
func (g *gate) shut() { g.opened.Store(false) }

// drain lets no more requests through. What it answers is closed when the last one under way has ended.
func (g *gate) drain() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.draining == nil {
		g.draining = make(chan struct{})
		if g.under == 0 {
			close(g.draining)
		}
	}
	return g.draining
}

func (g *gate) stopping() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.draining != nil
}

// enter counts a request in, unless the server stops.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.draining != nil {
		return false
	}
	g.under++
	return true
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.under--
	if g.under == 0 && g.draining != nil {
		close(g.draining)
	}
}

func (g *gate) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case path == "/healthz", path == "/readyz" && g.stopping(): // they are no work to be finished
			next.ServeHTTP(w, r)
		case !g.opened.Load():
			g.sendAway(w, r, &access.Refusal{Status: http.StatusServiceUnavailable, Code: "unavailable", Message: "the server is not ready: try again in a second"})
		case !g.enter():
			w.Header().Set("Connection", "close")
			g.sendAway(w, r, &access.Refusal{Status: http.StatusServiceUnavailable, Code: "stopping", Message: "the server is stopping: try again in a second"})
		default:
			defer g.leave()
			next.ServeHTTP(w, r)
		}
	})
}

func (g *gate) sendAway(w http.ResponseWriter, r *http.Request, no *access.Refusal) {
	if g.refuse == nil {
		access.Refuse(w, no)
		return
	}
	g.refuse(w, r, no)
}

// healthy says that the process runs.
func healthy(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") }

// readyTimeout bounds the question to the database.
const readyTimeout = time.Second

// ready says that requests can be answered: the database answers, and the server does not stop. Projections that lag
// are no reason to say no; a read model that this program did not make is named.
func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	if s.up.stopping() {
		w.Header().Set("Retry-After", "1")
		plain(w, http.StatusServiceUnavailable, "draining: the server is stopping\n")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := s.pool.Ping(ctx); err != nil {
		w.Header().Set("Retry-After", "1")
		plain(w, http.StatusServiceUnavailable, "the database does not answer\n")
		return
	}
	if err := s.sealer.Ready(); err != nil {
		s.log.WarnContext(ctx, "the keys of names cannot be used", "err", err)
		w.Header().Set("Retry-After", "1")
		plain(w, http.StatusServiceUnavailable, "the keys of names are sealed: the service that wraps them does not answer\n")
		return
	}
	text := "ready\n"
	if m := s.model.report(); m.Outdated {
		text += m.Detail + "\n"
		if m.Do != "" {
			text += m.Do + "\n"
		}
	}
	plain(w, http.StatusOK, text+s.sealing())
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // whoever asked has gone
}
