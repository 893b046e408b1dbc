package main

import (
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) runToken() *cobra.Command {
	var expires, job string
	cmd := &cobra.Command{
		Use: "token RUN", Short: "Mint a token that writes this run and opens nothing else", Args: cobra.ExactArgs(1),
		Long: `Mint a token for a run that goes on: what the run itself is given instead of your key. It sends the
events of that run and changes that run, and opens nothing else. It ends five minutes after the run
does, at once when the run or its workspace is deleted, and after a day in any case unless --expires
says otherwise (30d at most). RUN is the id that its producer gave it.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			body := map[string]any{}
			if expires != "" {
				in := days(expires)
				if d, err := time.ParseDuration(in); err != nil || d <= 0 {
					return usage("--expires %q is no length of time", expires).with("write 12h or 3d")
				}
				body["expiresIn"] = in
			}
			if job != "" {
				at := strings.LastIndexByte(job, '/')
				body["job"] = map[string]string{"namespace": job[:max(at, 0)], "name": job[at+1:]}
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			slug, err := a.inWorkspace(cmd.Context(), c)
			if err != nil {
				return err
			}
			return a.newKey(cmd, "/v1/workspaces/"+url.PathEscape(slug)+"/runs/"+url.PathEscape(args[0])+"/token", body, "workspace")
		},
	}
	cmd.Flags().StringVar(&expires, "expires", "", "the longest that the token lives: a `time` from now, such as 12h")
	cmd.Flags().StringVar(&job, "job", "", "the `job` of the run, as NAMESPACE/NAME, where several have runs of that id")
	return cmd
}
