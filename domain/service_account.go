package domain

import "github.com/google/uuid"

// ServiceAccountCreated makes an account of an organization that no person signs in with.
type ServiceAccountCreated struct {
	Account     uuid.UUID `json:"account"`
	Name        string    `json:"name"`
	Description *Text     `json:"description,omitempty"`
}

// EventType is "service_account.created".
func (ServiceAccountCreated) EventType() string { return "service_account.created" }

// Subject is the service account.
func (e ServiceAccountCreated) Subject() Entity { return Entity{KindServiceAccount, e.Account} }

// ServiceAccountDeleted ends a service account: its keys open nothing any more.
type ServiceAccountDeleted struct {
	Account uuid.UUID `json:"account"`
}

// EventType is "service_account.deleted".
func (ServiceAccountDeleted) EventType() string { return "service_account.deleted" }

// Subject is the service account.
func (e ServiceAccountDeleted) Subject() Entity { return Entity{KindServiceAccount, e.Account} }

// CreateServiceAccount makes a service account.
type CreateServiceAccount struct {
	At          Place
	Account     uuid.UUID
	Name        string
	Description *Text
	By          Asker
}

// Needs is the service account.
func (c CreateServiceAccount) Needs() []Entity {
	return []Entity{{KindServiceAccount, c.Account}, c.At.entity()}
}

// Decide refuses an id that is taken.
func (c CreateServiceAccount) Decide(s States) ([]Event, error) {
	if err := serviceAccountsOf(c.At, s, c.By); err != nil {
		return nil, err
	}
	if err := checkTitle("name", c.Name); err != nil {
		return nil, err
	}
	if s.Of(c.Needs()[0]).Exists {
		return nil, &Error{Code: AlreadyExists, Subject: "account", Message: "there is or was a service account of that id"}
	}
	return []Event{ServiceAccountCreated{c.Account, c.Name, c.Description}}, nil
}

// DeleteServiceAccount ends a service account.
type DeleteServiceAccount struct {
	At      Place
	Account uuid.UUID
	By      Asker
}

// Needs is the service account.
func (c DeleteServiceAccount) Needs() []Entity {
	return []Entity{{KindServiceAccount, c.Account}, c.At.entity()}
}

// Decide refuses one that is not there.
func (c DeleteServiceAccount) Decide(s States) ([]Event, error) {
	if err := serviceAccountsOf(c.At, s, c.By); err != nil {
		return nil, err
	}
	if st := s.Of(c.Needs()[0]); !st.Exists || st.Deleted {
		return nil, &Error{Code: NotFound, Subject: "account", Message: "there is no such service account in the organization"}
	}
	return []Event{ServiceAccountDeleted{c.Account}}, nil
}

func serviceAccountsOf(at Place, s States, by Asker) error {
	if at.level() != OrganizationLevel {
		return &Error{Code: Required, Subject: "organization", Message: "service accounts belong to an organization: name it"}
	}
	if err := at.opened(s); err != nil {
		return err
	}
	return may(by.Holds, OrganizationLevel, ManageServiceAccounts, ManageServiceAccounts)
}
