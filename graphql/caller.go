package graphql

import (
	"context"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// A Principal says what a caller may do where, at this moment. The sets must not be changed. Errors are of the store
// that knows it.
type Principal interface {
	// Holds is what the caller may do in a workspace: nothing in one that is not there.
	Holds(ctx context.Context, ws domain.Slug) (domain.PermissionSet, error)
	// HoldsIn is what the caller may do in an organization.
	HoldsIn(ctx context.Context, org domain.Slug) (domain.PermissionSet, error)
	// Deleted says whether a workspace in which the caller may do something was deleted.
	Deleted(ctx context.Context, ws domain.Slug) (bool, error)
	// Operator says whether the caller operates the server.
	Operator(ctx context.Context) (bool, error)
	// Allows says whether the credential lets a permission through at all, whoever holds it.
	Allows(p domain.Permission) bool
	// MayRun says whether the credential may write a run at all: the token of a run is good for that one.
	MayRun(r domain.RunRef) bool
}

// A Caller is who sent a request.
type Caller struct {
	Principal
	Who          domain.Grantee // the person or service account they act for: what roles are granted to
	Actor        domain.Actor
	Name         string         // for people
	Scopes       []string       // such as "read"
	Workspace    domain.Slug    // the only one it is good for; empty: every one
	Organization domain.Slug    // where its new workspaces belong
	Account      uuid.UUID      // who owns its new workspaces
	Run          *domain.RunRef // the only one it may write, and it reads nothing; nil: it is no token of a run
}

type callerKey struct{}

// caller is who asks; the server put it there before anything was carried out.
func caller(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// may says whether the caller holds a permission in a workspace.
func (c Caller) may(ctx context.Context, ws domain.Slug, p domain.Permission) (bool, error) {
	holds, err := c.holds(ctx, ws)
	return holds.Has(p), err
}

// holds is what the caller may do in a workspace; nobody may do nothing.
func (c Caller) holds(ctx context.Context, ws domain.Slug) (domain.PermissionSet, error) {
	if c.Principal == nil {
		return nil, nil
	}
	holds, err := c.Holds(ctx, ws)
	if err != nil {
		return nil, storeFault(err)
	}
	return holds, nil
}

// nowhere stands for a workspace that the caller may not see: it is no slug, so that there is none of that name.
const nowhere = "-"

// sought is the workspace to look for when the caller names one: that one, or, where they may not see it, nowhere. What
// is looked for nowhere takes the same way as what is not there, with the same questions to the database.
func sought(ctx context.Context, slug string) (string, error) {
	ok, err := caller(ctx).may(ctx, domain.Slug(slug), domain.ReadWorkspace)
	if err != nil || !ok {
		return nowhere, err
	}
	return slug, nil
}

// mayRead refuses a workspace that the caller may not see, in the words of one that does not exist.
func mayRead(ctx context.Context, slug string) error {
	found, err := sought(ctx, slug)
	if err == nil && found == nowhere {
		return errNoWorkspace
	}
	return err
}
