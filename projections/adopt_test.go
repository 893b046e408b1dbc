package projections

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// An instance of an earlier version has organizations and accounts that the lanes came by long ago: they are projected
// when a server of this version starts, not only with their next event.
func TestOrganizationsAndAccountsOfEarlierVersionsAreAdopted(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	owner := uuid.UUID{15: 1}
	scopes := []domain.Slug{OrganizationScope("acme"), AccountScope(owner.String())}
	r.mu.Lock()
	r.slice(domain.OrganizationStream("acme"), 0, []domain.Event{
		domain.OrganizationCreated{Slug: "acme", Name: "Acme", Owner: owner}, domain.OrganizationRenamed{Slug: "acme", Name: "Acme Ltd"},
	})
	r.slice(domain.AccountStream(owner), 0, []domain.Event{domain.AccountRegistered{Account: owner}})
	r.mu.Unlock()
	r.write("lab", 3)
	first := r.engine()
	stop := r.run(first)
	r.waitFor(first, scopes[0], 1)
	r.waitFor(first, scopes[1], 0)
	r.waitFor(first, "lab", 3)
	eventually(t, "the organization is found", func() bool {
		found, _, err := first.Organizations(t.Context(), 0)
		return err == nil && slices.Equal(found, []domain.Slug{"acme"})
	})
	eventually(t, "the account is found", func() bool {
		var there bool
		err := r.pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM states.streams WHERE stream LIKE 'account-%')`).Scan(&there)
		return err == nil && there
	})
	stop()

	// Given a model as the earlier version left it: it has nothing of either, and the lanes are past them.
	model, err := first.liveModel(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"progress", "audit_entries", "counters"} {
		sql := fmt.Sprintf(`DELETE FROM %s.%s WHERE ws IN (SELECT number FROM log.workspaces WHERE slug LIKE '%%/%%')`, model.Schema, table)
		if _, err := r.pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.pool.Exec(t.Context(), `DELETE FROM log.workspaces WHERE slug LIKE '%/%'`); err != nil {
		t.Fatal(err)
	}

	// When this version starts, then both are there, folded once, and their next events go on from there.
	second := r.engine()
	r.run(second)
	r.waitFor(second, scopes[0], 1)
	r.waitFor(second, scopes[1], 0)
	if got := r.rows(model.Schema, scopes[0]); got != all(1) {
		t.Errorf("the organization has the rows %s, want %s", got, all(1))
	}
	r.mu.Lock()
	r.slice(domain.OrganizationStream("acme"), 2, []domain.Event{domain.OrganizationRenamed{Slug: "acme", Name: "Acme"}})
	r.mu.Unlock()
	r.waitFor(second, scopes[0], 2)
	if got := r.rows(model.Schema, scopes[0]); got != all(2) {
		t.Errorf("after another event the organization has the rows %s, want %s", got, all(2))
	}
	if err := second.adopt(context.Background(), second.projected(model.Schema)); err != nil {
		t.Errorf("adopting once more: %v", err)
	}
}

func TestOrganizationsAreListedFromAMark(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := r.engine()
	r.run(e)
	for i, slug := range []domain.Slug{"one", "two"} {
		r.mu.Lock()
		r.slice(domain.OrganizationStream(slug), 0, []domain.Event{domain.OrganizationCreated{Slug: slug, Name: "x", Owner: uuid.UUID{15: 1}}})
		r.mu.Unlock()
		eventually(t, "it is found", func() bool {
			found, _, err := e.Organizations(t.Context(), 0)
			return err == nil && len(found) == i+1
		})
	}
	_, mark, err := e.Organizations(t.Context(), 0)
	if err != nil || mark == 0 {
		t.Fatalf("the mark after all is %d, %v", mark, err)
	}
	if found, again, err := e.Organizations(t.Context(), mark); err != nil || len(found) != 0 || again != mark {
		t.Errorf("after the mark there are %v and a mark of %d, %v; want none and the same mark", found, again, err)
	}
	if found, _, err := e.Organizations(t.Context(), mark-1); err != nil || !slices.Equal(found, []domain.Slug{"two"}) {
		t.Errorf("after the one before it there is %v, %v", found, err)
	}
}
