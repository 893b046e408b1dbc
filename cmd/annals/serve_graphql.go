package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/graphql"
	"github.com/annals-io/annals/ingest/foreign"
	"github.com/annals-io/annals/ingest/native"
	"github.com/annals-io/annals/projections/read"
)

// graphqlAPI is what the router needs of the GraphQL server.
type graphqlAPI interface {
	http.Handler
	Explorer() http.Handler
}

// graphql is the API for people and dashboards.
func (s *server) graphql() (graphqlAPI, error) {
	return graphql.New(graphql.Config{Resolver: s.resolver(), Caller: caller, Admit: admit, Log: s.log, Observe: s.metrics.operated})
}

// caller says who sent a request, in the words of package graphql.
func caller(ctx context.Context) (graphql.Caller, bool) {
	p, ok := access.From(ctx)
	if !ok {
		return graphql.Caller{}, false
	}
	c := graphql.Caller{Principal: p, Actor: p.Actor(), Name: p.Name, Workspace: p.Workspace, Organization: p.Organization, Account: p.Account}
	for _, s := range p.Scopes {
		c.Scopes = append(c.Scopes, string(s))
	}
	return c, true
}

// resolver answers the fields.
func (s *server) resolver() *graphql.Resolver {
	return &graphql.Resolver{
		Moments: s.engine, Read: read.New(s.pool), Log: s.store, Commands: s.commander(), Native: readNative, Version: buildVersion(),
	}
}

// readNative reads a native event by the rules of POST /v1/workspaces/{slug}/events.
func readNative(body []byte, now time.Time) (graphql.NativeEvent, error) {
	e, err := native.Read(body, now)
	var no *foreign.Refusal
	if errors.As(err, &no) {
		return graphql.NativeEvent{ID: e.ID}, &graphql.NativeRefusal{Code: string(no.Code), Path: no.Path, Message: no.Message}
	}
	return graphql.NativeEvent{ID: e.ID, Warnings: e.Warnings, Request: e.Request}, err
}
