package workspaces_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/projections/read"
)

// facts is a command that records what it is given, as an older or stranger writer may have.
type facts []domain.Event

func (facts) Needs() []domain.Entity                         { return nil }
func (f facts) Decide(domain.States) ([]domain.Event, error) { return f, nil }

// A town is organizations with workspaces in which random things happen to who may do what.
type town struct {
	*house
	*rand.Rand
	rights *access.Rights
	people []domain.Grantee
	heads  map[domain.Slug]domain.Revision // by the names of the read models
	spaces map[domain.Slug]domain.Slug     // workspace to organization
}

func (w *town) happens(stream domain.Stream, scope domain.Slug, events ...domain.Event) {
	w.Helper()
	res, err := w.commands.Execute(w.Context(), eventstore.Request{Stream: stream, Command: facts(events)})
	if err != nil {
		w.Fatal(err)
	}
	w.heads[scope] = res.Revision
}

func (w *town) inWorkspace(slug domain.Slug, events ...domain.Event) {
	w.Helper()
	w.happens(domain.WorkspaceStream(slug), slug, events...)
}

func (w *town) inOrganization(slug domain.Slug, events ...domain.Event) {
	w.Helper()
	w.happens(domain.OrganizationStream(slug), projections.OrganizationScope(slug), events...)
}

// projected waits until the read models have it all.
func (w *town) projected() {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
	defer cancel()
	for scope, head := range w.heads {
		if err := w.engine.Wait(ctx, scope, head); err != nil {
			w.Fatal(err)
		}
	}
}

var (
	organizations = []domain.Slug{"acme", "globex", "initech"}
	teams         = []string{"core", "data"} // of the same names in each
	customs       = []string{"looker", "writer"}
)

func newTown(t *testing.T, seed uint64) *town {
	h := newHouse(t)
	w := &town{house: h, Rand: rand.New(rand.NewPCG(seed, 7)), rights: access.NewRights(h.store, nil, "acme"), heads: map[domain.Slug]domain.Revision{}, spaces: map[domain.Slug]domain.Slug{}}
	for i := range 5 {
		w.people = append(w.people, domain.Person(uuid.UUID{15: byte(i + 1)}))
	}
	w.people = append(w.people, domain.Grantee{Kind: domain.ServiceGrantee, ID: uuid.UUID{15: 99}.String()})
	for i, org := range organizations {
		founder := w.people[i]
		w.inOrganization(org, domain.OrganizationCreated{Slug: org, Name: string(org), Owner: uuid.MustParse(founder.ID)}, domain.RoleGranted{Member: founder, Role: domain.Owner},
			domain.ServiceAccountCreated{Account: uuid.UUID{15: 99}, Name: "robot"},
			domain.RoleDefined{Name: "looker", Permissions: []domain.Permission{domain.ReadWorkspace}}, domain.RoleDefined{Name: "writer", Permissions: []domain.Permission{domain.WriteRuns}})
		for _, team := range teams {
			w.inOrganization(org, domain.TeamCreated{Team: team})
		}
		for n := range 4 {
			slug := domain.Slug(fmt.Sprintf("%s-%d", org, n))
			w.spaces[slug] = org
			owner := w.people[w.IntN(3)]
			w.inWorkspace(slug, domain.WorkspaceCreated{Slug: slug, Name: string(slug), Organization: org, Owner: uuid.MustParse(owner.ID)}, domain.RoleGranted{Member: owner, Role: domain.Owner},
				domain.RoleDefined{Name: "looker", Permissions: []domain.Permission{domain.ReadWorkspace, domain.WriteRuns}}, domain.RoleDefined{Name: "writer", Permissions: []domain.Permission{domain.WriteRuns}})
		}
	}
	return w
}

func pick[T any](w *town, from []T) T { return from[w.IntN(len(from))] }

// grantee is somebody, or a team.
func (w *town) grantee() domain.Grantee {
	if w.IntN(3) == 0 {
		return domain.Grantee{Kind: domain.TeamGrantee, ID: pick(w, teams)}
	}
	return pick(w, w.people)
}

