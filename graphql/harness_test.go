package graphql_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/memory"
	"github.com/annals-io/annals/graphql"
	"github.com/annals-io/annals/graphql/limit"
	"github.com/annals-io/annals/graphql/transport"
	"github.com/annals-io/annals/ingest/foreign"
	"github.com/annals-io/annals/ingest/native"
	"github.com/annals-io/annals/internal/pgtest"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/projections/read"
)

// A house is a whole server: a log in memory, read models in Postgres, and the API over HTTP.
type house struct {
	t   *testing.T
	url string
	log *bytes.Buffer // what went wrong inside

	engine   *projections.Engine
	store    *memory.Store
	commands *eventstore.Executor
	pool     *pgxpool.Pool

	reads  atomic.Int64 // statements that read rows at a moment
	revoke func()       // ends what was admitted by a key in a first message
	left   atomic.Bool  // whether the caller "leaver" has lost every right
	gone   sync.Map     // digests of the evidence that was erased
}

// An erasedLog is a log without the evidence that was erased.
type erasedLog struct {
	graphql.OpenLog
	gone *sync.Map
}

// Evidence reads what is left.
func (l erasedLog) Evidence(ctx context.Context, bodies []graphql.Bodies) ([]map[domain.Digest][]byte, error) {
	found, err := l.OpenLog.Evidence(ctx, bodies)
	for _, all := range found {
		for d := range all {
			if _, gone := l.gone.Load(d); gone {
				delete(all, d)
			}
		}
	}
	return found, err
}

// TraceQueryStart counts what resolvers read: statements with the revision that an answer is true at.
func (h *house) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	if len(q.Args) >= 2 && strings.Contains(q.SQL, "$2") && strings.HasPrefix(strings.TrimSpace(q.SQL), "SELECT") {
		h.reads.Add(1)
	}
	return ctx
}

// TraceQueryEnd does nothing.
func (h *house) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// may is what a key is good for. The workspace "secret" is read by nobody.
type may struct{ read, write, admin bool }

func (m may) Holds(_ context.Context, ws domain.Slug) (domain.PermissionSet, error) {
	set := domain.PermissionSet{}
	for _, p := range domain.Permissions(domain.WorkspaceLevel) {
		if m.Allows(p) && !(p == domain.ReadWorkspace && ws == "secret") {
			set.Add(p)
		}
	}
	return set, nil
}

func (m may) HoldsIn(_ context.Context, org domain.Slug) (domain.PermissionSet, error) {
	set := domain.PermissionSet{}
	for _, p := range domain.Permissions(domain.OrganizationLevel) {
		if m.Allows(p) && org == "personal" {
			set.Add(p)
		}
	}
	return set, nil
}

func (m may) MayRun(domain.RunRef) bool { return true }

func (m may) Deleted(context.Context, domain.Slug) (bool, error) { return false, nil }

func (m may) Operator(context.Context) (bool, error) { return m.admin, nil }

func (m may) Allows(p domain.Permission) bool {
	switch p {
	case domain.ReadWorkspace, domain.ReadOrganization:
		return m.read
	case domain.WriteRuns, domain.WritePipelines, domain.WriteArtifacts, domain.IngestEvents:
		return m.write
	}
	return m.admin
}

// A leaver may read until all that is taken away.
type leaver struct {
	may
	left *atomic.Bool
}

func (l leaver) Holds(ctx context.Context, ws domain.Slug) (domain.PermissionSet, error) {
	if l.left.Load() {
		return nil, nil
	}
	return l.may.Holds(ctx, ws)
}

// newHouse is a house with the organization "home-org", which ann owns.
func newHouse(t *testing.T, limits limit.Limits) *house {
	t.Helper()
	h := emptyHouse(t, limits)
	done, err := h.commands.Execute(t.Context(), eventstore.Request{Stream: domain.OrganizationStream("home-org"), OccurredAt: time.Now(), Command: domain.CreateOrganization{Slug: "home-org", Name: "Home", Owner: ann}})
	if err != nil {
		t.Fatal(err)
	}
	h.await(projections.OrganizationScope("home-org"), done.Revision)
	return h
}

// await waits until a revision can be read.
func (h *house) await(scope domain.Slug, n domain.Revision) {
	h.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	if err := h.engine.Wait(ctx, scope, n); err != nil {
		h.t.Fatal(err)
	}
}

