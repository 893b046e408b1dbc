package domain

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// InvitationEntity is the invitation of that id.
func InvitationEntity(id uuid.UUID) Entity { return Entity{KindInvitation, id} }

// MemberInvited offers roles in the stream's workspace or organization to whoever comes with the link, once and until it
// expires. The link's secret is not here, only its digest; what names the person invited is sealed.
type MemberInvited struct {
	Invitation uuid.UUID `json:"invitation"`
	Roles      []RoleRef `json:"roles"`
	ExpiresAt  time.Time `json:"expiresAt"`
	Secret     Digest    `json:"secret"`
	Invited    *Personal `json:"invited,omitempty"` // an e-mail address or a name, for the list of invitations
}

// EventType is "member.invited".
func (MemberInvited) EventType() string { return "member.invited" }

// Subject is the invitation.
func (e MemberInvited) Subject() Entity { return InvitationEntity(e.Invitation) }

// InvitationAccepted uses an invitation up. The roles are granted by facts of their own, in the same slice.
type InvitationAccepted struct {
	Invitation uuid.UUID `json:"invitation"`
	Account    uuid.UUID `json:"account"`
}

// EventType is "invitation.accepted".
func (InvitationAccepted) EventType() string { return "invitation.accepted" }

// Subject is the invitation.
func (e InvitationAccepted) Subject() Entity { return InvitationEntity(e.Invitation) }

// InvitationRevoked takes an invitation back before it was used.
type InvitationRevoked struct {
	Invitation uuid.UUID `json:"invitation"`
}

// EventType is "invitation.revoked".
func (InvitationRevoked) EventType() string { return "invitation.revoked" }

// Subject is the invitation.
func (e InvitationRevoked) Subject() Entity { return InvitationEntity(e.Invitation) }

// An Invitation is the decision state of an invitation.
type Invitation struct {
	Roles     []RoleRef `json:"roles"`
	ExpiresAt time.Time `json:"expiresAt"`
	Secret    Digest    `json:"secret"`
	Used      bool      `json:"used,omitempty"`
	Revoked   bool      `json:"revoked,omitempty"`
}

// MaxInvitation is the longest time an invitation can be good for.
const MaxInvitation = 30 * 24 * time.Hour

// InviteMember offers roles to whoever comes with the link.
type InviteMember struct {
	At         Place
	Invitation uuid.UUID
	Roles      []RoleRef
	Permits    []Permission // what the organization's custom roles among them permit, where a workspace invites
	Now        time.Time
	ExpiresAt  time.Time
	Secret     Digest
	Invited    *Personal
	By         Asker
}

// Needs is the invitation and the roster.
func (c InviteMember) Needs() []Entity {
	return append([]Entity{InvitationEntity(c.Invitation)}, c.At.needs()...)
}

// Decide refuses roles that the asker could not grant.
func (c InviteMember) Decide(s States) ([]Event, error) {
	if err := c.At.opened(s); err != nil {
		return nil, err
	}
	if err := may(c.By.Holds, c.At.level(), ManageMembers, ManageOrganizationMembers); err != nil {
		return nil, err
	}
	switch life := c.ExpiresAt.Sub(c.Now); {
	case len(c.Roles) == 0:
		return nil, &Error{Code: Required, Subject: "roles", Message: "an invitation offers at least one role"}
	case life <= 0 || life > MaxInvitation:
		return nil, &Error{Code: Invalid, Subject: "expiresAt", Message: "an invitation is good for 30 days at most, and not for less than nothing"}
	case s.Of(InvitationEntity(c.Invitation)).Exists:
		return nil, &Error{Code: AlreadyExists, Subject: "invitation", Message: "there is an invitation of that id"}
	}
	roster := c.At.roster(s)
	anybody := Person(c.Invitation) // whoever comes is a person
	for _, role := range c.Roles {
		if err := grantable(c.At, roster, anybody, role, c.Permits, c.By.Holds); err != nil {
			return nil, err
		}
	}
	return []Event{MemberInvited{c.Invitation, c.Roles, c.ExpiresAt, c.Secret, c.Invited}}, nil
}

// AcceptInvitation uses an invitation up and grants what it offers.
type AcceptInvitation struct {
	At         Place
	Invitation uuid.UUID
	Secret     Digest // of what the link held
	Account    uuid.UUID
	Now        time.Time
}

// Needs is the invitation and the roster.
func (c AcceptInvitation) Needs() []Entity {
	return append([]Entity{InvitationEntity(c.Invitation)}, c.At.needs()...)
}

// Decide refuses an invitation that is used up, revoked or over. Whether there is none or its secret is another looks the
// same.
func (c AcceptInvitation) Decide(s States) ([]Event, error) {
	if err := c.At.opened(s); err != nil {
		return nil, err
	}
	st := s.Of(InvitationEntity(c.Invitation))
	if st.Invitation == nil || st.Invitation.Secret != c.Secret {
		return nil, &Error{Code: NotFound, Subject: "invitation", Message: "there is no such invitation: ask for another link"}
	}
	switch {
	case st.Invitation.Used:
		return nil, &Error{Code: Gone, Subject: "invitation", Message: "the invitation was used: it works once"}
	case st.Invitation.Revoked:
		return nil, &Error{Code: Gone, Subject: "invitation", Message: "the invitation was taken back: ask for another link"}
	case !c.Now.Before(st.Invitation.ExpiresAt):
		return nil, &Error{Code: Gone, Subject: "invitation", Message: fmt.Sprintf("the invitation ended on %s: ask for another link", st.Invitation.ExpiresAt.UTC().Format(time.RFC3339))}
	}
	roster, who := c.At.roster(s), Person(c.Account)
	if _, member := roster.Members[who.String()]; !member && len(roster.Members) >= MaxMembers {
		return nil, &Error{Code: TooLong, Subject: "member", Message: fmt.Sprintf("there are %d members here, as many as there may be", MaxMembers)}
	}
	events := append(c.At.founding(s), InvitationAccepted{c.Invitation, c.Account})
	for _, role := range st.Invitation.Roles {
		if role.Level == c.At.level() {
			if _, there := roster.Roles[role.Name]; !there {
				continue // it was deleted meanwhile
			}
		}
		events = append(events, RoleGranted{who, role})
	}
	return events, nil
}

// RevokeInvitation takes an invitation back.
type RevokeInvitation struct {
	At         Place
	Invitation uuid.UUID
	By         Asker
}

// Needs is the invitation.
func (c RevokeInvitation) Needs() []Entity {
	return []Entity{InvitationEntity(c.Invitation), c.At.entity()}
}

// Decide refuses one that was used; it does nothing for one that was taken back.
func (c RevokeInvitation) Decide(s States) ([]Event, error) {
	if err := c.At.opened(s); err != nil {
		return nil, err
	}
	if err := may(c.By.Holds, c.At.level(), ManageMembers, ManageOrganizationMembers); err != nil {
		return nil, err
	}
	switch st := s.Of(InvitationEntity(c.Invitation)); {
	case st.Invitation == nil:
		return nil, &Error{Code: NotFound, Subject: "invitation", Message: "there is no such invitation"}
	case st.Invitation.Used:
		return nil, &Error{Code: Gone, Subject: "invitation", Message: "the invitation was used: remove the member instead"}
	case st.Invitation.Revoked:
		return nil, nil
	}
	return []Event{InvitationRevoked{c.Invitation}}, nil
}
