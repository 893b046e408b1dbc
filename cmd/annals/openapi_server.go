package main

import (
	"net/http"

	"github.com/annals-io/annals/audit/seal"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/rest/openapi"
)

// text is an answer that is plain text.
func text(status int, description string) openapi.Answer {
	return openapi.Answer{Status: status, Description: description, Content: []openapi.Content{{Type: "text/plain", Shape: openapi.Text()}}}
}

// file is an answer in one of some forms that are no JSON.
func file(description string, kinds ...string) openapi.Answer {
	a := openapi.Answer{Status: http.StatusOK, Description: description}
	for _, kind := range kinds {
		a.Content = append(a.Content, openapi.Content{Type: kind, Shape: openapi.Text()})
	}
	return a
}

// slugParameter is the workspace in a path.
var slugParameter = openapi.Parameter{Name: "slug", In: "path", Description: "The workspace.", Shape: openapi.Text(), Example: "default"}

// documentOperations describes the pages that hold no data.
func documentOperations() []openapi.Operation {
	anyObject := openapi.As(openapi.Schema{Type: "object"})
	return []openapi.Operation{
		{Pattern: "GET /{$}", ID: "welcome", Tag: "documents", Summary: "Show what there is to open", Answers: []openapi.Answer{file("The page.", "text/html")}},
		{Pattern: "GET /openapi.json", ID: "openapi", Tag: "documents", Summary: "Read this document", Answers: []openapi.Answer{openapi.Says(http.StatusOK, "The document.", anyObject)}},
		{Pattern: "GET /docs", ID: "docs", Tag: "documents", Summary: "Show this document", Answers: []openapi.Answer{file("The page.", "text/html")}},
		{Pattern: "GET /docs/docs.css", ID: "docsStyle", Tag: "documents", Summary: "Fetch the style sheet of that page", Answers: []openapi.Answer{file("The style sheet.", "text/css")}},
		{
			Pattern: "GET /workspaces/{slug}/openapi.json", ID: "openapiUnder", Tag: "documents", Summary: "Read what lies under a workspace", Parameters: []openapi.Parameter{slugParameter},
			Description: "The part of the document that is about one workspace, with its slug written out. It is the same whether there is such a workspace or not.",
			Answers:     []openapi.Answer{openapi.Says(http.StatusOK, "The document.", anyObject)}, Refuses: []int{http.StatusNotFound},
		},
		{
			Pattern: "GET /workspaces/{slug}/docs", ID: "docsUnder", Tag: "documents", Summary: "Show what lies under a workspace", Parameters: []openapi.Parameter{slugParameter},
			Answers: []openapi.Answer{file("The page.", "text/html")}, Refuses: []int{http.StatusNotFound},
		},
		{
			Pattern: "GET /graphql/explorer/", Path: "/graphql/explorer/{file}", ID: "explorerFile", Tag: "documents", Summary: "Fetch a part of the GraphQL explorer",
			Parameters: []openapi.Parameter{{Name: "file", In: "path", Description: "Its name.", Shape: openapi.Text(), Example: "explorer.js"}},
			Answers:    []openapi.Answer{file("The part.", "text/html", "text/css", "text/javascript"), text(http.StatusNotFound, "There is no such part.")},
		},
	}
}

// healthOperations describes what balancers, monitors and operators ask.
func healthOperations() []openapi.Operation {
	return []openapi.Operation{
		{Pattern: "GET /healthz", ID: "health", Tag: "health", Summary: "Ask whether the process runs", Answers: []openapi.Answer{text(http.StatusOK, "It runs.")}},
		{
			Pattern: "GET /readyz", ID: "ready", Tag: "health", Summary: "Ask whether requests can be answered",
			Answers: []openapi.Answer{text(http.StatusOK, "They can."), {Status: http.StatusServiceUnavailable, Description: "The database does not answer, or the server stops.",
				Content: []openapi.Content{{Type: "text/plain", Shape: openapi.Text()}, {Type: "application/json", Shape: openapi.Of[openapi.Problem]()}}}},
		},
		{Pattern: "GET /v1/status", ID: "status", Tag: "health", Summary: "Read how the server stands", Answers: []openapi.Answer{openapi.Says(http.StatusOK, "How it stands.", openapi.Of[serverStatus]())}},
		{
			Pattern: "GET /v1/workspaces/{slug}/proofs/{event}", ID: "proveEvent", Tag: "events", Summary: "Read the receipt of an event", Permission: string(domain.ReadWorkspace),
			Description: "A proof, in the form of c2sp.org/tlog-proof, that the event is in the history that was signed. Its extra line is the leaf: the event's envelope and the digests of what it says.",
			Parameters:  []openapi.Parameter{slugParameter, {Name: "event", In: "path", Description: "A revision, or the event's id.", Shape: openapi.Text(), Example: "0"}},
			Answers:     []openapi.Answer{text(http.StatusOK, "The receipt.")}, Refuses: []int{http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable},
		},
		{
			Pattern: "POST /v1/audit/resume", ID: "resumeSealing", Tag: "health", Summary: "Seal a history again that was stopped",
			Description: "For operators, who say why it does not fit what was signed: a backup was restored. What was told elsewhere stays known there. Not for keys of one workspace.",
			Body:        &openapi.Body{Content: openapi.JSON(openapi.Of[resumeOrder]())}, Answers: []openapi.Answer{openapi.Says(http.StatusOK, "How it stood.", openapi.Of[seal.Stop]())},
			Refuses: []int{http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable},
		},
		{
			Pattern: "GET /v1/audit/key", ID: "auditKey", Tag: "health", Summary: "Read the key that history is checked by",
			Description: "The verifier key of the instance, as signed notes have it. Who checks an export should have it from somewhere else: a server that lies about history lies about its key.",
			Answers:     []openapi.Answer{openapi.Says(http.StatusOK, "The key.", openapi.Of[auditKeys]())},
		},
		{
			Pattern: "GET /metrics", ID: "metrics", Tag: "health", Summary: "Read the metrics of the server", Description: "In the format that Prometheus reads. Not for keys of one workspace.",
			Answers: []openapi.Answer{file("The metrics.", "text/plain")},
		},
	}
}

