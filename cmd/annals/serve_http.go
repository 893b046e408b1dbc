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
	"time"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/erasure"
	"github.com/annals-io/annals/ingest/native"
	"github.com/annals-io/annals/ingest/openlineage"
	refused "github.com/annals-io/annals/ingest/refusal"
	"github.com/annals-io/annals/rest"
)

// web is the HTTP server: one router that denies by default, and around it what concerns every request.
func (s *server) web(f serveFlags) (*http.Server, error) {
	mux := access.NewMux(s.gate, s.log, s.metrics.authenticated)
	mux.Speak("/graphql", refuseGraphQL)
	if f.keyFailures > 0 {
		proxies := prefixes(f.trustedProxies)
		mux.Limit(access.NewGuesses(f.keyFailures, func(r *http.Request) string { return callerIP(r, proxies) }))
	}
	s.up.refuse = mux.Refuse
	api, err := s.graphql(f)
	if err != nil {
		return nil, err
	}
	s.register(mux, api, f)
	described, err := document(mux.Routes(), f)
	if err != nil { // a test fails then: no reason not to serve what is described
		s.log.Error("the OpenAPI document does not tell of every route", "err", err)
	}
	if err := s.docs.Publish(described); err != nil {
		return nil, err
	}
	handler := s.up.guard(s.traced(rest.Tenants(s.forked(s.observed(mux, f), mux.Refuse))))
	if f.past.bundle != nil {
		handler = readOnly(handler)
	}
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

	s.docs.Register(mux.Public)

	mux.HandleWithPage("GET /graphql", access.Read, s.model.marked(api), api.Explorer())
	mux.Handle("POST /graphql", access.Read, s.model.marked(api))
	mux.ForRuns("POST /graphql")

	foreign := &openlineage.Handler{Door: s.door, Commands: s.commander(), Fail: refuseIngest, Observe: s.metrics.ingested("openlineage"), Log: s.log}
	for _, route := range foreign.Routes() {
		mux.Handle(route.Pattern, access.IngestOnly, route.Handler)
		mux.ForRuns(route.Pattern)
	}
	own := &native.Handler{Door: s.door, Commands: s.commander(), Fail: refuseIngest, Observe: s.metrics.ingested("native")}
	mux.Handle("POST /v1/workspaces/{slug}/events", access.IngestOnly, own)
	mux.ForRuns("POST /v1/workspaces/{slug}/events")

	s.rest(api).Register(mux)
	access.Handler{Desk: access.KeyDesk{Keys: s.keys, Rights: s.rights}, Runs: s.runsOf, Log: s.log, Fork: s.forkShort}.Register(mux)
	s.signIn.Register(mux)
	past := s.histories(f)
	mux.Handle("GET /v1/workspaces/{slug}/history", access.Read, http.HandlerFunc(past.export))
	mux.Lasts("GET /v1/workspaces/{slug}/history")
	mux.Handle("PUT /v1/organizations/{org}/histories/{slug}", access.Admin, http.HandlerFunc(past.bring))
	mux.Lasts("PUT /v1/organizations/{org}/histories/{slug}")
	mux.Handle("GET /v1/workspaces/{slug}/replay", access.Read, http.HandlerFunc(past.replay))
	mux.Lasts("GET /v1/workspaces/{slug}/replay")
	admin := adminAPI{engine: s.engine, rights: s.rights, model: s.model, unsafe: s.unsafeSettings, seal: s.sealStatus, log: s.log, began: s.began}
	erasure.Handler{Door: s.eraseDoor(), Log: s.log}.Register(mux)
	mux.Handle("GET /v1/instance", access.Read, http.HandlerFunc(s.instance))
	mux.Handle("POST /v1/instance/fork", access.Admin, http.HandlerFunc(s.fork))
	mux.Handle("GET /v1/status", access.Read, http.HandlerFunc(admin.status))
	mux.Handle("GET /v1/projections", access.Read, http.HandlerFunc(admin.list))
	mux.Handle("POST /v1/projections/swap", access.Admin, admin.wholeServer(admin.swap))
	mux.Handle("POST /v1/projections/discard", access.Admin, admin.wholeServer(admin.discard))
	mux.Handle("POST /v1/projections/rollback", access.Admin, admin.wholeServer(admin.rollback))
	mux.Handle("POST /v1/workspaces/{slug}/projection/retry", access.Admin, http.HandlerFunc(admin.retry))
	operationsAPI{desk: s.operations, rights: s.rights, log: s.log}.register(mux)
	mux.Handle("GET /v1/workspaces/{slug}/proofs/{event}", access.Read, http.HandlerFunc(s.proof))
	mux.Handle("POST /v1/audit/resume", access.Admin, s.operators(http.HandlerFunc(s.resumeSealing)))
	mux.Handle("GET /v1/audit/key", access.Read, http.HandlerFunc(s.auditKey))
	mux.Handle("GET /metrics", access.Read, s.operators(s.metrics.handler()))
	if f.pprof {
		mux.Handle("GET /debug/pprof/", access.Admin, s.operators(http.HandlerFunc(pprof.Index)))
		mux.Handle("GET /debug/pprof/profile", access.Admin, s.operators(http.HandlerFunc(pprof.Profile)))
		mux.Handle("GET /debug/pprof/trace", access.Admin, s.operators(http.HandlerFunc(pprof.Trace)))
	}
}

