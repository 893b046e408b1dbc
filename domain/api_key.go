package domain

import (
	"slices"
	"time"
)

// What is recorded of an API key: that there is one, what it was made for, and its end. Its text and its hash are never in
// the log, nor when it was last used. The facts lie in the stream of its holder: the account of a person, or the
// organization of a service account.

// APIKeyCreated says that a key was made.
type APIKeyCreated struct {
	Key       string     `json:"key"`  // its id
	Kind      string     `json:"kind"` // pat, sa, ing, run
	Holder    Grantee    `json:"holder"`
	Scopes    []string   `json:"scopes"`
	Workspace Slug       `json:"workspace,omitempty"` // the only one that it is good for
	Run       *RunRef    `json:"run,omitempty"`       // the only one that it may write
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
}

// EventType is "api_key.created".
func (APIKeyCreated) EventType() string { return "api_key.created" }

// Subject is the key.
func (e APIKeyCreated) Subject() Entity { return APIKeyEntity(e.Key) }

// APIKeyRotated says that a key has a successor with the same rights, and when it ends itself.
type APIKeyRotated struct {
	Key       string    `json:"key"`
	Successor string    `json:"successor"`
	EndsAt    time.Time `json:"endsAt"`
}

// EventType is "api_key.rotated".
func (APIKeyRotated) EventType() string { return "api_key.rotated" }

// Subject is the key that was replaced.
func (e APIKeyRotated) Subject() Entity { return APIKeyEntity(e.Key) }

// APIKeyRevoked says that a key opens nothing any more.
type APIKeyRevoked struct {
	Key string `json:"key"`
}

// EventType is "api_key.revoked".
func (APIKeyRevoked) EventType() string { return "api_key.revoked" }

// Subject is the key.
func (e APIKeyRevoked) Subject() Entity { return APIKeyEntity(e.Key) }

// APIKeyEntity is the key of that id.
func APIKeyEntity(id string) Entity { return Entity{KindAPIKey, derive("api_key", id)} }

// CreateAPIKey records a key that is about to be made.
type CreateAPIKey struct{ APIKeyCreated }

// Needs is the key.
func (c CreateAPIKey) Needs() []Entity { return []Entity{c.Subject()} }

// Decide refuses an id that is taken.
func (c CreateAPIKey) Decide(s States) ([]Event, error) {
	if s.Of(c.Subject()).Exists {
		return nil, &Error{Code: AlreadyExists, Subject: "key", Message: "there is or was a key of that id"}
	}
	return []Event{c.APIKeyCreated}, nil
}

// RotateAPIKey records that a key is about to get a successor.
type RotateAPIKey struct {
	APIKeyRotated
	Made APIKeyCreated
}

// Needs are both keys.
func (c RotateAPIKey) Needs() []Entity {
	return []Entity{c.APIKeyRotated.Subject(), c.Made.Subject()}
}

// Decide refuses a key that was revoked. One that no fact is about is older than these facts.
func (c RotateAPIKey) Decide(s States) ([]Event, error) {
	if s.Of(c.APIKeyRotated.Subject()).Deleted {
		return nil, &Error{Code: Gone, Subject: "key", Message: "the key was revoked: make a new one"}
	}
	made, err := CreateAPIKey{c.Made}.Decide(s)
	return slices.Concat([]Event{c.APIKeyRotated}, made), err
}

// RevokeAPIKey records that a key was revoked.
type RevokeAPIKey struct{ APIKeyRevoked }

// Needs is the key.
func (c RevokeAPIKey) Needs() []Entity { return []Entity{c.Subject()} }

// Decide does nothing for a key that was revoked before.
func (c RevokeAPIKey) Decide(s States) ([]Event, error) {
	if s.Of(c.Subject()).Deleted {
		return nil, nil
	}
	return []Event{c.APIKeyRevoked}, nil
}
