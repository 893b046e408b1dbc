package access

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// A Scope is something a key may do.
type Scope string

// The scopes. Admin includes write, and write includes ingest and read; ingest alone reads nothing back.
const (
	Admin      Scope = "admin"  // create and delete workspaces, keys, projections
	Write      Scope = "write"  // change things
	IngestOnly Scope = "ingest" // send events in
	Read       Scope = "read"   // look
)

// AllScopes are all there are, the strongest first.
var AllScopes = []Scope{Admin, Write, IngestOnly, Read}

// implied says which scopes come with a scope.
var implied = map[Scope][]Scope{
	Admin:      {Admin, Write, IngestOnly, Read},
	Write:      {Write, IngestOnly, Read},
	IngestOnly: {IngestOnly},
	Read:       {Read},
}

// ParseScope reads a scope.
func ParseScope(s string) (Scope, error) {
	if slices.Contains(AllScopes, Scope(s)) {
		return Scope(s), nil
	}
	return "", &domain.Error{Code: domain.Invalid, Subject: "scopes", Message: fmt.Sprintf("%q is no scope: choose of admin, write, ingest, read", s)}
}

// A Principal is who asks, as far as the key says.
type Principal struct {
	KeyID  string
	Kind   Kind
	Name   string // of the key, for people
	Scopes []Scope
	// Workspace is the only one the key is good for; empty: every workspace of the organization.
	Workspace domain.Slug
	// Account owns the key.
	Account uuid.UUID
	// Organization is the owner's personal one, DefaultWorkspace where events go that name no workspace.
	Organization     domain.Slug
	DefaultWorkspace domain.Slug
	// Expires is the key's end; zero: it has none.
	Expires time.Time
}

// Has says whether the key has a scope at all, in whatever workspace.
func (p Principal) Has(s Scope) bool {
	for _, own := range p.Scopes {
		if slices.Contains(implied[own], s) {
			return true
		}
	}
	return false
}

// In says whether the key is good for a workspace. Where it is not, the workspace is to look like one that does not
// exist. What is no slug is no workspace: read models know organizations and accounts by names with a slash in them.
func (p Principal) In(ws domain.Slug) bool {
	return !strings.Contains(string(ws), "/") && (p.Workspace == "" || p.Workspace == ws)
}

// CanRead says whether the principal may look into a workspace.
func (p Principal) CanRead(ws domain.Slug) bool { return p.In(ws) && p.Has(Read) }

// CanWrite says whether the principal may change things in a workspace.
func (p Principal) CanWrite(ws domain.Slug) bool { return p.In(ws) && p.Has(Write) }

// CanIngest says whether the principal may send events into a workspace.
func (p Principal) CanIngest(ws domain.Slug) bool { return p.In(ws) && p.Has(IngestOnly) }

// CanAdmin says whether the principal may archive, restore and delete a workspace and handle its keys.
func (p Principal) CanAdmin(ws domain.Slug) bool { return p.In(ws) && p.Has(Admin) }

// IsAdmin says whether the principal may create workspaces and handle what belongs to none.
func (p Principal) IsAdmin() bool { return p.Workspace == "" && p.Has(Admin) }

// Actor is how the principal stands in events.
func (p Principal) Actor() domain.Actor { return domain.Actor{Kind: "key", ID: p.KeyID} }

// Target settles which workspace a request is about: the one the key is bound to, the one it names, or the default of
// the key's owner. A request that names another than the key's is a *MismatchError.
func (p Principal) Target(named domain.Slug) (domain.Slug, error) {
	switch {
	case named == "" && p.Workspace != "":
		return p.Workspace, nil
	case named == "":
		return p.DefaultWorkspace, nil
	case p.Workspace != "" && named != p.Workspace:
		return "", &MismatchError{Named: named, Bound: p.Workspace}
	}
	return named, nil
}

// String names the principal for logs.
func (p Principal) String() string {
	scopes := make([]string, len(p.Scopes))
	for i, s := range p.Scopes {
		scopes[i] = string(s)
	}
	where := "every workspace"
	if p.Workspace != "" {
		where = string(p.Workspace)
	}
	return fmt.Sprintf("key %s (%s in %s)", p.KeyID, strings.Join(scopes, ","), where)
}

type principalKey struct{}

// With puts the principal into the context of a request.
func With(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// From is the principal of the request; ok is false on public pages, and then nothing is allowed.
func From(ctx context.Context) (p Principal, ok bool) {
	p, ok = ctx.Value(principalKey{}).(Principal)
	return p, ok
}
