package main

import (
	"context"
	"encoding/json"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

const workspaceFields = `id slug name status kind environment sensitivity team description labels { key value } createdAt updatedAt createdRevision revision`

func (a *app) workspaceCommand() *cobra.Command {
	return group("workspace", "Workspaces: list, show, create, edit, rename, describe, label, classify, members, wall, archive, restore, delete", []string{"workspaces", "tenant", "tenants"},
		a.workspaceList(), a.workspaceShow(), a.workspaceCreate(), a.workspaceEdit(), a.workspaceRename(), a.workspaceDescribe(), a.workspaceLabel(), a.workspaceClassify(), a.workspaceMembers(), a.workspaceWall(),
		a.workspaceState("archive", "Make a workspace read-only"), a.workspaceState("restore", "Make an archived workspace writable again"),
		a.workspaceDelete())
}

func (a *app) workspaceList() *cobra.Command {
	var f listFlags
	var asOf asOfFlag
	var statuses, kinds, environments, sensitivities, teams []string
	var text string
	cmd := &cobra.Command{
		Use: "list", Short: "List workspaces", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			at, err := asOf.input()
			if err != nil {
				return err
			}
			filter := map[string]any{}
			for name, words := range map[string][]string{"statuses": upper(statuses), "kinds": upper(kinds), "environments": upper(environments), "sensitivities": upper(sensitivities), "teams": teams} {
				if len(words) > 0 {
					filter[name] = words
				}
			}
			if text != "" {
				filter["text"] = text
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			const operation = `query($first: Int, $after: String, $asOf: AsOf, $filter: WorkspaceFilter) {
				workspaces(first: $first, after: $after, asOf: $asOf, filter: $filter) ` + "{ nodes { " + workspaceFields + " " + momentFields + " memberCount lastActivityAt myRole { role through } counts { pipelines runs steps artifacts artifactVersions } } pageInfo { hasNextPage endCursor } totalCount }" + ` }`
			return a.collect(f, func(first int, after *string) (page, error) {
				var data struct{ Workspaces page }
				err := c.query(cmd.Context(), operation, map[string]any{"first": first, "after": after, "asOf": at, "filter": filter}, &data)
				c.shows(acrossMoment(at))
				return data.Workspaces, err
			}, eachAsOf(asOf, []column{
				{"WORKSPACE", field("slug")}, {"NAME", field("name")}, {"STATUS", field("status")}, {"KIND", kindOf}, {"TEAM", field("team")}, {"LABELS", labels},
				{"ROLE", field("myRole", "role")}, {"MEMBERS", field("memberCount")}, {"RUNS", field("counts", "runs")}, {"LAST ACTIVITY", moment("lastActivityAt")},
			}))
		},
	}
	f.add(cmd, 50)
	asOf.add(cmd)
	cmd.Flags().StringSliceVar(&kinds, "kind", nil, "only those of these `kinds`: default, project, environment")
	cmd.Flags().StringSliceVar(&environments, "environment", nil, "only those that stand for these `stages`: development, staging, production")
	cmd.Flags().StringSliceVar(&sensitivities, "sensitivity", nil, "only those whose data are `public`, internal or confidential")
	cmd.Flags().StringSliceVar(&teams, "team", nil, "only those filed under these `teams`")
	cmd.Flags().StringSliceVar(&statuses, "status", nil, "only those in these `states`: active, archived, deleted")
	cmd.Flags().StringVar(&text, "search", "", "only those whose slug or name contains this `text`")
	return cmd
}

// kindOf is what a workspace is for: of an environment, which.
func kindOf(r row) string {
	if e := r.text("environment"); e != "" {
		return strings.ToLower(e)
	}
	return strings.ToLower(r.text("kind"))
}

// labels are shown as key=value.
func labels(r row) string {
	all, _ := r.at("labels").([]any)
	out := make([]string, 0, len(all))
	for _, one := range all {
		if m, ok := one.(map[string]any); ok {
			out = append(out, row(m).text("key")+"="+row(m).text("value"))
		}
	}
	return strings.Join(out, " ")
}

func upper(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = strings.ToUpper(strings.TrimSpace(w))
	}
	return out
}

func (a *app) workspaceShow() *cobra.Command {
	var asOf asOfFlag
	cmd := &cobra.Command{
		Use: "show WORKSPACE", Short: "Show a workspace", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			at, err := asOf.input()
			if err != nil {
				return err
			}
			raw, err := showWorkspace(cmd.Context(), c, args[0], at, nil)
			if err != nil {
				return err
			}
			return a.printObject(raw, writeWorkspace)
		},
	}
	asOf.add(cmd)
	return cmd
}

const showWorkspaceQuery = `query($slug: String!, $asOf: AsOf, $atLeast: Int64) { workspace(slug: $slug, asOf: $asOf, atLeast: $atLeast) {
	` + workspaceFields + ` asOf { revision time settled } progress { applied head state reason }
	counts { pipelines runs steps artifacts artifactVersions } viewerAccess { read ingest write admin } memberCount lastActivityAt myRole { role through } onboarding { step done at by { kind id } } }
	imported: workspace(slug: $slug, asOf: $asOf, atLeast: $atLeast) { auditLog(filter: {types: ["history.imported"]}, first: 1) { nodes { revision data } } } }`

func showWorkspace(ctx context.Context, c *client, slug string, asOf map[string]any, atLeast *int64) (json.RawMessage, error) {
	var data struct {
		Workspace json.RawMessage
		Imported  *importedFrom
	}
	if err := c.query(ctx, showWorkspaceQuery, map[string]any{"slug": slug, "asOf": asOf, "atLeast": atLeast}, &data); err != nil {
		return nil, err
	}
	if len(data.Workspace) == 0 || string(data.Workspace) == "null" {
		return nil, noWorkspace(slug)
	}
	return data.Imported.beside(data.Workspace), nil
}

