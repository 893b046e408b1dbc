package graphql

import (
	"context"
	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// A Principal says what a caller may do in which workspace. A workspace that may not be read looks like none.
type Principal interface {
	CanRead(ws domain.Slug) bool
	CanIngest(ws domain.Slug) bool
	CanWrite(ws domain.Slug) bool
	CanAdmin(ws domain.Slug) bool
	// IsAdmin says whether the caller may create workspaces.
	IsAdmin() bool
}

// A Caller is who sent a request.
type Caller struct {
	Principal
	Actor        domain.Actor
	Name         string      // for people
	Scopes       []string    // such as "read"
	Workspace    domain.Slug // the only one it is good for; empty: every one
	Organization domain.Slug // where its new workspaces belong
	Account      uuid.UUID   // who owns its new workspaces
}

type callerKey struct{}

// caller is who asks; the server put it there before anything was carried out.
func caller(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// mayRead refuses a workspace that the caller may not see, in the words of one that does not exist.
func mayRead(ctx context.Context, slug string) error {
	c := caller(ctx)
	if c.Principal == nil || !c.CanRead(domain.Slug(slug)) {
		return errNoWorkspace
	}
	return nil
}
