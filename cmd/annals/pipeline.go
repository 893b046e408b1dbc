package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"
)

const (
	pipelineRow    = `id namespace name type integration tags { key value } createdAt revision lastRun { id runId number status startedAt endedAt durationMs }`
	pipelineFields = pipelineRow + ` description processing updatedAt createdRevision codeReference { type url repo version path branch tag }
		deleted { reason at } latest { number label specHash createdAt steps { name type } edges { from to } }
		declaredInputs { namespace name } declaredOutputs { namespace name }`
)

func (a *app) pipelineCommand() *cobra.Command {
	return group("pipeline", "Pipelines: list, show, versions, delete", []string{"pipelines"},
		a.pipelineList(), a.pipelineShow(), a.pipelineVersions(), a.remove("pipeline", "PIPELINE", "deletePipeline", "pipeline { id namespace name }"))
}

func (a *app) pipelineList() *cobra.Command {
	var f listFlags
	var asOf asOfFlag
	var text, sort string
	var namespaces, tags, statuses []string
	cmd := &cobra.Command{
		Use: "list", Short: "List pipelines", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			order, err := orderOf(sort, map[string]string{"name": "NAME", "created": "CREATED", "last-run": "LAST_RUN"})
			if err != nil {
				return err
			}
			filter := filterOf(map[string]any{"text": text, "namespaces": namespaces, "tags": tags, "lastRunStatuses": upper(statuses)})
			return a.listIn(cmd.Context(), "pipelines", ", filter: $filter, orderBy: $orderBy", ", $filter: PipelineFilter, $orderBy: PipelineOrder", pipelineRow,
				map[string]any{"filter": filter, "orderBy": order}, f, asOf, []column{
					{"PIPELINE", label()}, {"LAST RUN", numberOf("lastRun")}, {"STATUS", field("lastRun", "status")},
					{"STARTED", moment("lastRun", "startedAt")}, {"TOOK", duration("lastRun", "durationMs")}, {"TAGS", tagsOf},
				})
		},
	}
	f.add(cmd, 50)
	asOf.add(cmd)
	cmd.Flags().StringVar(&text, "search", "", "only those whose name contains this `text`")
	cmd.Flags().StringSliceVar(&namespaces, "namespace", nil, "only those of these `namespaces`")
	cmd.Flags().StringSliceVar(&tags, "tag", nil, "only those with all of these `tags`, as KEY or KEY=VALUE")
	cmd.Flags().StringSliceVar(&statuses, "status", nil, "only those whose last run is in one of these `states`")
	cmd.Flags().StringVar(&sort, "sort", "", "order by name, created or last-run; -`FIELD` the other way round")
	return cmd
}

// numberOf is #7 of the run at a path.
func numberOf(path ...string) func(row) string {
	return func(r row) string {
		if n := r.text(append(path[:len(path):len(path)], "number")...); n != "" {
			return "#" + n
		}
		return ""
	}
}

// tagsOf are shown as key or key=value.
func tagsOf(r row) string {
	all, _ := r.at("tags").([]any)
	out := make([]string, 0, len(all))
	for _, one := range all {
		m, _ := one.(map[string]any)
		word := row(m).text("key")
		if v := row(m).text("value"); v != "" {
			word += "=" + v
		}
		out = append(out, word)
	}
	return strings.Join(out, " ")
}

// filterOf leaves out of a filter what was not asked for.
func filterOf(all map[string]any) map[string]any {
	for name, v := range all {
		switch v := v.(type) {
		case string:
			if v == "" {
				delete(all, name)
			}
		case []string:
			if len(v) == 0 {
				delete(all, name)
			}
		case nil:
			delete(all, name)
		}
	}
	return all
}

// orderOf reads --sort FIELD or -FIELD, nil for none.
func orderOf(sort string, fields map[string]string) (map[string]any, error) {
	if sort == "" {
		return nil, nil
	}
	word, direction := sort, "ASC"
	if rest, ok := strings.CutPrefix(sort, "-"); ok {
		word, direction = rest, "DESC"
	}
	by, ok := fields[word]
	if !ok {
		known := make([]string, 0, len(fields))
		for name := range fields {
			known = append(known, name)
		}
		return nil, usage("--sort %q: there is no such field", sort).with("choose of %s, with a - before it for the other way round", strings.Join(sorted(known), ", "))
	}
	return map[string]any{"by": by, "direction": direction}, nil
}

func (a *app) pipelineShow() *cobra.Command {
	var asOf asOfFlag
	cmd := &cobra.Command{
		Use: "show PIPELINE", Short: "Show a pipeline: an id, NAMESPACE/NAME, or a name when it is the only one", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			raw, err := a.one(cmd.Context(), c, "pipeline", args[0], "pipeline(id: $id) { "+pipelineFields+" }", nil, "", asOf)
			if err != nil {
				return err
			}
			return a.printObject(raw, writePipeline)
		},
	}
	asOf.add(cmd)
	return cmd
}

func writePipeline(w io.Writer, r row) error {
	return facts(w,
		"pipeline", nameOf(r), "id", r.text("id"), "description", r.text("description"), "type", r.text("type"), "integration", r.text("integration"),
		"tags", tagsOf(r), "code", codeOf(r, "codeReference"), "version", r.text("latest", "number"), "steps", names(r.at("latest", "steps")),
		"reads", names(r.at("declaredInputs")), "writes", names(r.at("declaredOutputs")),
		"last run", strings.TrimSpace(numberOf("lastRun")(r)+" "+r.text("lastRun", "status")+" "+shortTime(r.text("lastRun", "startedAt"))),
		"created", shortTime(r.text("createdAt")), "deleted", r.text("deleted", "reason"), "revision", r.text("revision"))
}

// codeOf is where the code came from, in one line.
func codeOf(r row, path ...string) string {
	m, _ := r.at(path...).(map[string]any)
	c := row(m)
	where := c.text("repo")
	if where == "" {
		where = c.text("url")
	}
	if p := c.text("path"); p != "" {
		where = strings.TrimSuffix(where, "/") + " " + p
	}
	if v := c.text("version"); v != "" {
		where += "@" + v
	}
	return strings.TrimSpace(where)
}

// names are the labels of a list of named things.
func names(v any) string {
	all, _ := v.([]any)
	out := make([]string, 0, len(all))
	for _, one := range all {
		m, _ := one.(map[string]any)
		out = append(out, nameOf(row(m)))
	}
	return strings.Join(out, ", ")
}

func (a *app) pipelineVersions() *cobra.Command {
	var f listFlags
	var asOf asOfFlag
	cmd := &cobra.Command{
		Use: "versions PIPELINE", Short: "List the versions of a pipeline, the newest first", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.listUnder(cmd.Context(), "pipeline", args[0], "versions", `id number label specHash createdAt steps { name type } edges { from to }`, f, asOf, []column{
				{"VERSION", field("number")}, {"LABEL", field("label")}, {"STEPS", func(r row) string { return names(r.at("steps")) }},
				{"CREATED", moment("createdAt")}, {"HASH", func(r row) string { return clip(r.text("specHash"), 16) }},
			})
		},
	}
	f.add(cmd, 50)
	asOf.add(cmd)
	return cmd
}
