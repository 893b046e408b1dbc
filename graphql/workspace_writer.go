package graphql

import (
	"context"
	"time"

	gql "github.com/99designs/gqlgen/graphql"

	"github.com/annals-io/annals/graphql/model"
)

// A workspaceWriter writes the rows of a list of workspaces, from what the list read of each. What it does not write are the
// fields that ask something of each workspace, such as its runs.
type workspaceWriter struct {
	plain
	*Resolver
	ctx    context.Context
	nested map[*gql.CollectedField][]gql.CollectedField // what was asked of objects
}

// workspaceTypes are the types that a fragment on a workspace may name.
var workspaceTypes = []string{"Workspace", "Node", "Versioned"}

// part writes a field of the connection.
func (w *workspaceWriter) part(c *model.WorkspaceConnection, field gql.CollectedField) ([]byte, bool) {
	const each = 512 // bytes that a row usually takes
	switch field.Name {
	case "nodes":
		asked := w.fields(&field, workspaceTypes...)
		return w.list(len(c.Nodes), each, func(i int) bool { return w.row(asked, c.Nodes[i]) })
	case "edges":
		asked, edges := w.fields(&field, "WorkspaceEdge"), c.Edges()
		return w.list(len(edges), each, func(i int) bool {
			return w.object("WorkspaceEdge", asked, func(f *gql.CollectedField) bool {
				switch f.Name {
				case "cursor":
					return w.text(edges[i].Cursor)
				case "node":
					return w.row(w.fields(f, workspaceTypes...), edges[i].Node)
				}
				return false
			})
		})
	}
	return nil, false
}

// fields are those that were asked of an object. They are found once for all rows.
func (w *workspaceWriter) fields(f *gql.CollectedField, types ...string) []gql.CollectedField {
	asked, ok := w.nested[f]
	if !ok {
		asked = gql.CollectFields(gql.GetOperationContext(w.ctx), f.Selections, types)
		w.nested[f] = asked
	}
	return asked
}

func (w *workspaceWriter) row(asked []gql.CollectedField, row *model.Workspace) bool {
	return w.object("Workspace", asked, func(f *gql.CollectedField) bool { return w.field(f, row) })
}

// field writes a field of a workspace. What can fail is asked of the resolver that the executor would ask: it answers from
// what was read for the whole list, and a failure is the executor's to tell.
func (w *workspaceWriter) field(f *gql.CollectedField, row *model.Workspace) bool {
	if row.Seen == nil {
		return false
	}
	switch f.Name {
	case "id":
		return w.text(row.ID())
	case "slug":
		return w.text(row.Slug())
	case "name":
		return w.text(row.Name())
	case "description":
		text, err := w.description(w.ctx, row)
		return err == nil && w.word(value(text))
	case "status":
		return w.text(string(row.Status()))
	case "kind":
		return w.text(w.upper(string(row.Row.Kind)))
	case "environment":
		return w.word(w.upper(string(row.Row.Environment)))
	case "sensitivity":
		return w.word(w.upper(string(row.Row.Sensitivity)))
	case "team":
		return w.word(row.Row.Team)
	case "organizationSlug":
		return w.text(row.OrganizationSlug())
	case "hidesCounts":
		return w.bool(row.HidesCounts())
	case "createdAt":
		return w.at(row.Row.CreatedAt)
	case "updatedAt":
		return w.at(row.Seen.ChangedAt)
	case "lastActivityAt":
		return w.at(row.At.At.Time)
	case "createdRevision":
		return w.int64(row.CreatedRevision())
	case "revision":
		return w.int64(row.Revision())
	case "memberCount":
		return w.number(row.Seen.Members)
	case "asOf", "labels", "counts", "myRole":
		return w.inner(f, row)
	}
	return false
}

// at writes a time that has to be there.
func (w *workspaceWriter) at(t time.Time) bool { return !t.IsZero() && w.time(t) }

// inner writes what is an object, or a list of them.
func (w *workspaceWriter) inner(f *gql.CollectedField, row *model.Workspace) bool {
	switch f.Name {
	case "asOf":
		return w.object("Moment", w.fields(f, "Moment"), func(f *gql.CollectedField) bool {
			switch f.Name {
			case "revision":
				return w.int64(row.At.Revision())
			case "time":
				return row.At.At.Time.IsZero() && w.null() || w.at(row.At.At.Time)
			case "settled":
				return w.bool(row.At.Settled())
			}
			return false
		})
	case "labels":
		w.out = append(w.out, '[')
		for i, l := range row.Labels() {
			w.comma(i)
			if !w.object("Label", w.fields(f, "Label"), func(f *gql.CollectedField) bool {
				return f.Name == "key" && w.text(l.Key) || f.Name == "value" && w.text(l.Value)
			}) {
				return false
			}
		}
		w.out = append(w.out, ']')
		return true
	case "counts":
		counts, err := w.counts(w.ctx, row)
		return err == nil && counts != nil && w.object("ResourceCounts", w.fields(f, "ResourceCounts"), func(f *gql.CollectedField) bool {
			n, ok := map[string]int{"pipelines": counts.Pipelines, "runs": counts.Runs, "steps": counts.Steps, "artifacts": counts.Artifacts, "artifactVersions": counts.ArtifactVersions}[f.Name]
			return ok && w.number(n)
		})
	}
	role, err := w.myRole(w.ctx, row)
	if err != nil || role == nil {
		return err == nil && w.null()
	}
	return w.object("ViewerRole", w.fields(f, "ViewerRole"), func(f *gql.CollectedField) bool {
		switch f.Name {
		case "role":
			return w.text(role.Role)
		case "through":
			return w.text(role.Through)
		case "permissions":
			return w.texts(role.Permissions)
		}
		return false
	})
}
