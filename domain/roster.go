package domain

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// A GranteeKind is a kind of those who can hold a role.
type GranteeKind string

// The kinds of grantees.
const (
	AccountGrantee GranteeKind = "account"         // a person, by the account's id
	ServiceGrantee GranteeKind = "service_account" // a service account, by its id
	TeamGrantee    GranteeKind = "team"            // a team of the organization, by its name
)

// A Grantee is who can hold a role.
type Grantee struct {
	Kind GranteeKind `json:"kind"`
	ID   string      `json:"id"`
}

// Person is the grantee that an account is.
func Person(account uuid.UUID) Grantee { return Grantee{AccountGrantee, account.String()} }

// String writes the grantee as KIND:ID. [ParseGrantee] reads it.
func (g Grantee) String() string { return string(g.Kind) + ":" + g.ID }

// ParseGrantee reads what String writes.
func ParseGrantee(s string) (Grantee, error) {
	kind, id, _ := strings.Cut(s, ":")
	g := Grantee{GranteeKind(kind), id}
	return g, checkGrantee(g)
}

func checkGrantee(g Grantee) error {
	switch g.Kind {
	case AccountGrantee, ServiceGrantee:
		if id, err := uuid.Parse(g.ID); err == nil && id.String() == g.ID {
			return nil
		}
		return &Error{Code: Invalid, Subject: "member", Message: fmt.Sprintf("%q is no id of a person or service account", clip(g.ID))}
	case TeamGrantee:
		if dashed.MatchString(g.ID) && len(g.ID) <= MaxTeamName {
			return nil
		}
		return &Error{Code: Invalid, Subject: "member", Message: fmt.Sprintf("%q is no name of a team", clip(g.ID))}
	}
	return &Error{Code: Invalid, Subject: "member", Message: fmt.Sprintf("%q is nobody who can hold a role: account:ID, service_account:ID or team:NAME", clip(g.String()))}
}

// RosterEntity is who may do what in the stream's workspace or organization: its members with their roles, and its custom
// roles. It is one thing, so that "at least one owner" is decided in one place.
func RosterEntity() Entity { return theRoster }

var theRoster = Entity{KindRoster, derive("roster")}

// A Roster is the decision state of who may do what.
type Roster struct {
	Members   map[string][]RoleRef  `json:"members,omitempty"`   // by [Grantee.String]: what each holds here, in the order of granting
	Suspended map[string]bool       `json:"suspended,omitempty"` // of an organization: who can do nothing for now
	Disabled  map[string]bool       `json:"disabled,omitempty"`  // whose accounts are shut out
	Roles     map[string]CustomRole `json:"roles,omitempty"`     // by name
}

// A CustomRole is what deciding needs of a custom role.
type CustomRole struct {
	Permissions []Permission `json:"permissions"`
	Text        Digest       `json:"text,omitzero"`
}

// MaxMembers is how many grantees one level may have; teams hold more people.
const MaxMembers = 2000

// apply folds in a fact about the roster.
func (r *Roster) apply(e Event) {
	switch e := e.(type) {
	case RoleGranted:
		if key := e.Member.String(); !slices.Contains(r.Members[key], e.Role) {
			put(&r.Members, key, append(slices.Clone(r.Members[key]), e.Role))
		}
	case RoleRevoked:
		key := e.Member.String()
		left := slices.DeleteFunc(slices.Clone(r.Members[key]), func(h RoleRef) bool { return h == e.Role })
		if len(left) == 0 {
			r.forget(key)
		} else {
			put(&r.Members, key, left)
		}
	case MemberRemoved:
		r.forget(e.Member.String())
	case MemberSuspended:
		put(&r.Suspended, e.Member.String(), true)
	case MemberReinstated:
		delete(r.Suspended, e.Member.String())
	case MemberDisabled:
		put(&r.Disabled, e.Member.String(), true)
	case MemberEnabled:
		delete(r.Disabled, e.Member.String())
	case RoleDefined:
		put(&r.Roles, e.Name, CustomRole{e.Permissions, textDigest(e.Description)})
	case RoleDeleted:
		delete(r.Roles, e.Name)
	}
}

// forget takes a member out.
func (r *Roster) forget(key string) {
	delete(r.Members, key)
	delete(r.Suspended, key)
	delete(r.Disabled, key)
}

