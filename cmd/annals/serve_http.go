package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/ingest/native"
	"github.com/annals-io/annals/ingest/openlineage"
)

// web is the HTTP server: one router that denies by default, and around it what concerns every request.
func (s *server) web(f serveFlags) (*http.Server, error) {
	mux := access.NewMux(s.keys, s.log, s.metrics.authenticated)
	api, err := s.graphql()
	if err != nil {
		return nil, err
	}
	s.register(mux, api, f)
	handler := s.up.guard(traced(s.observed(mux, f)))
	w := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	if f.tlsCert != "" {
		files := &certificate{certFile: f.tlsCert, keyFile: f.tlsKey, log: s.log}
		if _, err := files.get(nil); err != nil {
			return nil, err
		}
		w.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: files.get, NextProtos: []string{"h2", "http/1.1"}}
	}
	return w, nil
}

// register is the whole surface of the server. What is not here does not exist.
func (s *server) register(mux *access.Mux, api graphqlAPI, f serveFlags) {
	mux.Public("GET /healthz", http.HandlerFunc(healthy))
	mux.Public("GET /readyz", http.HandlerFunc(s.ready))
	mux.Public("GET /{$}", http.HandlerFunc(welcomePage))
	mux.Public("GET /graphql/explorer/", api.Explorer())

	mux.HandleWithPage("GET /graphql", access.Read, api, api.Explorer())
	mux.Handle("POST /graphql", access.Read, api)

	foreign := &openlineage.Handler{Door: door, Commands: s.commands, Fail: refuseIngest, Observe: s.metrics.ingested("openlineage"), Log: s.log}
	for _, route := range foreign.Routes() {
		mux.Handle(route.Pattern, access.IngestOnly, route.Handler)
	}
	own := &native.Handler{Door: door, Commands: s.commands, Fail: refuseIngest, Observe: s.metrics.ingested("native")}
	mux.Handle("POST /v1/workspaces/{slug}/events", access.IngestOnly, own)

	access.Handler{Keys: s.keys, Log: s.log}.Register(mux)
	admin := adminAPI{engine: s.engine, unsafe: s.unsafeSettings, log: s.log, began: s.began}
	mux.Handle("GET /v1/status", access.Read, http.HandlerFunc(admin.status))
	mux.Handle("GET /v1/projections", access.Read, http.HandlerFunc(admin.list))
	mux.Handle("POST /v1/projections/rebuild", access.Admin, http.HandlerFunc(admin.rebuild))
	mux.Handle("POST /v1/workspaces/{slug}/projection/retry", access.Admin, http.HandlerFunc(admin.retry))
	mux.Handle("GET /metrics", access.Read, unbound(s.metrics.handler()))
	if f.pprof {
		mux.Handle("GET /debug/pprof/", access.Admin, unbound(http.HandlerFunc(pprof.Index)))
		mux.Handle("GET /debug/pprof/profile", access.Admin, unbound(http.HandlerFunc(pprof.Profile)))
		mux.Handle("GET /debug/pprof/trace", access.Admin, unbound(http.HandlerFunc(pprof.Trace)))
	}
}

// door settles for a request of events which workspace it is about and as whom it acts. A workspace that the key may
// not write to is refused like one that does not exist.
func door(r *http.Request, named domain.Slug) (domain.Slug, domain.Actor, error) {
	p, ok := access.From(r.Context())
	if !ok {
		return "", domain.Actor{}, access.ErrMissing
	}
	slug, err := p.Target(named)
	if err != nil {
		return "", domain.Actor{}, err
	}
	if !p.CanIngest(slug) {
		return "", domain.Actor{}, &domain.Error{Code: domain.NotFound, Subject: "workspace", Message: "there is no such workspace: create it first"}
	}
	return slug, p.Actor(), nil
}

// refuseIngest answers an error of the door, or of a whole request of events.
func refuseIngest(w http.ResponseWriter, _ *http.Request, err error) {
	access.Refuse(w, ingestRefusal(err))
}

func ingestRefusal(err error) error {
	var (
		mismatch *access.MismatchError
		whole    *native.StatusError
		rule     *domain.Error
		conflict *eventstore.CommandConflictError
		large    *eventstore.TooLargeError
	)
	switch {
	case errors.As(err, &mismatch):
		return &access.Refusal{Status: http.StatusConflict, Code: "workspace_conflict", Message: mismatch.Error() + ": nothing was written"}
	case errors.As(err, &whole):
		return &access.Refusal{Status: whole.Status, Code: whole.Code, Message: whole.Message}
	case errors.As(err, &conflict):
		return &access.Refusal{Status: http.StatusConflict, Code: string(domain.Conflict), Message: "another event has the same id"}
	case errors.As(err, &large):
		return &access.Refusal{Status: http.StatusRequestEntityTooLarge, Code: "too_large", Message: "the facts of one event are too many: divide them over several"}
	case errors.As(err, &rule):
		status := map[domain.Code]int{domain.NotFound: http.StatusNotFound, domain.Gone: http.StatusGone, domain.Archived: http.StatusConflict, domain.Conflict: http.StatusConflict}[rule.Code]
		if status == 0 {
			status = http.StatusBadRequest
		}
		return &access.Refusal{Status: status, Code: string(rule.Code), Message: rule.Error()}
	}
	return err // a *Refusal says its own; anything else is told as 503, come again
}

