package openlineage

import (
	"slices"

	"github.com/annals-io/annals/domain"
)

// lineageSaid is what a message says was read and written.
type lineageSaid struct {
	inputs, outputs []domain.IO
	others          []domain.Event // what it says of other runs
}

// lineage joins the lists of inputs and outputs with the facets that speak of edges. An explicit lineage facet says
// what an output was made from; else its columns do where the message names no inputs; else it was made from every
// input. Whatever an output of this run was made from was read by this run, so it is consumed even where no list of
// inputs names it: that is all the lineage that Dagster sends.
func (f *facts) lineage(run domain.RunRef) lineageSaid {
	var inputs, outputs list
	var l lineageSaid
	for i := range f.Inputs {
		inputs.put(f.io(&f.Inputs[i], i), nil)
	}
	var read []domain.Name
	for i := range f.Outputs {
		d := &f.Outputs[i]
		io, made := f.io(d, i), f.madeFrom(d, len(f.Inputs) == 0)
		io.From = f.named(made.from)
		read = append(read, io.From...)
		outputs.put(io, made.columns)
	}
	for i := range f.Job.Lineage {
		e := &f.Job.Lineage[i]
		made := f.sources(&e.Lineage)
		from := f.named(made.from)
		switch own := e.Name == (Name{}) || e.Name == f.Job.Name; {
		case !e.Job: // a dataset is an output, be it in the list or not
			outputs.put(domain.IO{Artifact: name(e.Name), Position: len(outputs.ios), From: from}, made.columns)
			read = append(read, from...)
		case own && (e.RunID == "" || e.RunID == f.Run.ID):
			read = append(read, from...)
		case e.RunID != "" && len(from) > 0:
			l.others = append(l.others, otherRun(domain.RunRef{ID: e.RunID, Job: name(jobOf(e, f.Job.Name))}, from)...)
		default:
			f.warn(Ignored) // another job by design: what it reads, it says itself
		}
	}
	for _, from := range read {
		if inputs.at[from] == nil {
			inputs.put(domain.IO{Artifact: from, Position: len(inputs.ios)}, nil)
		}
	}
	for i, edges := range outputs.columns {
		f.putColumns(&outputs.ios[i], edges)
	}
	l.inputs, l.outputs = inputs.ios, outputs.ios
	return l
}

func jobOf(e *LineageEntry, own Name) Name {
	if e.Name == (Name{}) {
		return own
	}
	return e.Name
}

// otherRun is what another run than the one of the message is said to have read.
func otherRun(run domain.RunRef, from []domain.Name) []domain.Event {
	ios := make([]domain.IO, 0, len(from))
	for i, n := range from {
		ios = append(ios, domain.IO{Artifact: n, Position: i})
	}
	var events []domain.Event
	for _, part := range chunks(ios) {
		events = append(events, domain.ArtifactsConsumed{Execution: domain.Execution{Run: run}, Phase: domain.Observed, Inputs: part})
	}
	return events
}

// A list gathers items, those of one artifact and version in one.
type list struct {
	ios     []domain.IO
	columns [][]domain.ColumnEdge // of the i-th item
	at      map[domain.Name][]int
}

func (l *list) put(io domain.IO, columns []domain.ColumnEdge) {
	for _, i := range l.at[io.Artifact] {
		if l.ios[i].Version == io.Version || io.Version == "" {
			merge(&l.ios[i], io)
			l.columns[i] = append(l.columns[i], columns...)
			return
		}
	}
	if l.at == nil {
		l.at = map[domain.Name][]int{}
	}
	l.at[io.Artifact] = append(l.at[io.Artifact], len(l.ios))
	l.ios, l.columns = append(l.ios, io), append(l.columns, columns)
}

// made is what something was made from: artifacts in the order they were named, each once, and columns.
type made struct {
	from    []domain.Name
	known   map[domain.Name]bool
	columns []domain.ColumnEdge
}

func (m *made) of(n domain.Name) {
	if m.known[n] {
		return
	}
	if m.known == nil {
		m.known = map[domain.Name]bool{}
	}
	m.known[n] = true
	m.from = append(m.from, n)
}

// madeFrom is what the facets of an output say it was made from. The columns name the artifacts too where nothing
// else does.
func (f *facts) madeFrom(d *Dataset, byColumns bool) made {
	var columns, explicit made
	if c := d.ColumnLineage; c != nil {
		for _, field := range c.Fields {
			f.fieldMade(&columns, field.Field, field.Inputs)
		}
		f.fieldMade(&columns, "", c.Dataset)
	}
	if d.Lineage != nil {
		explicit = f.sources(d.Lineage)
	}
	all := made{columns: unique(append(columns.columns, explicit.columns...))}
	switch {
	case d.Lineage != nil:
		all.from = explicit.from
	case byColumns:
		all.from = columns.from
	}
	return all
}

// sources reads an explicit lineage facet: of the whole dataset, and of its columns.
func (f *facts) sources(l *Lineage) made {
	var m made
	for _, s := range l.Inputs {
		if s.Job || s.Field != "" {
			f.fieldMade(&m, "", []Source{s})
			continue
		}
		m.of(name(s.Name))
	}
	for _, field := range l.Fields {
		f.fieldMade(&m, field.Field, field.Inputs)
	}
	return m
}

// fieldMade adds the edges into one column, "" for all of them: one for each way that a source took part. A job as a
// source is passed over: that data began in its own job is what naming no source says, and an edge from another job
// has no artifact on it.
func (f *facts) fieldMade(m *made, field string, sources []Source) {
	for _, s := range sources {
		if s.Job {
			if s.Name != (Name{}) && s.Name != f.Job.Name {
				f.warn(Ignored)
			}
			continue
		}
		edge := domain.ColumnEdge{Field: field, From: name(s.Name), FromField: s.Field}
		m.of(edge.From)
		if len(s.Transformations) == 0 {
			m.columns = append(m.columns, edge)
		}
		for _, t := range s.Transformations {
			edge.Kind, edge.Subtype, edge.Masking = t.Type, t.Subtype, t.Masking
			m.columns = append(m.columns, edge)
		}
	}
}

// unique keeps the first of equal edges: a column is often said to come from another one twice.
func unique(edges []domain.ColumnEdge) []domain.ColumnEdge {
	seen := make(map[domain.ColumnEdge]bool, len(edges))
	return slices.DeleteFunc(edges, func(e domain.ColumnEdge) bool {
		if seen[e] {
			return true
		}
		seen[e] = true
		return false
	})
}

// maxFrom is the most artifacts that one output is said to be made from in one event.
const maxFrom = 500

func (f *facts) named(from []domain.Name) []domain.Name {
	if len(from) > maxFrom {
		f.warn(LeftInBody)
		return from[:maxFrom]
	}
	return from
}
