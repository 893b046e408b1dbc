package domain

import "github.com/google/uuid"

// HistoryImported says that everything before it in the stream was recorded elsewhere, and brought here byte for byte:
// revisions, ids, times and all. From here on the workspace is of this instance: it belongs to that organization and that
// owner. Nobody else holds anything in it; facts of their own, behind this one, say so of each who did.
type HistoryImported struct {
	Slug         Slug            `json:"slug"` // what the workspace is called here
	Organization Slug            `json:"organization"`
	Owner        uuid.UUID       `json:"owner"`
	UpTo         Revision        `json:"upTo"`    // of the last event that was recorded elsewhere
	Origins      []HistoryOrigin `json:"origins"` // the oldest first
	Export       Digest          `json:"export"`  // SHA-256 of the export's manifest
	// Checkpoint is the SHA-256 of the last signed checkpoint that came along.
	Checkpoint Digest `json:"checkpoint,omitzero"`
}

// A HistoryOrigin is a stream of an instance in which events were recorded, up to a revision.
type HistoryOrigin struct {
	Instance string   `json:"instance"`
	Stream   Stream   `json:"stream"`
	UpTo     Revision `json:"upTo"`
}

// EventType is "history.imported".
func (HistoryImported) EventType() string { return "history.imported" }

// Subject is the workspace.
func (HistoryImported) Subject() Entity { return WorkspaceEntity() }

// kindHere is what kind of workspace an imported one is: no instance has another's default one.
func kindHere(k WorkspaceKind) WorkspaceKind {
	if k == DefaultWorkspace {
		return ProjectWorkspace
	}
	return k
}
