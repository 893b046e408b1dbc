package domain

import "github.com/google/uuid"

// AccountSignedIn says that a person signed in, for the first time: that they came is a fact. Each time after that is a
// session, which is none.
type AccountSignedIn struct {
	Account uuid.UUID `json:"account"`
}

// EventType is "account.signed_in".
func (AccountSignedIn) EventType() string { return "account.signed_in" }

// Subject is the account.
func (e AccountSignedIn) Subject() Entity { return AccountEntity(e.Account) }

// RecordSignIn records that a person signed in.
type RecordSignIn struct{ Account uuid.UUID }

// Needs is the account.
func (c RecordSignIn) Needs() []Entity { return []Entity{AccountEntity(c.Account)} }

// Decide does nothing for one who has signed in before.
func (c RecordSignIn) Decide(s States) ([]Event, error) {
	if err := registered(s, c.Account); err != nil || s.Of(c.Needs()[0]).SignedIn {
		return nil, err
	}
	return []Event{AccountSignedIn(c)}, nil
}
