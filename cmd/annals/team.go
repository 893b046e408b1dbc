package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

const teamFields = `name member title description revision`

func (a *app) teamCommand() *cobra.Command {
	return group("team", "Teams of an organization: list, show, create, add, remove, delete", []string{"teams"},
		a.teamList(), a.teamShow(), a.teamCreate(), a.teamMove("add", "addTeamMember", "Put a person or service account into a team"),
		a.teamMove("remove", "removeTeamMember", "Take a person or service account out of a team"), a.teamDelete())
}

func (a *app) teamList() *cobra.Command {
	var f listFlags
	var asOf asOfFlag
	var organization organizationFlag
	cmd := &cobra.Command{
		Use: "list", Short: "List the teams of an organization, now or earlier", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, c, err := a.anOrganization(cmd.Context(), organization)
			if err != nil {
				return err
			}
			return p.list(cmd.Context(), a, c, "teams", "", "", teamFields+" members(first: 1) { totalCount }", nil, f, asOf,
				[]column{{"TEAM", field("name")}, {"TITLE", field("title")}, {"MEMBERS", field("members", "totalCount")}, {"DESCRIPTION", field("description")}, {"REVISION", field("revision")}})
		},
	}
	f.add(cmd, 50)
	asOf.add(cmd)
	organization.add(cmd, itsOrganization)
	return cmd
}

func (a *app) teamShow() *cobra.Command {
	var f listFlags
	var asOf asOfFlag
	var organization organizationFlag
	cmd := &cobra.Command{
		Use: "show TEAM", Short: "List who is in a team, now or earlier", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, c, err := a.anOrganization(cmd.Context(), organization)
			if err != nil {
				return err
			}
			return a.collect(f, func(first int, after *string) (page, error) {
				raw, err := p.ask(cmd.Context(), c, ", $id: ID!, $first: Int, $after: String", "team(id: $id) { members(first: $first, after: $after) "+pageFields("member kind id name erased revision")+" }",
					map[string]any{"id": args[0], "first": first, "after": after}, asOf)
				if err != nil {
					return page{}, err
				}
				asOf.hold(a.shown)
				var team *struct{ Members page }
				if err := json.Unmarshal(raw, &team); err != nil {
					return page{}, err
				}
				if team == nil {
					return page{}, (&failure{Exit: exitNotFound, Code: "not_found", Message: fmt.Sprintf("there is no team %q", clip(args[0], 100))}).with("`annals team list` shows those there are")
				}
				return team.Members, nil
			}, []column{{"MEMBER", field("member")}, {"NAME", field("name")}, {"REVISION", field("revision")}})
		},
	}
	f.add(cmd, 50)
	asOf.add(cmd)
	organization.add(cmd, itsOrganization)
	return cmd
}

func (a *app) teamCreate() *cobra.Command {
	var organization organizationFlag
	var title, description string
	cmd := &cobra.Command{
		Use: "create TEAM", Short: "Create a team; its name is taken for ever", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, c, err := a.anOrganization(cmd.Context(), organization)
			if err != nil {
				return err
			}
			input := p.input(map[string]any{"name": args[0]})
			for name, value := range map[string]string{"title": title, "description": description} {
				if value != "" {
					input[name] = value
				}
			}
			payload, err := c.mutate(cmd.Context(), "createTeam", input, "team { "+teamFields+" }", "")
			if err != nil {
				return err
			}
			return a.printPayload(payload, "team", func(w io.Writer, r row) error {
				return facts(w, "team", r.text("name"), "title", r.text("title"), "description", r.text("description"), "revision", r.text("revision"))
			})
		},
	}
	organization.add(cmd, itsOrganization)
	cmd.Flags().StringVar(&title, "title", "", "`name` for people")
	cmd.Flags().StringVar(&description, "description", "", "what it is for")
	return cmd
}

// teamMove is `add` or `remove`.
func (a *app) teamMove(verb, name, short string) *cobra.Command {
	var organization organizationFlag
	var reason string
	cmd := &cobra.Command{
		Use: verb + " TEAM MEMBER", Short: short, Args: cobra.ExactArgs(2), Long: memberWords,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, c, err := a.anOrganization(cmd.Context(), organization)
			if err != nil {
				return err
			}
			member, err := p.who(cmd.Context(), c, args[1])
			if err != nil {
				return err
			}
			payload, err := c.mutate(cmd.Context(), name, p.input(map[string]any{"team": args[0], "member": member}), "team { name }", reason)
			if err != nil {
				return err
			}
			return a.printChange(payload, "member", member)
		},
	}
	organization.add(cmd, itsOrganization)
	cmd.Flags().StringVar(&reason, "reason", "", "why: it is kept in the history")
	return cmd
}

func (a *app) teamDelete() *cobra.Command {
	var organization organizationFlag
	var reason string
	cmd := &cobra.Command{
		Use: "delete TEAM", Short: "End a team: what it was granted is granted to nobody, and its name is not used again", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, c, err := a.anOrganization(cmd.Context(), organization)
			if err != nil {
				return err
			}
			payload, err := c.mutate(cmd.Context(), "deleteTeam", p.input(map[string]any{"team": args[0]}), "", reason)
			if err != nil {
				return err
			}
			return a.printChange(payload, "team", args[0])
		},
	}
	organization.add(cmd, itsOrganization)
	cmd.Flags().StringVar(&reason, "reason", "", "why: it is kept in the history")
	return cmd
}
