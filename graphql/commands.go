package graphql

import (
	"fmt"
	"strings"

	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/graphql/model"
)

// because records why something is deleted. It is needed: the tombstone shows it.
func (w *write) because(reason string) {
	if reason == "" {
		w.refuse(&model.InvalidInput{Message: "reason is missing: say why, it is kept on the tombstone", Path: []string{"input", "reason"}, Code: model.UserErrorCodeRequired})
	}
	w.request.Meta.Reason = reason
}

// confirm asks for the slug once more.
func (w *write) confirm(slug string) {
	if slug != string(w.slug) {
		w.refuse(&model.InvalidInput{Message: "what was typed to confirm it is not the slug of the workspace", Path: []string{"input", "confirmSlug"}, Code: model.UserErrorCodeInvalid})
	}
}

// createWorkspace creates a workspace in an organization: the one named, else the caller's own.
func (w *write) createWorkspace(in model.CreateWorkspaceInput) {
	w.ordered(func() (eventstore.Result, error) {
		made, err := w.Desk.CreateWorkspace(w.ctx, w.principal, people.NewWorkspace{
			Ask: w.ask(), Organization: domain.Slug(value(in.Organization)), Slug: domain.Slug(value(in.Slug)), Name: value(in.Name), Description: in.Description, Labels: labelsOf(in.Labels),
			Kind: ofEnum[domain.WorkspaceKind](in.Kind), Environment: ofEnum[domain.Environment](in.Environment), Sensitivity: ofEnum[domain.Sensitivity](in.Sensitivity), Team: value(in.Team),
		})
		w.slug = made.Slug
		return made.Result, err
	})
}

// ofEnum is a word of the domain, empty for none.
func ofEnum[D, M ~string](m *M) D {
	if m == nil {
		return ""
	}
	return D(strings.ToLower(string(*m)))
}

// classify is the command that says what a workspace is filed under.
func classify(in model.ClassifyWorkspaceInput) domain.ClassifyWorkspace {
	c := domain.ClassifyWorkspace{Team: in.Team}
	if in.Environment != nil {
		e := ofEnum[domain.Environment](in.Environment)
		c.Environment = &e
	}
	if in.Sensitivity != nil {
		x := ofEnum[domain.Sensitivity](in.Sensitivity)
		c.Sensitivity = &x
	}
	return c
}

// moveRun records that a run entered a phase, and nothing else of it.
func (w *write) moveRun(word string, phase domain.Phase) domain.RunRef {
	ref := w.run("run", word)
	w.do(domain.MoveRun{RunReported: domain.RunReported{Phase: phase, Run: ref}})
	return ref
}

// moveStep records that a step entered a phase, and nothing else of it.
func (w *write) moveStep(run, step string, phase domain.Phase) domain.Execution {
	x := w.execution(run, &step)
	w.do(domain.MoveStep{StepReported: domain.StepReported{Phase: phase, Execution: x}})
	return x
}

// cancelling is the phase of what was told to stop, or has.
func cancelling(requested bool) domain.Phase {
	if requested {
		return domain.Cancelling
	}
	return domain.Cancelled
}

// newRun names a run: by the caller's id, else by one made up here.
func (w *write) newRun(id *string) domain.RunRef {
	if id != nil {
		return w.mine("id", domain.RunRef{ID: *id})
	}
	return w.mine("id", domain.RunRef{ID: w.made()})
}

// start is the command that starts a run. One that is nested from the start is nested by a fact of its own.
func (w *write) start(ref domain.RunRef, in model.StartRunInput) domain.Command {
	pipeline := nameOf(in.Pipeline)
	move := domain.MoveRun{RunReported: domain.RunReported{
		Phase: domain.Started, Run: ref, Pipeline: &pipeline, Version: value(in.PipelineVersion), Name: value(in.Name),
		Parameters: w.attributes("parameters", in.Parameters), Metadata: w.attributes("metadata", in.Metadata), Tags: tagsOf(in.Tags),
		Code: codeOf(in.CodeReference), Orchestrator: orchestratorOf(in.Orchestrator),
	}}
	if in.Parent == nil {
		return move
	}
	return startNested{move, domain.NestRun{RunNested: domain.RunNested{Run: ref, Parent: w.run("parent", *in.Parent)}}}
}

