package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) memberCommand() *cobra.Command {
	return group("member", "Who may do what in a workspace or organization: list, add, remove, role, suspend, reinstate, leave", []string{"members"},
		a.memberList(), a.memberAdd(), a.memberRole(), a.memberRemove(), a.memberSuspend("suspend", "Keep a member of an organization from doing anything in it and in its workspaces"),
		a.memberSuspend("reinstate", "End a suspension"), a.memberLeave())
}

// sources tells by what somebody may do something: roles held here, of a team, of the organization.
func sources(r row) string {
	list, _ := r.at("through").([]any)
	words := make([]string, 0, len(list))
	for _, one := range list {
		m, _ := one.(map[string]any)
		words = append(words, sourceOf(m))
	}
	return strings.Join(words, ", ")
}

// sourceOf is one role by which somebody may do something.
func sourceOf(r row) string {
	word := r.text("role")
	if r.text("level") == "ORGANIZATION" {
		word += " of the organization"
	}
	if team := r.text("team"); team != "" {
		word += " by team " + team
	}
	return word
}

func (a *app) memberList() *cobra.Command {
	var f listFlags
	var asOf asOfFlag
	var at placeFlag
	var kinds []string
	var direct bool
	cmd := &cobra.Command{
		Use: "list", Short: "List who holds a role in a workspace or organization, and by what, now or earlier", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			p, err := at.in(cmd.Context(), a, c, cmd)
			if err != nil {
				return err
			}
			var kind []string
			if len(kinds) > 0 {
				kind = upper(kinds)
			}
			return p.list(cmd.Context(), a, c, "members", ", direct: $direct, kinds: $kinds", ", $direct: Boolean!, $kinds: [MemberKind!]",
				"member kind id name erased roles through { level role team permissions } suspended lastActiveAt revision", map[string]any{"direct": direct, "kinds": kind}, f, asOf,
				[]column{{"MEMBER", field("member")}, {"NAME", nameCell("name")}, {"ROLES", rolesOf}, {"THROUGH", sources}, {"SUSPENDED", field("suspended")}, {"LAST ACTIVE", moment("lastActiveAt")}, {"REVISION", field("revision")}})
		},
	}
	f.add(cmd, 50)
	asOf.add(cmd)
	at.add(cmd)
	cmd.Flags().BoolVar(&direct, "direct", false, "only those who hold a role there themselves")
	cmd.Flags().StringSliceVar(&kinds, "kind", nil, "only these `kinds`: account, service_account, team")
	return cmd
}

// memberChange carries out mutations about one member, and says what they hold afterwards.
func (a *app) memberChange(cmd *cobra.Command, at placeFlag, word, reason string, changes []mutation) error {
	ctx := cmd.Context()
	c, err := a.client()
	if err != nil {
		return err
	}
	p, err := at.in(ctx, a, c, cmd)
	if err != nil {
		return err
	}
	member, err := p.who(ctx, c, word)
	if err != nil {
		return err
	}
	var payload json.RawMessage
	for i, m := range changes {
		m.input["member"] = member
		if payload, err = c.mutate(ctx, m.name, p.input(m.input), readable, reason); err != nil {
			if f := failureOf(err); i > 0 {
				f.Message = fmt.Sprintf("%s (%d of %d changes were made before)", f.Message, i, len(changes))
				return f
			}
			return err
		}
	}
	return a.printChange(payload, "member", member)
}

// readable has the server answer when what was done can be read.
const readable = "member { member }"

// A mutation is one of several that a command sends.
type mutation struct {
	name  string
	input map[string]any
}

// printChange says that something was done to somebody or something, and at which revision.
func (a *app) printChange(payload json.RawMessage, what, which string) error {
	said, err := decodeRow(payload)
	if err != nil {
		return err
	}
	return a.printObject(rawJSON(map[string]any{what: which, "revision": said.at("revision"), "duplicate": said.at("duplicate")}), func(w io.Writer, r row) error {
		return facts(w, what, r.text(what), "done at revision", r.text("revision"))
	})
}

