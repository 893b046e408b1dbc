package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

const lineageFields = `{ nodes { id kind name status distance tombstone workspace hidden } edges { from to role } complete truncatedBy frontier { id direction } revision workspaces { slug revision } }`

func (a *app) lineageCommand() *cobra.Command {
	var up, down, artifacts bool
	var depth, nodes int
	var asOf asOfFlag
	cmd := &cobra.Command{
		Use: "lineage ARTIFACT", Short: "Show what an artifact, a version, a run or a pipeline came from and what came of it", Args: cobra.ExactArgs(1),
		Long: `Show what a thing came from (--up), what came of it (--down), or both.

The thing is an artifact, a version (NAMESPACE/NAME@VERSION), a run (PIPELINE#NUMBER) or a pipeline,
by its name or id. --depth counts edges: from a version to the run that wrote it is one.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if depth < 1 || depth > 50 {
				return usage("--depth %d is not 1 to 50", depth)
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			vars := map[string]any{"direction": directionOf(up, down), "depth": depth, "maxNodes": nodes, "granularity": "VERSION"}
			if artifacts {
				vars["granularity"] = "ARTIFACT"
			}
			raw, err := a.one(cmd.Context(), c, "artifact", args[0],
				"lineage(root: $id, direction: $direction, depth: $depth, maxNodes: $maxNodes, granularity: $granularity) "+lineageFields, vars,
				", $direction: LineageDirection!, $depth: Int!, $maxNodes: Int!, $granularity: LineageGranularity!", asOf)
			var no *failure
			if errors.As(err, &no) && no.Exit == exitNotFound && no.Hint == "" {
				return no.with("`annals artifact list`, `annals run list` and `annals pipeline list` show what there is")
			}
			if err != nil {
				return err
			}
			return a.printLineage(raw)
		},
	}
	cmd.Flags().BoolVar(&up, "up", false, "what it came from")
	cmd.Flags().BoolVar(&down, "down", false, "what came of it")
	cmd.Flags().IntVar(&depth, "depth", 6, "how many edges to follow")
	cmd.Flags().IntVar(&nodes, "limit", 500, "most nodes; the nearest are kept")
	cmd.Flags().BoolVar(&artifacts, "artifacts", false, "artifacts and what joins them, without their versions")
	asOf.add(cmd)
	return cmd
}

func directionOf(up, down bool) string {
	switch {
	case up && !down:
		return "UP"
	case down && !up:
		return "DOWN"
	}
	return "BOTH"
}

// lineage is the answer of a walk.
type lineage struct {
	Nodes []struct {
		ID, Kind, Name string
		Status         *string
		Distance       int
		Tombstone      bool
		Workspace      *string
	}
	Edges       []struct{ From, To string }
	Complete    bool
	TruncatedBy *string
	Revision    json.Number
	Workspaces  []struct{ Slug string }
}

func (a *app) printLineage(raw json.RawMessage) error {
	if a.global.output == "ndjson" {
		var parts struct{ Nodes []json.RawMessage }
		if err := json.Unmarshal(raw, &parts); err != nil {
			return err
		}
		return a.printLines(parts.Nodes, a.shown.doc)
	}
	return a.printObject(raw, func(w io.Writer, _ row) error {
		var l lineage
		if err := json.Unmarshal(raw, &l); err != nil {
			return err
		}
		if err := l.writeTree(w); err != nil {
			return err
		}
		if !l.Complete {
			cut := "a limit"
			if l.TruncatedBy != nil {
				cut = map[string]string{"DEPTH": "--depth", "MAX_NODES": "--limit", "TIME": "the time it took", "WALL": "the wall of a workspace that does not tell how much lies there"}[*l.TruncatedBy]
			}
			fmt.Fprintf(a.stderr, "there is more: cut by %s\n", cut)
		}
		return a.lineageTable(w, raw)
	})
}

// lineageTable lists the nodes, the nearest first.
func (a *app) lineageTable(w io.Writer, raw json.RawMessage) error {
	r, err := decodeRow(raw)
	if err != nil {
		return err
	}
	return a.section(w, "NODES", r.at("nodes"), []column{
		{"DISTANCE", field("distance")}, {"KIND", func(r row) string { return strings.ToLower(strings.ReplaceAll(r.text("kind"), "_", " ")) }},
		{"NAME", field("name")}, {"STATUS", field("status")}, {"DELETED", field("tombstone")}, {"WORKSPACE", field("workspace")},
	})
}

// writeTree draws the walk: for each thing that was asked about, what it came from and what came of it, each node once
// in full. An artifact is all of its versions, the newest first.
func (l lineage) writeTree(w io.Writer) error {
	at := map[string]int{}
	var roots []int
	for i, n := range l.Nodes {
		at[n.ID] = i
		if n.Distance == 0 {
			roots = append(roots, i)
		}
	}
	up, down := map[int][]int{}, map[int][]int{}
	for _, e := range l.Edges {
		from, ok := at[e.From]
		to, ok2 := at[e.To]
		if ok && ok2 {
			up[to] = append(up[to], from)
			down[from] = append(down[from], to)
		}
	}
	t := tree{l: l, out: w, seen: map[int]bool{}}
	for _, root := range roots {
		t.seen[root] = true
	}
	for _, root := range roots {
		t.printf("%s\n", t.name(root))
		t.side("came from", root, up, func(distance int) bool { return distance < 0 })
		t.side("led to", root, down, func(distance int) bool { return distance > 0 })
	}
	return t.err
}

type tree struct {
	l    lineage
	out  io.Writer
	seen map[int]bool
	err  error
}

func (t *tree) printf(format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.out, format, args...)
	}
}

func (t *tree) name(i int) string {
	n := t.l.Nodes[i]
	s := clean(n.Name)
	if n.Kind != "ARTIFACT" && n.Kind != "ARTIFACT_VERSION" && n.Kind != "OPAQUE" {
		s = strings.ToLower(n.Kind) + " " + s
	}
	if n.Status != nil && *n.Status != "" && *n.Status != "COMPLETE" {
		s += " (" + strings.ToLower(*n.Status) + ")"
	}
	if n.Tombstone {
		s += " (deleted)"
	}
	if n.Workspace != nil && len(t.l.Workspaces) > 0 && *n.Workspace != t.l.Workspaces[0].Slug {
		s += " in " + *n.Workspace
	}
	return s
}

// side draws what lies on one side of a root, under a heading.
func (t *tree) side(heading string, root int, next map[int][]int, is func(distance int) bool) {
	for _, i := range next[root] {
		if is(t.l.Nodes[i].Distance) {
			t.printf("%s\n", heading)
			t.branch(root, next, "", is)
			return
		}
	}
}

// branch draws the neighbours on one side. A node that was drawn before is named again, and not followed.
func (t *tree) branch(of int, next map[int][]int, indent string, side func(distance int) bool) {
	var here []int
	for _, i := range next[of] {
		if side(t.l.Nodes[i].Distance) {
			here = append(here, i)
		}
	}
	for n, i := range here {
		branch, deeper := "├─ ", "│  "
		if n == len(here)-1 {
			branch, deeper = "└─ ", "   "
		}
		if t.seen[i] {
			t.printf("%s%s%s …\n", indent, branch, t.name(i))
			continue
		}
		t.seen[i] = true
		t.printf("%s%s%s\n", indent, branch, t.name(i))
		t.branch(i, next, indent+deeper, side)
	}
}
