package people_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

func TestAnOrganizationComesWithItsDefaultWorkspace(t *testing.T) {
	t.Parallel()
	o := open(t)
	made := o.acme()
	if made.Slug != "acme" || made.Workspace != "acme-default" || made.Revision != 0 {
		t.Errorf("made %+v", made)
	}
	first, second := o.events("organization-acme"), o.events("workspace-acme-default")
	if want := (domain.OrganizationCreated{Slug: "acme", Name: "Acme", Owner: ada}); len(first) != 1 || first[0].Event != domain.Event(want) {
		t.Fatalf("the organization is %+v, want %+v", first, want)
	}
	if len(second) != 1 {
		t.Fatalf("the default workspace has %d events, want 1", len(second))
	}
	ws := second[0].Event.(domain.WorkspaceCreated)
	if ws.Name != "Default" || ws.Kind != domain.DefaultWorkspace || ws.Organization != "acme" || ws.Owner != ada {
		t.Errorf("the default workspace is %+v", ws)
	}
	if m := second[0].Meta; m.Actor != (domain.Actor{Kind: "account", ID: ada.String()}) || m.CausationID == nil || *m.CausationID != first[0].EventID {
		t.Errorf("the workspace is made by %+v because of %v, want by ada because of the organization", m.Actor, m.CausationID)
	}
}

// What is interrupted between the two streams is finished later, by whoever comes first, and once.
func TestAnOrganizationThatWasInterruptedIsCompleted(t *testing.T) {
	t.Parallel()
	ask := people.NewOrganization{Ask: people.Ask{Key: "k"}, Slug: "acme", Name: "Acme"}
	for name, finish := range map[string]func(t *testing.T, o *office){
		"by the same request again": func(t *testing.T, o *office) {
			again, err := o.CreateOrganization(t.Context(), session(ada), ask)
			if err != nil || !again.Duplicate {
				t.Errorf("the request again: %+v, %v; want a duplicate", again, err)
			}
		},
		"when a server starts": func(t *testing.T, o *office) {
			ctx, cancel := context.WithCancel(t.Context())
			var seen sync.WaitGroup
			seen.Go(func() { o.Complete(ctx, slog.New(slog.DiscardHandler)) })
			for len(o.events("workspace-acme-default")) == 0 && t.Context().Err() == nil {
				o.log()
			}
			cancel()
			seen.Wait()
		},
		"by ten servers at once": func(t *testing.T, o *office) {
			ctx, cancel := context.WithCancel(t.Context())
			var seen sync.WaitGroup
			for range 10 {
				other := openOn(t, o.store) // as another process: an executor of its own
				seen.Go(func() { other.Complete(ctx, slog.New(slog.DiscardHandler)) })
			}
			for len(o.events("workspace-acme-default")) == 0 && t.Context().Err() == nil {
				o.log()
			}
			cancel()
			seen.Wait()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Given a server that dies between the two.
			o := open(t)
			o.Commands = dies{o.Commands, "workspace-acme-default"}
			if _, err := o.CreateOrganization(t.Context(), session(ada), ask); !errors.Is(err, errDied) {
				t.Fatalf("the server did not die: %v", err)
			}
			if len(o.events("organization-acme")) != 1 || len(o.events("workspace-acme-default")) != 0 {
				t.Fatal("it did not die between the two")
			}
			// When it is finished.
			finish(t, openOn(t, o.store))
			// Then the workspace is there, as if nothing had been.
			events := o.events("workspace-acme-default")
			if len(events) != 1 {
				t.Fatalf("the default workspace has %d events, want 1", len(events))
			}
			if ws := events[0].Event.(domain.WorkspaceCreated); ws.Name != "Default" || ws.Kind != domain.DefaultWorkspace || ws.Owner != ada || events[0].Meta.Actor.ID != ada.String() {
				t.Errorf("the default workspace is %+v by %+v", ws, events[0].Meta.Actor)
			}
		})
	}
}

var errDied = errors.New("the server died")

// dies is a commander that dies before the command of a stream.
type dies struct {
	eventstore.Commander
	before domain.Stream
}

func (d dies) Execute(ctx context.Context, r eventstore.Request) (eventstore.Result, error) {
	if r.Stream == d.before {
		return eventstore.Result{}, errDied
	}
	return d.Commander.Execute(ctx, r)
}