func put[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[k] = v
}

func (r *Roster) clone() *Roster {
	if r == nil {
		return nil
	}
	return &Roster{maps.Clone(r.Members), maps.Clone(r.Suspended), maps.Clone(r.Disabled), maps.Clone(r.Roles)} // their values are never changed in place
}

// holders is how many hold a role here.
func (r *Roster) holders(role RoleRef) (n int) {
	for _, held := range r.Members {
		if slices.Contains(held, role) {
			n++
		}
	}
	return n
}

// activeOwners is how many owners there would be who can act, were without not one. Shut are owners whose accounts are
// known to be shut out, whatever the roster says.
func (r *Roster) activeOwners(without Grantee, shut []Grantee) (n int) {
	for _, owner := range r.Owners() {
		if owner != without && !r.Suspended[owner.String()] && !slices.Contains(shut, owner) {
			n++
		}
	}
	return n
}

// Owners are those who own the place and are not shut out, in order; some may be suspended.
func (r *Roster) Owners() (owners []Grantee) {
	for key, held := range r.Members {
		if !r.Disabled[key] && slices.Contains(held, Owner) {
			kind, id, _ := strings.Cut(key, ":")
			owners = append(owners, Grantee{GranteeKind(kind), id})
		}
	}
	slices.SortFunc(owners, func(a, b Grantee) int { return strings.Compare(a.String(), b.String()) })
	return owners
}

// permits is what a role permits at a level; granted is what it is said to permit where it is defined in another stream.
func (r *Roster) permits(l Level, role RoleRef, granted []Permission) ([]Permission, error) {
	if role.Level == "" {
		if ps, ok := BuiltinPermissions(l, role); ok {
			return ps, nil
		}
		return nil, &Error{Code: Invalid, Subject: "role", Message: fmt.Sprintf("there is no role %s of a %s", role, l)}
	}
	if role.Level == l {
		if custom, ok := r.Roles[role.Name]; ok {
			return custom.Permissions, nil
		}
		return nil, &Error{Code: NotFound, Subject: "role", Message: fmt.Sprintf("there is no custom role %s", role)}
	}
	if l == OrganizationLevel {
		return nil, &Error{Code: Invalid, Subject: "role", Message: fmt.Sprintf("%s is a role of one workspace: an organization cannot grant it", role)}
	}
	if len(granted) == 0 {
		return nil, &Error{Code: NotFound, Subject: "role", Message: fmt.Sprintf("there is no custom role %s", role)}
	}
	return granted, nil
}

// A Place is where people hold roles: an organization, or, with none named, the workspace whose stream it is.
type Place struct{ Organization Slug }

func (p Place) level() Level {
	if p.Organization != "" {
		return OrganizationLevel
	}
	return WorkspaceLevel
}

func (p Place) entity() Entity {
	if p.Organization != "" {
		return OrganizationEntity(p.Organization)
	}
	return WorkspaceEntity()
}

// needs is what deciding about the roster of a place needs: the roster first.
func (p Place) needs() []Entity { return []Entity{RosterEntity(), p.entity()} }

// opened refuses commands about a place that cannot be written to.
func (p Place) opened(s States) error {
	if p.Organization == "" {
		return writable(s)
	}
	switch o := s.Of(p.entity()); {
	case !o.Exists:
		return &Error{Code: NotFound, Subject: "organization", Message: fmt.Sprintf("there is no organization %s", p.Organization)}
	case o.Deleted:
		return &Error{Code: Gone, Subject: "organization", Message: fmt.Sprintf("organization %s was deleted; its slug is never used again", p.Organization)}
	}
	return nil
}

// founding is what a roster begins with where no fact made one yet: whoever created the workspace or organization owns
// it. It is appended before the first other fact about a roster.
func (p Place) founding(s States) []Event {
	founder := s.Of(p.entity()).Owner
	if s.Of(RosterEntity()).Exists || founder == noAccount {
		return nil
	}
	return []Event{RoleGranted{Person(founder), Owner}}
}

// roster is the roster of the place, never nil: the founder's, where no fact made one yet.
func (p Place) roster(s States) *Roster {
	return RosterOf(s.Of(p.entity()), s.Of(RosterEntity()))
}
