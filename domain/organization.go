package domain

import (
	"fmt"

	"github.com/google/uuid"
)

// OrganizationCreated opens an organization's stream.
type OrganizationCreated struct {
	Slug     Slug      `json:"slug"`
	Name     string    `json:"name"`
	Personal bool      `json:"personal,omitempty"`
	Owner    uuid.UUID `json:"owner"`
}

// EventType is "organization.created".
func (OrganizationCreated) EventType() string { return "organization.created" }

// Subject is the organization.
func (e OrganizationCreated) Subject() Entity { return OrganizationEntity(e.Slug) }

// OrganizationRenamed changes an organization's name for people.
type OrganizationRenamed struct {
	Slug Slug   `json:"slug"`
	Name string `json:"name"`
}

// EventType is "organization.renamed".
func (OrganizationRenamed) EventType() string { return "organization.renamed" }

// Subject is the organization.
func (e OrganizationRenamed) Subject() Entity { return OrganizationEntity(e.Slug) }

// OrganizationDescribed replaces an organization's description; none removes it.
type OrganizationDescribed struct {
	Slug        Slug  `json:"slug"`
	Description *Text `json:"description,omitempty"`
}

// EventType is "organization.described".
func (OrganizationDescribed) EventType() string { return "organization.described" }

// Subject is the organization.
func (e OrganizationDescribed) Subject() Entity { return OrganizationEntity(e.Slug) }

// CreateOrganization opens an organization's stream. Its default workspace is a stream of its own.
type CreateOrganization struct {
	Slug     Slug
	Name     string
	Personal bool
	Owner    uuid.UUID
}

// Needs is the organization.
func (c CreateOrganization) Needs() []Entity { return []Entity{OrganizationEntity(c.Slug)} }

// Decide refuses a slug that is taken or no slug.
func (c CreateOrganization) Decide(s States) ([]Event, error) {
	if err := checkNewName(c.Slug); err != nil {
		return nil, err
	}
	if err := checkTitle("name", c.Name); err != nil {
		return nil, err
	}
	if len(DefaultSlug(c.Slug)) > MaxNewSlug {
		return nil, &Error{Code: TooLong, Subject: "slug", Message: fmt.Sprintf("an organization's slug has at most %d characters: its default workspace is called %s", MaxNewSlug-len(defaultSuffix), DefaultSlug(c.Slug))}
	}
	if s.Of(c.Needs()[0]).Exists {
		return nil, &Error{Code: AlreadyExists, Subject: "slug", Message: fmt.Sprintf("the slug %s is taken: a slug is never used again", c.Slug)}
	}
	return []Event{OrganizationCreated(c)}, nil
}

// RenameOrganization changes the name for people.
type RenameOrganization struct {
	Slug Slug
	Name string
	By   Asker
}

// Needs is the organization.
func (c RenameOrganization) Needs() []Entity { return []Entity{OrganizationEntity(c.Slug)} }

// Decide does nothing where that is the name.
func (c RenameOrganization) Decide(s States) ([]Event, error) {
	if err := configurable(c.Slug, s, c.By); err != nil {
		return nil, err
	}
	if err := checkTitle("name", c.Name); err != nil {
		return nil, err
	}
	if s.Of(c.Needs()[0]).Name == c.Name {
		return nil, nil
	}
	return []Event{OrganizationRenamed{c.Slug, c.Name}}, nil
}

// DescribeOrganization replaces the description.
type DescribeOrganization struct {
	Slug        Slug
	Description *Text
	By          Asker
}

// Needs is the organization.
func (c DescribeOrganization) Needs() []Entity { return []Entity{OrganizationEntity(c.Slug)} }

// Decide does nothing where there was and is none.
func (c DescribeOrganization) Decide(s States) ([]Event, error) {
	if err := configurable(c.Slug, s, c.By); err != nil {
		return nil, err
	}
	if textDigest(c.Description) == s.Of(c.Needs()[0]).Text {
		return nil, nil
	}
	return []Event{OrganizationDescribed{c.Slug, c.Description}}, nil
}

// UpdateOrganization renames and describes an organization at once: both, or nothing.
type UpdateOrganization struct {
	Slug        Slug
	Name        *string // nil: it stays
	Describe    bool    // whether the description is replaced; none removes it
	Description *Text
	By          Asker
}

// Needs is the organization.
func (c UpdateOrganization) Needs() []Entity { return []Entity{OrganizationEntity(c.Slug)} }

// Decide refuses everything where one of the two is refused.
func (c UpdateOrganization) Decide(s States) ([]Event, error) {
	if err := configurable(c.Slug, s, c.By); err != nil {
		return nil, err
	}
	var parts []Command
	if c.Name != nil {
		parts = append(parts, RenameOrganization{c.Slug, *c.Name, c.By})
	}
	if c.Describe {
		parts = append(parts, DescribeOrganization{c.Slug, c.Description, c.By})
	}
	var events []Event
	for _, part := range parts {
		some, err := part.Decide(s)
		if err != nil {
			return nil, err
		}
		events = append(events, some...)
	}
	return events, nil
}

func configurable(slug Slug, s States, by Asker) error {
	if err := (Place{slug}).opened(s); err != nil {
		return err
	}
	return may(by.Holds, OrganizationLevel, ConfigureOrganization, ConfigureOrganization)
}