func TestWhatCannotBeAnOrganization(t *testing.T) {
	t.Parallel()
	service := session(bob)
	service.Holder = domain.ServiceGrantee
	bound := session(ada)
	bound.Workspace = "lab"
	writer := session(ada)
	writer.Scopes = []access.Scope{access.Write}
	tooLong := domain.Revision(0)
	for name, test := range map[string]struct {
		who     access.Principal
		ask     people.NewOrganization
		code    domain.Code
		subject string
	}{
		"no name and no slug":           {session(ada), people.NewOrganization{}, domain.Required, "name"},
		"a name without letters":        {session(ada), people.NewOrganization{Name: "…"}, domain.Required, "slug"},
		"capitals":                      {session(ada), people.NewOrganization{Slug: "Acme"}, domain.Invalid, "slug"},
		"two dashes":                    {session(ada), people.NewOrganization{Slug: "ac--me"}, domain.Invalid, "slug"},
		"too short":                     {session(ada), people.NewOrganization{Slug: "ac"}, domain.Invalid, "slug"},
		"no room for its workspace":     {session(ada), people.NewOrganization{Slug: domain.Slug(strings.Repeat("a", 33))}, domain.TooLong, "slug"},
		"a reserved word":               {session(ada), people.NewOrganization{Slug: "workspaces"}, domain.Invalid, "slug"},
		"the name of a default":         {session(ada), people.NewOrganization{Slug: "acme-default"}, domain.Invalid, "slug"},
		"a name of two lines":           {session(ada), people.NewOrganization{Slug: "acme", Name: "a\nb"}, domain.Invalid, "name"},
		"a name that is too long":       {session(ada), people.NewOrganization{Slug: "acme", Name: strings.Repeat("a", 201)}, domain.TooLong, "name"},
		"a slug that is taken":          {session(ada), people.NewOrganization{Slug: "taken"}, domain.AlreadyExists, "slug"},
		"a workspace that is taken":     {session(ada), people.NewOrganization{Slug: "older"}, domain.AlreadyExists, "slug"},
		"a long key":                    {session(ada), people.NewOrganization{Ask: people.Ask{Key: strings.Repeat("k", 129)}, Slug: "acme"}, domain.TooLong, "idempotencyKey"},
		"a long reason":                 {session(ada), people.NewOrganization{Ask: people.Ask{Reason: strings.Repeat("k", 2001)}, Slug: "acme"}, domain.TooLong, "reason"},
		"a service account":             {service, people.NewOrganization{Slug: "acme"}, domain.Forbidden, ""},
		"a key bound to a workspace":    {bound, people.NewOrganization{Slug: "acme"}, domain.Forbidden, ""},
		"a key that may only write":     {writer, people.NewOrganization{Slug: "acme"}, domain.Forbidden, ""},
		"one that is there, and locked": {session(ada), people.NewOrganization{Ask: people.Ask{Since: &tooLong}, Slug: "taken"}, domain.AlreadyExists, "slug"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			if _, err := o.CreateOrganization(t.Context(), session(bob), people.NewOrganization{Slug: "taken"}); err != nil {
				t.Fatal(err)
			}
			// An older version let a workspace have any name.
			o.record("workspace-older-default", domain.WorkspaceCreated{Slug: "older-default", Name: "Older", Organization: "personal", Owner: bob})
			before := o.log()
			_, err := o.CreateOrganization(t.Context(), test.who, test.ask)
			refused(t, err, test.code, test.subject)
			if o.log() != before {
				t.Error("something was changed all the same")
			}
		})
	}
}

// facts are a command that finds nothing wrong.
type facts []domain.Event

func (f facts) Needs() (subjects []domain.Entity) {
	for _, e := range f {
		subjects = append(subjects, e.Subject())
	}
	return subjects
}
func (f facts) Decide(domain.States) ([]domain.Event, error) { return f, nil }

// record appends facts as an older version did.
func (o *office) record(stream domain.Stream, events ...domain.Event) {
	o.t.Helper()
	_, err := o.Commands.Execute(o.t.Context(), eventstore.Request{Stream: stream, Command: facts(events)})
	if err != nil {
		o.t.Fatal(err)
	}
}

