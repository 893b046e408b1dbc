package domain

import (
	"fmt"
	"slices"
	"strings"
)

// A WorkspaceKind says what a workspace is for. It is settled when the workspace is created.
type WorkspaceKind string

// The kinds of workspaces.
const (
	DefaultWorkspace     WorkspaceKind = "default"     // made with its organization: it has exactly one
	ProjectWorkspace     WorkspaceKind = "project"     // of one undertaking
	EnvironmentWorkspace WorkspaceKind = "environment" // where things run: development, staging, production
)

// An Environment is the stage that a workspace of kind environment stands for.
type Environment string

// The environments.
const (
	Development Environment = "development"
	Staging     Environment = "staging"
	Production  Environment = "production"
)

// A Sensitivity says how the data of a workspace are to be handled. It is a label to organise by and grants nothing.
type Sensitivity string

// The sensitivities.
const (
	Public       Sensitivity = "public"
	Internal     Sensitivity = "internal"
	Confidential Sensitivity = "confidential"
)

var (
	kinds         = []WorkspaceKind{DefaultWorkspace, ProjectWorkspace, EnvironmentWorkspace}
	environments  = []Environment{Development, Staging, Production}
	sensitivities = []Sensitivity{Public, Internal, Confidential}
)

// WorkspaceEnvironmentSet says which stage a workspace of kind environment stands for.
type WorkspaceEnvironmentSet struct {
	Environment Environment `json:"environment"`
}

// EventType is "workspace.environment_set".
func (WorkspaceEnvironmentSet) EventType() string { return "workspace.environment_set" }

// Subject is the workspace.
func (WorkspaceEnvironmentSet) Subject() Entity { return WorkspaceEntity() }

// WorkspaceSensitivitySet says how a workspace's data are to be handled; none takes it back.
type WorkspaceSensitivitySet struct {
	Sensitivity Sensitivity `json:"sensitivity,omitempty"`
}

// EventType is "workspace.sensitivity_set".
func (WorkspaceSensitivitySet) EventType() string { return "workspace.sensitivity_set" }

// Subject is the workspace.
func (WorkspaceSensitivitySet) Subject() Entity { return WorkspaceEntity() }

// WorkspaceTeamSet says which team a workspace is filed under; none takes it back. It grants the team nothing.
type WorkspaceTeamSet struct {
	Team string `json:"team,omitempty"`
}

// EventType is "workspace.team_set".
func (WorkspaceTeamSet) EventType() string { return "workspace.team_set" }

// Subject is the workspace.
func (WorkspaceTeamSet) Subject() Entity { return WorkspaceEntity() }

// ClassifyWorkspace says what a workspace is filed under; what is nil stays.
type ClassifyWorkspace struct {
	Environment *Environment
	Sensitivity *Sensitivity
	Team        *string
}

// Needs is the workspace.
func (ClassifyWorkspace) Needs() []Entity { return onlyWorkspace() }

// Decide says only what is not so yet.
func (c ClassifyWorkspace) Decide(s States) (events []Event, err error) {
	if err := writable(s); err != nil {
		return nil, err
	}
	w := s.Of(WorkspaceEntity())
	now := CreateWorkspace{Kind: w.Kind, Environment: w.Environment, Sensitivity: w.Sensitivity, Team: w.Filed}
	if c.Environment != nil && *c.Environment != w.Environment {
		now.Environment = *c.Environment
		events = append(events, WorkspaceEnvironmentSet{now.Environment})
	}
	if c.Sensitivity != nil && *c.Sensitivity != w.Sensitivity {
		now.Sensitivity = *c.Sensitivity
		events = append(events, WorkspaceSensitivitySet{now.Sensitivity})
	}
	if c.Team != nil && *c.Team != w.Filed {
		now.Team = *c.Team
		events = append(events, WorkspaceTeamSet{now.Team})
	}
	if err := checkClass(now); err != nil {
		return nil, err
	}
	return events, nil
}

// checkClass refuses what a workspace cannot be filed under.
func checkClass(c CreateWorkspace) error {
	switch {
	case c.Kind != "" && !slices.Contains(kinds, c.Kind):
		return oneOf("kind", c.Kind, kinds)
	case c.Environment != "" && !slices.Contains(environments, c.Environment):
		return oneOf("environment", c.Environment, environments)
	case c.Sensitivity != "" && !slices.Contains(sensitivities, c.Sensitivity):
		return oneOf("sensitivity", c.Sensitivity, sensitivities)
	case c.Kind == EnvironmentWorkspace && c.Environment == "":
		return &Error{Code: Required, Subject: "environment", Message: "a workspace of kind environment says which: development, staging or production"}
	case c.Kind != EnvironmentWorkspace && c.Environment != "":
		return &Error{Code: Invalid, Subject: "environment", Message: "only a workspace of kind environment stands for one"}
	case c.Team != "" && (len(c.Team) > MaxTeamName || !dashed.MatchString(c.Team)):
		return &Error{Code: Invalid, Subject: "team", Message: fmt.Sprintf("%q is no name of a team", clip(c.Team))}
	}
	return nil
}

func oneOf[T ~string](field string, value T, choice []T) error {
	words := make([]string, len(choice))
	for i, c := range choice {
		words[i] = string(c)
	}
	return &Error{Code: Invalid, Subject: field, Message: fmt.Sprintf("%q is none: choose of %s", clip(string(value)), strings.Join(words, ", "))}
}
