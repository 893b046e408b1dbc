package people

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
)

// owned looks at the account of whoever owns a place that was just created. Streams decide apart: an account can be shut
// out on another server while its place comes to be, which whoever shuts it out cannot have seen. Either they see the place
// when they look again after the account has it, or the account is seen here; then the place gets an owner who can act.
func (d *Desk) owned(ctx context.Context, p access.Principal, at Place, organization domain.Slug, owner uuid.UUID) {
	d.Lens.Forget(domain.AccountStream(owner))
	states, err := d.Lens.See(ctx, accountSight(owner))
	if err != nil || !states[0].Disabled {
		return // where it cannot be told now, an operator who shuts somebody out again is told of the place
	}
	s := ShutOut{Account: owner, By: p.Actor(), Reason: "the account was shut out while it created this"}
	if heir, ok := d.heir(ctx, organization, owner); ok {
		s.Successor = &heir
	}
	_ = d.shutOutOf(ctx, at, s) // it is there by then, whatever becomes of it
}

// heir is who owns a place in an organization when its owner cannot act: an owner of the organization who can, else one of
// those who operate the server.
func (d *Desk) heir(ctx context.Context, organization domain.Slug, gone uuid.UUID) (uuid.UUID, bool) {
	for _, slug := range []domain.Slug{organization, d.First} {
		at := Place{Organization: slug}
		d.Lens.Forget(at.stream())
		in, err := d.look(ctx, at)
		if err != nil {
			continue
		}
		shut, err := d.shut(ctx, in)
		if err != nil {
			continue
		}
		roster := in.members()
		for _, g := range roster.Owners() {
			id, err := uuid.Parse(g.ID)
			if err == nil && id != gone && !roster.Suspended[g.String()] && !slices.Contains(shut, g) {
				return id, true
			}
		}
	}
	return uuid.Nil, false
}
