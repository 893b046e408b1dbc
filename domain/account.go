package domain

import (
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// AccountRegistered opens an account's stream.
type AccountRegistered struct {
	Account uuid.UUID `json:"account"`
	Name    *Personal `json:"name,omitempty"`
}

// EventType is "account.registered".
func (AccountRegistered) EventType() string { return "account.registered" }

// Subject is the account.
func (e AccountRegistered) Subject() Entity { return AccountEntity(e.Account) }

// AccountRenamed changes what the person is called.
type AccountRenamed struct {
	Account uuid.UUID `json:"account"`
	Name    *Personal `json:"name,omitempty"`
}

// EventType is "account.renamed".
func (AccountRenamed) EventType() string { return "account.renamed" }

// Subject is the account.
func (e AccountRenamed) Subject() Entity { return AccountEntity(e.Account) }

// AccountDisabled shuts a person out: no way of signing in, no session and no key of theirs opens anything.
type AccountDisabled struct {
	Account uuid.UUID `json:"account"`
}

// EventType is "account.disabled".
func (AccountDisabled) EventType() string { return "account.disabled" }

// Subject is the account.
func (e AccountDisabled) Subject() Entity { return AccountEntity(e.Account) }

// AccountEnabled lets a person in again. Sessions that ended stay ended.
type AccountEnabled struct {
	Account uuid.UUID `json:"account"`
}

// EventType is "account.enabled".
func (AccountEnabled) EventType() string { return "account.enabled" }

// Subject is the account.
func (e AccountEnabled) Subject() Entity { return AccountEntity(e.Account) }

// IdentityLinked says that whoever an issuer of identities (OpenID Connect) knows under one subject is this person.
// The subject itself is not here: it names a person, and it is not needed to tell two of them apart.
type IdentityLinked struct {
	Account  uuid.UUID `json:"account"`
	Issuer   string    `json:"issuer"`
	Identity Digest    `json:"identity"` // of issuer and subject
}

// EventType is "account.identity_linked".
func (IdentityLinked) EventType() string { return "account.identity_linked" }

// Subject is the account.
func (e IdentityLinked) Subject() Entity { return AccountEntity(e.Account) }

// IdentityUnlinked takes an identity away from an account.
type IdentityUnlinked struct {
	Account  uuid.UUID `json:"account"`
	Issuer   string    `json:"issuer"`
	Identity Digest    `json:"identity"`
}

// EventType is "account.identity_unlinked".
func (IdentityUnlinked) EventType() string { return "account.identity_unlinked" }

// Subject is the account.
func (e IdentityUnlinked) Subject() Entity { return AccountEntity(e.Account) }

// AccountEntity is the account of that id.
func AccountEntity(id uuid.UUID) Entity { return Entity{KindAccount, id} }

// MaxIdentities is how many identities one account may have.
const MaxIdentities = 20

// RegisterAccount opens an account's stream.
type RegisterAccount struct {
	Account uuid.UUID
	Name    *Personal
}

// Needs is the account.
func (c RegisterAccount) Needs() []Entity { return []Entity{AccountEntity(c.Account)} }

// Decide does nothing for an account that is there.
func (c RegisterAccount) Decide(s States) ([]Event, error) {
	if s.Of(c.Needs()[0]).Exists {
		return nil, nil
	}
	return []Event{AccountRegistered(c)}, nil
}

// RenameAccount changes what the person is called.
type RenameAccount struct {
	Account uuid.UUID
	Name    *Personal
}

// Needs is the account.
func (c RenameAccount) Needs() []Entity { return []Entity{AccountEntity(c.Account)} }

// Decide cannot tell whether the name is another one: it is sealed.
func (c RenameAccount) Decide(s States) ([]Event, error) {
	if err := registered(s, c.Account); err != nil {
		return nil, err
	}
	return []Event{AccountRenamed(c)}, nil
}

// DisableAccount shuts a person out.
type DisableAccount struct{ Account uuid.UUID }

// Needs is the account.
func (c DisableAccount) Needs() []Entity { return []Entity{AccountEntity(c.Account)} }

// Decide does nothing for one that is shut out.
func (c DisableAccount) Decide(s States) ([]Event, error) {
	if err := registered(s, c.Account); err != nil || s.Of(c.Needs()[0]).Disabled {
		return nil, err
	}
	return []Event{AccountDisabled(c)}, nil
}

// EnableAccount lets a person in again.
type EnableAccount struct{ Account uuid.UUID }

// Needs is the account.
func (c EnableAccount) Needs() []Entity { return []Entity{AccountEntity(c.Account)} }

// Decide does nothing for one that may come in.
func (c EnableAccount) Decide(s States) ([]Event, error) {
	if err := registered(s, c.Account); err != nil || !s.Of(c.Needs()[0]).Disabled {
		return nil, err
	}
	return []Event{AccountEnabled(c)}, nil
}

// LinkIdentity says that an identity is this person. That no other account has it is for the caller to see to: accounts
// know nothing of each other.
type LinkIdentity struct {
	Account  uuid.UUID
	Issuer   string
	Identity Digest
}

// Needs is the account.
func (c LinkIdentity) Needs() []Entity { return []Entity{AccountEntity(c.Account)} }

// Decide does nothing for one that is linked.
func (c LinkIdentity) Decide(s States) ([]Event, error) {
	if err := registered(s, c.Account); err != nil {
		return nil, err
	}
	switch has := s.Of(c.Needs()[0]).Identities; {
	case slices.Contains(has, c.Identity):
		return nil, nil
	case len(has) >= MaxIdentities:
		return nil, &Error{Code: TooLong, Subject: "identity", Message: fmt.Sprintf("an account has at most %d identities: unlink one first", MaxIdentities)}
	}
	return []Event{IdentityLinked(c)}, nil
}

// UnlinkIdentity takes an identity away.
type UnlinkIdentity struct {
	Account  uuid.UUID
	Issuer   string
	Identity Digest
}

// Needs is the account.
func (c UnlinkIdentity) Needs() []Entity { return []Entity{AccountEntity(c.Account)} }

// Decide does nothing for one that is not linked.
func (c UnlinkIdentity) Decide(s States) ([]Event, error) {
	if err := registered(s, c.Account); err != nil || !slices.Contains(s.Of(c.Needs()[0]).Identities, c.Identity) {
		return nil, err
	}
	return []Event{IdentityUnlinked(c)}, nil
}

// registered refuses commands about an account that nobody has.
func registered(s States, account uuid.UUID) error {
	if !s.Of(AccountEntity(account)).Exists {
		return &Error{Code: NotFound, Subject: "account", Message: "there is no such account"}
	}
	return nil
}
