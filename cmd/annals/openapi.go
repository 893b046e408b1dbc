package main

import (
	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/signin"
	"github.com/annals-io/annals/erasure"
	"github.com/annals-io/annals/ingest/native"
	"github.com/annals-io/annals/ingest/openlineage"
	"github.com/annals-io/annals/rest"
	"github.com/annals-io/annals/rest/openapi"
)

// aboutAPI is the head of the OpenAPI document.
func aboutAPI() openapi.Info {
	return openapi.Info{
		Title: "Annals", Version: buildVersion(), Summary: "The history of pipelines: runs, artifacts and lineage, now or at any earlier moment.",
		Description: "Every request carries an API key: Authorization: Bearer KEY. A key has scopes (admin, write, ingest, read); what its owner may do where is said by the roles they hold.\n\n" +
			"What somebody may not see is answered as what does not exist: 404, with the same words. What they may see and not change is 403, and names the permission it takes. " +
			"A refusal is {\"error\": {\"code\", \"message\", \"field\"}}: codes are stable, for programs.\n\n" +
			"Lists are {\"items\", \"nextCursor\", \"totalCount\"}: send nextCursor as cursor for the next page. " +
			"In any path, tenants may be written for workspaces.",
		Tags: []openapi.Tag{
			{Name: "organizations", Description: "Who works together, and what they share."},
			{Name: "workspaces", Description: "Places of their own: each has its people, its roles and its walls."},
			{Name: "members", Description: "Who may do what where: members, teams, roles and service accounts."},
			{Name: "invitations", Description: "Links by which people become members, once and until they expire."},
			{Name: "keys", Description: "API keys of people and service accounts."},
			{Name: "sign-in", Description: "Sessions, and how to get one."},
			{Name: "runs", Description: "What pipelines did."},
			{Name: "events", Description: "Sending events in, and reading them back."},
			{Name: "history", Description: "Whole histories: replayed, taken away, brought elsewhere."},
			{Name: "lineage", Description: "What was made from what."},
			{Name: "promotions", Description: "Artifact versions that went from one workspace to another."},
			{Name: "erasure", Description: "Destroying what can be read about somebody or something, and nothing of the history."},
			{Name: "graphql", Description: "Everything there is to read, and every change, by GraphQL."},
			{Name: "health", Description: "Whether the server is up, and how far its read models are."},
			{Name: "operations", Description: "Work that outlives the request that asked for it."},
			{Name: "documents", Description: "Pages that hold no data."},
		},
	}
}

// known are the words of types in the document.
func known() openapi.Known {
	k := openapi.Known{}
	access.Known(k)
	rest.Known(k)
	return k
}

// allOperations describes every route that the server registers with these flags, by those who serve it.
func allOperations(f serveFlags) []openapi.Operation {
	all := append(documentOperations(), graphqlOperations()...)
	all = append(all, healthOperations()...)
	all = append(all, instanceOperations()...)
	all = append(all, projectionOperations()...)
	all = append(all, operationOperations()...)
	all = append(all, historyOperations()...)
	all = append(all, (*openlineage.Handler)(nil).Operations()...)
	all = append(all, (*native.Handler)(nil).Operation())
	all = append(all, (&rest.API{}).Operations()...)
	all = append(all, access.Handler{}.Operations()...)
	all = append(all, (*signin.Handler)(nil).Operations()...)
	all = append(all, erasure.Handler{}.Operations()...)
	if f.pprof {
		all = append(all, profileOperations()...)
	}
	return all
}

// document is what the registered routes are, as OpenAPI has it. The error names what is registered and not described,
// and the other way round.
func document(routes []access.Route, f serveFlags) (*openapi.Document, error) {
	registered := make([]openapi.Route, len(routes))
	for i, r := range routes {
		registered[i] = openapi.Route{Pattern: r.Pattern, Scope: string(r.Needs)}
	}
	return openapi.Build(aboutAPI(), known(), registered, allOperations(f))
}