func (a *app) memberAdd() *cobra.Command {
	var at placeFlag
	var roles []string
	var reason string
	cmd := &cobra.Command{
		Use: "add MEMBER --role ROLE", Short: "Give somebody who is known to the server a role; strangers are invited by `annals invite`", Args: cobra.ExactArgs(1),
		Long: memberWords,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(roles) == 0 {
				return usage("--role is missing").with("choose of viewer, member, admin, owner, workspace/NAME, organization/NAME; `annals role list` shows those there are")
			}
			return a.memberChange(cmd, at, args[0], reason, granting("grantRole", roles))
		},
	}
	at.add(cmd)
	cmd.Flags().StringSliceVar(&roles, "role", nil, "`role` to give; may be repeated")
	cmd.Flags().StringVar(&reason, "reason", "", "why: it is kept in the history")
	return cmd
}

// memberWords says how members are named.
const memberWords = `A member is named as account:ID, service_account:ID or team:NAME; by the bare id of a person; by the name
that a member has here, where only one has it; or as "me".`

func granting(name string, roles []string) (out []mutation) {
	for _, r := range roles {
		out = append(out, mutation{name, map[string]any{"role": r}})
	}
	return out
}

func (a *app) memberRole() *cobra.Command {
	var at placeFlag
	var grant, revoke, set []string
	var reason string
	cmd := &cobra.Command{
		Use: "role MEMBER [--grant ROLE] [--revoke ROLE] | --set ROLES", Short: "Change the roles that somebody holds: what is granted comes first", Args: cobra.ExactArgs(1),
		Long: memberWords + "\n--set says every role that they are to hold there, which is done at once or not at all.",
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(set) > 0 && len(grant)+len(revoke) > 0:
				return usage("--set says every role: leave --grant and --revoke out")
			case len(set) > 0:
				return a.memberChange(cmd, at, args[0], reason, []mutation{{"setMemberRoles", map[string]any{"roles": set}}})
			case len(grant)+len(revoke) == 0:
				return usage("change a member's roles: give --grant, --revoke, or both, or --set")
			}
			return a.memberChange(cmd, at, args[0], reason, append(granting("grantRole", grant), granting("revokeRole", revoke)...))
		},
	}
	at.add(cmd)
	cmd.Flags().StringSliceVar(&grant, "grant", nil, "`role` to give; may be repeated")
	cmd.Flags().StringSliceVar(&revoke, "revoke", nil, "`role` to take away; may be repeated")
	cmd.Flags().StringSliceVar(&set, "set", nil, "every `role` that they are to hold there; may be repeated")
	cmd.Flags().StringVar(&reason, "reason", "", "why: it is kept in the history")
	return cmd
}

func (a *app) memberRemove() *cobra.Command {
	var at placeFlag
	var reason string
	cmd := &cobra.Command{
		Use: "remove MEMBER", Short: "Take every role away that somebody holds there; what they hold by teams stays", Args: cobra.ExactArgs(1),
		Long: memberWords,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.memberChange(cmd, at, args[0], reason, []mutation{{"removeMember", map[string]any{}}})
		},
	}
	at.add(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why: it is kept in the history")
	return cmd
}

// memberSuspend is `suspend` or `reinstate`.
func (a *app) memberSuspend(verb, short string) *cobra.Command {
	var organization organizationFlag
	var reason string
	cmd := &cobra.Command{
		Use: verb + " MEMBER", Short: short, Args: cobra.ExactArgs(1), Long: memberWords,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, c, err := a.anOrganization(cmd.Context(), organization)
			if err != nil {
				return err
			}
			member, err := p.who(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			payload, err := c.mutate(cmd.Context(), verb+"Member", p.input(map[string]any{"member": member}), readable, reason)
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

// itsOrganization is said of --organization where a command is about one.
const itsOrganization = "the `organization`; without one, that of the workspace"

// anOrganization settles the organization of a command, and how to ask about it.
func (a *app) anOrganization(ctx context.Context, f organizationFlag) (roster, *client, error) {
	c, err := a.client()
	if err != nil {
		return roster{}, nil, err
	}
	slug, err := f.of(ctx, a, c)
	return roster{organization: slug}, c, err
}

func (a *app) memberLeave() *cobra.Command {
	var at placeFlag
	var reason string
	cmd := &cobra.Command{
		Use: "leave", Short: "Give up every role that you hold in a workspace or organization", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			p, err := at.in(cmd.Context(), a, c, cmd)
			if err != nil {
				return err
			}
			payload, err := c.mutate(cmd.Context(), "leave", p.input(map[string]any{}), "", reason)
			if err != nil {
				return err
			}
			return a.printChange(payload, "left", cmp.Or(p.workspace, p.organization))
		},
	}
	at.add(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why: it is kept in the history")
	return cmd
}
