package native

import (
	"net/http"

	"github.com/annals-io/annals/rest/openapi"
)

// sample is a request as people would write it by hand.
const sample = `{"id": "e-1", "run": "r-7", "pipeline": {"name": "train"}, "at": "2026-03-01T12:00:00Z", "body": {"type": "runStarted"}}
{"id": "e-2", "run": "r-7", "at": "2026-03-01T12:05:00Z", "body": {"type": "runCompleted"}}
`

// described is one event.
var described = openapi.As(openapi.Schema{
	Type: "object", Required: []string{"id", "run", "at", "body"}, Description: "One event, on one line.",
	Properties: map[string]*openapi.Schema{
		"id":       {Type: "string", Description: "Stands for this content for ever: an event that is sent again has it again."},
		"run":      {Type: "string", Description: "The run, by a name of the sender's."},
		"pipeline": {Type: "object", Properties: map[string]*openapi.Schema{"namespace": {Type: "string"}, "name": {Type: "string"}}, Required: []string{"name"}},
		"at":       {Type: "string", Format: "date-time"},
		"body":     {Type: "object", Description: "What happened: its type, and what goes with it.", Required: []string{"type"}, Properties: map[string]*openapi.Schema{"type": {Type: "string", Examples: []any{"runStarted"}}}},
	},
})

// Operation describes the route of [Handler].
func (*Handler) Operation() openapi.Operation {
	answer := openapi.Of[Answer]()
	return openapi.Operation{
		Pattern: "POST /v1/workspaces/{slug}/events", ID: "sendEvents", Tag: "events", Summary: "Send run events", Permission: "events:ingest",
		Description: "One JSON object a line. Each row is answered for on its own: a row that is refused leaves nothing behind and holds up no other. " +
			"Sending a row again is a duplicate, not an error: retry whatever was not answered.",
		Parameters: []openapi.Parameter{
			{Name: "slug", In: "path", Description: "The workspace.", Shape: openapi.Text(), Example: "default"},
			{Name: "results", In: "query", Description: "all: every row is in the answer, not only those with something to say.", Shape: openapi.Words("all")},
		},
		Body: &openapi.Body{Required: true, Description: "At most 8 MiB, plain or gzip.", Content: []openapi.Content{
			{Type: "application/x-ndjson", Shape: openapi.Text(), Example: sample},
			{Type: "application/json", Shape: described, Example: map[string]any{"id": "e-1", "run": "r-7", "at": "2026-03-01T12:00:00Z", "body": map[string]any{"type": "runStarted"}}},
		}},
		Answers: []openapi.Answer{
			openapi.Says(http.StatusOK, "Every row was taken, or known.", answer),
			openapi.Says(http.StatusMultiStatus, "Some rows were rejected.", answer),
			{Status: http.StatusBadRequest, Description: "Every row was rejected, or the body as a whole.", Content: openapi.JSON(openapi.Either(answer, openapi.Of[openapi.Problem]()))},
			{Status: http.StatusConflict, Description: "The ids of all rows are known with other contents; or the request names another workspace than its key, or an archived one.",
				Content: openapi.JSON(openapi.Either(answer, openapi.Of[openapi.Problem]()))},
		},
		Refuses: []int{http.StatusNotFound, http.StatusGone, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType},
	}
}
