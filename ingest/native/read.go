package native

import (
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/evidence"
	"github.com/annals-io/annals/ingest/foreign"
)

// The warnings of an event that is taken all the same.
const (
	TimeWithoutZone = "time_without_zone" // taken as UTC
	TimeInFuture    = "time_in_future"    // more than a day ahead: kept, flagged
)

// An Event is one native event, read: the facts to record, and under which id.
type Event struct {
	ID       string
	At       time.Time
	Facts    []domain.Event
	Warnings []string
	Digest   domain.Digest // of its canonical form: the same id with another digest is a conflict
	Evidence []eventstore.Evidence
	Redacted []domain.Redacted // credentials cut from it
}

// Request is the command that records the event.
func (e Event) Request(stream domain.Stream, meta domain.Meta) eventstore.Request {
	meta.Warnings, meta.Redacted = e.Warnings, e.Redacted
	if len(e.Evidence) > 0 {
		meta.Evidence = &e.Evidence[0].Digest
	}
	return eventstore.Request{Stream: stream, CommandID: "n1:" + e.ID, Forever: true, Digest: e.Digest, OccurredAt: e.At, Meta: meta, Command: domain.Record{Events: e.Facts}, Evidence: e.Evidence}
}

// Read reads one event. now is the server's time, for flagging times from the future. The error is a
// [*foreign.Refusal] with the place, the rule and a code; the event then has no more than its id, where that is good.
func Read(body []byte, now time.Time) (Event, error) {
	doc, err := foreign.Scan(body, foreign.Limits{})
	if err != nil {
		return Event{}, err
	}
	if event, typ, ok := typed(doc); ok {
		doc.Release()
		e, err := Read(event, now)
		return e, asSent(err, typ)
	}
	e := Event{Digest: doc.Digest()} // of the event as sent; what is read has no credentials in it
	if doc, e.Redacted, err = scrubbed(doc); err != nil {
		return Event{}, err
	}
	defer doc.Release() // what an event says it says in strings of its own
	r := &reader{}
	root := r.object(doc.Root(), "", "id", "run", "pipeline", "at", "body")
	e.ID = r.identity(root, "id", true, MaxID)
	run := domain.RunRef{ID: r.identity(root, "run", true, domain.MaxName)}
	var zone bool
	if e.At, zone = r.moment(root, "at"); !zone {
		e.Warnings = append(e.Warnings, TimeWithoutZone)
	}
	if e.At.After(now.Add(24 * time.Hour)) {
		e.Warnings = append(e.Warnings, TimeInFuture)
	}
	var pipeline *domain.Name
	if v := root.Get("pipeline"); v.Present() {
		n := r.name(v, "/pipeline")
		pipeline = &n
	}
	b := body2facts{reader: r, run: run, pipeline: pipeline, source: doc.Source()}
	e.Facts, e.Evidence = b.read(root.Get("body"))
	if r.no != nil {
		return Event{ID: e.ID}, r.no
	}
	for _, fact := range e.Facts {
		if err := domain.Check(fact); err != nil {
			return Event{ID: e.ID}, refusalOf(err)
		}
	}
	return e, nil
}

// scrubbed is the event without credentials, and what was cut.
func scrubbed(doc *foreign.Doc) (*foreign.Doc, []domain.Redacted, error) {
	body, cuts := doc.Scrub()
	if len(cuts) == 0 {
		return doc, nil, nil
	}
	var redacted []domain.Redacted
	for _, c := range cuts {
		redacted = append(redacted, domain.Redacted{Path: c.Path, Rule: c.Rule})
	}
	clean, err := foreign.Scan(body, foreign.Limits{})
	return clean, redacted, err
}

// ruleModel is the rule of what the model itself refuses.
const ruleModel = "What an event says is what the model can hold."

// refusalOf gives a rule of the model the form of a refusal.
func refusalOf(err error) *foreign.Refusal {
	no := &foreign.Refusal{Code: InvalidValue, Path: "/body", Offset: -1, Rule: ruleModel, Message: err.Error()}
	if e, ok := err.(*domain.Error); ok {
		no.Code, no.Message = foreign.Code(e.Code), e.Message
	}
	return no
}

