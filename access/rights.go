package access

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// staleAfter is how old an answer about rights may be: half of the 100 ms within which a right that was taken away on
// another server must be gone here. What is taken away through this server is gone at once.
const staleAfter = 50 * time.Millisecond

// Rights says who may do what where, by the rosters of workspaces and organizations as the log has them: no projection
// stands between a role that was taken away and the refusal that follows. It is safe for concurrent use.
type Rights struct {
	lens  *eventstore.Lens
	first domain.Slug

	// Hides says of a workspace with events that it is not there yet for anybody; nil: none is. Set it before the first
	// question.
	Hides func(ctx context.Context, ws domain.Slug) (bool, error)
	// Overlay says what somebody may do in a place that is there, instead of what the rosters say: of a server that shows
	// somebody else's history. Nil: the rosters do. Set it before the first question.
	Overlay func(who domain.Grantee, a domain.Access) domain.Access

	mu   sync.Mutex
	memo map[asked]answered
}

// asked and answered remember what the same states mean: a large roster is not gone through for each request.
type asked struct {
	who   domain.Grantee
	place domain.Stream
}

type answered struct {
	from   []*domain.State
	access domain.Access
}

// maxMemo bounds what is remembered.
const maxMemo = 50_000

// NewRights reads rosters from a store; stored may be nil and spares reading long histories. First is the organization
// whose admins operate the server.
func NewRights(store eventstore.Store, stored eventstore.StateSource, first domain.Slug) *Rights {
	return &Rights{lens: eventstore.NewLens(store, stored, staleAfter), first: first, memo: map[asked]answered{}}
}

// Lens is what rights are read through. Who decides by the same states reads them there too.
func (r *Rights) Lens() *eventstore.Lens { return r.lens }

// Workspace says what somebody may do in a workspace, whatever credential they come with. Where they may not read it, it
// is to look like one that does not exist. In a deleted one everything stays as it was, except that only owners read it:
// who had a right there is told that it was deleted.
func (r *Rights) Workspace(ctx context.Context, who domain.Grantee, ws domain.Slug) (domain.Access, error) {
	a, err := r.workspace(ctx, who, ws)
	return judged(a), err
}

func (r *Rights) workspace(ctx context.Context, who domain.Grantee, ws domain.Slug) (domain.Access, error) {
	if !isText(ws) {
		return domain.Access{}, nil
	}
	stream := domain.WorkspaceStream(ws)
	at := []eventstore.Sight{{Stream: stream, Entity: domain.WorkspaceEntity()}, {Stream: stream, Entity: domain.RosterEntity()}}
	seen, err := r.see(ctx, at, who)
	if err != nil || !seen[0].Exists {
		return domain.Access{}, err
	}
	if r.Hides != nil {
		if hidden, err := r.Hides(ctx, ws); err != nil || hidden {
			return domain.Access{}, err
		}
	}
	org := seen[0].Organization
	ofOrg, err := r.seeOrganization(ctx, org, who)
	if err != nil {
		return domain.Access{}, err
	}
	from := append(seen, ofOrg...)
	rosters := domain.Rosters{Workspace: domain.RosterOf(seen[0], seen[1]), Organization: domain.RosterOf(ofOrg[0], ofOrg[1])}
	return r.overlaid(who)(r.judge(ctx, asked{who, stream}, org, from, rosters, seen[0]))
}

// Organization says what somebody may do in an organization.
func (r *Rights) Organization(ctx context.Context, who domain.Grantee, org domain.Slug) (domain.Access, error) {
	a, err := r.organization(ctx, who, org)
	return judged(a), err
}

// isText says whether a name could be that of anything: no store takes a NUL or what is not UTF-8, and a question about such
// a name would be a failure of the database instead of the answer that there is none.
func isText(name domain.Slug) bool {
	return utf8.ValidString(string(name)) && !strings.ContainsRune(string(name), 0)
}

func (r *Rights) organization(ctx context.Context, who domain.Grantee, org domain.Slug) (domain.Access, error) {
	if !isText(org) {
		return domain.Access{}, nil
	}
	seen, err := r.seeOrganization(ctx, org, who)
	if err != nil || !seen[0].Exists {
		return domain.Access{}, err
	}
	rosters := domain.Rosters{Organization: domain.RosterOf(seen[0], seen[1])}
	return r.overlaid(who)(r.judge(ctx, asked{who, domain.OrganizationStream(org)}, org, seen, rosters, seen[0]))
}

