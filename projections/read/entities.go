package read

import (
	"context"
	"fmt"

	"github.com/annals-io/annals/domain"
)

// Below, things are read with everything that belongs to them: one statement a table, whatever the number of things.

// An assembly is things being put together at one moment.
type assembly struct {
	d           *DB
	m           Moment
	all         map[int64]*Entity
	invitations bool // are fields of the workspace, too
}

// Entities reads the things that are there at the moment, with all their fields, by key: those that were named by then
// and not deleted. The workspace itself has key 0.
func (d *DB) Entities(ctx context.Context, m Moment, nodes []Node) (map[int64]*Entity, error) {
	return d.entities(ctx, m, nodes, false)
}

func (d *DB) entities(ctx context.Context, m Moment, nodes []Node, invitations bool) (map[int64]*Entity, error) {
	a := assembly{d: d, m: m, all: make(map[int64]*Entity, len(nodes)), invitations: invitations}
	keys := map[domain.Kind][]int64{}
	for _, n := range nodes {
		keys[n.Kind] = append(keys[n.Kind], n.Key)
	}
	for kind, read := range map[domain.Kind]func(context.Context, []int64) error{
		domain.KindWorkspace: a.workspace, domain.KindPipeline: a.pipelines, domain.KindPipelineVersion: a.pipelineVersions, domain.KindRun: a.runs,
		domain.KindStep: a.steps, domain.KindArtifact: a.artifacts, domain.KindArtifactVersion: a.versions,
	} {
		if len(keys[kind]) == 0 {
			continue
		}
		if err := read(ctx, keys[kind]); err != nil {
			return nil, err
		}
	}
	return a.all, nil
}

func (a *assembly) add(kind domain.Kind, key int64) *Entity {
	e := newEntity(kind, key)
	a.all[key] = e
	return e
}

// there are the keys of which things were found.
func (a *assembly) there(keys []int64) []int64 {
	var out []int64
	for _, k := range keys {
		if a.all[k] != nil {
			out = append(out, k)
		}
	}
	return out
}

func (a *assembly) workspace(ctx context.Context, _ []int64) error {
	w, ok, err := a.d.Workspace(ctx, a.m)
	if err != nil || !ok || w.Deleted {
		return err
	}
	e := a.add(domain.KindWorkspace, 0)
	e.word("name", w.Name)
	e.word("organization", string(w.Organization))
	e.text("description", w.Description)
	e.put("", "archived", w.Archived)
	e.put("", "hidesCounts", w.HidesCounts)
	e.choice("kind", string(w.Kind))
	e.choice("environment", string(w.Environment))
	e.choice("sensitivity", string(w.Sensitivity))
	e.word("team", w.Team)
	for k, v := range w.Labels {
		e.put(groupLabels, k, v)
	}
	members, roles, err := a.d.rosterRows(ctx, a.m)
	if err != nil {
		return fmt.Errorf("read the roster of %s: %w", a.m.Slug, err)
	}
	for _, m := range members {
		e.put(groupMembers, m.Grantee, struct {
			Roles     []string `json:"roles"`
			Suspended bool     `json:"suspended,omitempty"`
		}{m.Roles, m.Suspended})
	}
	for _, r := range roles {
		e.put(groupRoles, r.Name, r.Permissions)
		if r.Description != nil {
			e.Fields[FieldKey{Group: groupRoles, Name: r.Name + " description"}] = FieldValue{Text: r.Description}
		}
	}
	return a.invited(ctx, e)
}

func (a *assembly) attributes(ctx context.Context, keys []int64) error {
	found, err := a.d.Attributes(ctx, a.m, keys, Parameters, Metadata, Tags)
	for key, list := range found {
		a.all[key].attributes(list)
	}
	return err
}