// runPhases and stepPhases say which phase a type of body reports.
var (
	runPhases = map[string]domain.Phase{
		"runQueued": domain.Queued, "runInitializing": domain.Initializing, "runStarted": domain.Started, "runProgressed": domain.Progressed, "runCancelling": domain.Cancelling, "runCompleted": domain.Succeeded,
		"runFailed": domain.Failed, "runCancelled": domain.Cancelled, "runSkipped": domain.Skipped, "runCached": domain.Cached, "runLost": domain.Lost, "runAnnotated": domain.Annotated,
	}
	stepPhases = map[string]domain.Phase{
		"stepQueued": domain.Queued, "stepInitializing": domain.Initializing, "stepStarted": domain.Started, "stepCancelling": domain.Cancelling, "stepCompleted": domain.Succeeded, "stepFailed": domain.Failed,
		"stepCancelled": domain.Cancelled, "stepSkipped": domain.Skipped, "stepCached": domain.Cached, "stepRetried": domain.Retrying, "stepLost": domain.Lost, "stepAnnotated": domain.Annotated,
	}
)

// body2facts reads the body of one event.
type body2facts struct {
	*reader
	run      domain.RunRef
	pipeline *domain.Name
	source   []byte
	evidence []eventstore.Evidence
}

func (b *body2facts) read(v foreign.Value) ([]domain.Event, []eventstore.Evidence) {
	if v.Kind() != foreign.Object {
		b.object(v, "/body")
		return nil, nil
	}
	typ := b.text(v, "type", true)
	var fact domain.Event
	if phase, ok := runPhases[typ]; ok {
		fact = b.runFact(v, phase)
	} else if phase, ok := stepPhases[typ]; ok {
		fact = b.stepFact(v, phase)
	} else {
		switch typ {
		case "runNested":
			fact = b.nested(v)
		case "artifactsConsumed":
			fact = b.consumed(v)
		case "artifactsProduced":
			fact = b.produced(v)
		case "metricsLogged":
			fact = b.metrics(v)
		default:
			b.refuse(v.Get("type"), InvalidValue, "The type of a body is one of the documented ones, such as runStarted, stepCompleted, artifactsProduced, metricsLogged.", "there is no such type")
			return nil, nil
		}
	}
	facts := []domain.Event{fact}
	if _, named := fact.(domain.RunReported); !named && b.pipeline != nil {
		// The event says in passing which pipeline the run is of: that is a fact about the run.
		facts = append([]domain.Event{domain.RunReported{Phase: domain.Annotated, Run: b.run, Pipeline: b.pipeline}}, facts...)
	}
	return facts, b.evidence
}

func (b *body2facts) runFact(v foreign.Value, phase domain.Phase) domain.Event {
	o := b.object(v, "/body", "type", "name", "pipelineVersion", "attempt", "parameters", "metadata", "tags", "failure", "codeReference", "orchestrator")
	return domain.RunReported{
		Phase: phase, Run: b.run, Pipeline: b.pipeline, Version: b.identity(o, "pipelineVersion", false, maxKey), Name: b.text(o, "name", false), Attempt: b.attempt(o),
		Parameters: b.attributes(o, "parameters"), Metadata: b.attributes(o, "metadata"), Tags: b.tags(o), Failure: b.failure(o), Code: b.code(o), Orchestrator: b.orchestrator(o),
	}
}

func (b *body2facts) stepFact(v foreign.Value, phase domain.Phase) domain.Event {
	o := b.object(v, "/body", "type", "step", "displayName", "attempt", "upstream", "parameters", "metadata", "tags", "failure", "codeReference", "cacheKey", "cachedFrom")
	fact := domain.StepReported{
		Phase: phase, Execution: domain.Execution{Run: b.run, Step: b.identity(o, "step", true, domain.MaxName)}, Attempt: b.attempt(o), Name: b.text(o, "displayName", false),
		Parameters: b.attributes(o, "parameters"), Metadata: b.attributes(o, "metadata"), Tags: b.tags(o), Failure: b.failure(o), Code: b.code(o), CacheKey: b.text(o, "cacheKey", false),
	}
	for _, up := range b.list(o, "upstream", MaxEntries) {
		if up.Kind() != foreign.String {
			b.refuse(up, WrongType, "It is a string.", "it is no string")
		}
		fact.Upstream = append(fact.Upstream, up.Text())
	}
	if from := o.Get("cachedFrom"); from.Present() {
		f := b.object(from, "/body/cachedFrom", "run", "step")
		fact.CachedFrom = &domain.Execution{Run: domain.RunRef{ID: b.identity(f, "run", true, domain.MaxName)}, Step: b.identity(f, "step", true, domain.MaxName)}
	}
	return fact
}

