package main

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql"
	"github.com/annals-io/annals/graphql/transport"
	"github.com/annals-io/annals/ingest/foreign"
	"github.com/annals-io/annals/ingest/native"
	"github.com/annals-io/annals/rest"
	"github.com/annals-io/annals/vault"
)

// graphqlAPI is what the router needs of the GraphQL server.
type graphqlAPI interface {
	http.Handler
	rest.Asker
	Explorer() http.Handler
}

// graphql is the API for people and dashboards.
func (s *server) graphql(f serveFlags) (graphqlAPI, error) {
	origins, err := f.origins()
	if err != nil {
		return nil, err
	}
	refuse := ""
	if f.past.bundle != nil {
		refuse = readOnlyMessage
	}
	return graphql.New(graphql.Config{ReadOnly: refuse, Resolver: s.resolver(f.lineageMemory), Caller: s.caller, Admit: admit, Limits: f.limits, Origins: origins, Log: s.log, Observe: s.metrics.operated})
}

// graphqlCodes are those of what is refused before GraphQL is asked, by status.
var graphqlCodes = map[int]string{
	http.StatusUnauthorized: "UNAUTHENTICATED", http.StatusForbidden: "FORBIDDEN", http.StatusMethodNotAllowed: "METHOD_NOT_ALLOWED",
	http.StatusUnsupportedMediaType: "UNSUPPORTED_MEDIA_TYPE", http.StatusTooManyRequests: "RATE_LIMITED", http.StatusServiceUnavailable: "UNAVAILABLE",
	http.StatusPreconditionFailed: "HISTORY_FORKED",
}

// refuseGraphQL writes a refusal of the router as GraphQL over HTTP has it; reason is the code that other routes have.
func refuseGraphQL(w http.ResponseWriter, r *http.Request, no *access.Refusal) {
	transport.Refuse(w, r, cmp.Or(graphqlCodes[no.Status], "INTERNAL"), no.Message, map[string]any{"reason": no.Code})
}

// rightful is a principal that knows what it may do.
type rightful struct {
	access.Principal
	rights *access.Rights
}

// Holds is what the caller may do in a workspace.
func (p rightful) Holds(ctx context.Context, ws domain.Slug) (domain.PermissionSet, error) {
	return p.rights.Holds(ctx, p.Principal, ws)
}

// HoldsIn is what the caller may do in an organization.
func (p rightful) HoldsIn(ctx context.Context, org domain.Slug) (domain.PermissionSet, error) {
	return p.rights.HoldsIn(ctx, p.Principal, org)
}

// Deleted says whether a workspace was deleted in which the caller may do something.
func (p rightful) Deleted(ctx context.Context, ws domain.Slug) (bool, error) {
	a, err := p.rights.Workspace(ctx, p.Who(), ws)
	return a.Deleted && len(a.Holds) > 0 && p.In(ws), err
}

// Operator says whether the caller operates the server.
func (p rightful) Operator(ctx context.Context) (bool, error) {
	return p.rights.Operator(ctx, p.Principal)
}

// Foresee asks at once about workspaces that Holds will be asked about one by one.
func (p rightful) Foresee(ctx context.Context, ws []domain.Slug) error {
	return p.rights.Foresee(ctx, p.Who(), ws)
}

// caller says who sent a request, in the words of package graphql.
func (s *server) caller(ctx context.Context) (graphql.Caller, bool) {
	p, ok := access.From(ctx)
	if !ok {
		return graphql.Caller{}, false
	}
	c := graphql.Caller{Principal: rightful{p, s.rights}, Who: p.Who(), Actor: p.Actor(), Name: p.Name, Workspace: p.Workspace, Organization: p.Organization, Account: p.Account, Run: p.Run}
	for _, s := range p.Scopes {
		c.Scopes = append(c.Scopes, string(s))
	}
	return c, true
}

// resolver answers the fields, and remembers so many bytes of what walks of lineage read.
func (s *server) resolver(memory int64) *graphql.Resolver {
	answers := s.answers.Load()
	answers.Remember(int(memory))
	return &graphql.Resolver{
		Moments: s.engine, Read: answers, Log: s.logFor(), Whole: s.store, Commands: s.rights.Watch(s.commander()), Native: readNative, Version: buildVersion(),
		Desk: s.desk, Eraser: s.eraseDoor(), Fork: s.forkShort, Names: opened{s.sealer}, Activity: s.keys,
	}
}

// rest is what plain HTTP answers, by way of GraphQL.
func (s *server) rest(api rest.Asker) *rest.API {
	return &rest.API{GraphQL: api, Rights: s.rights, Desk: s.desk, Commands: s.rights.Watch(s.commander()), Log: s.log, Around: s.model.marked, Page: s.docs.Workspace()}
}

// opened opens names of people.
type opened struct{ *vault.Keys }

// Erased says whether a name can never be read again.
func (opened) Erased(err error) bool { return errors.Is(err, vault.ErrErased) }

// readNative reads a native event by the rules of POST /v1/workspaces/{slug}/events.
func readNative(body []byte, now time.Time) (graphql.NativeEvent, error) {
	e, err := native.Read(body, now)
	var no *foreign.Refusal
	if errors.As(err, &no) {
		return graphql.NativeEvent{ID: e.ID}, &graphql.NativeRefusal{Code: string(no.Code), Path: no.Path, Rule: no.Rule, Message: no.Message}
	}
	return graphql.NativeEvent{ID: e.ID, Warnings: e.Warnings, Request: e.Request}, err
}
