package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

func (a *app) accountCommand() *cobra.Command {
	return group("account", "People who sign in: list them, shut one out or in again (for operators)", []string{"accounts"}, a.accountList(),
		a.accountJudge("disable", "Shut a person out: sessions and keys open nothing any more"), a.accountJudge("enable", "Let a person in again"))
}

func (a *app) accountList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the people who sign in", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			var l list
			if err := c.rest(cmd.Context(), http.MethodGet, "/v1/accounts", nil, &l); err != nil {
				return err
			}
			return a.printList(l, []column{
				{"ID", field("id")}, {"NAME", field("name")}, {"SIGNS IN AS", field("login")}, {"E-MAIL", field("email")}, {"DISABLED", field("disabled")}, {"SINCE", moment("createdAt")},
			})
		},
	}
}

func (a *app) accountJudge(verb, short string) *cobra.Command {
	var reason, successor string
	cmd := &cobra.Command{
		Use: verb + " ACCOUNT", Short: short, Args: cobra.ExactArgs(1),
		Long: short + ". ACCOUNT is an id, or the name that the person signs in with.",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			path, query := "/v1/accounts/"+url.PathEscape(args[0])+"/"+verb, url.Values{}
			for name, value := range map[string]string{"reason": reason, "successor": successor} {
				if value != "" {
					query.Set(name, value)
				}
			}
			if len(query) > 0 {
				path += "?" + query.Encode()
			}
			var now json.RawMessage
			if err := c.rest(cmd.Context(), http.MethodPost, path, nil, &now); err != nil {
				return err
			}
			return a.printObject(now, func(w io.Writer, r row) error {
				return facts(w, "account", r.text("id"), "name", r.text("name"), "signs in as", r.text("login"), "disabled", r.text("disabled"))
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the history")
	if verb == "disable" {
		cmd.Flags().StringVar(&successor, "successor", "", "the `account` that becomes an owner of every place where the person is the only active one")
	}
	return cmd
}