// startNested starts a run and nests it, in one slice.
type startNested struct {
	move domain.MoveRun
	nest domain.NestRun
}

// Unwrap is the start: that it is nested is about the same run.
func (c startNested) Unwrap() domain.Command { return c.move }

// Needs are the run and its parent.
func (c startNested) Needs() []domain.Entity { return c.nest.Needs() }

// Decide is both decisions; the one to nest stands on the same states.
func (c startNested) Decide(s domain.States) ([]domain.Event, error) {
	started, err := c.move.Decide(s)
	if err != nil {
		return nil, err
	}
	nested, err := c.nest.Decide(s)
	if err != nil {
		return nil, err
	}
	return append(started[:len(started):len(started)], nested...), nil
}

// execution is the run, or the step of it, that an argument means.
func (w *write) execution(run string, step *string) domain.Execution {
	x := domain.Execution{Run: w.run("run", run)}
	if step != nil {
		x.Step = *step
	}
	return x
}

// present refuses an execution that nobody heard of: facts about reads, writes and metrics would name it otherwise.
func (w *write) present(x domain.Execution) {
	w.needs = append(w.needs, x.Entity())
}

// among is a command with things that must be there besides what it looks at itself. The optimistic lock is about
// the first entity that the command needs, else about the first of the things.
type among struct {
	domain.Command
	things []domain.Entity
}

// Unwrap is the command.
func (c among) Unwrap() domain.Command { return c.Command }

// Needs are the things, and what the command needs.
func (c among) Needs() []domain.Entity {
	return append(c.things[:len(c.things):len(c.things)], c.Command.Needs()...)
}

// Decide refuses things that nothing was said of, and those that were deleted.
func (c among) Decide(s domain.States) ([]domain.Event, error) {
	for _, e := range c.things {
		switch st := s.Of(e); {
		case st.Deleted:
			return nil, &domain.Error{Code: domain.Gone, Subject: string(e.Kind), Message: fmt.Sprintf("the %s was deleted", e.Kind)}
		case !st.Exists:
			return nil, &domain.Error{Code: domain.NotFound, Subject: string(e.Kind), Message: fmt.Sprintf("there is no such %s", e.Kind)}
		}
	}
	return c.Command.Decide(s)
}

func (w *write) cachedFrom(in *model.StepNameInput) *domain.Execution {
	if in == nil {
		return nil
	}
	return &domain.Execution{Run: w.run("cachedFrom", in.Run), Step: in.Step}
}

// contentHash is the hash by which a version of a pipeline is known.
func (w *write) contentHash(v domain.PipelineVersionRegistered) string {
	hash, err := v.ContentHash()
	if err != nil {
		w.fault = fmt.Errorf("hash a version of pipeline %s: %w", v.Pipeline, err)
	}
	return hash
}

// observe is the command that says something of an artifact without an execution.
func (w *write) observe(io domain.IO) domain.Command {
	return domain.Record{Events: []domain.Event{domain.ArtifactObserved{IO: io}}}
}

// observed is a version that is said to exist.
func (w *write) observed(in *model.ArtifactUseInput) domain.IO {
	if value(in.Version) == "" {
		w.refuse(&model.InvalidInput{Message: "version is missing: name the version", Path: []string{"input", "version", "version"}, Code: model.UserErrorCodeRequired})
	}
	if len(in.From) > 0 || len(in.Columns) > 0 {
		w.refuse(&model.InvalidInput{Message: "what a version was made from is said by the execution that wrote it", Path: []string{"input", "version", "from"}, Code: model.UserErrorCodeInvalid})
	}
	return w.io("version", 0, in)
}
