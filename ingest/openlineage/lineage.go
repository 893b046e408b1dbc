package openlineage

// ColumnLineage says which columns of an output were made from which columns of inputs.
type ColumnLineage struct {
	Fields  []FieldLineage
	Dataset []Source // what every row depends on: filters, joins, sorting
}

// FieldLineage is what one column was made from.
type FieldLineage struct {
	Field  string
	Inputs []Source
}

// A Source is a dataset, a column of one, or a job, that something was made from. In columnLineage it is always a
// column.
type Source struct {
	Name            Name   // of a job: empty is the event's own job
	Job             bool   // a job rather than a dataset
	RunID           string // of a job: the run, where one is meant
	Field           string // of a dataset: the column, "" for the whole
	Transformations []Transformation
}

// A Transformation is how a source took part. Its description stays in the body.
type Transformation struct {
	Type    string // DIRECT, INDIRECT
	Subtype string // IDENTITY, AGGREGATION, JOIN, FILTER, ...
	Masking bool
}

// Lineage is the explicit lineage of one dataset (LineageFacet 1-0-0). Inputs is nil where the facet does not say, and
// empty where it says that there are none.
type Lineage struct {
	Inputs []Source
	Fields []FieldLineage
}

// A LineageEntry is explicit lineage of a dataset or job that a job facet tells of.
type LineageEntry struct {
	Name  Name   // of a job: empty is the event's own job
	Job   bool   // a job rather than a dataset
	RunID string // of a job: the run, where one is meant
	Lineage
}

func columnLineage(o object) *ColumnLineage {
	c := &ColumnLineage{}
	for field, of := range o.each("fields") {
		c.Fields = append(c.Fields, FieldLineage{field, inputFields(of, "inputFields")})
	}
	c.Dataset = inputFields(o, "dataset")
	return c
}

func inputFields(o object, member string) []Source {
	var all []Source
	for input := range o.list(member) {
		if name, ok := input.name(); ok {
			all = append(all, Source{Name: name, Field: input.text("field"), Transformations: transformations(input)})
		}
	}
	return all
}

func transformations(o object) []Transformation {
	var all []Transformation
	for t := range o.list("transformations") {
		masking := t.truth("masking")
		all = append(all, Transformation{t.text("type"), t.text("subtype"), masking != nil && *masking})
	}
	return all
}

// lineage reads the facet as it stands on a dataset, and the like part of an entry on a job.
func lineage(o object) Lineage {
	l := Lineage{Inputs: sources(o, "inputs")}
	for field, of := range o.each("fields") {
		l.Fields = append(l.Fields, FieldLineage{field, sources(of, "inputs")})
	}
	return l
}

func lineageEntries(o object) []LineageEntry {
	all := []LineageEntry{}
	for e := range o.list("entries") {
		entry, ok := LineageEntry{}, false
		if entry.Name, entry.Job, entry.RunID, ok = e.target(); ok {
			entry.Lineage = lineage(e)
			all = append(all, entry)
		}
	}
	return all
}

func sources(o object, member string) []Source {
	if !o.v.Get(member).Present() {
		return nil
	}
	all := []Source{}
	for s := range o.list(member) {
		source, ok := Source{}, false
		if source.Name, source.Job, source.RunID, ok = s.target(); ok {
			source.Field, source.Transformations = s.text("field"), transformations(s)
			all = append(all, source)
		}
	}
	return all
}

// target is the dataset or job that an end of an edge names. A job without a name is the event's own; what says no
// type is a dataset.
func (o object) target() (n Name, job bool, run string, ok bool) {
	switch kind := o.text("type"); kind {
	case "JOB":
		job = true
	case "DATASET", "":
	default:
		o.r.warn(o.path()+"/type", WrongShape, "the type is neither DATASET nor JOB: left to the body")
		return Name{}, false, "", false
	}
	if !job {
		n, ok = o.name()
		return n, false, "", ok
	}
	if o.v.Get("runId").Present() {
		run, _ = o.identity("runId")
	}
	if !o.v.Get("namespace").Present() && !o.v.Get("name").Present() {
		return Name{}, true, run, true
	}
	n, ok = o.name()
	return n, true, run, ok
}