// happening lets one thing happen.
func (w *town) happening(slugs []domain.Slug) {
	slug, org := pick(w, slugs), pick(w, organizations)
	there := []domain.RoleRef{domain.Viewer, domain.Member, domain.Admin, domain.Owner, {Level: domain.WorkspaceLevel, Name: pick(w, customs)}, {Level: domain.OrganizationLevel, Name: pick(w, customs)}}
	in := []domain.RoleRef{domain.Member, domain.Member, domain.Admin, domain.Owner, {Level: domain.OrganizationLevel, Name: pick(w, customs)}}
	switch w.IntN(14) {
	case 0, 1, 2:
		w.inWorkspace(slug, domain.RoleGranted{Member: w.grantee(), Role: pick(w, there)})
	case 3:
		w.inWorkspace(slug, domain.RoleRevoked{Member: w.grantee(), Role: pick(w, there)})
	case 4:
		w.inWorkspace(slug, domain.MemberRemoved{Member: w.grantee()})
	case 5, 6:
		w.inOrganization(org, domain.RoleGranted{Member: w.grantee(), Role: pick(w, in)})
	case 7:
		w.inOrganization(org, domain.MemberRemoved{Member: w.grantee()})
	case 8:
		g := w.grantee()
		w.inOrganization(org, domain.RoleGranted{Member: g, Role: domain.Member}, domain.MemberSuspended{Member: g})
	case 9:
		g := w.grantee()
		w.inOrganization(org, domain.RoleGranted{Member: g, Role: domain.Member}, domain.MemberReinstated{Member: g})
	case 10, 11:
		team, member := pick(w, teams), pick(w, w.people)
		if w.IntN(3) == 0 {
			w.inOrganization(org, domain.TeamMemberRemoved{Team: team, Member: member})
		} else {
			w.inOrganization(org, domain.TeamMemberRemoved{Team: team, Member: member}, domain.TeamMemberAdded{Team: team, Member: member})
		}
	case 12:
		if name := pick(w, customs); w.IntN(2) == 0 {
			w.inOrganization(org, domain.RoleDeleted{Name: name})
		} else {
			w.inWorkspace(slug, domain.RoleDefined{Name: name, Permissions: []domain.Permission{pick(w, []domain.Permission{domain.ReadWorkspace, domain.WriteRuns})}})
		}
	case 13:
		switch w.IntN(6) {
		case 0:
			w.inWorkspace(slug, domain.WorkspaceDeleted{})
		case 1, 2:
			w.inWorkspace(slug, domain.WorkspaceArchived{})
		default:
			w.inWorkspace(slug, domain.WorkspaceRenamed{Name: fmt.Sprint("renamed ", w.IntN(100))})
		}
	}
}

// sources are sorted for comparing.
func sources(all []domain.Source) []domain.Source {
	all = slices.Clone(all)
	for i := range all {
		all[i].Permissions = slices.Sorted(slices.Values(all[i].Permissions))
	}
	slices.SortFunc(all, func(a, b domain.Source) int {
		return cmp.Or(cmp.Compare(a.Level, b.Level), cmp.Compare(a.Team, b.Team), cmp.Compare(a.Role.String(), b.Role.String()))
	})
	return all
}

// judged is what the log says: which workspaces somebody may see, and through what.
func (w *town) judged(who domain.Grantee) map[domain.Slug][]domain.Source {
	out := map[domain.Slug][]domain.Source{}
	for slug := range w.spaces {
		a, err := w.rights.Workspace(w.Context(), who, slug)
		if err != nil {
			w.Fatal(err)
		}
		if a.Holds.Has(domain.ReadWorkspace) {
			out[slug] = sources(a.Through)
		}
	}
	return out
}

var everyState = []string{"active", "archived", "deleted"}

