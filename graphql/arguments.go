package graphql

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/graphql/relay"
)

// moment is where a mutation looks up what its arguments mean: what can be read now. It is opened once. Where the
// read model is behind or paused, writes go on: words are then taken as native names, which need no look-up, and
// everything else is a fault.
func (w *write) moment(word string) (at *model.Moment, native bool) {
	if !w.ok() {
		return nil, false
	}
	if w.at != nil {
		return w.at, false
	}
	at, err := w.open(w.ctx, string(w.slug), nil, nil, int(readWait.Milliseconds()))
	var fault *Fault
	switch {
	case errors.Is(err, errNoWorkspace):
		w.noWorkspace()
	case errors.As(err, &fault) && (fault.Code == codeStale || fault.Code == codePaused) && !strings.ContainsAny(word, "/#@_"):
		return nil, true
	default:
		w.at, w.fault = at, err
	}
	return w.at, false
}

// run is the run that an argument means. A word that nothing readable has may be the id of a native run that was
// written a moment ago: then the command must find it.
func (w *write) run(field, word string) domain.RunRef {
	if own := caller(w.ctx).Run; own != nil { // it reads nothing, so that nothing is looked up for it
		ref := domain.RunRef{ID: word}
		if word == own.ID {
			ref = *own
		}
		w.needs = append(w.needs, domain.RunEntity(ref))
		return w.mine(field, ref)
	}
	at, native := w.moment(word)
	if at == nil {
		if native {
			return w.mine(field, w.unread(word))
		}
		return domain.RunRef{}
	}
	run, err := look(w, at, word, patience(word), w.findRun)
	if err == nil && run == nil {
		if _, notID := relay.ParseID(word); notID != nil {
			return w.mine(field, w.unread(word))
		}
	}
	if !w.found(field, "run", run != nil, err) {
		return domain.RunRef{}
	}
	return w.mine(field, w.runRef(run))
}

// mine refuses every run but its own to the token of a run; field is where it was named.
func (w *write) mine(field string, ref domain.RunRef) domain.RunRef {
	if c := caller(w.ctx); w.ok() && c.Principal != nil && !c.MayRun(ref) {
		w.refuse(otherRun(field, "this token is good for one run alone, and this would be another: name its own by its id"))
	}
	return ref
}

// unread is a native run that the read model does not have.
func (w *write) unread(id string) domain.RunRef {
	ref := domain.RunRef{ID: id}
	w.needs = append(w.needs, domain.RunEntity(ref))
	return ref
}

// runRef is the natural name of a run.
func (w *write) runRef(run *model.Run) domain.RunRef {
	ref := domain.RunRef{ID: run.Row.RunID}
	if !run.Row.Foreign {
		return ref
	}
	found, err := w.pipelines(w.ctx, run.At, []int64{run.Row.Pipeline})
	if err != nil {
		w.fault = err
		return ref
	}
	if p := found[run.Row.Pipeline]; p != nil {
		ref.Job = domain.Name{Namespace: p.Row.Namespace, Name: p.Row.Name}
	}
	return ref
}

func (w *write) pipeline(word string) domain.Name {
	at, native := w.moment(word)
	if at == nil {
		if native {
			return domain.Name{Name: word}
		}
		return domain.Name{}
	}
	p, err := look(w, at, word, patience(word), w.findPipeline)
	if err == nil && p == nil {
		if _, notID := relay.ParseID(word); notID != nil {
			return domain.Name{Name: word} // registered a moment ago, perhaps
		}
	}
	if !w.found("pipeline", "pipeline", p != nil, err) {
		return domain.Name{}
	}
	w.known = true
	return domain.Name{Namespace: p.Row.Namespace, Name: p.Row.Name}
}

func (w *write) artifact(word string) domain.Name {
	at, native := w.moment(word)
	if at == nil {
		if native {
			return domain.Name{Name: word}
		}
		return domain.Name{}
	}
	a, err := look(w, at, word, patience(word), w.findArtifact)
	if err == nil && a == nil {
		if _, notID := relay.ParseID(word); notID != nil {
			return domain.Name{Name: word} // registered a moment ago, perhaps
		}
	}
	if !w.found("artifact", "artifact", a != nil, err) {
		return domain.Name{}
	}
	w.known = true
	return domain.Name{Namespace: a.Row.Namespace, Name: a.Row.Name}
}

// version is the artifact version that an argument means, named as the facts about it name it.
func (w *write) version(word string) (ref domain.VersionRef, key int64) {
	at, _ := w.moment(word + "@")
	if at == nil {
		return ref, 0
	}
	v, err := look(w, at, word, readWait, w.findVersion)
	if !w.found("artifactVersion", "artifact version", v != nil, err) {
		return ref, 0
	}
	w.known = true
	ref, err = w.versionRef(w.at, v)
	if err != nil {
		w.fault = err
	}
	return ref, v.Row.Key
}