// emptyHouse is a house in which nothing ever happened.
func emptyHouse(t *testing.T, limits limit.Limits) *house {
	t.Helper()
	h := &house{t: t, log: &bytes.Buffer{}}
	good, revoke := context.WithCancel(context.Background())
	t.Cleanup(revoke)
	h.revoke = revoke
	config, err := pgxpool.ParseConfig(pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.Tracer = h
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	h.pool = pool
	if err := projections.Migrate(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	store := memory.New()
	engine, err := projections.New(projections.Config{Store: store, Pool: pool, StatesLinger: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	h.engine = engine
	commands := eventstore.New(store, eventstore.Config{})
	h.store, h.commands = store, commands
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelError}))
	rights := access.NewRights(store, nil, "personal")
	desk := &people.Desk{Commands: rights.Watch(commands), Log: store, Lens: rights.Lens(), Rights: rights, Sealer: plainNames{}, First: "personal"}
	server, err := graphql.New(graphql.Config{
		Resolver: &graphql.Resolver{Moments: engine, Read: read.New(pool), Log: erasedLog{graphql.OpenLog{Store: store}, &h.gone}, Whole: store, Commands: commands, Native: readNative, Version: "test", Desk: desk, Names: plainNames{}, Activity: seen{}},
		Limits:   limits, Log: log,
		Caller: func(ctx context.Context) (graphql.Caller, bool) {
			who, _ := ctx.Value(whoKey{}).(string)
			c, ok := map[string]graphql.Caller{
				"Bearer owner":  {Principal: may{true, true, true}, Who: domain.Person(uuid.UUID{15: 1}), Actor: domain.Actor{Kind: "key", ID: "owner"}, Organization: "personal", Account: uuid.UUID{15: 1}},
				"Bearer bob":    {Principal: may{true, true, true}, Who: domain.Person(bob), Actor: domain.Actor{Kind: "account", ID: bob.String()}, Organization: "personal", Account: bob},
				"Bearer other":  {Principal: may{true, true, true}, Who: domain.Person(uuid.UUID{15: 1}), Actor: domain.Actor{Kind: "key", ID: "other"}, Organization: "personal"},
				"Bearer reader": {Principal: may{read: true}, Who: domain.Person(uuid.UUID{15: 1}), Actor: domain.Actor{Kind: "key", ID: "reader"}},
				"Bearer leaver": {Principal: leaver{may{read: true}, &h.left}, Who: domain.Person(uuid.UUID{15: 1}), Actor: domain.Actor{Kind: "key", ID: "leaver"}},
			}[who]
			return c, ok
		},
		Admit: func(ctx context.Context, authorization string) (context.Context, *transport.Denial) {
			switch authorization {
			case "Bearer owner", "Bearer reader":
				ctx, stop := context.WithCancel(context.WithValue(ctx, whoKey{}, authorization))
				context.AfterFunc(good, stop)
				return ctx, nil
			case "Bearer later":
				return nil, &transport.Denial{Message: "keys cannot be checked", Later: true}
			}
			return nil, &transport.Denial{Message: "the key is not good"}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := context.WithValue(r.Context(), whoKey{}, r.Header.Get("Authorization"))
		if account, ok := map[string]uuid.UUID{"Bearer owner": ann, "Bearer bob": bob}[r.Header.Get("Authorization")]; ok {
			ctx = access.With(ctx, access.Principal{SessionID: "of-" + account.String(), Account: account, Scopes: []access.Scope{access.Admin}, Organization: "home-org"})
		}
		server.ServeHTTP(w, r.WithContext(ctx))
	}))
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
		_ = commands.Close(context.Background())
		cancel()
		<-done
		_ = store.Close()
		if s := h.log.String(); s != "" {
			t.Errorf("logged:\n%s", s)
		}
	})
	select {
	case <-engine.Ready():
	case err := <-done:
		t.Fatal(err)
	}
	h.url = srv.URL
	return h
}

// team makes a team of the organization in which workspaces are created.
func (h *house) team(name string) {
	h.t.Helper()
	h.ask(`mutation { it: createTeam(input: {organization: "home-org", name: "` + name + `"}) { userErrors { message } } }`)
}

type whoKey struct{}