func writeWorkspace(w io.Writer, r row) error {
	return facts(w,
		"workspace", r.text("slug"), "id", r.text("id"), "name", r.text("name"), "status", r.text("status"), "kind", kindOf(r), "sensitivity", strings.ToLower(r.text("sensitivity")),
		"team", r.text("team"), "description", r.text("description"), "labels", labels(r), "created", shortTime(r.text("createdAt")), "changed", shortTime(r.text("updatedAt")),
		"revision", r.text("asOf", "revision"), "as of", shortTime(r.text("asOf", "time")),
		"projected", r.text("progress", "applied")+" "+strings.ToLower(r.text("progress", "state")), "reason", r.text("progress", "reason"),
		"pipelines", r.text("counts", "pipelines"), "runs", r.text("counts", "runs"), "steps", r.text("counts", "steps"),
		"artifacts", r.text("counts", "artifacts"), "versions", r.text("counts", "artifactVersions"), "members", r.text("memberCount"),
		"your role", strings.TrimSpace(r.text("myRole", "role")+" "+r.text("myRole", "through")), "last activity", shortTime(r.text("lastActivityAt")), "imported", cameFrom(r), "to begin with", begun(r))
}

// begun is what is still to be done of what one does at first.
func begun(r row) string {
	steps, _ := r.at("onboarding").([]any)
	var left []string
	for _, one := range steps {
		if step := row(one.(map[string]any)); step.text("done") == "" { // the server's own type
			left = append(left, strings.ReplaceAll(strings.ToLower(step.text("step")), "_", " "))
		}
	}
	return strings.Join(left, ", ")
}

// change carries out one mutation about a workspace and shows the workspace after it.
func (a *app) change(ctx context.Context, mutation, reason string, input map[string]any) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	payload, err := c.mutate(ctx, mutation, input, "workspace { "+workspaceFields+" }", reason)
	if err != nil {
		return err
	}
	return a.printPayload(payload, "workspace", func(w io.Writer, r row) error {
		return facts(w, "workspace", r.text("slug"), "name", r.text("name"), "status", r.text("status"), "description", r.text("description"),
			"labels", labels(r), "revision", r.text("revision"))
	})
}

// printPayload writes the object of a mutation's payload; where it cannot be read yet, what is known of it.
func (a *app) printPayload(payload json.RawMessage, name string, show func(io.Writer, row) error) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(payload, &fields); err != nil {
		return err
	}
	if object := fields[name]; len(object) > 0 && string(object) != "null" {
		return a.printObject(object, show)
	}
	return a.printObject(rawJSON(map[string]json.RawMessage{"revision": fields["revision"]}), func(w io.Writer, r row) error {
		return facts(w, "done at revision", r.text("revision"))
	})
}

// pairsOf reads KEY=VALUE.
func pairsOf(words []string) ([]map[string]string, error) {
	var out []map[string]string
	for _, w := range words {
		key, value, ok := strings.Cut(w, "=")
		if !ok || key == "" {
			return nil, usage("%q is no label", w).with("write KEY=VALUE")
		}
		out = append(out, map[string]string{"key": key, "value": value})
	}
	return out, nil
}

func (a *app) workspaceRename() *cobra.Command {
	return &cobra.Command{
		Use: "rename WORKSPACE NAME", Short: "Change the name for people; the slug stays", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.change(cmd.Context(), "renameWorkspace", "", map[string]any{"workspace": args[0], "name": args[1]})
		},
	}
}

func (a *app) workspaceDescribe() *cobra.Command {
	return &cobra.Command{
		Use: "describe WORKSPACE [TEXT]", Short: "Replace the description; no text removes it", Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			input := map[string]any{"workspace": args[0], "description": nil}
			if len(args) == 2 && args[1] != "" {
				input["description"] = args[1]
			}
			return a.change(cmd.Context(), "describeWorkspace", "", input)
		},
	}
}

func (a *app) workspaceLabel() *cobra.Command {
	return &cobra.Command{
		Use: "label WORKSPACE KEY=VALUE|KEY- ...", Short: "Set labels (KEY=VALUE) and remove them (KEY-)", Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			var set, remove []string
			for _, w := range args[1:] {
				if key, ok := strings.CutSuffix(w, "-"); ok && key != "" && !strings.Contains(w, "=") {
					remove = append(remove, key)
					continue
				}
				set = append(set, w)
			}
			pairs, err := pairsOf(set)
			if err != nil {
				return err
			}
			input := map[string]any{"workspace": args[0]}
			if len(pairs) > 0 {
				input["set"] = pairs
			}
			if len(remove) > 0 {
				input["remove"] = remove
			}
			return a.change(cmd.Context(), "labelWorkspace", "", input)
		},
	}
}

// workspaceState is `archive` or `restore`.
func (a *app) workspaceState(verb, short string) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: verb + " WORKSPACE", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.change(cmd.Context(), verb+"Workspace", reason, map[string]any{"workspace": args[0]})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why: it is kept in the history")
	return cmd
}

func (a *app) workspaceWall() *cobra.Command {
	var hide bool
	cmd := &cobra.Command{
		Use: "wall WORKSPACE --hide-counts", Short: "Hide how many things lineage reaches here from those who cannot see the workspace, or show it again", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("hide-counts") {
				return usage("--hide-counts is missing: true or false")
			}
			return a.change(cmd.Context(), "setWorkspaceWall", "", map[string]any{"workspace": args[0], "hidesCounts": hide})
		},
	}
	cmd.Flags().BoolVar(&hide, "hide-counts", false, "do not even tell how many things there are")
	return cmd
}
