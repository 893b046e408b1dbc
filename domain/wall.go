package domain

// WorkspaceWallSet says what those see of a workspace who may not see into it, where lineage leads through its wall: how
// many things lie behind it, or only that there is something.
type WorkspaceWallSet struct {
	HidesCounts bool `json:"hidesCounts"`
}

// EventType is "workspace.wall_set".
func (WorkspaceWallSet) EventType() string { return "workspace.wall_set" }

// Subject is the workspace.
func (WorkspaceWallSet) Subject() Entity { return WorkspaceEntity() }

// SetWorkspaceWall changes it.
type SetWorkspaceWall WorkspaceWallSet

// Needs is the workspace.
func (SetWorkspaceWall) Needs() []Entity { return onlyWorkspace() }

// Decide does nothing where it is so.
func (c SetWorkspaceWall) Decide(s States) ([]Event, error) {
	if err := writable(s); err != nil {
		return nil, err
	}
	if s.Of(WorkspaceEntity()).HidesCounts == c.HidesCounts {
		return nil, nil
	}
	return []Event{WorkspaceWallSet(c)}, nil
}
