package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// write sends an answer, whole or not at all.
func write(w http.ResponseWriter, a answer) error {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if a.revision != nil {
		h.Set("ETag", `"`+strconv.FormatInt(*a.revision, 10)+`"`)
	}
	if a.location != "" {
		h.Set("Location", a.location)
	}
	status := a.status
	if status == 0 {
		status = http.StatusOK
	}
	if a.body == nil {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	body, err := json.Marshal(a.body)
	if err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that went away needs no answer
	return nil
}

// refuse answers an error. What was not written for clients is logged, and told as 500.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	no, ok := refusalOf(err)
	if !ok {
		a.Log.ErrorContext(r.Context(), "a request failed", "method", r.Method, "path", r.URL.Path, "err", err)
		no = &access.Refusal{Status: http.StatusInternalServerError, Code: "internal", Message: "the server failed; it was logged"}
	}
	if no.Code == string(domain.RevisionConflict) && r.Header.Get(matchHeader) == "" { // nobody made it a condition: somebody else was first
		no.Status, no.Field = http.StatusConflict, ""
	}
	var blocked *blockedError
	if errors.As(err, &blocked) {
		if err := write(w, answer{status: no.Status, body: blocked.problem()}); err == nil {
			return
		}
	}
	var again *retryError
	if errors.As(err, &again) {
		w.Header().Set("Retry-After", strconv.Itoa(again.seconds))
	}
	access.Refuse(w, no)
}

// A retryError is a refusal that says when to come again.
type retryError struct {
	access.Refusal
	seconds int
}

func (e *retryError) Error() string { return e.Message }

// refusalOf is what may be said of an error; ok is false for one that was not written for clients.
func refusalOf(err error) (no *access.Refusal, ok bool) {
	var again *retryError
	var rule *domain.Error
	var blocked *blockedError
	var key *eventstore.CommandConflictError
	var large *eventstore.TooLargeError
	var busy *eventstore.OverloadedError
	var paused *eventstore.PausedError
	var unknown *eventstore.OutcomeUnknownError
	var away *eventstore.UnavailableError
	later := func(code, message string) (*access.Refusal, bool) {
		return &access.Refusal{Status: http.StatusServiceUnavailable, Code: code, Message: message}, true
	}
	switch {
	case errors.As(err, &no):
		return no, true
	case errors.As(err, &again):
		return &again.Refusal, true
	case errors.As(err, &blocked):
		return &access.Refusal{Status: http.StatusConflict, Code: "blocked", Message: blocked.Message, Field: "slug"}, true
	case errors.As(err, &rule):
		return ofRule(rule), true
	case errors.As(err, &key):
		return &access.Refusal{Status: http.StatusConflict, Code: string(domain.Conflict), Message: "the idempotency key was used for another request: choose another one", Field: keyHeader}, true
	case errors.As(err, &large):
		return &access.Refusal{Status: http.StatusRequestEntityTooLarge, Code: string(domain.TooLong), Message: large.Error(), Field: "body"}, true
	case errors.As(err, &busy):
		return later("overloaded", "too many commands are waiting: try again")
	case errors.As(err, &paused):
		return later("paused", "the stream holds an event that this server does not know: nothing is decided there until a newer server runs")
	case errors.As(err, &unknown):
		return later("outcome_unknown", "whether this was written is not known: send it again with the same Idempotency-Key")
	case errors.As(err, &away):
		return later("unavailable", "the server cannot do it now; nothing was written: try again")
	}
	return nil, false
}

// ofRule is a refusal by the model. A change of what has changed since is told of the header that said so.
func ofRule(e *domain.Error) *access.Refusal {
	no := &access.Refusal{Status: statusOf(e.Code), Code: string(e.Code), Message: e.Message, Field: e.Subject}
	if e.Code == domain.RevisionConflict {
		no.Field = matchHeader
	}
	if strings.ContainsAny(no.Field, " /:#") { // a thing's name, not a field of the request
		no.Field = ""
	}
	return no
}

// statusOf is the status of a refusal by the model. A revision that is no longer the newest was a condition of the request
// here (If-Match).
func statusOf(code domain.Code) int {
	switch code {
	case domain.RevisionConflict:
		return http.StatusPreconditionFailed
	case "ambiguous", "blocked":
		return http.StatusConflict
	}
	return access.StatusOf(code)
}
