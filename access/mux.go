package access

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// ExpiresHeader names, in answers, the moment (RFC 3339) at which the key of the request ends. It is there from
// [Notice] before it.
const ExpiresHeader = "Annals-Key-Expires"

// A Mux is the one router of the server. It denies by default: whoever registers a route says which scope it needs,
// or that it is public, and a path that nobody registered asks for a key first.
type Mux struct {
	routes *http.ServeMux
	auth   Authenticator
	log    *slog.Logger
	now    func() time.Time
	count  func(outcome string)
	forms  map[string]Form // of refusals, by path
	list   []Route
	watch  *watch
	limit  *Guesses
	runs   map[string]bool // patterns that the tokens of runs are let through to
	lasts  map[string]bool // patterns whose answers go on for long
}

// A Route is a registered pattern and what it asks for; no Needs: it is public.
type Route struct {
	Pattern string
	Needs   Scope
}

// NewMux routes for whom auth recognises. count hears the code of every refusal, and "ok"; nil: nobody does.
func NewMux(auth Authenticator, log *slog.Logger, count func(outcome string)) *Mux {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if count == nil {
		count = func(string) {}
	}
	return &Mux{routes: http.NewServeMux(), auth: auth, log: log, now: time.Now, count: count, forms: map[string]Form{}, watch: newWatch(auth), runs: map[string]bool{}, lasts: map[string]bool{}}
}

// Limit answers 429 to whoever comes too often with a key that is none. Without it nobody is limited.
func (m *Mux) Limit(g *Guesses) { m.limit = g }

// ForRuns lets the tokens of runs through to a route that is registered; to all others they are not. Its handler sees to
// it that a token does nothing that is not its run's: [Bound] is for that.
func (m *Mux) ForRuns(pattern string) { m.runs[pattern] = true }

// Lasts says of a route that is registered that its answers go on for long: they end with the credential, as those of
// subscriptions do.
func (m *Mux) Lasts(pattern string) { m.lasts[pattern] = true }

// authenticate says who sent a request, and counts those that fail. A request without a key guesses nothing.
func (m *Mux) authenticate(ctx context.Context, r *http.Request) (Principal, error) {
	p, err := m.auth.Authenticate(ctx, r)
	if err == nil || m.limit == nil {
		return p, err
	}
	// Sessions that ended are no guesses: a page that was left open asks on.
	if no := refusalOf(err); no.Status == http.StatusUnauthorized && strings.HasPrefix(no.Code, "key_") && no.Code != ErrMissing.Code {
		if wait := m.limit.Failed(r); wait > 0 {
			err = tooMany(wait)
		}
	}
	return p, err
}

// Public registers a page that holds no data and answers anybody.
func (m *Mux) Public(pattern string, h http.Handler) {
	m.list = append(m.list, Route{Pattern: pattern})
	m.routes.Handle(pattern, open{h})
}

// Handle registers a route for keys with a scope. Which workspaces the key is good for is the handler's to ask of the
// [Principal] in the context of its requests.
func (m *Mux) Handle(pattern string, needs Scope, h http.Handler) {
	m.list = append(m.list, Route{Pattern: pattern, Needs: needs})
	m.routes.Handle(pattern, guarded{needs, h})
}

// HandleWithPage registers a route that browsers use. Without a key they are shown a page, and a WebSocket reaches h
// to have the key in its first message judged by [Admit]: its context has no principal before. To all others the route
// is like one of Handle.
func (m *Mux) HandleWithPage(pattern string, needs Scope, h, page http.Handler) {
	m.list = append(m.list, Route{Pattern: pattern, Needs: needs})
	m.routes.Handle(pattern, paged{guarded{needs, h}, page})
}

// PatternOf is the pattern that a request falls under, "none" where there is none: for metrics, whose labels must not
// be the caller's to invent.
func (m *Mux) PatternOf(r *http.Request) string {
	if _, pattern := m.routes.Handler(r); pattern != "" {
		return pattern
	}
	return "none"
}

// Routes are all that were registered.
func (m *Mux) Routes() []Route { return m.list }

