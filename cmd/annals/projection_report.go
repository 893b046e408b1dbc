package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// writeRebuild tells people what was built, and how it differs: a line for each field of the first rows that do.
func (a *app) writeRebuild(w io.Writer, r row) error {
	err := facts(w, "built", r.text("to"), "beside", r.text("from"), "workspaces", r.text("workspaces"), "events", r.text("events"),
		"rate", wholeRate(r), "equal", yesNo(r.at("equal")), "tables that differ", unlessZero(r.text("tables")), "swapped", yesNo(r.at("swapped")), "paused in it", r.text("paused"))
	if err != nil {
		return err
	}
	return a.writeDifferences(w, r)
}

// writeDifferences lists the tables that differ, where there are any.
func (a *app) writeDifferences(w io.Writer, r row) error {
	all, _ := r.at("differences").([]any)
	if len(all) == 0 {
		return nil
	}
	t := a.table([]column{
		{"WORKSPACE", field("Workspace")}, {"TABLE", field("Table")}, {"ROWS", field("Rows")}, {"KEY", field("Key")}, {"FIELD", field("Field")}, {"OLD", field("Old")}, {"NEW", field("New")},
	})
	for _, one := range all {
		d, _ := one.(map[string]any)
		first, _ := d["First"].([]any)
		head := row{"Workspace": d["Workspace"], "Table": d["Table"], "Rows": d["Rows"]}
		if len(first) == 0 {
			t.add(head)
		}
		for i, one := range first {
			line := row{}
			if i == 0 {
				line = head
			}
			f, _ := one.(map[string]any)
			for name, v := range f {
				line[name] = v
			}
			t.add(line)
		}
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	if err := t.flush(); err != nil {
		return err
	}
	if n, ok := r.at("tables").(json.Number); ok {
		if whole, err := n.Int64(); err == nil && whole > int64(len(all)) {
			_, err = fmt.Fprintf(w, "... and %s more tables\n", grouped(int(whole)-len(all)))
			return err
		}
	}
	return nil
}

// wholeRate is the rate without its fraction.
func wholeRate(r row) string {
	whole, _, _ := strings.Cut(r.text("rate"), ".")
	return whole + "/s"
}

func yesNo(v any) string {
	if b, _ := v.(bool); b {
		return "yes"
	}
	return "no"
}

func unlessZero(s string) string {
	if s == "0" {
		return ""
	}
	return s
}
