package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func (a *app) runCompare() *cobra.Command {
	return a.compareCommand("RUN", "Show how two runs differ: parameters, metadata, code, inputs, outputs, metrics, duration, steps; exit code 6 where anything does",
		"A run is an id, PIPELINE#NUMBER or its producer's id. What tells any two runs apart, such as their ids and\nwhen they ran, is no difference.",
		"compareRuns", "run", `identical complete a { id runId number status pipeline { namespace name } } b { id runId number status pipeline { namespace name } }
			differences `+differenceFields+` equalSteps steps { name a { id status } b { id status } differences `+differenceFields+` }`, runRef)
}

func (a *app) artifactCompare() *cobra.Command {
	return a.compareCommand("VERSION", "Show how two versions of artifacts differ: type, status, place, size, digest, schema, metadata, tags; exit code 6 where anything does",
		"A version is an id, or NAMESPACE/NAME@VERSION with a number, a name or latest.",
		"compareArtifactVersions", "artifact version", `identical a { `+versionRow+` } b { `+versionRow+` } differences `+differenceFields, versionLabel)
}

// compareCommand compares two things of a workspace.
func (a *app) compareCommand(word, short, long, query, what, fields string, name func(row) string) *cobra.Command {
	var asOf asOfFlag
	cmd := &cobra.Command{
		Use: "compare " + word + " " + word, Short: short, Long: short + ".\n\n" + long + "\nThe exit code is 0 where nothing differs and 6 where anything does.", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			raw, err := a.within(cmd.Context(), c, ", $a: ID!, $b: ID!", query+"(a: $a, b: $b) { "+fields+" }", map[string]any{"a": args[0], "b": args[1]}, asOf)
			if err != nil {
				return err
			}
			if len(raw) == 0 || string(raw) == "null" {
				return (&failure{Exit: exitNotFound, Code: "not_found", Message: fmt.Sprintf("there is no %s %q, or no %s %q%s", what, clip(args[0], 200), what, clip(args[1], 200), a.shown.before())}).with("`annals %s list` shows those there are", firstWord(what))
			}
			if err := a.printObject(raw, func(w io.Writer, r row) error { return a.writeComparison(w, r, name) }); err != nil {
				return err
			}
			var said struct{ Identical bool }
			if err := json.Unmarshal(raw, &said); err != nil {
				return fmt.Errorf("read the server's answer: %w", err)
			}
			if !said.Identical {
				return &failure{Exit: exitUnverified, Code: "different", Message: "there are differences"}
			}
			return nil
		},
	}
	asOf.add(cmd)
	return cmd
}

func firstWord(s string) string {
	for i, r := range s {
		if r == ' ' {
			return s[:i]
		}
	}
	return s
}

func (a *app) writeComparison(w io.Writer, r row, name func(row) string) error {
	of := func(side string) string {
		m, _ := r.at(side).(map[string]any)
		return name(row(m))
	}
	if err := facts(w, "a", of("a"), "b", of("b")); err != nil {
		return err
	}
	if r.text("identical") != "" {
		_, err := fmt.Fprintln(w, "nothing differs")
		return err
	}
	columns := []column{{"FIELD", field("name")}, {"A", side("before")}, {"B", side("after")}}
	if err := a.section(w, "DIFFERENCES", r.at("differences"), columns); err != nil {
		return err
	}
	steps, _ := r.at("steps").([]any)
	var lines []any
	for _, one := range steps {
		s, _ := one.(map[string]any)
		x := row(s)
		if x.at("a") == nil || x.at("b") == nil {
			lines = append(lines, map[string]any{"step": x["name"], "before": x.text("a", "status"), "after": x.text("b", "status")})
			continue
		}
		fields, _ := x.at("differences").([]any)
		for _, f := range fields {
			m, _ := f.(map[string]any)
			lines = append(lines, map[string]any{"step": x["name"], "name": m["name"], "before": m["before"], "after": m["after"]})
		}
	}
	if err := a.section(w, "STEPS", lines, append([]column{{"STEP", field("step")}}, columns...)); err != nil {
		return err
	}
	if n := r.text("equalSteps"); n != "" && n != "0" {
		fmt.Fprintf(w, "\n%s steps are alike\n", n)
	}
	if c, ok := r.at("complete").(bool); ok && !c {
		fmt.Fprintln(a.stderr, "there are more steps than are compared")
	}
	return nil
}
