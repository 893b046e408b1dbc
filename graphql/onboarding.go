package graphql

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/projections/read"
)

// runTypes are the types of events by which a run is heard of.
var runTypes = func() (types []string) {
	for _, p := range domain.Phases() {
		if p != domain.Retrying { // of steps alone
			types = append(types, domain.RunReported{Phase: p}.EventType())
		}
	}
	return types
}()

// onboarding is how far the caller came with a workspace, computed from the events of the workspace, its organization and
// the caller's account: at an earlier moment it says what was so then.
func (r *Resolver) onboarding(ctx context.Context, w *model.Workspace) ([]*model.OnboardingStep, error) {
	c := caller(ctx)
	organization, err := r.beside(ctx, projections.OrganizationScope(w.Row.Organization), w.At)
	if err != nil {
		return nil, err
	}
	organization = organization.For(w.At.At)
	account := read.Moment{}
	if c.Who.Kind == domain.AccountGrantee {
		if account, err = r.beside(ctx, projections.AccountScope(c.Who.ID), w.At); err != nil {
			return nil, err
		}
	}
	var steps []*model.OnboardingStep
	for _, s := range []struct {
		step model.OnboardingStepKind
		find []func() (*read.First, error)
	}{
		{model.OnboardingStepKindSignIn, []func() (*read.First, error){r.first(ctx, account, domain.AccountSignedIn{}.EventType())}},
		{model.OnboardingStepKindFirstKey, []func() (*read.First, error){
			r.first(ctx, account, domain.APIKeyCreated{}.EventType()), r.first(ctx, organization, domain.APIKeyCreated{}.EventType()),
		}},
		{model.OnboardingStepKindFirstRun, []func() (*read.First, error){r.first(ctx, w.At.At, runTypes...)}},
		{model.OnboardingStepKindSecondMember, []func() (*read.First, error){r.second(ctx, w.At.At), r.second(ctx, organization)}},
	} {
		step := &model.OnboardingStep{Step: s.step}
		for _, find := range s.find {
			f, err := find()
			if err != nil {
				return nil, err
			}
			if f != nil && (step.At == nil || f.At.Before(*step.At)) {
				step.Done, step.At = true, &f.At
				step.By = actorAt(w.At, f.Actor)
			}
		}
		steps = append(steps, step)
	}
	return steps, nil
}

// viewerOnboarding is how far the caller came with a workspace, where none is named with the one that their credential is
// for: nil where there is none that they may see.
func (r *Resolver) viewerOnboarding(ctx context.Context, workspace *string) ([]*model.OnboardingStep, error) {
	slug := value(workspace)
	if p, ok := access.From(ctx); ok && slug == "" {
		slug = cmp.Or(string(p.Workspace), string(p.DefaultWorkspace))
	}
	at, err := r.open(ctx, slug, nil, nil, 0)
	if err != nil {
		_, err = absent[model.Workspace](nil, err)
		return nil, err
	}
	w, err := absent(r.workspaceAt(ctx, at))
	if w == nil || err != nil {
		return nil, err
	}
	return r.onboarding(ctx, w)
}

// first finds the first event of a type; there is none where the moment is of nothing.
func (r *Resolver) first(ctx context.Context, m read.Moment, types ...string) func() (*read.First, error) {
	return func() (*read.First, error) {
		if m.Number == 0 {
			return nil, nil
		}
		return r.Read.FirstOf(ctx, m, types...)
	}
}

func (r *Resolver) second(ctx context.Context, m read.Moment) func() (*read.First, error) {
	return func() (*read.First, error) {
		if m.Number == 0 {
			return nil, nil
		}
		return r.Read.SecondMember(ctx, m)
	}
}

// beside is the moment of another stream that fits a moment of a workspace: of nothing where it was not there yet.
func (r *Resolver) beside(ctx context.Context, scope domain.Slug, at *model.Moment) (read.Moment, error) {
	var asOf projections.AsOf
	if at.Asked != nil {
		asOf.Time = at.Asked
	}
	m, err := r.Moments.Open(ctx, scope, asOf, nil, besideWait)
	var none *projections.NotFoundError
	var early *projections.BeforeFirstError
	if errors.As(err, &none) || errors.As(err, &early) {
		return read.Moment{}, nil
	}
	if err != nil {
		return m, unopened(err, false)
	}
	return m, nil
}

// besideWait is how long a stream is waited for that was begun a moment ago.
const besideWait = 500 * time.Millisecond
