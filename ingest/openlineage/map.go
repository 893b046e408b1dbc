package openlineage

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/evidence"
	"github.com/annals-io/annals/ingest/foreign"
)

// Request is the command that records a message in a workspace's stream: its facts, under the id and digest of its
// canonical form, with its body as evidence. The same message, sent again, is the same command.
func (m *Message) Request(stream domain.Stream, actor domain.Actor) eventstore.Request {
	body := evidence.New(m.Body)
	f := facts{Message: m, body: body.Digest, budget: fullBudget, evidence: []eventstore.Evidence{body}}
	events := f.events()
	return eventstore.Request{
		Stream: stream, CommandID: m.CommandID, Forever: true, Digest: domain.Digest(m.Digest), OccurredAt: m.Time,
		Meta:    domain.Meta{Actor: actor, Evidence: &body.Digest, Producer: m.producer(), Warnings: f.codes(), Redacted: m.redacted()},
		Command: domain.Record{Events: events}, Evidence: f.evidence,
	}
}

// maxProducer bounds what is copied of a URI that says little more than the name of a program.
const maxProducer = 500

func (m *Message) producer() string {
	if len(m.Producer) > maxProducer {
		return strings.ToValidUTF8(m.Producer[:maxProducer], "")
	}
	return m.Producer
}

func (m *Message) redacted() []domain.Redacted {
	var all []domain.Redacted
	for _, c := range m.Cuts {
		all = append(all, domain.Redacted{Path: c.Path, Rule: c.Rule})
	}
	return all
}

// facts turns one message into events.
type facts struct {
	*Message
	body     domain.Digest
	budget   budget
	evidence []eventstore.Evidence
	more     []string // codes of warnings met on the way
}

// codes are the codes of all warnings, each once, in the order they were met.
func (f *facts) codes() []string {
	var codes []string
	seen := map[string]bool{}
	add := func(code string) {
		if !seen[code] {
			seen[code] = true
			codes = append(codes, code)
		}
	}
	for _, w := range f.Warnings {
		add(w.Code)
	}
	for _, code := range f.more {
		add(code)
	}
	return codes
}

func (f *facts) warn(code string) { f.more = append(f.more, code) }

// text refers to a place in the body.
func (f *facts) text(t Text) *domain.Text {
	if t == "" {
		return nil
	}
	return &domain.Text{Evidence: f.body, Pointer: string(t)}
}

func (f *facts) events() []domain.Event {
	switch f.Kind {
	case RunEvent:
		return f.runEvents()
	case JobEvent:
		return []domain.Event{f.declared()}
	default:
		io := f.io(f.Dataset, 0)
		made := f.madeFrom(f.Dataset, true)
		io.From = f.named(made.from)
		f.putColumns(&io, made.columns)
		return []domain.Event{domain.ArtifactObserved{IO: io}}
	}
}

// phases say what a type means. A type that is missing or unknown says that there is a run, and no more.
var phases = map[Type]domain.Phase{
	Start: domain.Started, Running: domain.Progressed, Complete: domain.Succeeded,
	Abort: domain.Cancelled, Fail: domain.Failed, Other: domain.Observed, "": domain.Observed,
}

func (f *facts) runEvents() []domain.Event {
	run := domain.RunRef{ID: f.Run.ID, Job: name(f.Job.Name)}
	phase := phases[f.Type]
	events := []domain.Event{domain.RunReported{
		Phase: phase, Run: run, Parameters: f.parameters(), Metadata: f.runMetadata(), Tags: f.tags(f.Run.Tags),
		Failure: f.failure(), Code: code(f.Job.Location), Orchestrator: f.orchestrator(), Job: f.jobInfo(f.deleted(f.Job.Deleted)), Streaming: f.Job.Type.Streaming(),
	}}
	if p := f.Run.Parent; p != nil {
		if parent := runRef(*p); parent != run {
			nested := domain.RunNested{Run: run, Parent: parent}
			if f.Run.Root != nil {
				root := runRef(*f.Run.Root)
				nested.Root = &root
			}
			events = append(events, nested)
		} else {
			f.warn(Ignored)
		}
	}
	l := f.lineage(run)
	for _, ios := range chunks(l.inputs) {
		events = append(events, domain.ArtifactsConsumed{Execution: domain.Execution{Run: run}, Phase: phase, Inputs: ios})
	}
	for _, ios := range chunks(l.outputs) {
		events = append(events, domain.ArtifactsProduced{Execution: domain.Execution{Run: run}, Phase: phase, Outputs: ios})
	}
	return append(events, l.others...)
}

