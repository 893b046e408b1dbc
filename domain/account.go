package domain

import "github.com/google/uuid"

// AccountRegistered opens an account's stream.
type AccountRegistered struct {
	Account uuid.UUID `json:"account"`
	Name    *Personal `json:"name,omitempty"`
}

// EventType is "account.registered".
func (AccountRegistered) EventType() string { return "account.registered" }

// Subject is the account.
func (e AccountRegistered) Subject() Entity { return Entity{KindAccount, e.Account} }

// RegisterAccount opens an account's stream.
type RegisterAccount struct {
	Account uuid.UUID
	Name    *Personal
}

// Needs is the account.
func (c RegisterAccount) Needs() []Entity { return []Entity{{KindAccount, c.Account}} }

// Decide does nothing for an account that is there.
func (c RegisterAccount) Decide(s States) ([]Event, error) {
	if s.Of(c.Needs()[0]).Exists {
		return nil, nil
	}
	return []Event{AccountRegistered(c)}, nil
}
