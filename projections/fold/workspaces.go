package fold

import (
	"encoding/json"
	"maps"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// A workspace is one row: its key is the workspace's number alone.
type workspaceKey struct{}

type workspaceRow struct {
	slug, name, organization string
	owner                    uuid.UUID
	description              string // evidence digest
	labels                   string
	archived, deleted        bool
	createdAt                time.Time
	kind, environment        string
	sensitivity, team        string
	hidesCounts              bool
}

var workspacesTable = table[workspaceKey, workspaceRow]{
	name: "workspaces",
	of:   func(*workspaceKey, *workspaceRow) int64 { return 0 },
	columns: []column{
		{name: "slug", typ: tText}, {name: "name", typ: tText}, {name: "organization", typ: tText}, {name: "owner", typ: tUUID, nullable: true},
		{name: "description", typ: tBytea, nullable: true}, {name: "labels", typ: tJSONB, canon: canonical[map[string]string]},
		{name: "archived", typ: tBool}, {name: "deleted", typ: tBool}, {name: "created_at", typ: tTime},
		{name: "kind", typ: tText}, {name: "environment", typ: tText, nullable: true}, {name: "sensitivity", typ: tText, nullable: true}, {name: "team", typ: tText, nullable: true},
		{name: "hides_counts", typ: tBool},
	},
	bind: func(_ *workspaceKey, r *workspaceRow, to []any) []any {
		return append(to, &r.slug, &r.name, &r.organization, &r.owner, &r.description, &r.labels, &r.archived, &r.deleted, &r.createdAt, &r.kind, &r.environment, &r.sensitivity, &r.team, &r.hidesCounts)
	},
}

// workspaceChanged folds the facts on the workspace itself.
func (f *fold) workspaceChanged(e domain.Event) {
	w := f.workspaces.edit(workspaceKey{})
	if w.slug == "" {
		w.slug, w.labels, w.createdAt, w.kind = string(f.e.slug), "{}", instant(f.e.RecordedAt), string(domain.ProjectWorkspace)
	}
	switch e := e.(type) {
	case domain.WorkspaceCreated:
		w.name, w.organization, w.owner = noNUL(e.Name), string(e.Organization), e.Owner
		w.labels = labelled("{}", e.Labels, nil)
		w.description, _ = textOf(e.Description)
		w.kind, w.environment, w.sensitivity, w.team = string(e.KindOf()), string(e.Environment), string(e.Sensitivity), e.Team
		if e.Owner != uuid.Nil {
			f.granted(domain.Person(e.Owner), domain.Owner)
		}
	case domain.HistoryImported:
		w.organization, w.owner, w.team = string(e.Organization), e.Owner, ""
		if w.kind == string(domain.DefaultWorkspace) {
			w.kind = string(domain.ProjectWorkspace) // another instance's
		}
	case domain.WorkspaceRenamed:
		w.name = noNUL(e.Name)
	case domain.WorkspaceDescribed:
		w.description, _ = textOf(e.Description)
	case domain.WorkspaceLabelled:
		w.labels = labelled(w.labels, e.Set, e.Removed)
	case domain.WorkspaceEnvironmentSet:
		w.environment = string(e.Environment)
	case domain.WorkspaceSensitivitySet:
		w.sensitivity = string(e.Sensitivity)
	case domain.WorkspaceTeamSet:
		w.team = e.Team
	case domain.WorkspaceWallSet:
		w.hidesCounts = e.HidesCounts
	case domain.WorkspaceArchived:
		w.archived = true
	case domain.WorkspaceRestored:
		w.archived = false
	case domain.WorkspaceDeleted:
		w.deleted = true
	}
}

// labelled are the labels after setting some and removing others.
func labelled(old string, set map[string]string, removed []string) string {
	labels := map[string]string{}
	if json.Unmarshal([]byte(old), &labels) != nil || labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, set)
	for _, k := range removed {
		delete(labels, k)
	}
	return document(labels)
}

// textOf splits a text into the digest of its evidence and the pointer into it; both are empty for none.
func textOf(t *domain.Text) (digest, pointer string) {
	if t == nil {
		return "", ""
	}
	return string(t.Evidence[:]), noNUL(t.Pointer)
}
