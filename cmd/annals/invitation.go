package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/annals-io/annals/domain"
)

const invitationFields = `invitation roles state expiresAt invited erased invitedBy { kind id name } acceptedBy revision`

func (a *app) inviteCommand() *cobra.Command {
	var at placeFlag
	var roles []string
	var length, invited, reason string
	cmd := &cobra.Command{
		Use: "invite --role ROLE", Short: "Make a link by which somebody comes to hold roles in a workspace or organization, once", Args: cobra.NoArgs,
		Long: `Make a link by which somebody comes to hold roles in a workspace or organization. It is shown this
once: the server keeps a digest of it. It works once, until it ends or is taken back.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(roles) == 0 {
				return usage("--role is missing").with("choose of viewer, member, admin, owner, workspace/NAME, organization/NAME; `annals role list` shows those there are")
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			p, err := at.in(cmd.Context(), a, c, cmd)
			if err != nil {
				return err
			}
			input := p.input(map[string]any{"roles": roles})
			if length != "" {
				good, err := time.ParseDuration(days(length))
				if err != nil || good < time.Minute || good > domain.MaxInvitation || good%time.Minute != 0 {
					return usage("--for %q is no length of time that an invitation can be good", length).with("write 7d, 12h or 90m: whole minutes, 30d at most")
				}
				input["validMinutes"] = int64(good / time.Minute)
			}
			if invited != "" {
				input["invited"] = invited
			}
			payload, err := c.mutate(cmd.Context(), "inviteMember", input, "invitation { "+invitationFields+" } link", reason)
			if err != nil {
				return err
			}
			return a.printObject(payload, func(w io.Writer, r row) error {
				link := r.text("link")
				if strings.HasPrefix(link, "/") { // of the server that was asked
					link = c.base + link
				}
				if link == "" {
					link = "was shown when it was made"
				} else {
					fmt.Fprintln(a.stderr, "annals: this link is shown once: send it now")
				}
				return facts(w, "link", link, "invitation", r.text("invitation", "invitation"), "roles", r.text("invitation", "roles"), "ends", shortTime(r.text("invitation", "expiresAt")))
			})
		},
	}
	at.add(cmd)
	cmd.Flags().StringSliceVar(&roles, "role", nil, "`role` that is offered; may be repeated")
	cmd.Flags().StringVar(&length, "for", "", "how long it is good: 90m, 12h, `7d` (if nothing is said), 30d at most")
	cmd.Flags().StringVar(&invited, "name", "", "`who` is invited, for the list of invitations")
	cmd.Flags().StringVar(&reason, "reason", "", "why: it is kept in the history")
	return cmd
}

// invitedBy is who made an invitation, for people.
func invitedBy(r row) string {
	who, _ := r.at("invitedBy").(map[string]any)
	return actorOf(row{"actor": who})
}

func (a *app) invitationCommand() *cobra.Command {
	return group("invitation", "Invitations to a workspace or organization: list, revoke, accept", []string{"invitations"},
		a.invitationList(), a.invitationRevoke(), a.invitationAccept())
}

func (a *app) invitationList() *cobra.Command {
	var f listFlags
	var asOf asOfFlag
	var at placeFlag
	var states []string
	cmd := &cobra.Command{
		Use: "list", Short: "List invitations, now or earlier", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			p, err := at.in(cmd.Context(), a, c, cmd)
			if err != nil {
				return err
			}
			var in []string
			if len(states) > 0 {
				in = upper(states)
			}
			return p.list(cmd.Context(), a, c, "invitations", ", states: $states", ", $states: [InvitationState!]", invitationFields, map[string]any{"states": in}, f, asOf,
				[]column{{"INVITATION", field("invitation")}, {"STATUS", field("state")}, {"ROLES", field("roles")}, {"INVITED", nameCell("invited")}, {"BY", invitedBy}, {"ENDS", moment("expiresAt")}, {"ACCEPTED BY", field("acceptedBy")}})
		},
	}
	f.add(cmd, 50)
	asOf.add(cmd)
	at.add(cmd)
	cmd.Flags().StringSliceVar(&states, "status", nil, "only those in these `states`: open, accepted, revoked, expired")
	return cmd
}

func (a *app) invitationRevoke() *cobra.Command {
	var at placeFlag
	var reason string
	cmd := &cobra.Command{
		Use: "revoke INVITATION", Short: "Take an invitation back before it is used", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			p, err := at.in(cmd.Context(), a, c, cmd)
			if err != nil {
				return err
			}
			payload, err := c.mutate(cmd.Context(), "revokeInvitation", p.input(map[string]any{"invitation": args[0]}), "invitation { state }", reason)
			if err != nil {
				return err
			}
			return a.printChange(payload, "invitation", args[0])
		},
	}
	at.add(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why: it is kept in the history")
	return cmd
}

func (a *app) invitationAccept() *cobra.Command {
	return &cobra.Command{
		Use: "accept LINK", Short: "Accept an invitation by its link", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			payload, err := c.mutate(cmd.Context(), "acceptInvitation", map[string]any{"link": args[0]}, "workspace organization member { roles }", "")
			if err != nil {
				return err
			}
			return a.printObject(payload, func(w io.Writer, r row) error {
				return facts(w, "workspace", r.text("workspace"), "organization", r.text("organization"), "roles", r.text("member", "roles"), "done at revision", r.text("revision"))
			})
		},
	}
}