func (b *body2facts) nested(v foreign.Value) domain.Event {
	o := b.object(v, "/body", "type", "parent", "root")
	fact := domain.RunNested{Run: b.run, Parent: domain.RunRef{ID: b.identity(o, "parent", true, domain.MaxName)}}
	if root := b.identity(o, "root", false, domain.MaxName); root != "" {
		fact.Root = &domain.RunRef{ID: root}
	}
	if fact.Parent == fact.Run {
		b.refuse(o.Get("parent"), InvalidValue, "A run is not its own parent.", "it is the run itself")
	}
	return fact
}

func (b *body2facts) metrics(v foreign.Value) domain.Event {
	o := b.object(v, "/body", "type", "step", "points")
	fact := domain.MetricsLogged{Execution: b.execution(o)}
	for _, p := range b.list(o, "points", MaxEntries) {
		m := b.object(p, p.Pointer(), "name", "value", "step")
		point := domain.Metric{Name: b.identity(m, "name", true, maxKey), Step: b.whole(m, "step", 0, -1<<62, 1<<62)}
		if err := point.Value.UnmarshalJSON(m.Get("value").Raw()); err != nil {
			b.refuseAt(p.Pointer()+"/value", InvalidValue, `A metric is a number, or "NaN", "Infinity", "-Infinity".`, "it is no number")
		}
		fact.Points = append(fact.Points, point)
	}
	if len(fact.Points) == 0 {
		b.refuseAt("/body/points", Missing, "There is at least one point.", "there is none")
	}
	return fact
}

func (b *body2facts) execution(o foreign.Value) domain.Execution {
	return domain.Execution{Run: b.run, Step: b.identity(o, "step", false, domain.MaxName)}
}

func (b *body2facts) attempt(o foreign.Value) int { return int(b.whole(o, "attempt", 0, 1, 1<<20)) }

// failure keeps the texts in evidence: the whole event is stored there and pointed into.
func (b *body2facts) failure(o foreign.Value) *domain.Failure {
	v := o.Get("failure")
	if !v.Present() {
		return nil
	}
	f := b.object(v, "/body/failure", "type", "message", "stack")
	out := &domain.Failure{Type: b.text(f, "type", false)}
	if b.text(f, "message", false) != "" {
		out.Message = b.keep("/body/failure/message")
	}
	if b.text(f, "stack", false) != "" {
		out.Stack = b.keep("/body/failure/stack")
	}
	return out
}

func (b *body2facts) keep(pointer string) *domain.Text {
	if b.evidence == nil {
		b.evidence = []eventstore.Evidence{evidence.New(b.source)}
	}
	return &domain.Text{Evidence: b.evidence[0].Digest, Pointer: pointer}
}

func (b *body2facts) code(o foreign.Value) *domain.CodeRef {
	v := o.Get("codeReference")
	if !v.Present() {
		return nil
	}
	c := b.object(v, "/body/codeReference", "url", "repo", "branch", "tag", "version", "path", "type")
	return &domain.CodeRef{URL: b.text(c, "url", false), Repo: b.text(c, "repo", false), Branch: b.text(c, "branch", false), Tag: b.text(c, "tag", false),
		Version: b.text(c, "version", false), Path: b.text(c, "path", false), Type: b.text(c, "type", false)}
}

func (b *body2facts) orchestrator(o foreign.Value) *domain.OrchestratorRef {
	v := o.Get("orchestrator")
	if !v.Present() {
		return nil
	}
	c := b.object(v, "/body/orchestrator", "kind", "runId", "url")
	return &domain.OrchestratorRef{Kind: b.text(c, "kind", false), RunID: b.text(c, "runId", false), URL: b.text(c, "url", false)}
}
