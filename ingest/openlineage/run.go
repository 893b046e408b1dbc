package openlineage

import "time"

// A Run is the run that a RunEvent speaks of.
type Run struct {
	ID     string
	Parent *RunName // who started it
	Root   *RunName // who started it all
	RunFacets
}

// RunFacets are what an event says of a run.
type RunFacets struct {
	NominalStart   time.Time // the window it works for, zero where unknown
	NominalEnd     time.Time
	Error          *ErrorMessage
	Engine         *Engine
	ExternalQuery  *ExternalQuery
	ExtractionErrs *ExtractionErrors
	Environment    []Variable
	Tags           []Tag
	Upstream       []Dependency
	Downstream     []Dependency
	TriggerRule    string
	Parameters     []Parameter
	Tests          []Test
	Orchestrator   Orchestrator
	Deleted        []string // facets that are taken away
	Unknown        []Facet
}

// An ErrorMessage is why a run failed.
type ErrorMessage struct {
	Message  Text
	Stack    Text
	Language string // the programming language
}

// An Engine is what carried the run out.
type Engine struct {
	Name    string
	Version string
	Adapter string // version of its OpenLineage integration
}

// An ExternalQuery is the run as the database knows it.
type ExternalQuery struct {
	ID     string
	Source string
}

// ExtractionErrors are what the producer could not find out.
type ExtractionErrors struct {
	Total  *int64 // tasks
	Failed *int64
	Errors []ExtractionError
}

// An ExtractionError is one of them.
type ExtractionError struct {
	Message Text
	Stack   Text
	Task    Text
	Number  *int64
}

// A Variable is an environment variable. The values of those that hold secrets were cut.
type Variable struct {
	Name  string
	Value string
}

// A Dependency is a job, or a run of one, that a run waited for or that waits for it.
type Dependency struct {
	Job          Name
	RunID        string // "" where the job as such is meant
	Kind         string
	SequenceRule string
	StatusRule   string
}

// A Parameter is what a run was called with.
type Parameter struct {
	Key         string
	Name        string // for people
	JSON        string // the value, a JSON scalar as it was written; "" where there is none
	Description Text
}

// A Test is a test that the run carried out.
type Test struct {
	Name        string
	Status      string
	Severity    string
	Type        string
	Description Text
	Expected    string
	Actual      string
	Content     Text
	Params      Text
}

// read fills in the facets of a run.
func (run *Run) read(r *reader, facets object) {
	for name, v := range facets.v.Members() {
		o, ok := r.facet(name, v, &run.Deleted, &run.Unknown)
		if !ok {
			continue
		}
		switch name {
		case "parent":
			run.readParent(o)
		case "parentRun": // its name before 2021
			if !facets.has("parent") {
				run.readParent(o)
			}
		case "errorMessage":
			run.Error = &ErrorMessage{o.ref("message"), o.ref("stackTrace"), o.text("programmingLanguage")}
		case "nominalTime":
			run.NominalStart, run.NominalEnd = o.time("nominalStartTime"), o.time("nominalEndTime")
		case "processing_engine":
			run.Engine = &Engine{o.text("name"), o.text("version"), o.text("openlineageAdapterVersion")}
		case "externalQuery":
			run.ExternalQuery = &ExternalQuery{o.text("externalQueryId"), o.text("source")}
		case "extractionError":
			run.ExtractionErrs = extractionErrors(o)
		case "environmentVariables":
			for e := range o.list("environmentVariables") {
				run.Environment = append(run.Environment, Variable{e.text("name"), e.scalar("value")})
			}
		case "tags":
			run.Tags = o.tags()
		case "jobDependencies":
			run.Upstream, run.Downstream, run.TriggerRule = dependencies(o, "upstream"), dependencies(o, "downstream"), o.text("trigger_rule")
		case "executionParameters":
			for p := range o.list("parameters") {
				run.Parameters = append(run.Parameters, Parameter{p.text("key"), p.text("name"), p.literal("value"), p.ref("description")})
			}
		case "test":
			for t := range o.list("tests") {
				run.Tests = append(run.Tests, test(t))
			}
		default:
			if !run.orchestrate(name, o) {
				run.Unknown = append(run.Unknown, Facet{name, Text(v.Pointer())})
			}
		}
	}
}

// readParent reads who started the run. A parent without a usable run id is no parent, but its root may be one.
func (run *Run) readParent(o object) {
	if parent, ok := o.run(); ok {
		run.Parent = &parent
	}
	if !o.v.Get("root").Present() {
		return
	}
	if root, ok := o.get("root").run(); ok {
		run.Root = &root
	}
}

// run is the identity of a run that a facet names with run.runId and job.
func (o object) run() (n RunName, ok bool) {
	if n.ID, ok = o.get("run").identity("runId"); !ok {
		return RunName{}, false
	}
	n.Job, ok = o.get("job").name()
	return n, ok
}

func extractionErrors(o object) *ExtractionErrors {
	x := &ExtractionErrors{Total: o.whole("totalTasks"), Failed: o.whole("failedTasks")}
	for e := range o.list("errors") {
		x.Errors = append(x.Errors, ExtractionError{e.ref("errorMessage"), e.ref("stackTrace"), e.ref("task"), e.whole("taskNumber")})
	}
	return x
}

func dependencies(o object, member string) []Dependency {
	var all []Dependency
	for d := range o.list(member) {
		job, ok := d.get("job").name()
		if !ok {
			continue
		}
		dep := Dependency{Job: job, Kind: d.text("dependency_type"), SequenceRule: d.text("sequence_trigger_rule"), StatusRule: d.text("status_trigger_rule")}
		if d.has("run") {
			dep.RunID, _ = d.get("run").identity("runId")
		}
		all = append(all, dep)
	}
	return all
}

func test(o object) Test {
	t := Test{Name: o.text("name"), Status: o.text("status"), Severity: o.text("severity"), Type: o.text("type"),
		Description: o.ref("description"), Expected: o.scalar("expected"), Actual: o.scalar("actual"), Content: o.ref("content")}
	if params := o.get("params"); params.v.Len() > 0 {
		t.Params = Text(params.path())
	}
	return t
}
