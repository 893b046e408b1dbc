package access

import (
	"cmp"
	"context"
	"fmt"
	"maps"
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

// A Principal is who asks, as far as the credential says: a key, a session or the token of a run.
type Principal struct {
	KeyID string // empty: a session's
	// SessionID is the session's of a signed-in person; empty: it is a key.
	SessionID string
	Kind      Kind
	Name      string // of the key, for people
	Scopes    []Scope
	// Workspace is the only one the key is good for; empty: every workspace that its holder may see.
	Workspace domain.Slug
	// Run is the only one that the token of a run may write; nil: it is no such token.
	Run *domain.RunRef
	// Account is the holder's id, Holder its kind: a person's account where it is empty, or a service account.
	Account uuid.UUID
	Holder  domain.GranteeKind
	// Organization is the holder's: a person's own, or the one that the service account belongs to. DefaultWorkspace is
	// where events go that name no workspace.
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

// Who is the person or service account that the credential speaks for: the one whose roles count.
func (p Principal) Who() domain.Grantee {
	return domain.Grantee{Kind: cmp.Or(p.Holder, domain.AccountGrantee), ID: p.Account.String()}
}

// Scoped is what of these permissions the credential lets its holder use: never more than he holds, whatever its scopes.
// The token of a run may send events in and write runs; of which run that is true, [Principal.MayRun] says.
func (p Principal) Scoped(held domain.PermissionSet) domain.PermissionSet {
	if p.Run == nil && p.Has(Admin) {
		return maps.Clone(held)
	}
	allowed := domain.SetOf()
	for _, s := range p.Scopes {
		allowed.Add(permitted[s]...)
	}
	if p.Run != nil {
		allowed = domain.SetOf(domain.IngestEvents, domain.WriteRuns)
	}
	out := domain.SetOf()
	for have := range held {
		if held[have] && allowed[have] {
			out.Add(have)
		}
	}
	return out
}

// permitted says which permissions a scope lets its holder use. Admin is not here: it lets all be used.
var permitted = func() map[Scope][]domain.Permission {
	member, _ := domain.BuiltinPermissions(domain.WorkspaceLevel, domain.Member)
	return map[Scope][]domain.Permission{
		Write:      append(member, domain.ReadOrganization, domain.ExportHistory),
		IngestOnly: {domain.IngestEvents},
		Read:       {domain.ReadWorkspace, domain.ReadOrganization, domain.ExportHistory},
	}
}()

// LeastScope is the narrowest scope that lets a permission through; ok is false for a permission that there is not.
func LeastScope(may domain.Permission) (s Scope, ok bool) {
	for _, s := range []Scope{IngestOnly, Read, Write} {
		if slices.Contains(permitted[s], may) {
			return s, true
		}
	}
	return Admin, slices.Contains(domain.Permissions(domain.WorkspaceLevel), may) || slices.Contains(domain.Permissions(domain.OrganizationLevel), may)
}

// MayRun says whether the credential may be used to write a run at all: the token of a run is good for that run alone.
func (p Principal) MayRun(r domain.RunRef) bool { return p.Run == nil || *p.Run == r }

// IsAdmin says whether the credential is for everything that its holder may do.
func (p Principal) IsAdmin() bool { return p.Workspace == "" && p.Has(Admin) }

// Actor is how the principal stands in events: the person or service account that acts, with the key where they act by
// one, so that it can be told which one it was.
func (p Principal) Actor() domain.Actor {
	if p.KeyID == systemKey {
		return domain.Actor{Kind: "system", ID: "serve"}
	}
	who := p.Who()
	return domain.Actor{Kind: string(who.Kind), ID: who.ID, Key: p.KeyID}
}

// systemKey stands for the server itself, where it makes a key for its first owner.
const systemKey = "system"

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
	if p.Run != nil {
		where = "run " + p.Run.String() + " of " + where
	}
	what := "key " + p.KeyID
	if p.SessionID != "" {
		what = "a session of " + p.Account.String()
	}
	return fmt.Sprintf("%s (%s in %s)", what, strings.Join(scopes, ","), where)
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
