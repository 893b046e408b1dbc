package projections

import (
	"reflect"
	"testing"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// The stored state of every entity is what its facts make of it, for streams of all kinds.
func TestDecisionStates(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	owner := uuid.MustParse("8d0cb0fc-1111-4c6e-9f5e-7a6f0f1f2a3b")
	org, account := domain.OrganizationStream("personal"), domain.AccountStream(owner)
	r.slice(org, 0, []domain.Event{domain.OrganizationCreated{Slug: "personal", Name: "Personal", Owner: owner}})
	r.slice(account, 0, []domain.Event{domain.AccountRegistered{Account: owner}})
	run := domain.RunRef{ID: "r"}
	r.append("one",
		domain.WorkspaceRenamed{Name: "The one"},
		domain.RunReported{Phase: domain.Started, Run: run},
		domain.WorkspaceLabelled{Set: map[string]string{"a": "1"}})
	e := r.engine(func(c *Config) { c.PageSize = 2 })
	r.run(e)
	last := r.append("one",
		report("poison"), // the read model stops there, the decision states do not
		domain.RunReported{Phase: domain.Succeeded, Run: run},
		domain.WorkspaceArchived{})
	level := func(stream domain.Stream, entity domain.Entity, last domain.Revision) (state *domain.State) {
		eventually(t, "the states of "+string(stream), func() bool {
			s, asOf, ok, err := e.State(t.Context(), stream, entity)
			state = s
			return err == nil && ok && asOf == last
		})
		return state
	}
	for _, tt := range []struct {
		stream domain.Stream
		entity domain.Entity
		last   domain.Revision
	}{
		{domain.WorkspaceStream("one"), domain.WorkspaceEntity(), last},
		{domain.WorkspaceStream("one"), domain.RunEntity(run), last},
		{org, domain.OrganizationCreated{Slug: "personal"}.Subject(), 0},
		{account, domain.AccountRegistered{Account: owner}.Subject(), 0},
	} {
		facts, err := r.store.ReadEntity(t.Context(), tt.stream, tt.entity, 0)
		if err != nil || len(facts) == 0 {
			t.Fatalf("%d facts, %v", len(facts), err)
		}
		want := &domain.State{Changed: domain.NoRevision}
		for i := range facts {
			if err := want.Apply(&facts[i]); err != nil {
				t.Fatal(err)
			}
		}
		if got := level(tt.stream, tt.entity, tt.last); !reflect.DeepEqual(got, want) {
			t.Errorf("the state of %s %s is %+v, want %+v", tt.stream, tt.entity.Kind, got, want)
		}
	}
	if got := level(domain.WorkspaceStream("one"), domain.RunEntity(domain.RunRef{ID: "nobody"}), last); got != nil {
		t.Errorf("an entity without facts has the state %+v", got)
	}
	if s, _, ok, err := e.State(t.Context(), domain.WorkspaceStream("unknown"), domain.WorkspaceEntity()); s != nil || ok || err != nil {
		t.Errorf("a stream that was never met: %v, %v, %v", s, ok, err)
	}
}
