package main

import "slices"

// An outcome is what an answer comes to.
type matrixOutcome string

const (
	letIn     matrixOutcome = "let in"
	forbidden matrixOutcome = "forbidden" // they see the place, and may not do this there
	closed    matrixOutcome = "closed"    // it was deleted, or archived
	missing   matrixOutcome = "missing"
	shutOut   matrixOutcome = "shut out" // no credential
)

// allowed is what the roles of an actor come to.
func (a *actor) allowed(row matrixRow, slug string) matrixOutcome {
	ofTheirs := slug == ownWorkspace || slug == deletedWorkspace
	sees := slices.Contains(a.here, "workspace:read") || slices.Contains(a.here, "events:ingest")
	switch {
	case row.direct && ofTheirs && (row.place == inWorkspace && a.holdsHere || row.place == inOrganization && a.holdsThere):
		if a.name == "key to read" {
			return forbidden // it takes the scope write
		}
		return letIn
	case row.direct:
		return missing
	case row.place == inOrganization:
		switch {
		case ofTheirs && a.may(row):
			return letIn
		case ofTheirs && slices.Contains(a.there, "organization:read"):
			return forbidden
		}
		return missing
	case !ofTheirs:
		return missing
	case row.needs == "workspace:read" && slug == deletedWorkspace && (!a.owns || row.gone):
		return missing // only owners read what was deleted
	case slug == deletedWorkspace && !a.owns && row.reads:
		return missing
	case a.may(row):
		return letIn
	case slug == deletedWorkspace && !a.owns && !slices.Contains(a.here, "events:ingest"):
		return missing
	case sees && row.needs != "workspace:read":
		return forbidden
	}
	return missing
}
