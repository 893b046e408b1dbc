package refusal

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/ingest/foreign"
)

// Of is the problem that an error stands for: of a body, of the model, of the workspace or of the store. slug is the
// workspace that was meant, "" where nobody named one. ok is false for errors that are none of these, such as an
// outage: what is said of those is [Later], and their words are for the log.
func Of(err error, slug domain.Slug) (p *Problem, ok bool) {
	var (
		no       *foreign.Refusal
		rule     *domain.Error
		conflict *eventstore.CommandConflictError
		large    *eventstore.TooLargeError
		overload *eventstore.OverloadedError
		paused   *eventstore.PausedError
	)
	switch {
	case errors.As(err, &p):
		return p, true
	case errors.As(err, &no):
		return OfBody(no), true
	case errors.As(err, &overload):
		return &Problem{Status: http.StatusServiceUnavailable, Shared: true, RetryIn: overload.RetryAfter, Code: Overloaded, Field: Workspace,
			Rule: "So many events of a workspace may wait and no more.", Message: "the workspace has too many events waiting: send it again"}, true
	case errors.As(err, &paused):
		return &Problem{Status: http.StatusServiceUnavailable, Shared: true, RetryIn: time.Second, Code: Paused, Field: Workspace,
			Rule: "Nothing is decided behind an event that the server does not know.", Message: "the workspace holds an event of a newer version of the server: send it again when that runs"}, true
	case errors.As(err, &conflict):
		return &Problem{Status: http.StatusConflict, Code: string(domain.Conflict), Field: "id", Rule: "An id stands for one content for ever.",
			Message: "the id is known with another content: every event has an id of its own"}, true
	case errors.As(err, &large):
		return &Problem{Status: http.StatusRequestEntityTooLarge, Code: string(foreign.TooLarge), Field: Body, Rule: fmt.Sprintf("The facts of one event have at most %d bytes.", large.Limit),
			Message: "the event names more than one record can hold: divide its inputs and outputs over several events of the run"}, true
	case errors.As(err, &rule):
		if rule.Subject == "workspace" {
			return ofWorkspace(rule, slug), true
		}
		says := "What an event says is what the model can hold."
		if rule.Code == domain.Forbidden {
			says = "The token of a run sends the events of that run."
		}
		return &Problem{Status: statusOf(rule.Code), Code: string(rule.Code), Field: rule.Subject, Rule: says, Message: rule.Error()}, true
	}
	return nil, false
}

// Later is the problem of what could not be recorded now, and why is not for the client.
func Later() *Problem {
	return &Problem{Status: http.StatusServiceUnavailable, Shared: true, Code: Unavailable, Field: Body, Rule: "An event is answered for when it is stored.",
		Message: "the event could not be recorded now: send it again"}
}

// NoWorkspace is the problem of a workspace that does not exist, or that a key may not write to: the two look alike.
func NoWorkspace(slug domain.Slug) *Problem {
	return ofWorkspace(&domain.Error{Code: domain.NotFound}, slug)
}

// ofWorkspace is a refusal of a workspace as a whole. It names the workspace: a client may have meant another one.
func ofWorkspace(e *domain.Error, slug domain.Slug) *Problem {
	p := &Problem{Status: statusOf(e.Code), Shared: true, Code: string(e.Code), Field: Workspace, Rule: "A workspace is named by its slug.", Message: e.Error()}
	named := "such workspace"
	if slug != "" {
		named = "workspace " + Quote(string(slug))
	}
	switch e.Code {
	case domain.NotFound:
		p.Rule, p.Message = "Events go to a workspace that exists and that the key may write to.", "there is no "+named+" for this key: create it first, or name another one"
	case domain.Gone:
		p.Rule, p.Message = "A deleted workspace takes no events, and its slug is never used again.", "there is no "+named+" any more: it was deleted"
	case domain.Archived:
		p.Rule, p.Message = "An archived workspace is read-only.", "there is no writing to "+named+": it is archived, restore it first"
	}
	return p
}

func statusOf(code domain.Code) int {
	switch code {
	case domain.NotFound:
		return http.StatusNotFound
	case domain.Gone:
		return http.StatusGone
	case domain.Forbidden:
		return http.StatusForbidden
	case domain.Archived, domain.Conflict, domain.RevisionConflict, domain.AlreadyExists, domain.InvalidTransition:
		return http.StatusConflict
	}
	return http.StatusBadRequest
}

// Slug checks a workspace that a request names.
func Slug(named string) (domain.Slug, *Problem) {
	slug, err := domain.ParseSlug(named)
	if err != nil {
		return "", &Problem{Status: http.StatusBadRequest, Code: InvalidWorkspace, Field: Workspace,
			Rule: fmt.Sprintf("A slug is 1 to %d of a-z, 0-9 and -, begins and ends with a letter or digit, and is no word of the server's own addresses.", domain.MaxSlug), Message: err.Error()}
	}
	return slug, nil
}

// Quote shows a name from a request, short and printable.
func Quote(name string) string {
	const most = 80
	if len(name) > most {
		name = name[:most] + "..."
	}
	return strconv.QuoteToASCII(name)
}
