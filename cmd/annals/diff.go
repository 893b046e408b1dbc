package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

const (
	differenceFields = `{ group name before after }`
	changeFields     = `kind id name change firstRevision revision fields ` + differenceFields
)

// diffKinds are the words of --kind.
var diffKinds = []string{"workspace", "pipeline", "pipeline_version", "run", "step", "artifact", "artifact_version"}

// A diff is what the server says differs between two moments.
type diff struct {
	From      json.RawMessage `json:"from"`
	To        json.RawMessage `json:"to"`
	Identical bool            `json:"identical"`
	Counts    json.RawMessage `json:"counts"`
	rows      list
}

func (a *app) diffCommand() *cobra.Command {
	var f listFlags
	var from, to string
	var kinds, changes []string
	cmd := &cobra.Command{
		Use: "diff [WORKSPACE] --from MOMENT [--to MOMENT]", Short: "Show what differs between two moments of a workspace; exit code 6 where anything does", Args: cobra.MaximumNArgs(1),
		Long: `Show what was created, what changed (field by field, before and after) and what was removed between
two moments of a workspace. A moment is a revision (4711) or a time (2026-03-01T12:00:00Z); without
--to it is now.

It is about things, not about events (` + "`annals log`" + ` shows those): what was changed and changed back
does not differ. The exit code is 0 where nothing differs and 6 where anything does.`,
		Example: "  annals diff --from 4711\n  annals diff churn --from 2026-03-01 --to 2026-04-01 --kind run -o json",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				a.global.workspace = args[0]
			}
			if from == "" {
				return usage("--from is missing").with("write a revision (4711) or a time (2026-03-01); --to is now when left out")
			}
			vars := map[string]any{}
			for _, m := range []struct{ flag, text, name string }{{"--from", from, "from"}, {"--to", to, "to"}} {
				at, err := momentInput(m.flag, m.text)
				if err != nil {
					return err
				}
				vars[m.name] = at
			}
			for _, k := range kinds {
				if !slices.Contains(diffKinds, strings.ToLower(k)) {
					return usage("--kind: nothing is of the kind %q", k).with("there are %s", strings.Join(diffKinds, ", "))
				}
			}
			for _, c := range changes {
				if !slices.Contains([]string{"created", "changed", "removed"}, strings.ToLower(c)) {
					return usage("--change %q is not created, changed or removed", c)
				}
			}
			if len(kinds) > 0 {
				vars["kinds"] = upper(kinds)
			}
			if len(changes) > 0 {
				vars["changes"] = upper(changes)
			}
			return a.printDiff(cmd, f, vars)
		},
	}
	f.add(cmd, 500)
	cmd.Flags().Var(momentFlag{&from}, "from", "the earlier `moment`: a revision or a time")
	cmd.Flags().Var(momentFlag{&to}, "to", "the later `moment`; now when left out")
	cmd.Flags().StringSliceVar(&kinds, "kind", nil, "only things of these `kinds`: "+strings.Join(diffKinds, ", "))
	cmd.Flags().StringSliceVar(&changes, "change", nil, "only what was `created`, changed or removed")
	return cmd
}

// printDiff reads pages of what differs, and prints them in the form that was asked for. Both moments are settled by the
// first page, so that the others are of the same.
func (a *app) printDiff(cmd *cobra.Command, f listFlags, vars map[string]any) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	slug, err := a.inWorkspace(cmd.Context(), c)
	if err != nil {
		return err
	}
	var whole diff
	found := 0
	rows := &list{}
	next := func(first int, after *string) (page, error) {
		all := map[string]any{"first": first, "after": after, "kinds": nil, "changes": nil}
		for name, v := range vars {
			all[name] = v
		}
		raw, err := a.withinSlug(cmd.Context(), c, slug, ", $from: AsOf!, $to: AsOf, $kinds: [EntityKind!], $changes: [DiffChange!], $first: Int, $after: String",
			`diff(from: $from, to: $to) { from { revision time settled } to { revision time settled } identical counts { created changed removed complete kinds { kind created changed removed } }
				page: changes(first: $first, after: $after, kinds: $kinds, changes: $changes) `+pageFields(changeFields)+" }", all, asOfFlag{})
		if err != nil {
			return page{}, err
		}
		var got struct {
			diff
			Page page
		}
		if err := json.Unmarshal(raw, &got); err != nil {
			return page{}, fmt.Errorf("read the server's answer: %w", err)
		}
		whole = got.diff
		found += len(got.Page.Nodes)
		for _, side := range []struct {
			name string
			at   json.RawMessage
		}{{"from", got.From}, {"to", got.To}} {
			m, err := decodeRow(side.at)
			if err != nil {
				return page{}, err
			}
			vars[side.name] = map[string]any{"revision": m.at("revision")}
		}
		a.shown = shownMoment{} // a diff has two
		if a.global.output == "ndjson" {
			for i, line := range got.Page.Nodes {
				got.Page.Nodes[i] = withField(withField(line, "from", got.From), "to", got.To)
			}
		}
		return got.Page, nil
	}
	if err := a.gather(f, next, rows); err != nil {
		return err
	}
	whole.rows = *rows
	if err := a.writeDiff(whole); err != nil {
		return err
	}
	if found > 0 {
		return &failure{Exit: exitUnverified, Code: "different", Message: "there are differences"}
	}
	return nil
}

