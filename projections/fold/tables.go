package fold

// A keeper is a table, whatever its rows.
type keeper interface {
	init(*clock, newness)
	settle()
	flush(*trip)
	fillInto(*Rows)
	kept() int
	finish(room func() error) error
}

// tables are all tables that are compared after each event, in the order they are written in.
func (f *fold) tables() []keeper {
	return append([]keeper{
		&f.workspaces, &f.pipelines, &f.pipelineVersions, &f.runs, &f.runDetails, &f.left, &f.steps, &f.attributes, &f.metrics,
		&f.artifacts, &f.aliases, &f.versions, &f.versionDetails, &f.edges, &f.artifactEdges, &f.columnLineage,
		&f.declared, &f.lastSaid, &f.ownColumns, &f.reads, &f.counters, &f.totals, &f.promotions,
	}, f.people.tables()...)
}