func TestOperatorsMayKeepOrganizationsToThemselves(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.OperatorsOnly = true
	o.record("organization-personal", domain.OrganizationCreated{Slug: "personal", Name: "Personal", Personal: true, Owner: ada})
	_, err := o.CreateOrganization(t.Context(), session(bob), people.NewOrganization{Slug: "bobs"})
	refused(t, err, domain.Forbidden, "")
	if _, err := o.CreateOrganization(t.Context(), session(ada), people.NewOrganization{Slug: "adas"}); err != nil {
		t.Errorf("an operator: %v", err)
	}
}

func TestSlugsOfOrganizationsAreDerivedFromNames(t *testing.T) {
	t.Parallel()
	o := open(t)
	for i, want := range []domain.Slug{"acme-ltd", "acme-ltd-2", "acme-ltd-3"} {
		made, err := o.CreateOrganization(t.Context(), session(ada), people.NewOrganization{Ask: people.Ask{Key: fmt.Sprint(i)}, Name: "Acme, Ltd."})
		if err != nil || made.Slug != want || made.Workspace != want+"-default" {
			t.Errorf("made %+v, %v; want %s", made, err, want)
		}
	}
	again, err := o.CreateOrganization(t.Context(), session(ada), people.NewOrganization{Ask: people.Ask{Key: "1"}, Name: "Acme, Ltd."})
	if err != nil || again.Slug != "acme-ltd-2" || !again.Duplicate {
		t.Errorf("the second request again: %+v, %v; want acme-ltd-2, which it made", again, err)
	}
	long, err := o.CreateOrganization(t.Context(), session(ada), people.NewOrganization{Name: strings.Repeat("long name ", 10)})
	if err != nil || len(long.Slug) > 32 {
		t.Errorf("of a long name: %+v, %v", long, err)
	}
}

func TestPersonalOrganizations(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.record("organization-personal", domain.OrganizationCreated{Slug: "personal", Name: "Personal", Personal: true, Owner: ada})
	for _, test := range []struct {
		account uuid.UUID
		name    string
		want    domain.Slug
	}{
		{ada, "Ada", "personal"}, // the first owner has the first organization
		{bob, "Bob Bell", "bob-bell"}, {bob, "Bob Bell", "bob-bell"}, {eve, "bob bell", "bob-bell-2"},
		{uuid.UUID{15: 4}, "eve@example.com", "eve"}, {uuid.UUID{15: 5}, "伊芙", "user-00000000"}, {uuid.UUID{15: 6}, "", "user-00000000-2"},
		{uuid.UUID{15: 7}, "login", "user-00000000-3"},
	} {
		made, err := o.EnsurePersonal(t.Context(), test.account, test.name)
		if err != nil || made.Slug != test.want || made.Workspace != o.DefaultOf(test.want) {
			t.Errorf("of %q: %+v, %v; want %s", test.name, made, err, test.want)
		}
	}
	events := o.events("workspace-bob-bell-default")
	if len(events) != 1 {
		t.Fatalf("the default workspace has %d events, want 1", len(events))
	}
	if ws := events[0].Event.(domain.WorkspaceCreated); ws.Name != "Personal" || ws.Owner != bob || ws.Kind != domain.DefaultWorkspace {
		t.Errorf("the default workspace is %+v", ws)
	}
	if org := o.events("organization-bob-bell")[0].Event.(domain.OrganizationCreated); !org.Personal || org.Name != "Personal" {
		t.Errorf("the organization is %+v: it says nothing of the person's name but its slug", org)
	}
	_, err := o.EnsurePersonal(t.Context(), uuid.Nil, "x")
	refused(t, err, domain.Required, "account")
}

// A hundred servers make the personal organization of one account at once: there is one.
func TestOnePersonalOrganizationWhoeverMakesIt(t *testing.T) {
	t.Parallel()
	o := open(t)
	var all sync.WaitGroup
	for range 10 {
		other := openOn(t, o.store)
		for range 10 {
			all.Go(func() {
				if made, err := other.EnsurePersonal(t.Context(), bob, "Bob"); err != nil || made.Slug != "bob" {
					t.Errorf("made %+v, %v", made, err)
				}
			})
		}
	}
	all.Wait()
	if n := o.log(); n != 2 {
		t.Errorf("the log has %d events, want 2", n)
	}
}
