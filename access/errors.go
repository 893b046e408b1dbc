package access

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/annals-io/annals/domain"
)

// The refusals of a key. All are answered 401; they say nothing that the holder of the key does not know.
var (
	ErrMissing   = &Refusal{Status: http.StatusUnauthorized, Code: "key_missing", Message: "an API key is needed: send it as `Authorization: Bearer KEY`"}
	ErrMalformed = &Refusal{Status: http.StatusUnauthorized, Code: "key_malformed", Message: "this is no API key of Annals, or it was not copied whole: keys look like annals_sa_…, with a checksum at their end"}
	ErrUnknown   = &Refusal{Status: http.StatusUnauthorized, Code: "key_unknown", Message: "this server does not know the API key: it may belong to another server"}
	ErrRevoked   = &Refusal{Status: http.StatusUnauthorized, Code: "key_revoked", Message: "the API key was revoked: ask for another one"}
	ErrShutOut   = &Refusal{Status: http.StatusUnauthorized, Code: "key_disabled", Message: "the person or service account that holds the API key was disabled or deleted"}
	ErrExpired   = &Refusal{Status: http.StatusUnauthorized, Code: "key_expired", Message: "the API key has expired: ask for another one"}
)

// ErrNoKey says that there is no key of an id, for those who handle keys.
var ErrNoKey = &Refusal{Status: http.StatusNotFound, Code: "not_found", Message: "there is no such key: `annals key list` shows those there are"}

// A Refusal is an answer over HTTP that says no: what, and the way out. It holds nothing secret.
type Refusal struct {
	Status  int
	Code    string // stable, for programs
	Message string // for people
	Field   string // what of the request is to blame; empty: all of it

	RetryAfter time.Duration // when to come again, of those that wait; 0: a second
}

func (r *Refusal) Error() string { return r.Message }

// A MismatchError says that a request names one workspace and its key is bound to another.
type MismatchError struct{ Named, Bound domain.Slug }

func (e *MismatchError) Error() string {
	return fmt.Sprintf("the request names workspace %s, but its key is bound to workspace %s", e.Named, e.Bound)
}

// UnavailableError says that keys cannot be looked up now.
type UnavailableError struct{ Cause error }

func (e *UnavailableError) Error() string { return "keys cannot be checked now: " + e.Cause.Error() }

// Unwrap is the cause.
func (e *UnavailableError) Unwrap() error { return e.Cause }

// RefusalOf turns an error into what may be said over HTTP. Of what is no refusal it says that the server cannot answer.
func RefusalOf(err error) *Refusal { return refusalOf(err) }

// refusalOf turns an error into what may be said over HTTP.
func refusalOf(err error) *Refusal {
	var r *Refusal
	if errors.As(err, &r) {
		return r
	}
	var d *domain.Error
	if errors.As(err, &d) {
		return &Refusal{Status: StatusOf(d.Code), Code: string(d.Code), Message: d.Error(), Field: d.Subject}
	}
	return &Refusal{Status: http.StatusServiceUnavailable, Code: "unavailable", Message: "the server cannot answer now: try again in a second"}
}

// StatusOf is the HTTP status of a refusal by the domain.
func StatusOf(code domain.Code) int {
	switch code {
	case domain.NotFound:
		return http.StatusNotFound
	case domain.Forbidden:
		return http.StatusForbidden
	case domain.Gone:
		return http.StatusGone
	case domain.AlreadyExists, domain.Conflict, domain.RevisionConflict, domain.InvalidTransition, domain.Archived, domain.LastOwner:
		return http.StatusConflict
	}
	return http.StatusBadRequest
}

// Refuse writes an error as the one JSON document {"error": {"code", "message", "field"}}; a request that is to blame as
// a whole has no field.
func Refuse(w http.ResponseWriter, err error) {
	r := refusalOf(err)
	r.announce(w.Header())
	w.Header().Set("Content-Type", "application/json")
	said := map[string]string{"code": r.Code, "message": r.Message}
	if r.Field != "" {
		said["field"] = r.Field
	}
	body, _ := json.Marshal(map[string]any{"error": said})
	w.WriteHeader(r.Status)
	_, _ = w.Write(append(body, '\n')) // a client that went away needs no answer
}