// unbound is for what concerns the whole instance: keys of one workspace may not see it.
func unbound(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p, ok := access.From(r.Context()); !ok || p.Workspace != "" {
			access.Refuse(w, &access.Refusal{Status: http.StatusForbidden, Code: "scope_missing", Message: "this key is bound to one workspace, and this is about the whole server"})
			return
		}
		h.ServeHTTP(w, r)
	})
}

// The longest that a request may take to arrive, and its answer to be taken.
const (
	readTimeout  = time.Minute
	writeTimeout = 2 * time.Minute
)

// observed measures requests, bounds their time on the wire, and keeps a panic from ending more than its own request.
func (s *server) observed(next *access.Mux, f serveFlags) http.Handler {
	proxies := prefixes(f.trustedProxies)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, control := time.Now(), http.NewResponseController(w)
		if !endless(r) { // where deadlines cannot be set, those of the connection hold
			_ = control.SetReadDeadline(began.Add(readTimeout))
			_ = control.SetWriteDeadline(began.Add(writeTimeout))
		} else {
			_ = control.SetReadDeadline(time.Time{})
			_ = control.SetWriteDeadline(time.Time{})
		}
		seen := &answer{ResponseWriter: w}
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.log.ErrorContext(r.Context(), "a request panicked", "path", r.URL.Path, "panic", fmt.Sprint(p))
				if seen.status == 0 {
					access.Refuse(seen, &access.Refusal{Status: http.StatusInternalServerError, Code: "internal", Message: "the server failed; it was logged"})
				}
			}
			took := time.Since(began)
			s.metrics.requested(next.PatternOf(r), r.Method, seen.status, took)
			s.log.DebugContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path, "status", seen.status, "took", took, "from", callerIP(r, proxies))
		}()
		next.ServeHTTP(seen, r)
	})
}

// endless says whether the answer goes on for as long as the caller listens.
func endless(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return r.Header.Get("Upgrade") != "" || strings.Contains(accept, "text/event-stream") || r.URL.Path == "/v1/projections/rebuild" || strings.HasPrefix(r.URL.Path, "/debug/pprof/")
}

// answer remembers the status.
type answer struct {
	http.ResponseWriter
	status int
}

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController find flushing and hijacking.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Flush is for those who ask for it without a controller.
func (a *answer) Flush() { _ = http.NewResponseController(a.ResponseWriter).Flush() }

func prefixes(words []string) []netip.Prefix {
	var out []netip.Prefix
	for _, w := range words {
		out = append(out, netip.MustParsePrefix(w)) // checked before
	}
	return out
}

// callerIP is where a request came from: behind a trusted proxy, what that says.
func callerIP(r *http.Request, proxies []netip.Prefix) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	trusted := func(s string) bool {
		ip, err := netip.ParseAddr(s)
		for _, p := range proxies {
			if err == nil && p.Contains(ip.Unmap()) {
				return true
			}
		}
		return false
	}
	chain := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(chain) - 1; i >= 0 && trusted(host); i-- { // from the nearest on: what lies behind a stranger is his word
		next := strings.TrimSpace(chain[i])
		if _, err := netip.ParseAddr(next); err != nil {
			break
		}
		host = next
	}
	return host
}

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

// run serves until ctx ends, then drains: no new connections, requests under way are finished, subscriptions are
// ended.
func (s *server) run(ctx context.Context, w *http.Server, listener net.Listener, drain time.Duration) error {
	requests, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	w.BaseContext = func(net.Listener) context.Context { return requests }
	failed := make(chan error, 1)
	go func() {
		if w.TLSConfig != nil {
			failed <- w.ServeTLS(listener, "", "")
			return
		}
		failed <- w.Serve(listener)
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	s.log.Info("stopping: finishing requests under way")
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	// Subscriptions never end by themselves: after a moment for the others they are cut, and resume elsewhere.
	lasting := time.AfterFunc(min(drain/2, 2*time.Second), cut)
	defer lasting.Stop()
	if err := w.Shutdown(grace); err != nil {
		s.log.Warn("some requests did not end in time", "err", err)
		_ = w.Close() // whatever is left
	}
	return nil
}
