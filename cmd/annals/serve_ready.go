package main

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/annals-io/annals/access"
)

// gate is shut while the database is away: requests are told to come again, and not made to wait for a dead one.
type gate struct{ opened atomic.Bool }

func (g *gate) open() { g.opened.Store(true) }
func (g *gate) shut() { g.opened.Store(false) }

func (g *gate) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.opened.Load() && r.URL.Path != "/healthz" {
			access.Refuse(w, &access.Refusal{Status: http.StatusServiceUnavailable, Code: "unavailable", Message: "the server is not ready: try again in a second"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// healthy says that the process runs.
func healthy(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") }

// readyTimeout bounds the question to the database.
const readyTimeout = time.Second

// ready says that requests can be answered: the database answers. Projections that lag are no reason to say no.
func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := s.pool.Ping(ctx); err != nil {
		w.Header().Set("Retry-After", "1")
		plain(w, http.StatusServiceUnavailable, "the database does not answer\n")
		return
	}
	plain(w, http.StatusOK, "ready\n")
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // whoever asked has gone
}