// projectionPage is the answer of GET /v1/projections.
type projectionPage struct {
	Items      []standing `json:"items"`
	NextCursor *string    `json:"nextCursor"`
	TotalCount int        `json:"totalCount"`
}

// swapAnswer is the answer to a swap; the error is there where the two models differ.
type swapAnswer struct {
	Report *rebuildReport  `json:"report"`
	Error  *openapi.Detail `json:"error,omitempty"`
}

// projectionOperations describes what operators do with read models.
func projectionOperations() []openapi.Operation {
	order := &openapi.Body{Content: openapi.JSON(openapi.Of[modelOrder]())}
	whole := "It concerns all workspaces: a key of one may not do it."
	return []openapi.Operation{
		{Pattern: "GET /v1/projections", ID: "listProjections", Tag: "health", Summary: "List how far the read models are", Answers: []openapi.Answer{openapi.Says(http.StatusOK, "How far they are.", openapi.Of[projectionPage]())}},
		{
			Pattern: "POST /v1/workspaces/{slug}/projection/retry", ID: "retryProjection", Tag: "health", Summary: "Try again to project a workspace that is paused", Permission: "workspace:configure", Parameters: []openapi.Parameter{slugParameter},
			Answers: []openapi.Answer{openapi.Says(http.StatusOK, "How far it is.", openapi.Of[standing]())}, Refuses: []int{http.StatusNotFound, http.StatusConflict},
		},
		{
			Pattern: "POST /v1/projections/swap", ID: "swapProjections", Tag: "health", Summary: "Take the read model that waits", Description: whole, Body: order,
			Answers: []openapi.Answer{openapi.Says(http.StatusOK, "It is the live one.", openapi.Of[swapAnswer]()),
				openapi.Says(http.StatusConflict, "It differs from the live one, and that was not accepted; or it cannot be taken now.", openapi.Either(openapi.Of[swapAnswer](), openapi.Of[openapi.Problem]()))},
			Refuses: []int{http.StatusBadRequest, http.StatusNotFound},
		},
		{
			Pattern: "POST /v1/projections/discard", ID: "discardProjections", Tag: "health", Summary: "Drop the read model that waits", Description: whole,
			Answers: []openapi.Answer{openapi.Says(http.StatusOK, "It is gone.", openapi.Of[discarded]())}, Refuses: []int{http.StatusNotFound, http.StatusConflict},
		},
		{
			Pattern: "POST /v1/projections/rollback", ID: "rollBackProjections", Tag: "health", Summary: "Go back to the read model before", Description: whole, Body: order,
			Answers: []openapi.Answer{openapi.Says(http.StatusOK, "It is the live one again.", openapi.Of[rolledBack]())}, Refuses: []int{http.StatusBadRequest, http.StatusNotFound, http.StatusConflict},
		},
	}
}

// profileOperations describes what --pprof adds.
func profileOperations() []openapi.Operation {
	seconds := []openapi.Parameter{{Name: "seconds", In: "query", Description: "For how long.", Shape: openapi.Number(1, 60), Example: 1}}
	return []openapi.Operation{
		{Pattern: "GET /debug/pprof/", ID: "profiles", Tag: "health", Summary: "List the profiles of the process", Answers: []openapi.Answer{file("The list.", "text/html")}},
		{Pattern: "GET /debug/pprof/profile", ID: "profile", Tag: "health", Summary: "Profile the process", Parameters: seconds, Answers: []openapi.Answer{file("The profile.", "application/octet-stream")}},
		{Pattern: "GET /debug/pprof/trace", ID: "trace", Tag: "health", Summary: "Trace the process", Parameters: seconds, Answers: []openapi.Answer{file("The trace.", "application/octet-stream")}},
	}
}
