package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

const (
	runRow    = `id runId number name status contradictory placeholder attempt startedAt endedAt durationMs pipeline { id namespace name } tags { key value } revision`
	useFields = `position role artifactVersion { id number name status artifact { namespace name } }`
	runFields = runRow + ` createdAt createdRevision updatedAt streaming warnings deleted { reason at }
		pipelineVersion { number label } parent { id runId number status pipeline { namespace name } } root { id runId number pipeline { namespace name } }
		attempts { number status startedAt endedAt durationMs failure { type message } }
		parameters { name type value } metadata { name type value } metrics { name last min max count lastAt }
		failure { type message stack } codeReference { type url repo version path branch tag } orchestrator { kind runId url }
		inputs { ` + useFields + ` } outputs { ` + useFields + ` }
		steps(first: 500) { nodes { id name displayName status attempt startedAt endedAt durationMs failure { type message } } totalCount }
		children(first: 500) { nodes { id runId number name status startedAt endedAt durationMs pipeline { namespace name } } totalCount }`
)

func (a *app) runCommand() *cobra.Command {
	return group("run", "Runs: list, show, compare, token, cancel, delete", []string{"runs"},
		a.runList(), a.runShow(), a.runCompare(), a.runToken(), a.runCancel(), a.remove("run", "RUN", "deleteRun", "run { id runId }"))
}

// runFilters are the flags that choose runs.
type runFilters struct {
	statuses, pipelines, tags, where []string
	text, sort                       string
	startedAfter, startedBefore      string
	all                              bool
	metric                           string // that is ordered by
}

func (f *runFilters) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringSliceVar(&f.statuses, "status", nil, "only those in one of these `states`, such as failed,running")
	fs.StringArrayVar(&f.pipelines, "pipeline", nil, "only those of this `pipeline`: an id, NAMESPACE/NAME or a name; may be repeated")
	fs.StringSliceVar(&f.tags, "tag", nil, "only those with all of these `tags`, as KEY or KEY=VALUE")
	fs.StringArrayVar(&f.where, "where", nil, "only those for which this holds: a `condition` such as 'metrics.rmse < 0.2'; may be repeated")
	fs.StringVar(&f.text, "search", "", "only those whose name contains this `text`")
	fs.StringVar(&f.startedAfter, "started-after", "", "only those that started after this `time`")
	fs.StringVar(&f.startedBefore, "started-before", "", "only those that started before this `time`")
	fs.StringVar(&f.sort, "sort", "", "order by created, started, ended, duration, or a `value` such as metrics.rmse; -VALUE the other way round")
	fs.BoolVar(&f.all, "all", false, "nested runs too")
}

func (f *runFilters) variables() (map[string]any, error) {
	filter := filterOf(map[string]any{"statuses": upper(f.statuses), "pipelines": f.pipelines, "tags": f.tags, "text": f.text})
	filter["nested"] = f.all
	for name, word := range map[string]string{"startedAfter": f.startedAfter, "startedBefore": f.startedBefore} {
		if word == "" {
			continue
		}
		t, err := parseTime(word)
		if err != nil {
			return nil, err
		}
		filter[name] = t.UTC()
	}
	where, err := joinWhere(f.where)
	if err != nil {
		return nil, err
	}
	if where != "" {
		filter["where"] = where
	}
	order, metric, err := runOrder(f.sort)
	f.metric = metric
	return map[string]any{"filter": filter, "orderBy": order}, err
}

