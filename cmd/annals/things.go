package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func sorted(words []string) []string { slices.Sort(words); return words }

// listUnder lists a connection of one thing of a workspace, such as the versions of an artifact.
func (a *app) listUnder(ctx context.Context, what, word, connection, node string, f listFlags, asOf asOfFlag, columns []column) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	return a.collect(f, func(first int, after *string) (page, error) {
		raw, err := a.one(ctx, c, what, word, what+"(id: $id) { page: "+connection+"(first: $first, after: $after) "+pageFields(node)+" }",
			map[string]any{"first": first, "after": after}, ", $first: Int, $after: String", asOf)
		if err != nil {
			return page{}, err
		}
		asOf.hold(a.shown)
		var holder struct{ Page page }
		err = json.Unmarshal(raw, &holder)
		return holder.Page, err
	}, columns)
}

// remove is the command that deletes one thing of a workspace, with a reason.
func (a *app) remove(what, arg, mutation, fields string) *cobra.Command {
	var reason string
	object := strings.Fields(fields)[0]
	article := "a"
	if strings.HasPrefix(what, "a") {
		article = "an"
	}
	cmd := &cobra.Command{
		Use: "delete " + arg + " --reason TEXT", Args: cobra.ExactArgs(1),
		Short: fmt.Sprintf("Delete %s %s: it leaves current lists, and stays in earlier moments and lineage", article, what),
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason == "" {
				return usage("--reason is missing: deletions are kept with theirs")
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			slug, err := a.inWorkspace(cmd.Context(), c)
			if err != nil {
				return err
			}
			payload, err := c.mutate(cmd.Context(), mutation, map[string]any{"workspace": slug, object: args[0], "reason": reason}, fields, "")
			if err != nil {
				return err
			}
			return a.printPayload(payload, object, func(w io.Writer, r row) error {
				return facts(w, "deleted", strings.TrimSpace(nameOf(r)+" "+r.text("id")))
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why: it is kept in the history")
	return cmd
}