// The three kinds of handlers; a handler of no kind is not reachable.
type (
	open    struct{ http.Handler }
	guarded struct {
		needs Scope
		http.Handler
	}
	paged struct {
		guarded
		page http.Handler
	}
)

// ServeHTTP lets through what the route allows.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, _ := m.routes.Handler(r)
	switch h := h.(type) {
	case open:
		m.routes.ServeHTTP(w, r)
	case paged:
		if wantsPage(r) {
			h.page.ServeHTTP(w, r)
			return
		}
		if knocks(r) && m.stranger(r) {
			m.knock(w, r, h.needs)
			return
		}
		m.guard(w, r, h.needs)
	case guarded:
		m.guard(w, r, h.needs)
	default: // nothing of that name: only those with a key are told so
		if _, err := m.authenticate(r.Context(), r); err != nil {
			m.refuse(w, r, err)
			return
		}
		m.refuseRoute(w, r, h)
	}
}

// refuseRoute says in our words what the router would say: no such path, or not with this method. Where it would send
// the caller to a cleaner path, it says that instead: a client that follows a redirect with GET has lost its event.
func (m *Mux) refuseRoute(w http.ResponseWriter, r *http.Request, h http.Handler) {
	said := answerOf{header: http.Header{}}
	h.ServeHTTP(&said, r)
	no := &Refusal{Status: http.StatusNotFound, Code: "not_found", Message: "there is nothing at " + r.URL.Path}
	switch {
	case said.status == http.StatusMethodNotAllowed:
		w.Header().Set("Allow", said.header.Get("Allow"))
		no = &Refusal{Status: said.status, Code: "method_not_allowed", Message: r.URL.Path + " takes " + said.header.Get("Allow")}
	case said.header.Get("Location") != "":
		no.Message += ": did you mean " + said.header.Get("Location") + "?"
	}
	m.Refuse(w, r, no)
}

// answerOf keeps the head of an answer and drops the rest.
type answerOf struct {
	header http.Header
	status int
}

func (a *answerOf) Header() http.Header         { return a.header }
func (a *answerOf) WriteHeader(status int)      { a.status = status }
func (a *answerOf) Write(b []byte) (int, error) { return len(b), nil }

// wantsPage says whether a browser asks for something to show, not for data.
func wantsPage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	return !r.URL.Query().Has("query") && r.Header.Get("Authorization") == "" && r.Header.Get("Upgrade") == "" && acceptsHTML(r)
}

func (m *Mux) guard(w http.ResponseWriter, r *http.Request, needs Scope) {
	p, err := m.authenticate(r.Context(), r)
	if err != nil {
		m.refuse(w, r, err)
		return
	}
	m.count("ok")
	if !p.Expires.IsZero() && p.Expires.Sub(m.now()) <= Notice {
		w.Header().Set(ExpiresHeader, p.Expires.UTC().Format(time.RFC3339))
	}
	if needs != "" && !p.Has(needs) {
		m.refuse(w, r, lacking(needs))
		return
	}
	_, pattern := m.routes.Handler(r)
	if p.Run != nil && !m.runs[pattern] {
		m.refuse(w, r, errOnlyItsRun)
		return
	}
	ctx := With(r.Context(), p)
	if lasting(r) || m.lasts[pattern] {
		var stop context.CancelFunc
		ctx, stop = m.watch.whileValid(ctx, r, p)
		defer stop()
	}
	m.routes.ServeHTTP(w, r.WithContext(ctx))
}

var errOnlyItsRun = &Refusal{Status: http.StatusForbidden, Code: "other_run", Message: "the token of a run sends the events of its run and changes that run: it is good for nothing else"}

func lacking(needs Scope) *Refusal {
	return &Refusal{Status: http.StatusForbidden, Code: "scope_missing", Message: "this key lacks the scope " + string(needs) + ": use another one, or have one made by `annals key create --scope " + string(needs) + "`"}
}

func (m *Mux) refuse(w http.ResponseWriter, r *http.Request, err error) {
	m.count(refusalOf(err).Code)
	if refusalOf(err).Status == http.StatusServiceUnavailable {
		m.log.WarnContext(r.Context(), "keys cannot be checked", "err", err)
	}
	m.Refuse(w, r, err)
}