// listed is what the list says, page by page, forwards or backwards.
func (w *town) listed(who domain.Grantee, at time.Time, back bool) (list []read.Overview) {
	w.Helper()
	schema, err := w.engine.Live(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	q := read.OverviewQuery{Who: who, Time: at, States: everyState, Page: read.Page{Limit: 3, Back: back}}
	var all []read.Sighting
	for more := true; more; {
		sightings := w.read.Sightings
		if !at.IsZero() {
			sightings = w.read.AllSightings
		}
		seen, err := sightings(w.Context(), schema, q)
		if err != nil {
			w.Fatal(err)
		}
		all = seen
		if more = len(seen) > q.Page.Limit; more && at.IsZero() {
			seen = cut(seen, q.Page)
		}
		rows, err := w.read.Overviews(w.Context(), schema, q, seen)
		if err != nil {
			w.Fatal(err)
		}
		if !at.IsZero() {
			if more = len(rows) > q.Page.Limit; more {
				rows = cut(rows, q.Page)
			}
		}
		if len(rows) == 0 {
			break
		}
		if back {
			list = append(slices.Clone(rows), list...)
			q.Page.After = &read.Mark{Value: string(rows[0].Slug)}
		} else {
			list = append(list, rows...)
			q.Page.After = &read.Mark{Value: string(rows[len(rows)-1].Slug)}
		}
	}
	if at.IsZero() { // as they are collected from what somebody holds, and not looked for in the order of the list
		collected, err := w.read.AllSightings(w.Context(), schema, read.OverviewQuery{Who: who, States: everyState})
		same := slices.EqualFunc(collected, list, func(s read.Sighting, o read.Overview) bool { return s.Slug == o.Slug })
		if err != nil || !same {
			w.Errorf("%s: %d are listed, %d collected, %v", who, len(list), len(collected), err)
		}
	}
	n, err := w.read.CountOverviews(w.Context(), schema, q, all, 100)
	if err != nil || n != len(list) {
		w.Errorf("%s: counted %d of %d, %v", who, n, len(list), err)
	}
	return list
}

// cut leaves out the row that says that there is more.
func cut[T any](rows []T, p read.Page) []T {
	if p.Back {
		return rows[len(rows)-p.Limit:]
	}
	return rows[:p.Limit]
}

// Given random grants, revocations, teams, suspensions, custom roles and deletions, a list of workspaces is what the log
// says of each workspace, one by one: now, and as it was at any earlier moment of those that may be seen now.
func TestOverviewsAreWhatTheLogSays(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w := newTown(t, seed)
			slugs := make([]domain.Slug, 0, len(w.spaces))
			for slug := range w.spaces {
				slugs = append(slugs, slug)
			}
			slices.Sort(slugs)
			type moment struct {
				at   time.Time
				then map[domain.Grantee]map[domain.Slug][]domain.Source
			}
			var moments []moment
			for range 6 {
				for range 25 {
					w.happening(slugs)
				}
				w.projected()
				w.rights = access.NewRights(w.store, nil, "acme") // one that remembers nothing
				m := moment{at: w.last(), then: map[domain.Grantee]map[domain.Slug][]domain.Source{}}
				for _, who := range w.people {
					m.then[who] = w.judged(who)
					w.equal(who, "now", m.then[who], w.listed(who, time.Time{}, w.IntN(2) == 0))
				}
				moments = append(moments, m)
			}
			now := moments[len(moments)-1].then
			for _, m := range moments {
				for _, who := range w.people {
					want := map[domain.Slug][]domain.Source{}
					for slug := range now[who] {
						want[slug] = m.then[who][slug] // nil: it was not seen then, which no list hides
					}
					w.equal(who, "as of "+m.at.Format(time.RFC3339Nano), want, w.listed(who, m.at, w.IntN(2) == 0))
				}
			}
		})
	}
}

// last is the newest recorded time of all.
func (w *town) last() (at time.Time) {
	for slug := range w.spaces {
		at = latest(w, domain.WorkspaceStream(slug), at)
	}
	for _, org := range organizations {
		at = latest(w, domain.OrganizationStream(org), at)
	}
	return at
}

func latest(w *town, stream domain.Stream, at time.Time) time.Time {
	info, err := w.store.Info(w.Context(), stream)
	if err != nil {
		w.Fatal(err)
	}
	if info.RecordedAt.After(at) {
		return info.RecordedAt
	}
	return at
}

func (w *town) equal(who domain.Grantee, when string, want map[domain.Slug][]domain.Source, got []read.Overview) {
	w.Helper()
	if !slices.IsSortedFunc(got, func(a, b read.Overview) int { return cmp.Compare(a.Slug, b.Slug) }) {
		w.Errorf("%s %s: the list is not sorted", who, when)
	}
	seen := map[domain.Slug]bool{}
	for _, o := range got {
		through, ok := want[o.Slug]
		seen[o.Slug] = true
		switch {
		case !ok:
			w.Errorf("%s %s: %s is listed and may not be seen", who, when, o.Slug)
		case through != nil && fmt.Sprint(sources(o.Through)) != fmt.Sprint(through):
			w.Errorf("%s %s: %s is seen through %v, want %v", who, when, o.Slug, sources(o.Through), through)
		}
	}
	for slug := range want {
		if !seen[slug] {
			w.Errorf("%s %s: %s may be seen and is not listed", who, when, slug)
		}
	}
}
