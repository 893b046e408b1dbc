package main

import (
	"encoding/json"
	"io"

	"github.com/spf13/cobra"
)

const roleFields = `role name level builtin permissions description revision`

func (a *app) roleCommand() *cobra.Command {
	return group("role", "Roles of a workspace or organization: list, permissions, define, delete", []string{"roles"},
		a.roleList(), a.rolePermissions(), a.roleDefine(), a.roleDelete())
}

// wholeList prints rows that come all at once.
func (a *app) wholeList(raw json.RawMessage, columns []column) error {
	l := list{Items: []json.RawMessage{}}
	if err := json.Unmarshal(raw, &l.Items); err != nil {
		return err
	}
	l.TotalCount, l.AsOf = len(l.Items), a.shown.doc
	return a.printList(l, columns)
}

func (a *app) roleList() *cobra.Command {
	var asOf asOfFlag
	var at placeFlag
	cmd := &cobra.Command{
		Use: "list", Short: "List the roles that can be granted, and what they permit, now or earlier", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			p, err := at.in(cmd.Context(), a, c, cmd)
			if err != nil {
				return err
			}
			raw, err := p.ask(cmd.Context(), c, "", "roles { "+roleFields+" }", nil, asOf)
			if err != nil {
				return err
			}
			return a.wholeList(raw, []column{{"ROLE", field("role")}, {"BUILT IN", field("builtin")}, {"PERMISSIONS", field("permissions")}, {"DESCRIPTION", field("description")}})
		},
	}
	asOf.add(cmd)
	at.add(cmd)
	return cmd
}

func (a *app) rolePermissions() *cobra.Command {
	return &cobra.Command{
		Use: "permissions", Short: "List every permission there is", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			var data struct{ Permissions json.RawMessage }
			if err := c.query(cmd.Context(), `{ permissions { name custom organization } }`, nil, &data); err != nil {
				return err
			}
			return a.wholeList(data.Permissions, []column{{"PERMISSION", field("name")}, {"FOR CUSTOM ROLES", field("custom")}, {"OF ORGANIZATIONS", field("organization")}})
		},
	}
}

func (a *app) roleDefine() *cobra.Command {
	var at placeFlag
	var permissions []string
	var description, reason string
	cmd := &cobra.Command{
		Use: "define NAME --permission PERMISSION", Short: "Say what a custom role permits: a new one, or one that is there, for everybody who holds it", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(permissions) == 0 {
				return usage("--permission is missing").with("`annals role permissions` lists them")
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			p, err := at.in(cmd.Context(), a, c, cmd)
			if err != nil {
				return err
			}
			input := p.input(map[string]any{"name": args[0], "permissions": permissions})
			if description != "" {
				input["description"] = description
			}
			payload, err := c.mutate(cmd.Context(), "defineRole", input, "role { "+roleFields+" }", reason)
			if err != nil {
				return err
			}
			return a.printPayload(payload, "role", func(w io.Writer, r row) error {
				return facts(w, "role", r.text("role"), "permissions", r.text("permissions"), "description", r.text("description"), "revision", r.text("revision"))
			})
		},
	}
	at.add(cmd)
	cmd.Flags().StringSliceVar(&permissions, "permission", nil, "what it permits: `workspace:read,runs:write`; may be repeated")
	cmd.Flags().StringVar(&description, "description", "", "what it is for")
	cmd.Flags().StringVar(&reason, "reason", "", "why: it is kept in the history")
	return cmd
}

func (a *app) roleDelete() *cobra.Command {
	var at placeFlag
	var reason string
	cmd := &cobra.Command{
		Use: "delete NAME", Short: "End a custom role that nobody there holds", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			p, err := at.in(cmd.Context(), a, c, cmd)
			if err != nil {
				return err
			}
			payload, err := c.mutate(cmd.Context(), "deleteRole", p.input(map[string]any{"name": args[0]}), "", reason)
			if err != nil {
				return err
			}
			return a.printChange(payload, "role", args[0])
		},
	}
	at.add(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why: it is kept in the history")
	return cmd
}