func readNative(body []byte, now time.Time) (graphql.NativeEvent, error) {
	e, err := native.Read(body, now)
	var no *foreign.Refusal
	if errors.As(err, &no) {
		return graphql.NativeEvent{}, &graphql.NativeRefusal{Code: string(no.Code), Path: no.Path, Rule: no.Rule, Message: no.Message}
	}
	return graphql.NativeEvent{ID: e.ID, Warnings: e.Warnings, Request: e.Request}, err
}

// An answer is a response, read into plain values.
type answer struct {
	t      *testing.T
	status int
	Data   any              `json:"data"`
	Errors []map[string]any `json:"errors"`
}

// as asks with somebody's key.
func (h *house) as(who, query string, vars map[string]any) answer {
	h.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": vars})
	if err != nil {
		h.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(h.t.Context(), "POST", h.url, bytes.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/graphql-response+json")
	if who != "" {
		req.Header.Set("Authorization", "Bearer "+who)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	a := answer{t: h.t, status: resp.StatusCode}
	dec := json.NewDecoder(resp.Body)
	dec.UseNumber()
	if err := dec.Decode(&a); err != nil {
		h.t.Fatalf("%s answered no JSON: %v", query, err)
	}
	return a
}

// ask asks as the owner, and wants no error.
func (h *house) ask(query string, vars ...map[string]any) answer {
	h.t.Helper()
	var v map[string]any
	if len(vars) > 0 {
		v = vars[0]
	}
	a := h.as("owner", query, v)
	if len(a.Errors) > 0 {
		h.t.Fatalf("%s\nanswered %v", query, a.Errors)
	}
	return a
}

// code is the code of the first error.
func (a answer) code() string {
	if len(a.Errors) == 0 {
		return ""
	}
	ext, _ := a.Errors[0]["extensions"].(map[string]any)
	s, _ := ext["code"].(string)
	return s
}

// at is the value at a path of names and indexes: "workspace.runs.nodes.0.name". It is printed as JSON, texts without
// quotes.
func (a answer) at(path string) string {
	a.t.Helper()
	v := a.Data
	for part := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			got, ok := in[part]
			if !ok {
				a.t.Fatalf("no %q of %s in %v", part, path, in)
			}
			v = got
		case []any:
			i := 0
			if err := json.Unmarshal([]byte(part), &i); err != nil || i >= len(in) {
				a.t.Fatalf("no %q of %s in %d elements", part, path, len(in))
			}
			v = in[i]
		default:
			a.t.Fatalf("no %q of %s in %v", part, path, v)
		}
	}
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		a.t.Fatal(err)
	}
	return string(b)
}

// want compares values at paths.
func (a answer) want(paths map[string]string) {
	a.t.Helper()
	for path, want := range paths {
		if got := a.at(path); got != want {
			a.t.Errorf("%s is %s; want %s", path, got, want)
		}
	}
}

// aim finds the workspace of a mutation's input.
var aim = regexp.MustCompile(`(?:workspace|slug): "([^"]*)"`)

// do carries out a mutation that must go well, and waits until what it wrote can be read; it answers its payload. A
// test that reads without asking for a revision counts on that.
func (h *house) do(mutation, input, fields string) answer {
	h.t.Helper()
	a := h.send(mutation, input, fields)
	revision, err := strconv.ParseInt(a.at("it.revision"), 10, 64)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	if err := h.engine.Wait(ctx, domain.Slug(aim.FindStringSubmatch(input)[1]), domain.Revision(revision)); err != nil {
		h.t.Fatal(err)
	}
	return a
}

// send is do without the wait, for tests of what waiting for a revision does.
func (h *house) send(mutation, input, fields string) answer {
	h.t.Helper()
	a := h.ask("mutation { it: " + mutation + "(input: {" + input + "}) { " + fields + " userErrors { __typename message code path } revision duplicate } }")
	if got := a.at("it.userErrors"); got != "[]" {
		h.t.Fatalf("%s: %s", mutation, got)
	}
	return a
}

// refused carries out a mutation that must be refused; it answers type and code of the refusal.
func (h *house) refused(mutation, input string) (kind, code string) {
	h.t.Helper()
	a := h.ask("mutation { it: " + mutation + "(input: {" + input + "}) { userErrors { __typename message code path } } }")
	return a.at("it.userErrors.0.__typename"), a.at("it.userErrors.0.code")
}
