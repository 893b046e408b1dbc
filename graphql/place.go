package graphql

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/projections/read"
)

// A place is a workspace or organization at a moment, with all that decides who may do what there: its rosters, and who is
// in the teams that hold a role. It says as of any moment what access.Rights say of the present.
type place struct {
	at      *model.Moment
	org     *model.Moment // of the organization; nil: there was none then
	rosters domain.Rosters
	held    map[string]read.Member     // by KIND:ID: who holds a role in the place itself
	teams   map[string]map[string]bool // by KIND:ID: the teams with a role here that somebody is in
	robots  map[string]bool            // the service accounts there are, by KIND:ID
	people  map[uuid.UUID]read.Account // as they were then
}

// placeAt reads the place of a moment, once for an answer.
func (r *Resolver) placeAt(ctx context.Context, at *model.Moment) (*place, error) {
	got, err := at.Once("place", func() (any, error) { return r.readPlace(ctx, at) })
	if err != nil {
		return nil, err
	}
	return got.(*place), nil
}

func (r *Resolver) readPlace(ctx context.Context, at *model.Moment) (*place, error) {
	p := &place{at: at, held: map[string]read.Member{}, teams: map[string]map[string]bool{}, robots: map[string]bool{}}
	members, err := r.Read.Members(ctx, at.At)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		p.held[m.Grantee] = m
	}
	roster, err := r.Read.Roster(ctx, at.At)
	if err != nil {
		return nil, err
	}
	if projections.IsWorkspace(at.At.Slug) {
		p.rosters.Workspace = roster
		if p.org, err = r.organizationBeside(ctx, at); err != nil {
			return nil, err
		}
	} else {
		p.org, p.rosters.Organization = at, roster
	}
	if p.org != nil && p.org != at {
		if p.rosters.Organization, err = r.Read.Roster(ctx, p.org.At); err != nil {
			return nil, err
		}
	}
	if p.org != nil {
		if err := r.readTeams(ctx, p); err != nil {
			return nil, err
		}
	}
	p.people, err = r.peopleAt(ctx, at, accountsIn(p.everybody()))
	return p, err
}

// peopleAt are people as they were at the time of a moment. Nearly nobody changed since they registered; whoever did is
// looked at in their own stream.
func (r *Resolver) peopleAt(ctx context.Context, at *model.Moment, ids []uuid.UUID) (map[uuid.UUID]read.Account, error) {
	people, err := r.Read.Accounts(ctx, at.At, ids)
	if err != nil || at.Asked == nil {
		return people, err
	}
	for id, a := range people {
		if a.Since == 0 {
			continue
		}
		then, err := r.openScope(ctx, projections.AccountScope(id.String()), beside(at), nil, 0)
		if err == errNoWorkspace || notYet(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		was, ok, err := r.Read.Account(ctx, then.At.For(at.At))
		if err != nil {
			return nil, err
		}
		if ok {
			people[id] = was
		}
	}
	return people, nil
}

// accountsIn are the people among members.
func accountsIn(members []string) (ids []uuid.UUID) {
	for _, key := range members {
		if text, ok := strings.CutPrefix(key, string(domain.AccountGrantee)+":"); ok {
			if id, err := uuid.Parse(text); err == nil {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// organizationBeside is the moment of a workspace's organization; nil where there was none then. It is not the caller's
// to see: it says what others may do in a workspace that they do see.
func (r *Resolver) organizationBeside(ctx context.Context, at *model.Moment) (*model.Moment, error) {
	w, ok, err := r.Read.Workspace(ctx, at.At)
	if err != nil || !ok {
		return nil, err
	}
	org, err := r.openScope(ctx, projections.OrganizationScope(w.Organization), beside(at), nil, 0)
	if err == errNoWorkspace || notYet(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &model.Moment{At: org.At.For(at.At), Asked: org.Asked}, nil
}

func (r *Resolver) readTeams(ctx context.Context, p *place) error {
	in, err := r.Read.TeamMembers(ctx, p.org.At, p.rosters.Mentioned())
	if err != nil {
		return err
	}
	for _, m := range in {
		if p.teams[m.Grantee] == nil {
			p.teams[m.Grantee] = map[string]bool{}
		}
		p.teams[m.Grantee][m.Team] = true
	}
	robots, err := r.Read.ServiceAccounts(ctx, p.org.At)
	if err != nil {
		return err
	}
	for _, a := range robots {
		p.robots[domain.Grantee{Kind: domain.ServiceGrantee, ID: a.ID.String()}.String()] = true
	}
	return nil
}

// of is by what somebody may do something here. A person who is shut out may do nothing, nor may a service account that
// was deleted.
func (p *place) of(who domain.Grantee) (sources []domain.Source, suspended bool) {
	key := who.String()
	switch who.Kind {
	case domain.AccountGrantee:
		if id, err := uuid.Parse(who.ID); err != nil || p.people[id].Disabled {
			return nil, false
		}
	case domain.ServiceGrantee:
		if !p.robots[key] {
			return nil, false
		}
	}
	rosters := p.rosters
	rosters.Teams = p.teams[key]
	return rosters.Effective(who)
}

// everybody are those who hold a role here or may do something here, by KIND:ID.
func (p *place) everybody() []string {
	seen := map[string]bool{}
	for key := range p.held {
		seen[key] = true
	}
	if p.rosters.Organization != nil {
		for key := range p.rosters.Organization.Members {
			seen[key] = true
		}
	}
	for key := range p.teams {
		seen[key] = true
	}
	out := make([]string, 0, len(seen))
	for key := range seen {
		out = append(out, key)
	}
	slices.Sort(out)
	return out
}

// member is somebody in the place; nil where they neither hold a role here nor may do anything.
func (p *place) member(key string) (*model.Member, error) {
	who, err := domain.ParseGrantee(key)
	if err != nil {
		return nil, err // the log holds no other
	}
	m := &model.Member{Who: who, Since: domain.NoRevision}
	m.Sources, m.Suspended = p.of(who)
	row, direct := p.held[key]
	if direct {
		m.Held, m.Since = row.Roles, row.Since
	}
	if !direct && len(m.Sources) == 0 {
		return nil, nil
	}
	return m, nil
}