func (w *write) versionRef(at *model.Moment, v *model.ArtifactVersion) (domain.VersionRef, error) {
	named := v.Row.NamedAs
	if named == 0 {
		named = v.Row.Artifact
	}
	artifacts, err := w.artifacts(w.ctx, at, []int64{named})
	if err != nil {
		return domain.VersionRef{}, err
	}
	a := artifacts[named]
	if a == nil {
		return domain.VersionRef{}, fmt.Errorf("version %d is of artifact %d, which is not there", v.Row.Key, named)
	}
	ref := domain.VersionRef{Artifact: domain.Name{Namespace: a.Row.Namespace, Name: a.Row.Name}, Name: v.Row.Name}
	if v.Row.Promotion != uuid.Nil {
		ref.Name, ref.Promotion = "", v.Row.Promotion
		return ref, nil
	}
	if v.Row.Producer == 0 {
		return ref, nil
	}
	executions, err := w.executions(w.ctx, at, []int64{v.Row.Producer})
	if err != nil {
		return ref, err
	}
	var x domain.Execution
	switch e := executions[v.Row.Producer].(type) {
	case *model.Run:
		x.Run = w.runRef(e)
	case *model.Step:
		runs, err := w.runs(w.ctx, at, []int64{e.Row.Run})
		if err != nil {
			return ref, err
		}
		x.Step = e.Row.Name
		if run := runs[e.Row.Run]; run != nil {
			x.Run = w.runRef(run)
		}
	default:
		return ref, fmt.Errorf("version %d was made by execution %d, which is not there", v.Row.Key, v.Row.Producer)
	}
	ref.Name, ref.Producer, ref.Attempt = "", &x, v.Row.Attempt
	return ref, nil
}

func nameOf(n *model.PipelineNameInput) domain.Name {
	return domain.Name{Namespace: n.Namespace, Name: n.Name}
}

func artifactNameOf(n *model.ArtifactNameInput) domain.Name {
	return domain.Name{Namespace: n.Namespace, Name: n.Name}
}

// attributes are named values.
func (w *write) attributes(field string, in []*model.NamedValueInput) []domain.Attribute {
	var out []domain.Attribute
	for i, v := range in {
		raw := domain.Value(v.Value)
		if len(raw) == 0 {
			raw = domain.Value("null")
		}
		if v.Name == "" || len(v.Name) > domain.MaxName {
			w.refuse(&model.InvalidInput{Message: fmt.Sprintf("a name has 1 to %d bytes", domain.MaxName), Path: []string{"input", field, fmt.Sprint(i), "name"}, Code: model.UserErrorCodeInvalid})
			return nil
		}
		out = append(out, domain.Attribute{Name: v.Name, Value: raw})
	}
	return out
}

func tagsOf(in []*model.TagInput) []domain.Tag {
	var out []domain.Tag
	for _, t := range in {
		out = append(out, domain.Tag{Key: t.Key, Value: t.Value})
	}
	return out
}

func labelsOf(in []*model.LabelInput) map[string]string {
	if in == nil {
		return nil
	}
	out := make(map[string]string, len(in))
	for _, l := range in {
		out[l.Key] = l.Value
	}
	return out
}

func codeOf(c *model.CodeReferenceInput) *domain.CodeRef {
	if c == nil {
		return nil
	}
	return &domain.CodeRef{URL: value(c.URL), Repo: value(c.Repo), Branch: value(c.Branch), Tag: value(c.Tag), Version: value(c.Version), Path: value(c.Path), Type: value(c.Type)}
}

func orchestratorOf(o *model.OrchestratorInput) *domain.OrchestratorRef {
	if o == nil {
		return nil
	}
	return &domain.OrchestratorRef{Kind: value(o.Kind), RunID: value(o.RunID), URL: value(o.URL)}
}

func (w *write) failureOf(f *model.FailureInput) *domain.Failure {
	if f == nil {
		return nil
	}
	return &domain.Failure{Type: value(f.Type), Message: w.text(f.Message), Stack: w.text(f.Stack)}
}

func fieldsOf(in []*model.SchemaFieldInput) []domain.Field {
	var out []domain.Field
	for _, f := range in {
		out = append(out, domain.Field{Name: f.Name, Type: value(f.Type)})
	}
	return out
}

// ios are artifact versions in the order of the list.
func (w *write) ios(field string, in []*model.ArtifactUseInput) []domain.IO {
	out := make([]domain.IO, 0, len(in))
	for i, u := range in {
		out = append(out, w.io(field, i, u))
	}
	return out
}

func (w *write) io(field string, position int, u *model.ArtifactUseInput) domain.IO {
	io := domain.IO{
		Artifact: artifactNameOf(u.Artifact), Version: value(u.Version), Role: value(u.Role), Position: position, Type: value(u.Type),
		URI: value(u.URI), SizeBytes: u.SizeBytes, Digest: value(u.Digest), Schema: fieldsOf(u.Fields), Metadata: w.attributes(field, u.Metadata), Tags: tagsOf(u.Tags),
	}
	for _, n := range u.From {
		io.From = append(io.From, artifactNameOf(n))
	}
	for _, c := range u.Columns {
		io.Columns = append(io.Columns, domain.ColumnEdge{Field: value(c.Field), From: artifactNameOf(c.From), FromField: c.FromField, Kind: value(c.Type), Subtype: value(c.Subtype), Masking: c.Masking})
	}
	return io
}

func (w *write) spec(in model.RegisterPipelineVersionInput) domain.Spec {
	var s domain.Spec
	if len(in.Steps) > 1000 || len(in.Edges) > 10_000 {
		w.refuse(&model.InvalidInput{Message: "a version has at most 1,000 steps and 10,000 edges", Path: []string{"input", "steps"}, Code: model.UserErrorCodeTooLong})
	}
	for _, st := range in.Steps {
		s.Steps = append(s.Steps, domain.StepSpec{Name: st.Name, Type: value(st.Type), Source: value(st.Source), Parameters: w.attributes("steps", st.Parameters)})
	}
	for _, e := range in.Edges {
		s.Edges = append(s.Edges, domain.Edge{From: e.From, To: e.To})
	}
	return s
}

func pointsOf(in []*model.MetricPointInput) []domain.Metric {
	out := make([]domain.Metric, len(in))
	for i, p := range in {
		out[i] = domain.Metric{Name: p.Name, Value: domain.Float(p.Value), Step: p.Step}
	}
	return out
}
