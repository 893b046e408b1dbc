package openlineage

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/ingest/foreign"
	"github.com/annals-io/annals/ingest/refusal"
)

// WorkspaceHeader names the workspace of a request.
const WorkspaceHeader = "X-Annals-Workspace"

// A Door settles which workspace a request may write to, and as whom. Named is the workspace that the path or the
// header names, "" where neither does. It is asked once for each request.
type Door func(r *http.Request, named domain.Slug) (domain.Slug, domain.Actor, error)

// A Handler takes events over HTTP: see [Handler.Routes]. The fields without a default must be set.
//
// Its answers are those that real clients can live with. Success is 201 with a body once the event is durable; never
// 204, at which the Java client fails, and never a redirect, at which events are lost silently. What may succeed later
// is 503 with Retry-After: 1, the one refusal that all clients repeat; 429 and 500 are not. Anything else ends an
// event for good, so it is kept for events that can never be taken.
type Handler struct {
	Door     Door
	Commands eventstore.Commander
	Fail     func(http.ResponseWriter, *http.Request, error) // answers an error of the door that package refusal has no word for: a missing key
	Now      func() time.Time                                // default time.Now
	Timeout  time.Duration                                   // most time for recording one event; default 4 s, since clients give up after 5
	Observe  func(outcome string, events int)                // "accepted", "duplicate", "rejected", "deferred"; may be nil
	Log      *slog.Logger                                    // default: none
}

// A Route is a pattern of [http.ServeMux] and who serves it. All of them write events.
type Route struct {
	Pattern string
	Handler http.Handler
}

// Routes are the addresses of OpenLineage, of the default workspace and of a named one, for single events and batches.
func (h *Handler) Routes() []Route {
	h.complete()
	single, batch := http.HandlerFunc(h.single), http.HandlerFunc(h.batch)
	return []Route{
		{"POST /api/v1/lineage", single},
		{"POST /api/v1/lineage/batch", batch},
		{"POST /workspaces/{slug}/api/v1/lineage", single},
		{"POST /workspaces/{slug}/api/v1/lineage/batch", batch},
		{"POST /workspaces/api/v1/lineage", http.HandlerFunc(h.cutOff)},
		{"POST /workspaces/api/v1/lineage/batch", http.HandlerFunc(h.cutOff)},
	}
}

func (h *Handler) complete() {
	if h.Now == nil {
		h.Now = time.Now
	}
	if h.Timeout <= 0 {
		h.Timeout = 4 * time.Second
	}
	if h.Observe == nil {
		h.Observe = func(string, int) {}
	}
	if h.Log == nil {
		h.Log = slog.New(slog.DiscardHandler)
	}
}

// eventAnswer is the answer to one event.
type eventAnswer struct {
	Status   string         `json:"status"` // accepted, duplicate
	Revision int64          `json:"revision"`
	Warnings []eventWarning `json:"warnings,omitempty"`
}

// eventWarning is a warning as answers show it.
type eventWarning struct {
	Path    string `json:"path"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// single takes one event: 201 once it is durable, also where it was before.
func (h *Handler) single(w http.ResponseWriter, r *http.Request) {
	slug, actor, ok := h.enter(w, r)
	if !ok {
		return
	}
	body, no := readBody(w, r)
	if no != nil {
		h.refuse(w, no)
		return
	}
	m, err := Parse(body, h.Now())
	if err != nil {
		h.refuse(w, refusalOf(err))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), h.Timeout)
	defer cancel()
	result, err := h.Commands.Execute(ctx, m.Request(domain.WorkspaceStream(slug), actor))
	if err != nil {
		h.refuse(w, h.troubleOf(r, slug, err))
		return
	}
	answer := eventAnswer{Status: "accepted", Revision: int64(result.Revision)}
	if result.Duplicate {
		answer.Status = "duplicate"
	}
	for _, o := range m.Warnings {
		answer.Warnings = append(answer.Warnings, eventWarning(o))
	}
	h.Observe(answer.Status, 1)
	write(w, http.StatusCreated, answer)
}

// enter settles the workspace. Where the path and the header name two, nothing is written.
func (h *Handler) enter(w http.ResponseWriter, r *http.Request) (domain.Slug, domain.Actor, bool) {
	named, byHeader := r.PathValue("slug"), r.Header.Get(WorkspaceHeader)
	if named != "" && byHeader != "" && named != byHeader {
		h.refuse(w, &refusal.Problem{Status: http.StatusConflict, Code: refusal.WorkspaceConflict, Field: "header " + WorkspaceHeader, Rule: "A request names one workspace.",
			Message: "the path names workspace " + refusal.Quote(named) + " and the header " + WorkspaceHeader + " names " + refusal.Quote(byHeader) + ": nothing was written; name one"})
		return "", domain.Actor{}, false
	}
	if named == "" {
		named = byHeader
	}
	if named != "" {
		if _, no := refusal.Slug(named); no != nil {
			h.refuse(w, no)
			return "", domain.Actor{}, false
		}
	}
	slug, actor, err := h.Door(r, domain.Slug(named))
	if err == nil {
		return slug, actor, true
	}
	if no, ok := refusal.Of(err, domain.Slug(named)); ok {
		h.refuse(w, no)
	} else {
		h.Observe("rejected", 1)
		h.Fail(w, r, err)
	}
	return "", domain.Actor{}, false
}

// cutOff tells a client that lost the workspace on its way what happened.
func (h *Handler) cutOff(w http.ResponseWriter, _ *http.Request) {
	h.refuse(w, &refusal.Problem{Status: http.StatusNotFound, Code: refusal.WorkspaceCutOff, Field: refusal.Workspace, Rule: "The address names a workspace: .../workspaces/NAME/api/v1/lineage.",
		Message: "no event was taken: this path names no workspace. Python's OpenLineage client cuts the last segment off a URL that does not end in a slash, " +
			"so .../workspaces/NAME became .../workspaces: end the URL (OPENLINEAGE_URL) with a slash, .../workspaces/NAME/"})
}

// refusalOf gives a refused body its answer.
func refusalOf(err error) *refusal.Problem {
	no, ok := err.(*foreign.Refusal)
	if !ok {
		no = &foreign.Refusal{Code: foreign.NotJSON, Offset: -1, Rule: ruleObject, Message: err.Error()}
	}
	p := refusal.OfBody(no)
	if no.Code == NotAnObject {
		p.Message += "; several events at once go to .../api/v1/lineage/batch"
	}
	return p
}