// declared is what a job event says: the inputs and outputs the pipeline has by design. A later declaration replaces
// this one, so it cannot be split: what one event cannot hold stays in the body.
func (f *facts) declared() domain.Event {
	l := f.lineage(domain.RunRef{})
	inputs, outputs := chunks(l.inputs), chunks(l.outputs)
	if all := chunks(slices.Concat(l.inputs, l.outputs)); len(all) > 1 {
		inputs, outputs = halved(l.inputs), halved(l.outputs)
		f.warn(LeftInBody)
	}
	if len(l.others) > 0 {
		f.warn(Ignored) // a declaration speaks of no runs
	}
	return domain.PipelineDeclared{Pipeline: name(f.Job.Name), Inputs: first(inputs), Outputs: first(outputs), Job: f.jobInfo(nil), Code: code(f.Job.Location), Deleted: f.deleted(f.Job.Deleted)}
}

func first(lists [][]domain.IO) []domain.IO {
	if len(lists) == 0 {
		return nil
	}
	return lists[0]
}

func name(n Name) domain.Name { return domain.Name{Namespace: n.Namespace, Name: n.Name} }

func runRef(r RunName) domain.RunRef { return domain.RunRef{ID: r.ID, Job: name(r.Job)} }

// tags are the labels of something as a whole; those of its columns stand in its metadata.
func (f *facts) tags(all []Tag) []domain.Tag {
	var out []domain.Tag
	for _, t := range all {
		if t.Field != "" {
			continue
		}
		if !f.budget.value(len(t.Key) + len(t.Value) + len(t.Source) + len(`{"key":"","value":""},`)) {
			f.warn(LeftInBody)
			break
		}
		out = append(out, domain.Tag{Key: t.Key, Value: t.Value, Source: t.Source})
	}
	return out
}

// maxDeleted is the most facets that one event takes away from one thing.
const maxDeleted = 100

func (f *facts) deleted(facets []string) []string {
	if len(facets) > maxDeleted {
		f.warn(LeftInBody)
		return facets[:maxDeleted]
	}
	return facets
}

func code(l *Location) *domain.CodeRef {
	if l == nil || *l == (Location{}) {
		return nil
	}
	return &domain.CodeRef{URL: l.URL, Repo: l.Repo, Branch: l.Branch, Tag: l.Tag, Version: l.Version, Path: l.Path, Type: l.Type}
}

func (f *facts) failure() *domain.Failure {
	e := f.Run.Error
	if e == nil || e.Message == "" && e.Stack == "" {
		return nil
	}
	return &domain.Failure{Message: f.text(e.Message), Stack: f.text(e.Stack)}
}

// jobInfo is what the facets say of the job; deleted are those that are taken away.
func (f *facts) jobInfo(deleted []string) *domain.JobInfo {
	j := &f.Job
	info := domain.JobInfo{Description: f.text(j.Documentation), SQL: f.text(j.SQL), Ownership: f.text(j.Ownership), Source: f.text(j.SourceCode), Tags: f.tags(j.Tags), Deleted: deleted}
	if j.Type != nil {
		info.Type, info.Integration, info.Processing = j.Type.Type, j.Type.Integration, j.Type.Processing
	}
	if info.Type == "" && info.Integration == "" && info.Processing == "" && info.Tags == nil && info.Deleted == nil &&
		info.Description == nil && info.SQL == nil && info.Ownership == nil && info.Source == nil {
		return nil
	}
	return &info
}

