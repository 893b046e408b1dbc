package rest

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/graphql"
	"github.com/annals-io/annals/rest/openapi"
)

// An Asker answers GraphQL documents in the name of the caller in ctx. *graphql.Server is the one there is.
type Asker interface {
	Ask(ctx context.Context, document string, variables map[string]any) (data json.RawMessage, faults []*graphql.Fault, err error)
}

// Rights say what somebody may do. *access.Rights are those there are.
type Rights interface {
	// Permit refuses a principal who may not do something in a workspace, with absent where they may not even know of it.
	Permit(ctx context.Context, p access.Principal, ws domain.Slug, may domain.Permission, absent error) error
}

// An API serves the routes. All fields are needed to serve; none to describe.
type API struct {
	GraphQL  Asker
	Rights   Rights
	Desk     *people.Desk         // for everything about people, organizations and new workspaces
	Commands eventstore.Commander // one that tells rights of what it carries out
	Log      *slog.Logger
	Around   func(http.Handler) http.Handler // what concerns every route that reads the read models
	Page     http.Handler                    // what browsers are shown at a workspace's own address
}

// An action is a route: what it is, whom it is for, and what it does.
type action struct {
	openapi.Operation
	scope access.Scope
	do    func(c *call) (answer, error)
}

// An answer is what an action has to say. A status of 0 is 200.
type answer struct {
	status   int
	body     any
	revision *int64 // of the resource, for its ETag; nil: it has none
	location string // of what was made
}

// actions are all there are, in the order of their files.
func (a *API) actions() []action {
	var all []action
	for _, some := range [][]action{
		a.organizationActions(), a.workspaceActions(), a.changeActions(), a.memberActions(), a.roleActions(), a.teamActions(), a.invitationActions(),
		a.standingActions(), a.runActions(), a.eventActions(), a.lineageActions(), a.promotionActions(),
	} {
		all = append(all, some...)
	}
	for i := range all {
		all[i].complete()
	}
	return all
}

// complete adds what every action has: a body that is sent and headers of changes.
func (a *action) complete() {
	if strings.HasPrefix(a.Pattern, http.MethodGet+" ") {
		return
	}
	a.Parameters = append(a.Parameters, openapi.Parameter{
		Name: keyHeader, In: "header", Shape: openapi.As(openapi.Schema{Type: "string", MaxLength: &maxKey}),
		Description: "Of your choice, for 30 days: the same request sent again with it is answered as the first time, and changes nothing.",
	})
}

// Operations describes the routes.
func (a *API) Operations() []openapi.Operation {
	var all []openapi.Operation
	for _, one := range a.actions() {
		all = append(all, one.Operation)
	}
	return all
}

// Register puts the routes on the router.
func (a *API) Register(m *access.Mux) {
	for _, one := range a.actions() {
		if one.Pattern == "GET "+workspaceURL {
			m.HandleWithPage(one.Pattern, one.scope, a.Around(a.handler(one)), a.Page)
			continue
		}
		m.Handle(one.Pattern, one.scope, a.Around(a.handler(one)))
	}
}

// handler reads a request by what the action says of it, carries it out, and writes what comes of it.
func (a *API) handler(one action) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := a.read(w, r, one)
		var said answer
		if err == nil {
			said, err = one.do(c)
		}
		if err == nil {
			err = write(w, said)
		}
		if err != nil {
			a.refuse(w, r, err)
		}
	})
}