func (a *app) runList() *cobra.Command {
	var f listFlags
	var filters runFilters
	var asOf asOfFlag
	cmd := &cobra.Command{
		Use: "list", Short: "List runs, the newest first", Args: cobra.NoArgs,
		Long: `List runs, the newest first. Nested runs are left out unless --all is given.

Conditions of --where name a metric, a parameter, an entry of metadata, a tag, or a field of the run:

  --where 'metrics.rmse < 0.2'            numbers compare as numbers; = != < <= > >=
  --where 'min(metrics.rmse) < 0.1'       the least value ever logged; max( ), last( )
  --where 'params.optimizer = adam'       text; "0.1" in quotes is text too
  --where 'params.depth in (3, 5)'        or not in
  --where 'metadata.note contains leak'   or ~
  --where 'metrics.auc exists'            or not exists
  --where 'metadata."git branch" = main'  quote a name with blanks or signs
  --where 'status in (failed, lost) and started > 2026-03-01 and tags.team = fraud'

The run's fields are status, pipeline, id, text, nested, contradictory, started, ended, created.
All conditions must hold; several stand in one, joined by and, or in several --where. --sort takes
created, started, ended, duration, and the same names of values: --sort -metrics.rmse.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			vars, err := filters.variables()
			if err != nil {
				return err
			}
			columns := []column{
				{"RUN", runRef}, {"STATUS", field("status")}, {"STARTED", moment("startedAt")}, {"TOOK", duration("durationMs")}, {"TAGS", tagsOf}, {"RUN ID", field("runId")},
			}
			node := runRow
			if name := filters.metric; name != "" {
				node += fmt.Sprintf(" metrics(names: [%s]) { name last min max }", rawJSON(name))
				columns = append(columns[:2:2], append([]column{{strings.ToUpper(name), metricOf}}, columns[2:]...)...)
			}
			return a.listIn(cmd.Context(), "runs", ", filter: $filter, orderBy: $orderBy", ", $filter: RunFilter, $orderBy: RunOrder", node, vars, f, asOf, columns)
		},
	}
	f.add(cmd, 50)
	filters.add(cmd)
	asOf.add(cmd)
	return cmd
}

func metricOf(r row) string {
	all, _ := r.at("metrics").([]any)
	if len(all) == 0 {
		return ""
	}
	m, _ := all[0].(map[string]any)
	return row(m).text("last")
}

// runRef is PIPELINE#NUMBER, the form that can be pasted back.
// A run that others only mentioned has no pipeline yet: its producer's id names it.
func runRef(r row) string {
	m, ok := r.at("pipeline").(map[string]any)
	if !ok {
		return r.text("runId")
	}
	return nameOf(row(m)) + "#" + r.text("number")
}

func (a *app) runShow() *cobra.Command {
	var asOf asOfFlag
	cmd := &cobra.Command{
		Use: "show RUN", Short: "Show a run with its steps: an id, PIPELINE#NUMBER, or the producer's run id", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			raw, err := a.one(cmd.Context(), c, "run", args[0], "run(id: $id) { "+runFields+" }", nil, "", asOf)
			if err != nil {
				return err
			}
			return a.printObject(raw, a.writeRun)
		},
	}
	asOf.add(cmd)
	return cmd
}

func (a *app) writeRun(w io.Writer, r row) error {
	parent := ""
	if m, ok := r.at("parent").(map[string]any); ok {
		parent = runRef(row(m))
	}
	err := facts(w,
		"run", runRef(r), "id", r.text("id"), "run id", r.text("runId"), "name", r.text("name"), "status", r.text("status"),
		"contradictory", r.text("contradictory"), "placeholder", r.text("placeholder"),
		"started", shortTime(r.text("startedAt")), "ended", shortTime(r.text("endedAt")), "took", duration("durationMs")(r), "attempt", attemptOf(r),
		"part of", parent, "tags", tagsOf(r), "failure", strings.TrimSpace(r.text("failure", "type")+" "+clip(r.text("failure", "message"), 400)),
		"code", codeOf(r, "codeReference"), "orchestrator", strings.TrimSpace(r.text("orchestrator", "kind")+" "+r.text("orchestrator", "url")),
		"parameters", named(r.at("parameters")), "metadata", named(r.at("metadata")),
		"warnings", r.text("warnings"), "deleted", r.text("deleted", "reason"), "revision", r.text("revision"))
	if err != nil {
		return err
	}
	sections := []struct {
		title   string
		rows    any
		columns []column
	}{
		{"STEPS", r.at("steps", "nodes"), []column{{"STEP", field("name")}, {"STATUS", field("status")}, {"STARTED", moment("startedAt")}, {"TOOK", duration("durationMs")}, {"FAILURE", field("failure", "message")}}},
		{"NESTED RUNS", r.at("children", "nodes"), []column{{"RUN", runRef}, {"STATUS", field("status")}, {"STARTED", moment("startedAt")}, {"TOOK", duration("durationMs")}}},
		{"METRICS", r.at("metrics"), []column{{"METRIC", field("name")}, {"LAST", field("last")}, {"MIN", field("min")}, {"MAX", field("max")}, {"POINTS", field("count")}}},
		{"READ", r.at("inputs"), useColumns},
		{"WROTE", r.at("outputs"), useColumns},
	}
	for _, s := range sections {
		if err := a.section(w, s.title, s.rows, s.columns); err != nil {
			return err
		}
	}
	return nil
}

var useColumns = []column{{"ARTIFACT VERSION", versionRef}, {"ROLE", field("role")}, {"STATUS", field("artifactVersion", "status")}}

// versionRef is NAMESPACE/NAME@NUMBER of the version that a use is about.
func versionRef(r row) string {
	m, _ := r.at("artifactVersion").(map[string]any)
	return versionLabel(row(m))
}

func versionLabel(v row) string {
	artifact, _ := v.at("artifact").(map[string]any)
	return nameOf(row(artifact)) + "@" + v.text("number")
}

func attemptOf(r row) string {
	if n := r.text("attempt"); n != "1" {
		return n
	}
	return ""
}

// named shows parameters and metadata as name=value.
func named(v any) string {
	all, _ := v.([]any)
	out := make([]string, 0, len(all))
	for _, one := range all {
		m, _ := one.(map[string]any)
		out = append(out, row(m).text("name")+"="+clip(row(m).text("value"), 60))
	}
	return strings.Join(out, " ")
}

// section writes a titled table, nothing where there are no rows.
func (a *app) section(w io.Writer, title string, rows any, columns []column) error {
	all, _ := rows.([]any)
	if len(all) == 0 {
		return nil
	}
	if _, err := fmt.Fprintf(w, "\n%s\n", title); err != nil {
		return err
	}
	t := a.table(columns)
	for _, one := range all {
		m, _ := one.(map[string]any)
		t.add(row(m))
	}
	return t.flush()
}

// runCancel records that a run was cancelled: whoever runs it is not told.
func (a *app) runCancel() *cobra.Command {
	var reason string
	var requested, lost bool
	cmd := &cobra.Command{
		Use: "cancel RUN", Short: "Record that a run was cancelled, was told to stop, or that nobody will hear of it again", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if requested && lost {
				return usage("--requested and --lost: give one of them")
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			slug, err := a.inWorkspace(cmd.Context(), c)
			if err != nil {
				return err
			}
			mutation, input := "cancelRun", map[string]any{"workspace": slug, "run": args[0], "requested": requested}
			if lost {
				mutation, input = "loseRun", map[string]any{"workspace": slug, "run": args[0]}
			}
			payload, err := c.mutate(cmd.Context(), mutation, input, "run { id runId number status pipeline { namespace name } revision }", reason)
			if err != nil {
				return err
			}
			return a.printPayload(payload, "run", func(w io.Writer, r row) error {
				return facts(w, "run", runRef(r), "id", r.text("id"), "run id", r.text("runId"), "status", r.text("status"), "revision", r.text("revision"))
			})
		},
	}
	cmd.Flags().BoolVar(&requested, "requested", false, "it was told to stop and has not yet")
	cmd.Flags().BoolVar(&lost, "lost", false, "nobody will hear of it again")
	cmd.Flags().StringVar(&reason, "reason", "", "why: it is kept in the history")
	return cmd
}
