package openlineage

import "github.com/annals-io/annals/ingest/foreign"

// A Job is what a run is a run of, or what a JobEvent declares.
type Job struct {
	Name Name
	JobFacets
}

// JobFacets are what an event says of a job.
type JobFacets struct {
	SQL           Text
	Dialect       string // of the SQL
	SourceCode    Text
	Language      string // of the source code
	Location      *Location
	Owners        []Owner
	Ownership     Text // the array of owners
	Documentation Text
	Type          *JobType
	Tags          []Tag
	Lineage       []LineageEntry // explicit edges; nil where the facet is not there
	Deleted       []string       // facets that are taken away
	Unknown       []Facet
}

// A Location says where the code of a job lies.
type Location struct {
	Type        string // "git", ...
	URL         string
	Repo        string
	Path        string
	Version     string
	Tag         string
	Branch      string
	PullRequest string
}

// An Owner owns a job or dataset. Who it is, is read from the body: it may name a person.
type Owner struct {
	Name Text
	Type string // "MAINTAINER", ...
}

// A JobType says what sort of job it is.
type JobType struct {
	Processing  string // BATCH, STREAMING, SERVICE
	Integration string // SPARK, DBT, AIRFLOW, ...
	Type        string // QUERY, DAG, TASK, MODEL, ...
	Trigger     string // how a streaming job decides to emit
	Content     string // whether an event is a snapshot or an increment
}

// Streaming says that the runs of the job have no end to wait for.
func (t *JobType) Streaming() bool {
	return t != nil && (t.Processing == "STREAMING" || t.Processing == "SERVICE")
}

// facet is what every facet has in common: an object, which may say that an earlier one of its name is taken away. One
// that is no object is left to the body.
func (r *reader) facet(name string, v foreign.Value, deleted *[]string, unknown *[]Facet) (object, bool) {
	if v.Kind() == foreign.Null {
		return object{}, false
	}
	if v.Kind() != foreign.Object {
		r.warn(v.Pointer(), WrongShape, "a facet is "+v.Kind().String()+", not an object")
		*unknown = append(*unknown, Facet{name, Text(v.Pointer())})
		return object{}, false
	}
	o := object{r: r, v: v}
	if o.deleted() {
		*deleted = append(*deleted, name)
		return object{}, false
	}
	return o, true
}

// read fills in the facets of a job.
func (job *Job) read(r *reader, facets object) {
	for name, v := range facets.v.Members() {
		o, ok := r.facet(name, v, &job.Deleted, &job.Unknown)
		if !ok {
			continue
		}
		switch name {
		case "sql":
			job.SQL, job.Dialect = o.ref("query"), o.text("dialect")
		case "sourceCode":
			job.SourceCode, job.Language = o.ref("sourceCode"), o.text("language")
		case "sourceCodeLocation":
			job.Location = &Location{o.text("type"), o.text("url"), o.text("repoUrl"), o.text("path"), o.text("version"),
				o.text("tag"), o.text("branch"), o.scalar("pullRequestNumber")}
		case "ownership":
			job.Owners, job.Ownership = o.owners(), o.place("owners")
		case "documentation":
			job.Documentation = o.ref("description")
		case "jobType":
			job.Type = &JobType{Processing: o.text("processingType"), Integration: o.text("integration"), Type: o.text("jobType")}
			if o.has("emissionPattern") {
				emission := o.get("emissionPattern")
				job.Type.Trigger, job.Type.Content = emission.text("eventTrigger"), emission.text("eventContentMode")
			}
		case "tags":
			job.Tags = o.tags()
		case "lineage":
			job.Lineage = lineageEntries(o)
		default:
			job.Unknown = append(job.Unknown, Facet{name, Text(v.Pointer())})
		}
	}
}

func (o object) owners() []Owner {
	var owners []Owner
	for owner := range o.list("owners") {
		if name := owner.ref("name"); name != "" {
			owners = append(owners, Owner{name, owner.text("type")})
		}
	}
	return owners
}
