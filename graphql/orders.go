package graphql

import (
	"context"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/graphql/model"
)

// What concerns organizations and the people in them is carried out by one desk for all doors: here its answers become
// those of mutations. Who may do what is the desk's to say, and so its refusals are data.

// order begins a mutation for the desk, in the place that its input names.
func (r *Resolver) order(ctx context.Context, name string, workspace, organization *string, meta *model.WriteMeta, input any) *write {
	w := &write{Resolver: r, ctx: ctx, name: name, slug: domain.Slug(value(workspace)), org: domain.Slug(value(organization))}
	if meta != nil {
		w.meta = *meta
	}
	p, ok := access.From(ctx)
	if !ok || r.Desk == nil {
		w.refuse(&model.PermissionDenied{Message: name + " is for people and service accounts", Path: []string{"input"}, Code: model.UserErrorCodeForbidden, Missing: []string{}})
	}
	w.principal = p
	if since := w.meta.IfUnchangedSince; since != nil {
		n := domain.Revision(*since)
		w.request.IfUnchangedSince = &n
	}
	w.digest(input)
	return w
}

// in is the place of the mutation.
func (w *write) in() people.Place { return people.Place{Workspace: w.slug, Organization: w.org} }

// ask is how the write is done.
func (w *write) ask() people.Ask {
	return people.Ask{Key: value(w.meta.IdempotencyKey), Reason: value(w.meta.Reason), Correlation: value(w.meta.CorrelationID), Since: w.request.IfUnchangedSince}
}

// ordered has the desk carry something out.
func (w *write) ordered(carry func() (eventstore.Result, error)) {
	if !w.ok() {
		return
	}
	result, err := carry()
	if err != nil {
		w.judge(err, result)
		w.failed(err)
		return
	}
	w.result, w.done = result, true
}

// reopen is the moment at which what was written can be read, for somebody who may still read it.
func (w *write) reopen(ctx context.Context, least int64) (*model.Moment, error) {
	if w.org != "" {
		return w.openOrganization(ctx, string(w.org), nil, &least, int(readWait.Milliseconds()))
	}
	return w.open(ctx, string(w.slug), nil, &least, int(readWait.Milliseconds()))
}

// newestIn is newest for an organization.
func (w *write) newestIn() int64 {
	at, err := w.openOrganization(w.ctx, string(w.org), nil, nil, 0)
	switch {
	case err != nil: // there is none to see, or nobody knows
		return int64(domain.NoRevision)
	case w.judged != nil:
		return int64(*w.judged)
	}
	return at.Revision()
}

// written is the answer of a mutation, and the thing it is about, read when it is asked for.
func written[T any](w *write, read func(ctx context.Context, at *model.Moment) (*T, error)) model.Written[*T] {
	return model.Written[*T]{Outcome: w.outcome(), Read: after(w, read)}
}

func (w *write) organizationWritten() model.OrganizationWritten {
	return model.OrganizationWritten{Written: written(w, func(ctx context.Context, at *model.Moment) (*model.Organization, error) {
		return absent(w.organizationAt(ctx, at))
	})}
}

func (w *write) memberWritten(who domain.Grantee) model.MemberWritten {
	return model.MemberWritten{Written: written(w, func(ctx context.Context, at *model.Moment) (*model.Member, error) {
		return w.memberNow(ctx, at, who)
	})}
}

func (w *write) teamWritten(name string) model.TeamWritten {
	return model.TeamWritten{Written: written(w, func(ctx context.Context, at *model.Moment) (*model.Team, error) {
		return w.teamNamed(ctx, at, name)
	})}
}

func (w *write) invitationWritten(id uuid.UUID) model.InvitationWritten {
	return model.InvitationWritten{Written: written(w, func(ctx context.Context, at *model.Moment) (*model.Invitation, error) {
		return w.invitationNamed(ctx, at, id.String())
	})}
}

// idOf is an id that an argument has; what is none is an id of nothing.
func (w *write) idOf(field, what, text string) uuid.UUID {
	id, err := uuid.Parse(text)
	if err != nil {
		w.refuse(&model.NotFoundError{Message: "there is no such " + what, Path: []string{"input", field}, Code: model.UserErrorCodeNotFound, Candidates: []string{}})
	}
	return id
}
