package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// An edit is one setting that was named: the mutation that changes it, and its input.
type edit struct {
	mutation string
	input    map[string]any
}

// workspaceEdit changes several settings. Each is a fact of its own, as each has its own history.
func (a *app) workspaceEdit() *cobra.Command {
	var name, description, reason string
	var set, remove []string
	var filed class
	cmd := &cobra.Command{
		Use: "edit WORKSPACE", Short: "Change settings of a workspace: name, description, labels, stage, sensitivity, team", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var edits []edit
			flags := cmd.Flags()
			if flags.Changed("name") {
				edits = append(edits, edit{"renameWorkspace", map[string]any{"name": name}})
			}
			if flags.Changed("description") {
				input := map[string]any{"description": nil}
				if description != "" {
					input["description"] = description
				}
				edits = append(edits, edit{"describeWorkspace", input})
			}
			if len(set)+len(remove) > 0 {
				pairs, err := pairsOf(set)
				if err != nil {
					return err
				}
				edits = append(edits, edit{"labelWorkspace", filterOf(map[string]any{"set": pairs, "remove": remove})})
			}
			class := map[string]any{}
			if filed.into(cmd, class); len(class) > 0 {
				edits = append(edits, edit{"classifyWorkspace", class})
			}
			if len(edits) == 0 {
				return usage("edit a workspace: give --name, --description, --label, --unlabel, --environment, --sensitivity or --team")
			}
			return a.edit(cmd, args[0], reason, edits)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "`name` for people")
	cmd.Flags().StringVar(&description, "description", "", "what it is for; an empty one removes it")
	cmd.Flags().StringArrayVar(&set, "label", nil, "a label to set, as `KEY=VALUE`; may be repeated")
	cmd.Flags().StringArrayVar(&remove, "unlabel", nil, "the `key` of a label to remove; may be repeated")
	cmd.Flags().StringVar(&reason, "reason", "", "why: it is kept in the history")
	filed.add(cmd)
	return cmd
}

// edit carries out the edits in order, and shows the workspace after the last. The first that is refused ends it.
func (a *app) edit(cmd *cobra.Command, slug, reason string, edits []edit) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	for i, e := range edits {
		e.input["workspace"] = slug
		if i == len(edits)-1 {
			return edited(a.change(cmd.Context(), e.mutation, reason, e.input), edits[:i])
		}
		if _, err := c.mutate(cmd.Context(), e.mutation, e.input, "", reason); err != nil {
			return edited(err, edits[:i])
		}
	}
	return nil
}

// edited adds to a failure what was changed before it.
func edited(err error, done []edit) error {
	if err == nil || len(done) == 0 {
		return err
	}
	f := failureOf(err)
	f.Hint = fmt.Sprintf("what came before it was changed: %d of the settings that were named", len(done))
	return f
}
