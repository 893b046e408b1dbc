package main

import (
	"net/http"

	"github.com/annals-io/annals/rest/openapi"
)

// operationOperations describes the routes about work that outlives a request.
func operationOperations() []openapi.Operation {
	id := openapi.Parameter{Name: "id", In: "path", Description: "The operation.", Shape: openapi.Text(), Example: "6ba7b810-9dad-41d1-80b4-00c04fd430c8"}
	word := func(name, about string, shape openapi.Shape) openapi.Parameter {
		return openapi.Parameter{Name: name, In: "query", Description: about, Shape: shape}
	}
	one := func(about string) []openapi.Answer {
		return []openapi.Answer{openapi.Says(http.StatusOK, about, openapi.Of[operationView]())}
	}
	return []openapi.Operation{
		{
			Pattern: "GET /v1/operations", ID: "listOperations", Tag: "operations", Summary: "List operations, the newest first", Description: "Those that the caller may order. A thousand at most, and none that ended more than 90 days ago.",
			Parameters: []openapi.Parameter{word("kind", "Only these.", openapi.Text()), word("target", "Only those about this.", openapi.Text()),
				word("state", "Only those in this state.", openapi.Words("waiting", "running", "done", "failed", "cancelled"))},
			Answers: []openapi.Answer{openapi.Says(http.StatusOK, "The operations, without their results.", openapi.Of[operationPage]())}, Refuses: []int{http.StatusBadRequest},
		},
		{
			Pattern: "POST /v1/operations", ID: "startOperation", Tag: "operations", Summary: "Order work that outlives the request",
			Description: "It is done by any server of the database, and goes on when this one stops. What may be ordered, and by whom, is told by the kind.",
			Body:        openapi.Sends(openapi.Closed[operationOrder](), map[string]any{"kind": "projection.rebuild"}),
			Answers:     []openapi.Answer{openapi.Says(http.StatusAccepted, "It waits to be taken up, or was ordered before.", openapi.Of[operationView]())},
			Refuses:     []int{http.StatusBadRequest, http.StatusNotFound, http.StatusConflict},
		},
		{Pattern: "GET /v1/operations/{id}", ID: "showOperation", Tag: "operations", Summary: "Read how an operation stands", Parameters: []openapi.Parameter{id}, Answers: one("How it stands."), Refuses: []int{http.StatusNotFound}},
		{
			Pattern: "POST /v1/operations/{id}/cancel", ID: "cancelOperation", Tag: "operations", Summary: "Have an operation end", Description: "One that runs ends within a second or so. It can be resumed.", Parameters: []openapi.Parameter{id},
			Answers: one("How it stands."), Refuses: []int{http.StatusNotFound, http.StatusConflict},
		},
		{
			Pattern: "POST /v1/operations/{id}/resume", ID: "resumeOperation", Tag: "operations", Summary: "Go on with an operation that failed or was cancelled", Description: "From the last point that it kept.", Parameters: []openapi.Parameter{id},
			Answers: one("How it stands."), Refuses: []int{http.StatusNotFound, http.StatusConflict},
		},
	}
}
