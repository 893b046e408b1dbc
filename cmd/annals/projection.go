package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

func (a *app) projectionCommand() *cobra.Command {
	return group("projection", "Read models: list, verify, retry, rebuild, swap, discard, rollback", []string{"projections"},
		a.projectionList(), a.projectionVerify(), a.projectionRetry(), a.projectionRebuild(), a.projectionSwap(), a.projectionDiscard(), a.projectionRollback())
}

func (a *app) projectionList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Show how far each workspace's read model is, and which are paused", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			var l list
			if err := c.rest(cmd.Context(), http.MethodGet, "/v1/projections", nil, &l); err != nil {
				return err
			}
			return a.printList(l, []column{
				{"WORKSPACE", field("workspace")}, {"STATUS", field("state")}, {"APPLIED", field("applied")}, {"HEAD", field("head")}, {"LAG", field("lag")},
				{"PARKED", func(r row) string {
					if all, _ := r.at("parked").([]any); len(all) > 0 {
						return fmt.Sprint(len(all))
					}
					return ""
				}}, {"REASON", field("reason")},
			})
		},
	}
}

func (a *app) projectionRetry() *cobra.Command {
	return &cobra.Command{
		Use: "retry WORKSPACE", Short: "Drive a paused workspace on, after the cause was mended", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			var s json.RawMessage
			if err := c.rest(cmd.Context(), http.MethodPost, "/v1/workspaces/"+url.PathEscape(args[0])+"/projection/retry", nil, &s); err != nil {
				return err
			}
			return a.printObject(s, func(w io.Writer, r row) error {
				return facts(w, "workspace", r.text("workspace"), "state", r.text("state"), "applied", r.text("applied"), "head", r.text("head"))
			})
		},
	}
}