func (a *app) writeDiff(d diff) error {
	switch a.global.output {
	case "ndjson":
		return a.printBeside(d.rows, struct { // the rest was written as it came
			From       json.RawMessage `json:"from"`
			To         json.RawMessage `json:"to"`
			Identical  bool            `json:"identical"`
			NextCursor *string         `json:"nextCursor"`
			TotalCount int             `json:"totalCount"`
		}{d.From, d.To, d.Identical, d.rows.NextCursor, d.rows.TotalCount})
	case "json", "yaml":
		return a.printValue(struct {
			From       json.RawMessage   `json:"from"`
			To         json.RawMessage   `json:"to"`
			Identical  bool              `json:"identical"`
			Counts     json.RawMessage   `json:"counts"`
			Items      []json.RawMessage `json:"items"`
			NextCursor *string           `json:"nextCursor"`
			TotalCount int               `json:"totalCount"`
		}{d.From, d.To, d.Identical, d.Counts, d.rows.Items, d.rows.NextCursor, d.rows.TotalCount})
	}
	if len(d.rows.Items) > 0 {
		t := a.table([]column{{"CHANGE", field("change")}, {"KIND", field("kind")}, {"NAME", field("name")}, {"FIELD", field("field")}, {"BEFORE", side("before")}, {"AFTER", side("after")}, {"REVISION", field("revision")}})
		for _, item := range d.rows.Items {
			r, err := decodeRow(item)
			if err != nil {
				return err
			}
			for _, line := range fieldLines(r) {
				t.add(line)
			}
		}
		if err := t.flush(); err != nil {
			return err
		}
	}
	return a.writeDiffEnd(d)
}

// fieldLines are one line for each field in which a thing changed, and one for a thing that came or went.
func fieldLines(r row) []row {
	fields, _ := r.at("fields").([]any)
	if r.text("change") != "CHANGED" || len(fields) == 0 {
		return []row{r}
	}
	out := make([]row, 0, len(fields))
	for _, one := range fields {
		f, _ := one.(map[string]any)
		out = append(out, row{"change": r["change"], "kind": r["kind"], "name": r["name"], "revision": r["revision"], "field": f["name"], "before": f["before"], "after": f["after"]})
	}
	return out
}

// side is a cell that shows a value of JSON: a text as it is, everything else as JSON has it.
func side(name string) func(row) string {
	return func(r row) string {
		switch v := r.at(name).(type) {
		case nil:
			return ""
		case string:
			return v
		case map[string]any:
			if v["erased"] == true && len(v) == 1 {
				return "erased"
			}
			return string(rawJSON(v))
		default:
			return string(rawJSON(v))
		}
	}
}

// writeDiffEnd says how much differs, and between which moments.
func (a *app) writeDiffEnd(d diff) error {
	counts, err := decodeRow(d.Counts)
	if err != nil {
		return err
	}
	from, err := decodeRow(d.From)
	if err != nil {
		return err
	}
	to, err := decodeRow(d.To)
	if err != nil {
		return err
	}
	least := ""
	if counts.text("complete") == "" {
		least = "at least "
	}
	words := "nothing differs"
	if !d.Identical {
		words = fmt.Sprintf("%s%s created, %s changed, %s removed", least, counts.text("created"), counts.text("changed"), counts.text("removed"))
	}
	if _, err := fmt.Fprintf(a.stdout, "%s\nfrom %s\nto %s\n", words, momentWords(from), momentWords(to)); err != nil {
		return err
	}
	if d.rows.NextCursor != nil {
		fmt.Fprintf(a.stderr, "%d shown of %d; the rest: --from %s --to %s --after %s\n", len(d.rows.Items), d.rows.TotalCount, from.text("revision"), to.text("revision"), *d.rows.NextCursor)
	}
	return nil
}
