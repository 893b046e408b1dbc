package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"
)

const promotionRow = `id direction state code reason recordedAt hidden counterpart { workspace artifactVersion { number artifact { namespace name } } }`

// promotionColumns show promotions of a version.
func promotionColumns() []column {
	return []column{
		{"WHEN", moment("recordedAt")}, {"WAY", func(r row) string { return strings.ToLower(r.text("direction")) }}, {"WORKSPACE", otherSide},
		{"AS", versionLabelAt("counterpart", "artifactVersion")}, {"STATE", func(r row) string { return strings.ToLower(r.text("state")) }}, {"WHY NOT", field("code")}, {"REASON", field("reason")},
	}
}

// otherSide names the workspace on the other side, for those who may see it.
func otherSide(r row) string {
	if r.text("hidden") == "true" {
		return "(one you cannot see)"
	}
	return r.text("counterpart", "workspace")
}

// versionLabelAt names the version at a path.
func versionLabelAt(path ...string) func(row) string {
	return func(r row) string {
		m, ok := r.at(path...).(map[string]any)
		if !ok {
			return ""
		}
		return versionLabel(row(m))
	}
}

func (a *app) artifactPromote() *cobra.Command {
	var from, to, as, version, reason string
	cmd := &cobra.Command{
		Use: "promote ARTIFACT@VERSION --to SLUG --reason TEXT", Short: "Promote a version to another workspace", Args: cobra.ExactArgs(1),
		Long: `Promote an artifact version to another workspace, from staging to production say.

Both workspaces keep that it happened, and why; lineage goes on from the one to the other. It takes
the permission artifacts:promote in both. A promotion that is interrupted is carried on by the server.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if to == "" || reason == "" {
				return usage("--to and --reason are needed: where the version goes, and why")
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			if from == "" {
				if from, err = a.inWorkspace(cmd.Context(), c); err != nil {
					return err
				}
			}
			input := map[string]any{"workspace": from, "artifactVersion": args[0], "to": to, "reason": reason}
			if as != "" {
				namespace, name := "", as
				if at := strings.LastIndexByte(as, '/'); at >= 0 {
					namespace, name = as[:at], as[at+1:]
				}
				input["artifact"] = map[string]any{"namespace": namespace, "name": name}
			}
			if version != "" {
				input["version"] = version
			}
			payload, err := c.mutate(cmd.Context(), "promoteArtifactVersion", input, "promotion { "+promotionRow+" } received { id number artifact { namespace name } } receivedRevision", "")
			if err != nil {
				return err
			}
			return a.printObject(payload, writePromotion)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "the workspace that the version is in, by its `slug`; default: the one at hand")
	cmd.Flags().StringVar(&to, "to", "", "the workspace that is to receive it, by its `slug`")
	cmd.Flags().StringVar(&as, "as", "", "the `artifact` it is to be a version of there, as NAMESPACE/NAME; default: the one of the same name")
	cmd.Flags().StringVar(&version, "name", "", "what the version is to be called there; default: what it is called here, or its number")
	cmd.Flags().StringVar(&reason, "reason", "", "why: it is kept in the history of both workspaces")
	return cmd
}

func writePromotion(w io.Writer, r row) error {
	return facts(w,
		"promotion", r.text("promotion", "id"), "state", strings.ToLower(r.text("promotion", "state")), "why not", r.text("promotion", "code"),
		"received as", versionLabelAt("received")(r), "revision", r.text("revision"), "revision there", r.text("receivedRevision"))
}
