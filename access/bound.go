package access

import (
	"context"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// bound is a commander at which the token of a run can do what it is for and nothing else, whichever door it came by.
type bound struct{ eventstore.Commander }

// Bound carries out commands for those in whose requests they come: for the token of a run those of its run and its
// workspace, one by one, for all others everything. A context without a principal is the server's own work.
func Bound(c eventstore.Commander) eventstore.Commander { return bound{c} }

// ErrOtherRun refuses what a run's token is not for.
var ErrOtherRun = &domain.Error{Code: domain.Forbidden, Subject: "run", Message: "this token writes one run alone, and this is not about that run, or not about it alone"}

// allowed says whether whoever asks may have that carried out at all.
func allowed(ctx context.Context, q eventstore.Request) bool {
	p, ok := From(ctx)
	return !ok || p.Run == nil || q.Stream == domain.WorkspaceStream(p.Workspace) && domain.OfRun(q.Command, *p.Run)
}

// Execute carries out a command.
func (b bound) Execute(ctx context.Context, q eventstore.Request) (eventstore.Result, error) {
	if !allowed(ctx, q) {
		return refused().Result, ErrOtherRun
	}
	return b.Commander.Execute(ctx, q)
}

// ExecuteAll carries out those that are allowed, and refuses the others in their places.
func (b bound) ExecuteAll(ctx context.Context, qs []eventstore.Request) []eventstore.Answer {
	if p, ok := From(ctx); !ok || p.Run == nil {
		return b.Commander.ExecuteAll(ctx, qs)
	}
	answers := make([]eventstore.Answer, len(qs))
	var good []eventstore.Request
	var places []int
	for i, q := range qs {
		if !allowed(ctx, q) {
			answers[i] = refused()
			continue
		}
		good, places = append(good, q), append(places, i)
	}
	for i, a := range b.Commander.ExecuteAll(ctx, good) {
		answers[places[i]] = a
	}
	return answers
}

func refused() eventstore.Answer {
	return eventstore.Answer{Result: eventstore.Result{First: domain.NoRevision, Last: domain.NoRevision, Revision: domain.NoRevision}, Err: ErrOtherRun}
}
