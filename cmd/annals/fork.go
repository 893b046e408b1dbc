package main

import (
	"encoding/json"
	"io"
	"net/http"

	"github.com/spf13/cobra"
)

func (a *app) forkCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "fork", Short: "Say that this server runs on a copy of another one's files (for operators)", Args: cobra.NoArgs,
		Long: `Draw a new fork id, on a server that runs on a plain copy of another server's files. A database that
was restored from a dump or by its archive, and a standby that took over, see that by themselves; a copy
of the files looks like the original.

From then on this server refuses cursors that were handed out before, and requests that name the other
fork in the header Annals-Fork. Everybody signs in anew; keys stay good. Without --copied it shows which
fork this is.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			method, path := http.MethodGet, "/v1/instance"
			if yes {
				method, path = http.MethodPost, "/v1/instance/fork"
			}
			var now json.RawMessage
			if err := c.rest(cmd.Context(), method, path, nil, &now); err != nil {
				return err
			}
			return a.printObject(now, func(w io.Writer, r row) error {
				return facts(w, "fork", r.text("fork"), "short", r.text("short"), "since", r.text("since"), "why", r.text("why"))
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "copied", false, "draw a new one: the files were copied")
	return cmd
}
