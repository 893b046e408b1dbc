package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
)

// A roster is where people hold roles: a workspace, or an organization.
type roster struct{ workspace, organization string }

// organizationFlag is --organization, beside --workspace of all commands.
type organizationFlag struct{ slug string }

func (f *organizationFlag) add(cmd *cobra.Command, why string) {
	cmd.Flags().StringVar(&f.slug, "organization", "", why)
}

// placeFlag is where a command about people works: in --organization, else in a workspace.
type placeFlag struct{ organizationFlag }

func (f *placeFlag) add(cmd *cobra.Command) {
	f.organizationFlag.add(cmd, "in this `organization`, instead of a workspace")
}

// in settles the place.
func (f *placeFlag) in(ctx context.Context, a *app, c *client, cmd *cobra.Command) (roster, error) {
	if f.slug == "" {
		ws, err := a.inWorkspace(ctx, c)
		return roster{workspace: ws}, err
	}
	if w := cmd.Flags().Lookup("workspace"); w != nil && w.Changed {
		return roster{}, usage("--workspace and --organization: name one of them")
	}
	return roster{organization: f.slug}, nil
}

// of settles the organization of a command about one: --organization, else that of the workspace.
func (f *organizationFlag) of(ctx context.Context, a *app, c *client) (string, error) {
	if f.slug != "" {
		return f.slug, nil
	}
	ws, err := a.inWorkspace(ctx, c)
	if err != nil {
		return "", err
	}
	var data struct {
		Workspace *struct{ OrganizationSlug string }
	}
	if err := c.query(ctx, `query($slug: String!) { workspace(slug: $slug) { organizationSlug } }`, map[string]any{"slug": ws}, &data); err != nil {
		return "", err
	}
	if data.Workspace == nil {
		return "", noWorkspace(ws)
	}
	return data.Workspace.OrganizationSlug, nil
}

// input is the place in the input of a mutation.
func (p roster) input(more map[string]any) map[string]any {
	in := map[string]any{}
	if p.workspace != "" {
		in["workspace"] = p.workspace
	} else {
		in["organization"] = p.organization
	}
	for name, v := range more {
		if v != nil {
			in[name] = v
		}
	}
	return in
}

// missing says that a place is not there, or not for this key.
func (p roster) missing() error {
	if p.workspace != "" {
		return noWorkspace(p.workspace)
	}
	return (&failure{Exit: exitNotFound, Code: "not_found", Message: fmt.Sprintf("there is no organization %s, or you may not see it", p.organization)}).with("`annals organization list` shows those there are")
}

// ask asks for one field of a place.
func (p roster) ask(ctx context.Context, c *client, declare, field string, vars map[string]any, asOf asOfFlag) (json.RawMessage, error) {
	at, err := asOf.input()
	if err != nil {
		return nil, err
	}
	root := "organization"
	if p.workspace != "" {
		root = "workspace"
	}
	all := map[string]any{"slug": cmp.Or(p.workspace, p.organization), "asOf": at}
	for name, v := range vars {
		all[name] = v
	}
	var data struct {
		Place *struct{ AsOf, It json.RawMessage }
	}
	operation := fmt.Sprintf("query($slug: String!, $asOf: AsOf%s) { place: %s(slug: $slug, asOf: $asOf) { "+momentFields+" it: %s } }", declare, root, field)
	if err := c.query(ctx, operation, all, &data); err != nil {
		return nil, err
	}
	if data.Place == nil {
		return nil, p.missing()
	}
	c.shows(shownMoment{data.Place.AsOf, asOf.given()})
	return data.Place.It, nil
}

// list lists a connection of a place.
func (p roster) list(ctx context.Context, a *app, c *client, connection, args, declare, node string, vars map[string]any, f listFlags, asOf asOfFlag, columns []column) error {
	return a.collect(f, func(first int, after *string) (page, error) {
		all := map[string]any{"first": first, "after": after}
		for name, v := range vars {
			all[name] = v
		}
		var found page
		raw, err := p.ask(ctx, c, ", $first: Int, $after: String"+declare, connection+"(first: $first, after: $after"+args+") "+pageFields(node), all, asOf)
		if err != nil {
			return found, err
		}
		asOf.hold(a.shown)
		return found, json.Unmarshal(raw, &found)
	}, columns)
}

// who is somebody as roles are granted to them, KIND:ID, by that, by the bare id of a person, by "me", or by the name that
// a member of the place has.
func (p roster) who(ctx context.Context, c *client, word string) (string, error) {
	if strings.Contains(word, ":") {
		return word, nil
	}
	if id, err := uuid.Parse(word); err == nil {
		return "account:" + id.String(), nil
	}
	if word == "me" {
		var data struct{ Viewer struct{ Member string } }
		err := c.query(ctx, `{ viewer { member } }`, nil, &data)
		return data.Viewer.Member, err
	}
	named, err := p.called(ctx, c, "members", word)
	if err == nil && len(named) == 0 && p.organization != "" { // one that was granted nothing yet
		named, err = p.called(ctx, c, "serviceAccounts", word)
	}
	if err != nil {
		return "", err
	}
	switch len(named) {
	case 1:
		return named[0], nil
	case 0:
		return "", (&failure{Exit: exitNotFound, Code: "not_found", Message: fmt.Sprintf("nobody here is called %q", clip(word, 100))}).with("`annals member list` shows who is there; write account:ID, service_account:ID or team:NAME")
	}
	return "", (&failure{Exit: exitUsage, Code: "ambiguous", Message: fmt.Sprintf("several are called %q", clip(word, 100)), Candidates: named}).with("name one of these")
}

// called are those of a connection of the place who have a name.
func (p roster) called(ctx context.Context, c *client, connection, name string) (named []string, err error) {
	for after := (*string)(nil); ; {
		raw, err := p.ask(ctx, c, ", $after: String", connection+"(first: 500, after: $after) "+pageFields("member name"), map[string]any{"after": after}, asOfFlag{})
		if err != nil {
			return nil, err
		}
		var found page
		if err := json.Unmarshal(raw, &found); err != nil {
			return nil, err
		}
		for _, raw := range found.Nodes {
			var m struct{ Member, Name string }
			if err := json.Unmarshal(raw, &m); err != nil {
				return nil, err
			}
			if strings.EqualFold(m.Name, name) {
				named = append(named, m.Member)
			}
		}
		if after = found.PageInfo.EndCursor; !found.PageInfo.HasNextPage {
			return named, nil
		}
	}
}
