package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

const previewQuery = `query($slug: String!) { workspace(slug: $slug) { deletionPreview {
	possible never blocking blockers { kind id name status command path } ends { members pipelines endedRuns steps artifacts artifactVersions } } } }`

func (a *app) workspaceDelete() *cobra.Command {
	var reason, confirm string
	var dry bool
	cmd := &cobra.Command{
		Use: "delete WORKSPACE --confirm WORKSPACE", Short: "Delete a workspace; its history is kept, its slug never used again", Args: cobra.ExactArgs(1),
		Long: `Delete a workspace. Only an owner may, and only when nothing runs in it: what stands in the way is
listed with the command that ends it. Members, pipelines, ended runs, artifacts and their versions end
with the workspace and stay as history, which an owner sees as of any earlier moment. The slug is
never used again. A default workspace stays as long as its organization.

The slug is said twice: by --confirm, or typed when it is asked for. --dry-run only shows what
deleting would come to.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			slug := args[0]
			c, err := a.client()
			if err != nil {
				return err
			}
			raw, err := deletionPreview(cmd.Context(), c, slug)
			if err != nil {
				return err
			}
			if dry {
				return a.printObject(raw, writePreview)
			}
			switch {
			case confirm == "" && a.terminal(a.stderr):
				if err := a.askForSlug(slug, raw); err != nil {
					return err
				}
			case confirm != slug:
				return usage("a workspace is deleted only when its slug is said twice").with("add --confirm %s", slug)
			}
			input := map[string]any{"workspace": slug, "confirmSlug": slug}
			if reason != "" {
				input["reason"] = reason
			}
			payload, err := c.mutate(cmd.Context(), "deleteWorkspace", input, "workspace { slug }", "")
			if err != nil {
				return err
			}
			var done struct {
				Revision json.Number `json:"revision"`
			}
			if err := json.Unmarshal(payload, &done); err != nil {
				return fmt.Errorf("read the server's answer: %w", err)
			}
			return a.printObject(rawJSON(map[string]any{"slug": slug, "status": "DELETED", "revision": done.Revision, "ended": ends(raw)}), func(w io.Writer, r row) error {
				return facts(w, "deleted", slug, "revision", r.text("revision"), "ended with it", endings(row{"ends": r.at("ended")}))
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why: it is kept in the history")
	cmd.Flags().StringVar(&confirm, "confirm", "", "the `slug` once more; without it a person is asked to type it")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only show what deleting would come to")
	return cmd
}

func deletionPreview(ctx context.Context, c *client, slug string) (json.RawMessage, error) {
	var data struct {
		Workspace *struct{ DeletionPreview json.RawMessage }
	}
	if err := c.query(ctx, previewQuery, map[string]any{"slug": slug}, &data); err != nil {
		return nil, err
	}
	if data.Workspace == nil {
		return nil, noWorkspace(slug)
	}
	return data.Workspace.DeletionPreview, nil
}

// ends is what would end with the workspace, of a preview.
func ends(preview json.RawMessage) json.RawMessage {
	var p struct{ Ends json.RawMessage }
	_ = json.Unmarshal(preview, &p) // it was read before
	return p.Ends
}

// endings says in words what ends.
func endings(r row) string {
	var parts []string
	for _, of := range []struct{ field, one, many string }{
		{"members", "member", "members"}, {"pipelines", "pipeline", "pipelines"}, {"endedRuns", "ended run", "ended runs"}, {"steps", "step", "steps"},
		{"artifacts", "artifact", "artifacts"}, {"artifactVersions", "artifact version", "artifact versions"},
	} {
		n := r.text("ends", of.field)
		switch n {
		case "", "0":
			continue
		case "1":
			parts = append(parts, "1 "+of.one)
		case "10001":
			parts = append(parts, "more than 10000 "+of.many)
		default:
			parts = append(parts, n+" "+of.many)
		}
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

// writePreview shows what deleting would come to.
func writePreview(w io.Writer, r row) error {
	state := "nothing stands in the way"
	switch {
	case r.text("never") != "":
		state = r.text("never")
	case r.text("possible") == "":
		state = r.text("blocking") + " to be ended first"
	}
	if err := facts(w, "deletion", state, "ends with it", endings(r)); err != nil {
		return err
	}
	all, _ := r.at("blockers").([]any)
	for _, one := range all {
		b := row(one.(map[string]any)) // the server's own type
		if _, err := fmt.Fprintf(w, "  %s is %s: `%s`\n", clean(b.text("name")), strings.ToLower(b.text("status")), clean(b.text("command"))); err != nil {
			return err
		}
	}
	return nil
}

// askForSlug shows a person what deleting comes to, and has them type the slug.
func (a *app) askForSlug(slug string, preview json.RawMessage) error {
	r, err := decodeRow(preview)
	if err != nil {
		return err
	}
	if err := writePreview(a.stderr, r); err != nil {
		return err
	}
	if r.text("possible") == "" {
		return &failure{Exit: exitConflict, Code: "blocked", Message: fmt.Sprintf("workspace %s cannot be deleted now", slug)}
	}
	fmt.Fprintf(a.stderr, "Type %s to delete it for good: ", slug)
	typed, err := bufio.NewReader(a.stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read what was typed: %w", err)
	}
	if strings.TrimSpace(typed) != slug {
		return &failure{Exit: exitConflict, Code: "not_confirmed", Message: "that is not its slug: nothing was deleted"}
	}
	return nil
}
