package people_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// ahead lets something else happen between what a desk saw and what it does.
type ahead struct {
	eventstore.Commander
	once  *sync.Once
	other func()
}

func (c ahead) Execute(ctx context.Context, r eventstore.Request) (eventstore.Result, error) {
	c.once.Do(c.other)
	return c.Commander.Execute(ctx, r)
}

// Somebody is shut out on another server in the moment in which they create a place: it has an owner who can act.
func TestWhoIsShutOutOwnsNothingNew(t *testing.T) {
	t.Parallel()
	for name, create := range map[string]func(d *people.Desk) (people.Place, error){
		"a workspace": func(d *people.Desk) (people.Place, error) {
			made, err := d.CreateWorkspace(t.Context(), session(bob), people.NewWorkspace{Organization: "acme", Slug: "late"})
			return people.Place{Workspace: made.Slug}, err
		},
		"a workspace of the founder": func(d *people.Desk) (people.Place, error) {
			made, err := d.CreateWorkspace(t.Context(), session(ada), people.NewWorkspace{Organization: "acme", Slug: "later"})
			return people.Place{Workspace: made.Slug}, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, _ := settled(t)
			o.grant(inAcme, bob, domain.Owner)
			o.grant(inLab, bob, domain.Owner)
			o.grant(people.Place{Workspace: "acme-default"}, bob, domain.Owner)
			who, heir := bob, ada
			if name != "a workspace" {
				who, heir = ada, bob
			}
			desk := *o.Desk
			desk.Commands = ahead{o.Commands, &sync.Once{}, func() {
				if err := o.shut(who, nil); err != nil {
					t.Error(err)
				}
			}}
			at, err := create(&desk)
			if err != nil {
				t.Fatal(err)
			}
			if got := o.owners(at); !slices.Equal(got, []domain.Grantee{domain.Person(heir)}) {
				t.Errorf("%s belongs to %v, want %s", at, got, heir)
			}
			if len(o.may(at, domain.Person(who))) != 0 {
				t.Error("who is shut out may do something there")
			}
		})
	}
}
