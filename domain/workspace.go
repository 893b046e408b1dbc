package domain

import "github.com/google/uuid"

// WorkspaceCreated opens a workspace's stream. Its slug is taken for ever.
type WorkspaceCreated struct {
	Slug         Slug              `json:"slug"`
	Name         string            `json:"name"`
	Organization Slug              `json:"organization"`
	Owner        uuid.UUID         `json:"owner,omitzero"`
	Description  *Text             `json:"description,omitempty"`
	Labels       map[string]string `json:"labels,omitempty"`
	Kind         WorkspaceKind     `json:"kind,omitempty"`        // none: a project's
	Environment  Environment       `json:"environment,omitempty"` // of kind environment alone
	Sensitivity  Sensitivity       `json:"sensitivity,omitempty"`
	Team         string            `json:"team,omitempty"` // of the organization, to organise by; it grants nothing
}

// EventType is "workspace.created".
func (WorkspaceCreated) EventType() string { return "workspace.created" }

// Subject is the workspace.
func (WorkspaceCreated) Subject() Entity { return WorkspaceEntity() }

// KindOf is the workspace's kind: before kinds were said, the first workspace was default and every other a project's.
func (e WorkspaceCreated) KindOf() WorkspaceKind {
	switch {
	case e.Kind != "":
		return e.Kind
	case e.Slug == "default":
		return DefaultWorkspace
	}
	return ProjectWorkspace
}

// WorkspaceRenamed changes the name for people.
type WorkspaceRenamed struct {
	Name string `json:"name"`
}

// EventType is "workspace.renamed".
func (WorkspaceRenamed) EventType() string { return "workspace.renamed" }

// Subject is the workspace.
func (WorkspaceRenamed) Subject() Entity { return WorkspaceEntity() }

// WorkspaceDescribed replaces the description; none removes it.
type WorkspaceDescribed struct {
	Description *Text `json:"description,omitempty"`
}

// EventType is "workspace.described".
func (WorkspaceDescribed) EventType() string { return "workspace.described" }

// Subject is the workspace.
func (WorkspaceDescribed) Subject() Entity { return WorkspaceEntity() }

// WorkspaceLabelled sets and removes labels.
type WorkspaceLabelled struct {
	Set     map[string]string `json:"set,omitempty"`
	Removed []string          `json:"removed,omitempty"`
}

// EventType is "workspace.labelled".
func (WorkspaceLabelled) EventType() string { return "workspace.labelled" }

// Subject is the workspace.
func (WorkspaceLabelled) Subject() Entity { return WorkspaceEntity() }

// WorkspaceArchived makes a workspace read-only.
type WorkspaceArchived struct{}

// EventType is "workspace.archived".
func (WorkspaceArchived) EventType() string { return "workspace.archived" }

// Subject is the workspace.
func (WorkspaceArchived) Subject() Entity { return WorkspaceEntity() }

// WorkspaceRestored makes an archived workspace writable again.
type WorkspaceRestored struct{}

// EventType is "workspace.restored".
func (WorkspaceRestored) EventType() string { return "workspace.restored" }

// Subject is the workspace.
func (WorkspaceRestored) Subject() Entity { return WorkspaceEntity() }

// WorkspaceDeleted ends a workspace's stream. Nothing is appended after it, and the slug stays taken.
type WorkspaceDeleted struct{}

// EventType is "workspace.deleted".
func (WorkspaceDeleted) EventType() string { return "workspace.deleted" }

// Subject is the workspace.
func (WorkspaceDeleted) Subject() Entity { return WorkspaceEntity() }