func (f *facts) parameters() []domain.Attribute {
	var all []domain.Attribute
	for _, p := range f.Run.Parameters {
		if p.Key != "" && p.JSON != "" && f.budget.value(len(p.Key)+len(p.JSON)) {
			all = append(all, domain.Attribute{Name: p.Key, Value: domain.Value(p.JSON)})
		} else if p.JSON != "" {
			f.warn(LeftInBody)
		}
	}
	return all
}

// runMetadata is what the facets say of a run that people may want to filter by. The names are documented and kept.
func (f *facts) runMetadata() []domain.Attribute {
	a := attributes{f: f}
	r := &f.Run
	a.time("nominalStartTime", r.NominalStart)
	a.time("nominalEndTime", r.NominalEnd)
	if e := r.Engine; e != nil {
		a.text("engine.name", e.Name)
		a.text("engine.version", e.Version)
		a.text("engine.adapter", e.Adapter)
	}
	if q := r.ExternalQuery; q != nil {
		a.text("externalQuery.id", q.ID)
		a.text("externalQuery.source", q.Source)
	}
	if x := r.ExtractionErrs; x != nil {
		a.whole("extractionError.totalTasks", x.Total)
		a.whole("extractionError.failedTasks", x.Failed)
	}
	if len(r.Environment) > 0 {
		vars := map[string]string{}
		for _, v := range r.Environment {
			vars[v.Name] = v.Value
		}
		a.json("environmentVariables", vars)
	}
	if len(r.Tests) > 0 {
		all := make([]testSaid, len(r.Tests))
		for i, t := range r.Tests {
			all[i] = testSaid{t.Name, t.Status, t.Severity, t.Type, t.Expected, t.Actual}
		}
		a.json("tests", all)
	}
	a.dependencies("upstream", r.Upstream)
	a.dependencies("downstream", r.Downstream)
	a.text("triggerRule", r.TriggerRule)
	a.orchestrator(&r.Orchestrator)
	return a.all
}

// testSaid is how a test stands in metadata.
type testSaid struct {
	Name     string `json:"name"`
	Status   string `json:"status,omitempty"`
	Severity string `json:"severity,omitempty"`
	Type     string `json:"type,omitempty"`
	Expected string `json:"expected,omitempty"`
	Actual   string `json:"actual,omitempty"`
}

// dependency is how a run or job that was waited for stands in metadata.
type dependency struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	RunID     string `json:"runId,omitempty"`
	Kind      string `json:"type,omitempty"`
}

// attributes gathers named values as far as the budget goes; those beyond it stay in the body.
type attributes struct {
	f   *facts
	all []domain.Attribute
}

func (a *attributes) add(name string, v domain.Value) {
	if !a.f.budget.value(len(name) + len(v)) {
		a.f.warn(LeftInBody)
		return
	}
	a.all = append(a.all, domain.Attribute{Name: name, Value: v})
}

func (a *attributes) text(name, v string) {
	if v != "" {
		a.add(name, foreign.AppendQuoted(make([]byte, 0, len(v)+2), v))
	}
}

func (a *attributes) number(name, literal string) {
	if literal != "" {
		a.add(name, domain.Value(literal))
	}
}

func (a *attributes) whole(name string, v *int64) {
	if v != nil {
		a.add(name, domain.IntValue(*v))
	}
}

func (a *attributes) time(name string, at time.Time) {
	if !at.IsZero() {
		a.text(name, at.UTC().Format(time.RFC3339Nano))
	}
}

func (a *attributes) json(name string, v any) {
	b, err := json.Marshal(v)
	if err != nil { // strings, numbers and lists of them: cannot be
		panic(err)
	}
	a.add(name, b)
}

func (a *attributes) dependencies(name string, all []Dependency) {
	if len(all) == 0 {
		return
	}
	out := make([]dependency, len(all))
	for i, d := range all {
		out[i] = dependency{d.Job.Namespace, d.Job.Name, d.RunID, d.Kind}
	}
	a.json(name, out)
}
