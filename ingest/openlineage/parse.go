package openlineage

import (
	"encoding/hex"
	"time"

	"github.com/annals-io/annals/ingest/foreign"
)

// Parse reads one body. Now is the reader's clock, which only decides whether the event is from the future. A body that
// is not taken is a [*foreign.Refusal]; the message may alias the body, which must not change while it is in use.
func Parse(body []byte, now time.Time) (*Message, error) {
	doc, err := foreign.Scan(body, foreign.Limits{})
	if err != nil {
		return nil, err
	}
	defer func() { doc.Release() }() // what an event says it says in strings of its own
	m := &Message{Digest: doc.Digest(), Body: body}
	m.CommandID = CommandID(m.Digest)
	if clean, cuts := doc.Scrub(); len(cuts) > 0 {
		// The event is read from what will be stored: no name or value of it can hold what was cut.
		scrubbed, err := foreign.Scan(clean, foreign.Limits{Bytes: max(len(clean), foreign.MaxBytes)})
		if err != nil {
			return nil, err
		}
		doc.Release()
		doc, m.Body, m.Cuts = scrubbed, clean, cuts
	}
	if err := m.read(doc.Root(), now); err != nil {
		return nil, err
	}
	return m, nil
}

// CommandID is the id under which an event is recorded once, from the digest of its canonical form.
func CommandID(digest [32]byte) string { return "ol1:" + hex.EncodeToString(digest[:]) }

const (
	ruleObject   = "An event is a JSON object."
	ruleIdentity = "An event names the run and job, the job, or the dataset that it speaks of: runId, namespace and name are strings and not empty."
	ruleName     = "A run id, namespace or name is text of at most 4096 bytes without NUL."
	ruleTime     = "An event has an eventTime, a date and time as in RFC 3339."
)

// read fills the event. What refuses it comes first, so that a refused event costs little.
func (e *Event) read(body foreign.Value, now time.Time) error {
	if body.Kind() != foreign.Object {
		return &foreign.Refusal{Code: NotAnObject, Offset: -1, Rule: ruleObject, Message: "the body is " + body.Kind().String() + ", not an object"}
	}
	r := reader{event: e}
	root := object{r: &r, v: body}
	if err := r.identities(root); err != nil {
		return err
	}
	if err := r.eventTime(root, now); err != nil {
		return err
	}
	r.eventType(root)
	if e.Producer = root.text("producer"); e.Producer == "" {
		r.warn("/producer", NoProducer, "the event does not say which code made it")
	}
	switch e.Kind {
	case RunEvent:
		e.Run.read(&r, root.get("run").facets())
		e.Job.read(&r, root.get("job").facets())
		e.dagster()
	case JobEvent:
		e.Job.read(&r, root.get("job").facets())
	}
	if e.Kind == DatasetEvent {
		e.Dataset.read(&r, root.get("dataset"))
		return nil
	}
	if root.v.Get("dataset").Present() {
		r.warn(root.v.Get("dataset").Pointer(), Ignored, "a "+string(e.Kind)+" event has no dataset of its own")
	}
	var err error
	if e.Inputs, err = r.datasets(root, "inputs"); err != nil {
		return err
	}
	e.Outputs, err = r.datasets(root, "outputs")
	return err
}

// identities finds what the event speaks of. The shape alone decides: with a run it is a run event, else with a job a
// job event, else with a dataset a dataset event.
func (r *reader) identities(root object) error {
	e := r.event
	run, job, dataset := root.v.Get("run"), root.v.Get("job"), root.v.Get("dataset")
	var err error
	switch {
	case run.Present():
		e.Kind = RunEvent
		if e.Run.ID, err = identity(run, "/run", "runId"); err != nil {
			return err
		}
		e.Job.Name, err = nameOf(job, "/job")
	case job.Present():
		e.Kind = JobEvent
		e.Job.Name, err = nameOf(job, "/job")
	case dataset.Present():
		e.Kind, e.Dataset = DatasetEvent, &Dataset{}
		e.Dataset.Name, err = nameOf(dataset, "/dataset")
	default:
		err = &foreign.Refusal{Code: MissingIdentity, Offset: -1, Rule: ruleIdentity, Message: "there is no run, job or dataset"}
	}
	return err
}

func nameOf(v foreign.Value, path string) (n Name, err error) {
	if n.Namespace, err = identity(v, path, "namespace"); err != nil {
		return Name{}, err
	}
	n.Name, err = identity(v, path, "name")
	return n, err
}

// identity reads a part of an identity without which there is no event.
func identity(v foreign.Value, path, member string) (string, error) {
	at := v.Get(member)
	path += "/" + member
	switch text, fault := at.Exact(); {
	case text == "":
		what := "is " + at.Kind().String()
		switch {
		case at.Kind() <= foreign.Null:
			what = "is missing"
		case at.Kind() == foreign.String:
			what = "is empty"
		}
		return "", &foreign.Refusal{Code: MissingIdentity, Path: path, Offset: -1, Rule: ruleIdentity, Message: member + " " + what}
	case len(text) > MaxName:
		return "", &foreign.Refusal{Code: IdentityTooLong, Path: path, Offset: -1, Rule: ruleName, Message: member + " is too long"}
	case fault != "":
		return "", unnameable(path, fault)
	default:
		return text, nil
	}
}

func unnameable(path string, fault foreign.Fault) error {
	code := NULInIdentity
	if fault == foreign.HasHalfPair {
		code = foreign.BadUTF8
	}
	return &foreign.Refusal{Code: code, Path: path, Offset: -1, Rule: ruleName, Message: "no name can be kept with this in it: " + string(fault)}
}

// datasets reads a list of inputs or outputs. One without a name is warned of and left to the body; one whose name
// holds a NUL refuses the event, as its own identity would.
func (r *reader) datasets(root object, member string) ([]Dataset, error) {
	var all []Dataset
	for o := range root.list(member) {
		for _, part := range [...]string{"namespace", "name"} {
			if _, fault := o.v.Get(part).Exact(); fault != "" {
				return nil, unnameable(o.path()+"/"+part, fault)
			}
		}
		name, ok := o.name()
		if !ok {
			continue
		}
		all = append(all, Dataset{Name: name})
		all[len(all)-1].read(r, o)
	}
	return all, nil
}

// eventType reads the type of a run event. An unknown one says as much as OTHER.
func (r *reader) eventType(root object) {
	t := Type(root.text("eventType"))
	switch {
	case r.event.Kind != RunEvent:
		if t != "" {
			r.warn("/eventType", Ignored, "only a run event has a type")
		}
	case t == "":
		r.warn("/eventType", MissingType, "a run event has a type")
	case t == Start, t == Running, t == Complete, t == Abort, t == Fail, t == Other:
		r.event.Type = t
	default:
		r.event.Type = Other
		r.warn("/eventType", UnknownType, "the type is none of START, RUNNING, COMPLETE, ABORT, FAIL and OTHER: taken as OTHER")
	}
}
