package domain

import (
	"fmt"
	"slices"
)

// MaxTeamName is the longest name of a team, in bytes; MaxTeam how many people one may have.
const (
	MaxTeamName = 40
	MaxTeam     = 2000
)

// TeamEntity is the team of that name in the stream's organization.
func TeamEntity(name string) Entity { return Entity{KindTeam, derive("team", name)} }

// TeamCreated makes a team of an organization. Its name is never used for another: what it was granted would be inherited.
type TeamCreated struct {
	Team        string `json:"team"`
	Title       string `json:"title,omitempty"`
	Description *Text  `json:"description,omitempty"`
}

// EventType is "team.created".
func (TeamCreated) EventType() string { return "team.created" }

// Subject is the team.
func (e TeamCreated) Subject() Entity { return TeamEntity(e.Team) }

// TeamMemberAdded puts a person or service account into a team.
type TeamMemberAdded struct {
	Team   string  `json:"team"`
	Member Grantee `json:"member"`
}

// EventType is "team.member_added".
func (TeamMemberAdded) EventType() string { return "team.member_added" }

// Subject is the team.
func (e TeamMemberAdded) Subject() Entity { return TeamEntity(e.Team) }

// TeamMemberRemoved takes a person or service account out of a team.
type TeamMemberRemoved struct {
	Team   string  `json:"team"`
	Member Grantee `json:"member"`
}

// EventType is "team.member_removed".
func (TeamMemberRemoved) EventType() string { return "team.member_removed" }

// Subject is the team.
func (e TeamMemberRemoved) Subject() Entity { return TeamEntity(e.Team) }

// TeamDeleted ends a team: whatever it was granted is granted to nobody.
type TeamDeleted struct {
	Team string `json:"team"`
}

// EventType is "team.deleted".
func (TeamDeleted) EventType() string { return "team.deleted" }

// Subject is the team.
func (e TeamDeleted) Subject() Entity { return TeamEntity(e.Team) }

// CreateTeam makes a team.
type CreateTeam struct {
	At          Place
	Team, Title string
	Description *Text
	By          Asker
}

// Needs is the team.
func (c CreateTeam) Needs() []Entity { return []Entity{TeamEntity(c.Team), c.At.entity()} }

// Decide refuses a name that is none or was ever a team's.
func (c CreateTeam) Decide(s States) ([]Event, error) {
	if err := teamsOf(c.At, s, c.By); err != nil {
		return nil, err
	}
	if c.Team == "" || len(c.Team) > MaxTeamName || !dashed.MatchString(c.Team) {
		return nil, &Error{Code: Invalid, Subject: "name", Message: fmt.Sprintf("%q cannot name a team: 1 to %d of a-z, 0-9 and single dashes between them", clip(c.Team), MaxTeamName)}
	}
	if c.Title != "" {
		if err := checkTitle("title", c.Title); err != nil {
			return nil, err
		}
	}
	if s.Of(TeamEntity(c.Team)).Exists {
		return nil, &Error{Code: AlreadyExists, Subject: "name", Message: fmt.Sprintf("there is or was a team %s: a name is not used again", c.Team)}
	}
	return []Event{TeamCreated{c.Team, c.Title, c.Description}}, nil
}

// MoveTeamMember puts somebody into a team, or takes them out.
type MoveTeamMember struct {
	At     Place
	Team   string
	Member Grantee
	Out    bool
	By     Asker
}

// Needs is the team.
func (c MoveTeamMember) Needs() []Entity { return []Entity{TeamEntity(c.Team), c.At.entity()} }

// Decide does nothing where it is so already. Anybody may leave a team.
func (c MoveTeamMember) Decide(s States) ([]Event, error) {
	if err := teamsOf(c.At, s, c.By); err != nil && !(c.Out && c.Member == c.By.Who && s.Of(c.At.entity()).Exists) {
		return nil, err
	}
	if err := checkGrantee(c.Member); err != nil {
		return nil, err
	}
	team := s.Of(TeamEntity(c.Team))
	in := slices.Contains(team.Team, c.Member)
	switch {
	case !team.Exists || team.Deleted:
		return nil, noTeam(c.Team)
	case c.Member.Kind == TeamGrantee:
		return nil, &Error{Code: Invalid, Subject: "member", Message: "a team has people and service accounts, not teams"}
	case in == !c.Out:
		return nil, nil
	case c.Out:
		return []Event{TeamMemberRemoved{c.Team, c.Member}}, nil
	case len(team.Team) >= MaxTeam:
		return nil, &Error{Code: TooLong, Subject: "member", Message: fmt.Sprintf("the team has %d members, as many as it may have", MaxTeam)}
	}
	return []Event{TeamMemberAdded{c.Team, c.Member}}, nil
}

// DeleteTeam ends a team.
type DeleteTeam struct {
	At   Place
	Team string
	By   Asker
}

// Needs is the team.
func (c DeleteTeam) Needs() []Entity { return []Entity{TeamEntity(c.Team), c.At.entity()} }

// Decide refuses a team that is not there.
func (c DeleteTeam) Decide(s States) ([]Event, error) {
	if err := teamsOf(c.At, s, c.By); err != nil {
		return nil, err
	}
	if team := s.Of(TeamEntity(c.Team)); !team.Exists || team.Deleted {
		return nil, noTeam(c.Team)
	}
	return []Event{TeamDeleted{c.Team}}, nil
}

func noTeam(name string) error {
	return &Error{Code: NotFound, Subject: "team", Message: fmt.Sprintf("there is no team %q in the organization", clip(name))}
}

// teamsOf refuses a place that has no teams, and whoever may not manage them.
func teamsOf(at Place, s States, by Asker) error {
	if at.level() != OrganizationLevel {
		return &Error{Code: Required, Subject: "organization", Message: "teams belong to an organization: name it"}
	}
	if err := at.opened(s); err != nil {
		return err
	}
	return may(by.Holds, OrganizationLevel, ManageTeams, ManageTeams)
}
