package rest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/rest/openapi"
)

// An Event is one event of a workspace's history.
type Event struct {
	ID            string          `json:"id" doc:"The event's own id, the same on every backend."`
	Revision      int64           `json:"revision" doc:"Its number in the workspace's stream, from 0 on, without gaps."`
	Type          string          `json:"type" example:"run.started"`
	SchemaVersion int             `json:"schemaVersion"`
	Actor         Actor           `json:"actor"`
	OccurredAt    *time.Time      `json:"occurredAt" doc:"When it happened, as the caller said."`
	RecordedAt    time.Time       `json:"recordedAt" doc:"When Annals recorded it."`
	Summary       string          `json:"summary" doc:"The event in one line for people."`
	Data          json.RawMessage `json:"data" doc:"The facts."`
	Reason        *string         `json:"reason"`
	CommandID     string          `json:"commandId"`
	CorrelationID *string         `json:"correlationId"`
	CausationID   *string         `json:"causationId"`
}

// An Actor is who did something.
type Actor struct {
	Kind string  `json:"kind" doc:"account, service_account or system; key for what earlier versions recorded of keys."`
	ID   string  `json:"id"`
	Name *string `json:"name"`
	Key  *string `json:"key" doc:"The id of the API key or run token by which they acted."`
}

const eventsDocument = `query listEvents($slug: String!, $asOf: AsOf, $atLeast: Int64, $filter: AuditFilter, $first: Int) {
	workspace(slug: $slug, asOf: $asOf, atLeast: $atLeast) { auditLog(filter: $filter, direction: ASC, first: $first) {
	nodes { id revision type schemaVersion actor { kind id name key } occurredAt recordedAt summary data reason commandId correlationId causationId }` + pageFields + ` } } }`

func (a *API) eventActions() []action {
	return []action{{openapi.Operation{
		Pattern: "GET /v1/workspaces/{slug}/events", ID: "listEvents", Tag: "events", Summary: "Read the events of a workspace", Permission: string(domain.ReadWorkspace),
		Description: "As they lie in its stream, the oldest first. The cursor is a revision: events after it are answered, so that whoever has read up to one goes on from there, today or in a year. " +
			"nextCursor is there while there is more.",
		Parameters: params(slugParam, one("cursor", "Only events after this revision; all when left out.", openapi.Number(0, maxRevision)), some("type", "Only events of these types; run.* means all that begin with run."),
			one("actor", "Only what this caller did, by the id that events record.", openapi.Text()), one("correlationId", "Only what belongs to this.", openapi.Text()), asOfParam, atLeastParam, limitParam),
		Answers: []openapi.Answer{openapi.Says(http.StatusOK, "A page of them.", openapi.Of[Page[Event]]())}, Refuses: reading(http.StatusNotFound, http.StatusPreconditionFailed),
	}, access.Read, listEvents}}
}

func listEvents(c *call) (answer, error) {
	filter := map[string]any{"types": c.list("type"), "actor": c.text("actor"), "correlationId": c.text("correlationId")}
	if n, err := strconv.ParseInt(c.query.Get("cursor"), 10, 64); err == nil {
		filter["fromRevision"] = n + 1
	}
	v, err := c.below(map[string]any{"filter": filter})
	if err != nil {
		return answer{}, err
	}
	delete(v, "after")
	var found struct {
		Workspace *struct{ AuditLog connection[Event] }
	}
	if err := c.ask(eventsDocument, v, &found); err != nil {
		return answer{}, err
	}
	if found.Workspace == nil {
		return answer{}, errNoWorkspace
	}
	log := &found.Workspace.AuditLog
	if n := len(log.Nodes); n > 0 {
		last := strconv.FormatInt(log.Nodes[n-1].Revision, 10)
		log.PageInfo.EndCursor = &last
	}
	return log.page(), nil
}
