package main

import (
	"cmp"
	"strings"

	"github.com/spf13/cobra"
)

// class are the flags that say what a workspace is filed under.
type class struct{ environment, sensitivity, team string }

func (c *class) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.environment, "environment", "", "the `stage` it stands for: development, staging or production")
	cmd.Flags().StringVar(&c.sensitivity, "sensitivity", "", "how its `data` are to be handled: public, internal or confidential")
	cmd.Flags().StringVar(&c.team, "team", "", "the `team` it is filed under, which grants the team nothing")
}

// into puts what was said into the input of a mutation.
func (c *class) into(cmd *cobra.Command, input map[string]any) {
	for flag, value := range map[string]string{"environment": strings.ToUpper(c.environment), "sensitivity": strings.ToUpper(c.sensitivity), "team": c.team} {
		if cmd.Flags().Changed(flag) {
			input[flag] = value
		}
	}
}

func (a *app) workspaceCreate() *cobra.Command {
	var name, description, organization, kind string
	var set []string
	var filed class
	cmd := &cobra.Command{
		Use: "create [SLUG]", Short: "Create a workspace; its slug is taken for ever, and made of --name where none is given", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && name == "" {
				return usage("create a workspace: give its slug, or --name to make one of")
			}
			input := map[string]any{}
			for field, value := range map[string]string{"slug": strings.Join(args, ""), "name": name, "description": description, "organization": organization} {
				if value != "" {
					input[field] = value
				}
			}
			if filed.environment != "" {
				kind = cmp.Or(kind, "environment")
			}
			if kind != "" {
				input["kind"] = strings.ToUpper(kind)
			}
			filed.into(cmd, input)
			if len(set) > 0 {
				pairs, err := pairsOf(set)
				if err != nil {
					return err
				}
				input["labels"] = pairs
			}
			return a.change(cmd.Context(), "createWorkspace", "", input)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "`name` for people")
	cmd.Flags().StringVar(&description, "description", "", "what it is for")
	cmd.Flags().StringVar(&organization, "organization", "", "`slug` of the organization it belongs to")
	cmd.Flags().StringVar(&kind, "kind", "", "what it is for: `project` (if nothing is said) or environment")
	filed.add(cmd)
	cmd.Flags().StringArrayVar(&set, "label", nil, "a label, as `KEY=VALUE`; may be repeated")
	return cmd
}

func (a *app) workspaceClassify() *cobra.Command {
	var filed class
	cmd := &cobra.Command{
		Use: "classify WORKSPACE", Short: "Say what a workspace is filed under", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			input := map[string]any{"workspace": args[0]}
			filed.into(cmd, input)
			if len(input) == 1 {
				return usage("classify a workspace: give --environment, --sensitivity or --team")
			}
			return a.change(cmd.Context(), "classifyWorkspace", "", input)
		},
	}
	filed.add(cmd)
	return cmd
}

// rolesOf are a member's roles, in the order they were granted.
func rolesOf(r row) string {
	list, _ := r.at("roles").([]any)
	roles := make([]string, len(list))
	for i, role := range list {
		roles[i], _ = role.(string)
	}
	return strings.Join(roles, " ")
}

func (a *app) workspaceMembers() *cobra.Command {
	var f listFlags
	var asOf asOfFlag
	cmd := &cobra.Command{
		Use: "members WORKSPACE", Short: "List who holds a role in a workspace, now or earlier", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := asOf.input()
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			const operation = `query($slug: String!, $asOf: AsOf, $first: Int, $after: String) { workspace(slug: $slug, asOf: $asOf) {
				members(first: $first, after: $after) { nodes { member kind id roles revision } pageInfo { hasNextPage endCursor } totalCount } } }`
			return a.collect(f, func(first int, after *string) (page, error) {
				var data struct{ Workspace *struct{ Members page } }
				err := c.query(cmd.Context(), operation, map[string]any{"slug": args[0], "asOf": at, "first": first, "after": after}, &data)
				if err == nil && data.Workspace == nil {
					return page{}, noWorkspace(args[0])
				}
				if err != nil {
					return page{}, err
				}
				return data.Workspace.Members, nil
			}, []column{
				{"MEMBER", field("member")}, {"ROLES", rolesOf}, {"REVISION", field("revision")},
			})
		},
	}
	f.add(cmd, 50)
	asOf.add(cmd)
	return cmd
}
