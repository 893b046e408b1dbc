package main

import (
	"net/http"

	"github.com/annals-io/annals/rest/openapi"
)

// graphqlRequest is the body of POST /graphql.
type graphqlRequest struct {
	Query         string         `json:"query" need:"yes" minLength:"1" doc:"The document."`
	OperationName *string        `json:"operationName,omitempty" doc:"Which of its operations, where it has several."`
	Variables     map[string]any `json:"variables,omitempty"`
	Extensions    map[string]any `json:"extensions,omitempty"`
}

// graphqlResponse is every answer of GraphQL.
type graphqlResponse struct {
	Data       map[string]any   `json:"data,omitempty"`
	Errors     []map[string]any `json:"errors,omitempty" doc:"Each has a message, extensions.code and, where a rule was broken, extensions.rule."`
	Extensions map[string]any   `json:"extensions,omitempty"`
}

// The media types of GraphQL's answers.
const (
	graphqlMedia = "application/graphql-response+json"
	jsonMedia    = "application/json"
)

// graphqlOperations describes the address of GraphQL, as far as OpenAPI has words for it.
func graphqlOperations() []openapi.Operation {
	answer := func(status int, about string, more ...string) openapi.Answer {
		a := openapi.Answer{Status: status, Description: about}
		for _, kind := range append([]string{jsonMedia, graphqlMedia}, more...) {
			shape := openapi.Of[graphqlResponse]()
			if kind != jsonMedia && kind != graphqlMedia {
				shape = openapi.Text()
			}
			a.Content = append(a.Content, openapi.Content{Type: kind, Shape: shape})
		}
		return a
	}
	answers := []openapi.Answer{
		answer(http.StatusOK, "The answer; with application/json, also where there are errors alone. By GET a browser is shown the explorer, and text/event-stream carries subscriptions.", "text/html", "text/event-stream"),
		answer(http.StatusBadRequest, "The request or the document breaks a rule."),
		answer(http.StatusUnauthorized, "There is no key, or it opens nothing (any more)."),
		answer(http.StatusForbidden, "The key may not do that."),
		answer(http.StatusMethodNotAllowed, "A mutation is sent by POST."),
		answer(http.StatusNotAcceptable, "None of the forms of the answer is acceptable."),
		answer(http.StatusRequestEntityTooLarge, "The request is too large."),
		answer(http.StatusUnsupportedMediaType, "The body is not JSON."),
		answer(http.StatusTooManyRequests, "Too many streams are open."),
		answer(http.StatusServiceUnavailable, "The server cannot answer now: come again after Retry-After seconds."),
	}
	about := "Lists, single things, lineage, all of it as of any earlier moment, and every change. The schema is read by introspection."
	return []openapi.Operation{
		{
			Pattern: "GET /graphql", ID: "query", Tag: "graphql", Summary: "Ask by GraphQL", Description: about,
			Parameters: []openapi.Parameter{
				{Name: "query", In: "query", Description: "The document.", Required: true, Shape: openapi.Text(), Example: "{__typename}"},
				{Name: "operationName", In: "query", Description: "Which of its operations, where it has several.", Shape: openapi.Text()},
				{Name: "variables", In: "query", Description: "A JSON object.", Shape: openapi.Text()},
			},
			Answers: answers,
		},
		{
			Pattern: "POST /graphql", ID: "execute", Tag: "graphql", Summary: "Ask or change by GraphQL", Description: about,
			Body: openapi.Sends(openapi.Of[graphqlRequest](), map[string]any{"query": "{ __typename }"}), Answers: answers,
		},
	}
}
