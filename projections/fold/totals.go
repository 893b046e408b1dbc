package fold

// Totals are how many things of a workspace there are now, deleted ones apart: a list of a thousand workspaces cannot
// count them. They are counted in place; as of an earlier moment they are counted from the rows.
type totalsRow struct{ pipelines, runs, steps, artifacts, versions int32 }

var totalsTable = table[workspaceKey, totalsRow]{
	name: "totals", plain: true,
	columns: []column{
		{name: "pipelines", typ: tInt4}, {name: "runs", typ: tInt4}, {name: "steps", typ: tInt4}, {name: "artifacts", typ: tInt4}, {name: "versions", typ: tInt4},
	},
	bind: func(_ *workspaceKey, r *totalsRow, to []any) []any {
		return append(to, &r.pipelines, &r.runs, &r.steps, &r.artifacts, &r.versions)
	},
}

// settleTotals adds up what the tables counted of the event at hand.
func (f *fold) settleTotals() {
	more := totalsRow{f.pipelines.took(), f.runs.took(), f.steps.took(), f.artifacts.took(), f.versions.took()}
	if more == (totalsRow{}) {
		return
	}
	t := f.totals.edit(workspaceKey{})
	t.pipelines += more.pipelines
	t.runs += more.runs
	t.steps += more.steps
	t.artifacts += more.artifacts
	t.versions += more.versions
	f.totals.settle()
}
