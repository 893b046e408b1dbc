package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"
)

const serviceAccountFields = `account member name description lastActiveAt revision`

func (a *app) serviceAccountCommand() *cobra.Command {
	return group("service-account", "Service accounts of an organization: list, create, delete", []string{"service-accounts"},
		a.serviceAccountList(), a.serviceAccountCreate(), a.serviceAccountDelete())
}

func (a *app) serviceAccountList() *cobra.Command {
	var f listFlags
	var asOf asOfFlag
	var organization organizationFlag
	cmd := &cobra.Command{
		Use: "list", Short: "List the service accounts of an organization, now or earlier", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, c, err := a.anOrganization(cmd.Context(), organization)
			if err != nil {
				return err
			}
			return p.list(cmd.Context(), a, c, "serviceAccounts", "", "", serviceAccountFields, nil, f, asOf,
				[]column{{"MEMBER", field("member")}, {"NAME", field("name")}, {"LAST ACTIVE", moment("lastActiveAt")}, {"DESCRIPTION", field("description")}})
		},
	}
	f.add(cmd, 50)
	asOf.add(cmd)
	organization.add(cmd, itsOrganization)
	return cmd
}

func (a *app) serviceAccountCreate() *cobra.Command {
	var organization organizationFlag
	var description string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Create a service account; it may do nothing until it is granted a role", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, c, err := a.anOrganization(cmd.Context(), organization)
			if err != nil {
				return err
			}
			input := p.input(map[string]any{"name": args[0]})
			if description != "" {
				input["description"] = description
			}
			payload, err := c.mutate(cmd.Context(), "createServiceAccount", input, "serviceAccount { "+serviceAccountFields+" }", "")
			if err != nil {
				return err
			}
			return a.printPayload(payload, "serviceAccount", func(w io.Writer, r row) error {
				return facts(w, "member", r.text("member"), "name", r.text("name"), "description", r.text("description"), "revision", r.text("revision"))
			})
		},
	}
	organization.add(cmd, itsOrganization)
	cmd.Flags().StringVar(&description, "description", "", "what it is for")
	return cmd
}

func (a *app) serviceAccountDelete() *cobra.Command {
	var organization organizationFlag
	var reason string
	cmd := &cobra.Command{
		Use: "delete SERVICE-ACCOUNT", Short: "End a service account: its keys open nothing any more", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, c, err := a.anOrganization(cmd.Context(), organization)
			if err != nil {
				return err
			}
			payload, err := c.mutate(cmd.Context(), "deleteServiceAccount", p.input(map[string]any{"account": strings.TrimPrefix(args[0], "service_account:")}), "", reason)
			if err != nil {
				return err
			}
			return a.printChange(payload, "serviceAccount", args[0])
		},
	}
	organization.add(cmd, itsOrganization)
	cmd.Flags().StringVar(&reason, "reason", "", "why: it is kept in the history")
	return cmd
}
