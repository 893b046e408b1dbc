package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) loginLinkCommand() *cobra.Command {
	var newcomer bool
	cmd := &cobra.Command{
		Use: "login-link [ACCOUNT]", Short: "Make a link by which somebody signs in, once", Args: cobra.MaximumNArgs(1),
		Long: `Make a link by which somebody signs in, once, within a day: oneself, or, for those who operate the
server, ACCOUNT (its id, or the name it signs in with). Whoever came by a link may set a password
without knowing the old one. --new makes a link for somebody who has no account yet.

Where nobody has a key any more, "annals serve --new-admin-key" makes one, and prints a link besides.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if newcomer && len(args) > 0 {
				return usage("--new is for somebody who has no account yet, and %q is one", args[0])
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			var made json.RawMessage
			wish := filterOf(map[string]any{"account": strings.Join(args, "")})
			if newcomer {
				wish["new"] = true
			}
			if err := c.rest(cmd.Context(), http.MethodPost, "/v1/login-links", wish, &made); err != nil {
				return err
			}
			return a.printObject(made, func(w io.Writer, r row) error {
				fmt.Fprintln(a.stderr, "annals: whoever has this link is let in: give it to nobody else")
				return facts(w, "link", r.text("url"), "account", r.text("account"), "ends", shortTime(r.text("expiresAt")))
			})
		},
	}
	cmd.Flags().BoolVar(&newcomer, "new", false, "for somebody who has no account yet, and makes one by the link")
	return cmd
}
