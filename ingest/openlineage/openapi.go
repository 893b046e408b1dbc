package openlineage

import (
	"net/http"

	"github.com/annals-io/annals/rest/openapi"
)

// sample is the least that an event says.
var sample = map[string]any{
	"eventType": "START", "eventTime": "2026-03-01T12:00:00Z", "run": map[string]any{"runId": "0190a2a0-0000-7000-8000-000000000009"},
	"job": map[string]any{"namespace": "shop", "name": "orders"}, "producer": "https://example.com/producer", "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json",
}

// described is what the members of an event are, as far as they are looked at; whatever else is said is kept as it is.
var described = openapi.As(openapi.Schema{
	Type: "object", Description: "A run, job or dataset event of OpenLineage 1 or 2.",
	Properties: map[string]*openapi.Schema{
		"eventTime": {Type: "string", Format: "date-time"}, "eventType": {Type: "string", Enum: []any{"START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"}},
		"run": {Type: "object"}, "job": {Type: "object"}, "inputs": {Type: "array", Items: &openapi.Schema{Type: "object"}}, "outputs": {Type: "array", Items: &openapi.Schema{Type: "object"}},
		"producer": {Type: "string"}, "schemaURL": {Type: "string"},
	},
})

// Operations describes the routes of [Handler.Routes].
func (*Handler) Operations() []openapi.Operation {
	slug := openapi.Parameter{Name: "slug", In: "path", Description: "The workspace.", Shape: openapi.Text(), Example: "default"}
	header := openapi.Parameter{Name: WorkspaceHeader, In: "header", Description: "The workspace, where the path names none.", Shape: openapi.Text()}
	refuses := []int{http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusGone, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType}
	one := func(pattern, id, title string, at ...openapi.Parameter) openapi.Operation {
		return openapi.Operation{
			Pattern: pattern, ID: id, Tag: "events", Summary: title, Permission: "events:ingest", Parameters: at, Refuses: refuses,
			Description: "Any client of OpenLineage over HTTP can be pointed here. The answer is 201 once the event is durable, also where it was before. " +
				"What may pass is 503 with Retry-After, the one refusal that all clients repeat.",
			Body:    openapi.Sends(described, sample),
			Answers: []openapi.Answer{openapi.Says(http.StatusCreated, "The event is stored.", openapi.Of[eventAnswer]())},
		}
	}
	many := func(pattern, id, title string, at ...openapi.Parameter) openapi.Operation {
		o := one(pattern, id, title, at...)
		o.Description = "An array of events, or one a line. Each is answered for on its own: one that is refused leaves nothing behind and holds up no other."
		o.Body = openapi.Sends(openapi.As(openapi.Schema{Type: "array", Items: &openapi.Schema{Type: "object"}}), []any{sample})
		o.Answers = []openapi.Answer{openapi.Says(http.StatusOK, "What became of the events.", openapi.Of[batchAnswer]())}
		return o
	}
	cutOff := func(pattern, id string) openapi.Operation {
		return openapi.Operation{
			Pattern: pattern, ID: id, Tag: "events", Summary: "Tell a client that cut its workspace off", Permission: "events:ingest",
			Description: "Never takes an event: it says how the client's address is to end. Python's OpenLineage client cuts the last segment off an address without a slash at its end.",
			Body:        &openapi.Body{Content: openapi.JSON(openapi.Shape{})},
			Answers:     []openapi.Answer{openapi.Says(http.StatusNotFound, "The address names no workspace.", openapi.Of[openapi.Problem]())},
		}
	}
	return []openapi.Operation{
		one("POST /api/v1/lineage", "sendLineage", "Send an OpenLineage event", header),
		many("POST /api/v1/lineage/batch", "sendLineageBatch", "Send OpenLineage events", header),
		one("POST /workspaces/{slug}/api/v1/lineage", "sendLineageTo", "Send an OpenLineage event to a workspace", slug),
		many("POST /workspaces/{slug}/api/v1/lineage/batch", "sendLineageBatchTo", "Send OpenLineage events to a workspace", slug),
		cutOff("POST /workspaces/api/v1/lineage", "lineageCutOff"),
		cutOff("POST /workspaces/api/v1/lineage/batch", "lineageBatchCutOff"),
	}
}