// door settles for a request of events which workspace it is about and as whom it acts. A workspace that the key may
// not write to is refused like one that does not exist.
func (s *server) door(r *http.Request, named domain.Slug) (domain.Slug, domain.Actor, error) {
	p, ok := access.From(r.Context())
	if !ok {
		return "", domain.Actor{}, access.ErrMissing
	}
	slug, err := p.Target(named)
	var mismatch *access.MismatchError
	if errors.As(err, &mismatch) {
		return "", domain.Actor{}, &refused.Problem{Status: http.StatusConflict, Shared: true, Code: refused.WorkspaceConflict, Field: refused.Workspace, Rule: "A request names the workspace that its key is bound to, or none.",
			Message: mismatch.Error() + ": nothing was written"}
	}
	if err != nil {
		return "", domain.Actor{}, err
	}
	if err := s.rights.Permit(r.Context(), p, slug, domain.IngestEvents, refused.NoWorkspace(slug)); err != nil {
		return "", domain.Actor{}, err
	}
	return slug, p.Actor(), nil
}

// refuseIngest answers what package refusal has no word for: a missing key, or an outage, which is told as 503, come
// again.
func refuseIngest(w http.ResponseWriter, _ *http.Request, err error) { access.Refuse(w, err) }

// operators is for what concerns the whole server: for its operators alone, and not by keys of one workspace.
func (s *server) operators(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, _ := access.From(r.Context())
		if err := operates(r.Context(), s.rights, p); err != nil {
			access.Refuse(w, err)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// operates refuses whoever does not operate the server.
func operates(ctx context.Context, rights *access.Rights, p access.Principal) error {
	if p.Workspace != "" {
		return &access.Refusal{Status: http.StatusForbidden, Code: "scope_missing", Message: "this key is bound to one workspace, and this is about the whole server"}
	}
	ok, err := rights.Operates(ctx, p)
	if err != nil {
		return err
	}
	if !ok {
		return &access.Refusal{Status: http.StatusForbidden, Code: "permission_missing", Message: fmt.Sprintf("this is for the operators of the server: owners and admins of the organization %s", firstOrganization)}
	}
	return nil
}

// run serves until ctx ends, then drains: requests under way are finished and new ones sent away, subscriptions are
// ended. Meanwhile /readyz says that the server stops, so that balancers look elsewhere.
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
	select {
	case <-s.up.drain():
	case <-grace.Done():
	}
	if err := w.Shutdown(grace); err != nil {
		s.log.Warn("some requests did not end in time", "err", err)
		_ = w.Close() // whatever is left
	}
	return nil
}
