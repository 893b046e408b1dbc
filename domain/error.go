package domain

import "errors"

// A Code says what kind of no it is. The list is closed and no code is ever renamed: clients branch on it, and so
// does errors.Is(err, domain.Conflict).
type Code string

// The codes of refusals.
const (
	Invalid           Code = "invalid"            // a value breaks a rule
	Required          Code = "required"           // a value is missing
	TooLong           Code = "too_long"           // a value or list is over its limit
	NotFound          Code = "not_found"          // there is no such thing
	AlreadyExists     Code = "already_exists"     // the name is taken
	Conflict          Code = "conflict"           // another command with this id said something else
	RevisionConflict  Code = "revision_conflict"  // the thing changed since the revision the caller saw
	InvalidTransition Code = "invalid_transition" // the thing's status does not allow it
	Archived          Code = "archived"           // the workspace is archived, hence read-only
	Gone              Code = "gone"               // the workspace or thing was deleted
	Forbidden         Code = "forbidden"          // whoever asks may not do that
	LastOwner         Code = "last_owner"         // the workspace or organization would be left without an owner
)

// Error makes a code an error, for errors.Is.
func (c Code) Error() string { return string(c) }

// An Error is the domain refusing a command. Subject is the field or the thing that was refused; Message is for
// people and holds neither payload nor secret.
type Error struct {
	Code     Code
	Subject  string
	Message  string
	Expected Revision     // of RevisionConflict: what the caller saw
	Actual   Revision     // of RevisionConflict: what is
	From     Status       // of InvalidTransition
	To       Status       // of InvalidTransition
	Allowed  []Status     // of InvalidTransition: where From may go
	Missing  []Permission // of Forbidden: what it takes and whoever asks does not hold
}

// At is a refusal that is about a field of another name; other errors stay what they are.
func At(err error, field string) error {
	var no *Error
	if !errors.As(err, &no) {
		return err
	}
	other := *no
	other.Subject = field
	return &other
}

// Error writes subject and message.
func (e *Error) Error() string {
	if e.Subject == "" {
		return e.Message
	}
	return e.Subject + ": " + e.Message
}

// Unwrap is the code.
func (e *Error) Unwrap() error { return e.Code }
