package main

import (
	"context"
	"encoding/json"
	"io"

	"github.com/spf13/cobra"
)

const organizationFields = `slug name description personal createdAt updatedAt createdRevision revision`

func (a *app) organizationCommand() *cobra.Command {
	return group("organization", "Organizations: create, list, show, rename, describe", []string{"organizations", "org"},
		a.organizationCreate(), a.organizationList(), a.organizationShow(), a.organizationRename(), a.organizationDescribe())
}

func (a *app) organizationList() *cobra.Command {
	var f listFlags
	var asOf asOfFlag
	cmd := &cobra.Command{
		Use: "list", Short: "List the organizations that you may see", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			at, err := asOf.input()
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			operation := `query($first: Int, $after: String, $asOf: AsOf) { organizations(first: $first, after: $after, asOf: $asOf) ` + pageFields(organizationFields+" "+momentFields) + ` }`
			return a.collect(f, func(first int, after *string) (page, error) {
				var data struct{ Organizations page }
				err := c.query(cmd.Context(), operation, map[string]any{"first": first, "after": after, "asOf": at}, &data)
				c.shows(acrossMoment(at))
				return data.Organizations, err
			}, eachAsOf(asOf, []column{{"ORGANIZATION", field("slug")}, {"NAME", field("name")}, {"PERSONAL", field("personal")}, {"CREATED", moment("createdAt")}, {"CHANGED", moment("updatedAt")}}))
		},
	}
	f.add(cmd, 50)
	asOf.add(cmd)
	return cmd
}

func (a *app) organizationShow() *cobra.Command {
	var asOf asOfFlag
	cmd := &cobra.Command{
		Use: "show ORGANIZATION", Short: "Show an organization", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := asOf.input()
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			var data struct{ Organization json.RawMessage }
			operation := `query($slug: String!, $asOf: AsOf) { organization(slug: $slug, asOf: $asOf) { id ` + organizationFields + ` asOf { revision time settled } viewerPermissions
				members(direct: true, first: 1) { totalCount } teams(first: 1) { totalCount } serviceAccounts(first: 1) { totalCount } workspaces(first: 1) { totalCount } } }`
			if err := c.query(cmd.Context(), operation, map[string]any{"slug": args[0], "asOf": at}, &data); err != nil {
				return err
			}
			if len(data.Organization) == 0 || string(data.Organization) == "null" {
				return roster{organization: args[0]}.missing()
			}
			return a.printObject(data.Organization, writeOrganization)
		},
	}
	asOf.add(cmd)
	return cmd
}

func writeOrganization(w io.Writer, r row) error {
	return facts(w, "organization", r.text("slug"), "name", r.text("name"), "id", r.text("id"), "personal", r.text("personal"), "description", r.text("description"),
		"created", shortTime(r.text("createdAt")), "changed", shortTime(r.text("updatedAt")), "revision", r.text("asOf", "revision"), "as of", shortTime(r.text("asOf", "time")),
		"members", r.text("members", "totalCount"), "teams", r.text("teams", "totalCount"), "service accounts", r.text("serviceAccounts", "totalCount"),
		"workspaces", r.text("workspaces", "totalCount"), "you may", r.text("viewerPermissions"))
}

// changeOrganization carries out one mutation about an organization and shows it after that.
func (a *app) changeOrganization(ctx context.Context, mutation, more string, input map[string]any) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	payload, err := c.mutate(ctx, mutation, input, "organization { "+organizationFields+" } "+more, "")
	if err != nil {
		return err
	}
	return a.printPayload(payload, "organization", func(w io.Writer, r row) error {
		return facts(w, "organization", r.text("slug"), "name", r.text("name"), "description", r.text("description"), "revision", r.text("revision"))
	})
}

func (a *app) organizationCreate() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use: "create [SLUG]", Short: "Create a team organization with its default workspace; its slug is taken for ever, and made of --name where none is given", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && name == "" {
				return usage("create an organization: give its slug, or --name to make one of")
			}
			input := map[string]any{}
			if len(args) == 1 {
				input["slug"] = args[0]
			}
			if name != "" {
				input["name"] = name
			}
			return a.changeOrganization(cmd.Context(), "createOrganization", "", input)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "`name` for people")
	return cmd
}

func (a *app) organizationRename() *cobra.Command {
	return &cobra.Command{
		Use: "rename ORGANIZATION NAME", Short: "Change the name for people; the slug stays", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeOrganization(cmd.Context(), "renameOrganization", "", map[string]any{"organization": args[0], "name": args[1]})
		},
	}
}

func (a *app) organizationDescribe() *cobra.Command {
	return &cobra.Command{
		Use: "describe ORGANIZATION [TEXT]", Short: "Replace the description; no text removes it", Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			input := map[string]any{"organization": args[0], "description": nil}
			if len(args) == 2 && args[1] != "" {
				input["description"] = args[1]
			}
			return a.changeOrganization(cmd.Context(), "describeOrganization", "", input)
		},
	}
}
