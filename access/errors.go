package access

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/annals-io/annals/domain"
)

// The refusals of a key. All are answered 401; they say nothing that the holder of the key does not know.
var (
	ErrMissing   = &Refusal{Status: http.StatusUnauthorized, Code: "key_missing", Message: "an API key is needed: send it as `Authorization: Bearer KEY`"}
	ErrMalformed = &Refusal{Status: http.StatusUnauthorized, Code: "key_malformed", Message: "this is no API key of Annals, or it was not copied whole: keys look like annals_sa_…, with a checksum at their end"}
	ErrUnknown   = &Refusal{Status: http.StatusUnauthorized, Code: "key_unknown", Message: "this server does not know the API key: it may belong to another server"}
	ErrRevoked   = &Refusal{Status: http.StatusUnauthorized, Code: "key_revoked", Message: "the API key was revoked: ask for another one"}
	ErrExpired   = &Refusal{Status: http.StatusUnauthorized, Code: "key_expired", Message: "the API key has expired: ask for another one"}
)

// ErrNoKey says that there is no key of an id, for those who handle keys.
var ErrNoKey = &Refusal{Status: http.StatusNotFound, Code: "not_found", Message: "there is no such key: `annals key list` shows those there are"}

// A Refusal is an answer over HTTP that says no: what, and the way out. It holds nothing secret.
type Refusal struct {
	Status  int
	Code    string // stable, for programs
	Message string // for people
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

// refusalOf turns an error into what may be said over HTTP.
func refusalOf(err error) *Refusal {
	var r *Refusal
	if errors.As(err, &r) {
		return r
	}
	var d *domain.Error
	if errors.As(err, &d) {
		status := http.StatusBadRequest
		if d.Code == domain.NotFound {
			status = http.StatusNotFound
		}
		return &Refusal{Status: status, Code: string(d.Code), Message: d.Error()}
	}
	return &Refusal{Status: http.StatusServiceUnavailable, Code: "unavailable", Message: "the server cannot answer now: try again in a second"}
}

// Refuse writes an error as the one JSON document {"error": {"code", "message"}}.
func Refuse(w http.ResponseWriter, err error) {
	r := refusalOf(err)
	r.announce(w.Header())
	w.Header().Set("Content-Type", "application/json")
	body, _ := json.Marshal(map[string]any{"error": map[string]string{"code": r.Code, "message": r.Message}})
	w.WriteHeader(r.Status)
	_, _ = w.Write(append(body, '\n')) // a client that went away needs no answer
}