// overlaid puts the overlay upon what was judged.
func (r *Rights) overlaid(who domain.Grantee) func(domain.Access, error) (domain.Access, error) {
	return func(a domain.Access, err error) (domain.Access, error) {
		if r.Overlay == nil || err != nil {
			return a, err
		}
		return r.Overlay(who, a), nil
	}
}

// Foresee looks at workspaces at once: what somebody may do in each is then answered without another look.
func (r *Rights) Foresee(ctx context.Context, who domain.Grantee, slugs []domain.Slug) error {
	at := make([]eventstore.Sight, 0, 2*len(slugs))
	for _, slug := range slugs {
		if !isText(slug) {
			continue
		}
		stream := domain.WorkspaceStream(slug)
		at = append(at, eventstore.Sight{Stream: stream, Entity: domain.WorkspaceEntity()}, eventstore.Sight{Stream: stream, Entity: domain.RosterEntity()})
	}
	_, err := r.lens.Foresee(ctx, withAccount(at, who)...)
	return err
}

// seeOrganization sees the organization, its roster, and whoever asks: a service account as its organization has it.
func (r *Rights) seeOrganization(ctx context.Context, org domain.Slug, who domain.Grantee) ([]*domain.State, error) {
	stream := domain.OrganizationStream(org)
	at := []eventstore.Sight{{Stream: stream, Entity: domain.OrganizationEntity(org)}, {Stream: stream, Entity: domain.RosterEntity()}}
	if id, err := uuid.Parse(who.ID); err == nil && who.Kind == domain.ServiceGrantee {
		at = append(at, eventstore.Sight{Stream: stream, Entity: domain.Entity{Kind: domain.KindServiceAccount, ID: id}})
	}
	return r.see(ctx, at, who)
}

// see sees entities, and behind them the account of a person.
func (r *Rights) see(ctx context.Context, at []eventstore.Sight, who domain.Grantee) ([]*domain.State, error) {
	return r.lens.See(ctx, withAccount(at, who)...)
}

// withAccount adds the account of a person to what is looked at.
func withAccount(at []eventstore.Sight, who domain.Grantee) []eventstore.Sight {
	if id, err := uuid.Parse(who.ID); err == nil && who.Kind == domain.AccountGrantee {
		at = append(at, eventstore.Sight{Stream: domain.AccountStream(id), Entity: domain.Entity{Kind: domain.KindAccount, ID: id}})
	}
	return at
}

// judge says what the states mean for who asks. The last of the states is that of who asks.
func (r *Rights) judge(ctx context.Context, q asked, org domain.Slug, from []*domain.State, rosters domain.Rosters, place *domain.State) (domain.Access, error) {
	self := from[len(from)-1]
	teams := rosters.Mentioned()
	at := make([]eventstore.Sight, len(teams))
	for i, name := range teams {
		at[i] = eventstore.Sight{Stream: domain.OrganizationStream(org), Entity: domain.TeamEntity(name)}
	}
	members, err := r.lens.See(ctx, at...)
	if err != nil {
		return domain.Access{}, err
	}
	from = append(from, members...)
	r.mu.Lock()
	known, ok := r.memo[q]
	r.mu.Unlock()
	if ok && slices.Equal(known.from, from) {
		return known.access, nil
	}
	a := domain.Access{Exists: true, Deleted: place.Deleted, Archived: place.Archived, Organization: org, Holds: domain.PermissionSet{}}
	if q.who.Kind == domain.ServiceGrantee && (!self.Exists || self.Deleted) || self.Disabled {
		return r.remember(q, from, a), nil
	}
	rosters.Teams = map[string]bool{}
	for i, name := range teams {
		rosters.Teams[name] = !members[i].Deleted && slices.Contains(members[i].Team, q.who)
	}
	a.Through, a.Suspended = rosters.Effective(q.who)
	a.Holds = domain.HoldsOf(a.Through)
	if a.Deleted && !domain.IsOwner(a.Through) {
		delete(a.Holds, domain.ReadWorkspace)
		delete(a.Holds, domain.ReadOrganization)
	}
	return r.remember(q, from, a), nil
}

func (r *Rights) remember(q asked, from []*domain.State, a domain.Access) domain.Access {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.memo) >= maxMemo {
		clear(r.memo)
	}
	r.memo[q] = answered{from, a}
	return a
}
