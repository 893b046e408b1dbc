package people_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/memory"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// The people of the tests.
var ada, bob, eve, mel = uuid.UUID{15: 1}, uuid.UUID{15: 2}, uuid.UUID{15: 3}, uuid.UUID{15: 4}

// An office is a desk over a log, and what a test needs beside it.
type office struct {
	*people.Desk
	t     testing.TB
	store eventstore.Store
}

// executor is one over a store, closed when the test ends.
func executor(t testing.TB, s eventstore.Store) *eventstore.Executor {
	t.Helper()
	x := eventstore.New(s, eventstore.Config{})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := x.Close(ctx); err != nil {
			t.Errorf("close the executor: %v", err)
		}
	})
	return x
}

// open is an office over a log in memory.
func open(t testing.TB) *office {
	t.Helper()
	s := memory.New()
	t.Cleanup(func() { _ = s.Close() })
	return openOn(t, s)
}

// session is how somebody comes who has signed in.
func session(account uuid.UUID) access.Principal {
	return access.Principal{SessionID: "s-" + account.String(), Account: account, Scopes: []access.Scope{access.Admin}, Organization: "none"}
}

// found are the organizations of a log.
type found struct{ store eventstore.Store }

func (f found) Organizations(ctx context.Context, after int32) (slugs []domain.Slug, mark int32, err error) {
	page, err := f.store.ReadAll(ctx, eventstore.Position{}, math.MaxInt32)
	for _, e := range page.Events {
		slug, ok := strings.CutPrefix(string(e.Stream), "organization-")
		if ok && e.Revision == 0 {
			if mark++; mark > after {
				slugs = append(slugs, domain.Slug(slug))
			}
		}
	}
	return slugs, mark, err
}

// events are those of a stream; none where there is no stream.
func (o *office) events(stream domain.Stream) []domain.Recorded {
	o.t.Helper()
	page, err := o.store.ReadStream(o.t.Context(), stream, 0, eventstore.Forward, 100_000)
	var none *eventstore.NotFoundError
	if err != nil && !errors.As(err, &none) {
		o.t.Fatal(err)
	}
	return page.Events
}

// log is how many events the whole log has.
func (o *office) log() int {
	o.t.Helper()
	page, err := o.store.ReadAll(o.t.Context(), eventstore.Position{}, math.MaxInt32)
	if err != nil {
		o.t.Fatal(err)
	}
	return len(page.Events)
}

// acme is a team organization of ada's.
func (o *office) acme() people.Organization {
	o.t.Helper()
	made, err := o.CreateOrganization(o.t.Context(), session(ada), people.NewOrganization{Slug: "acme", Name: "Acme"})
	if err != nil {
		o.t.Fatal(err)
	}
	return made
}

// refused checks that an error is a refusal by the domain, of this code and about this field.
func refused(t testing.TB, err error, code domain.Code, subject string) {
	t.Helper()
	var no *domain.Error
	if !errors.As(err, &no) {
		t.Errorf("it is not refused: %v, want %s", err, code)
		return
	}
	if no.Code != code || no.Subject != subject {
		t.Errorf("it is refused as %s of %q (%s), want %s of %q", no.Code, no.Subject, no.Message, code, subject)
	}
	if strings.TrimSpace(no.Message) == "" {
		t.Error("the refusal says nothing")
	}
}

// openOn is an office over a log, as another process beside those there are: with an executor and rights of its own.
func openOn(t testing.TB, s eventstore.Store) *office {
	t.Helper()
	rights := access.NewRights(s, nil, "personal")
	return &office{t: t, store: s, Desk: &people.Desk{
		Commands: rights.Watch(executor(t, s)), Log: s, Lens: rights.Lens(), Rights: rights, Sealer: plain{}, Organizations: found{s}, Places: found{s}, First: "personal",
		Now: func() time.Time { return noon },
	}}
}

// plain seals nothing: tests read what was sealed.
type plain struct{}

func (plain) Seal(subject, value string) (domain.Personal, error) {
	return domain.Personal{Subject: subject, Sealed: []byte(value)}, nil
}

// register makes people known to the server.
func (o *office) register(accounts ...uuid.UUID) {
	o.t.Helper()
	for _, a := range accounts {
		if len(o.events(domain.AccountStream(a))) == 0 {
			o.record(domain.AccountStream(a), domain.AccountRegistered{Account: a})
		}
	}
}

var inAcme, inLab = people.Place{Organization: "acme"}, people.Place{Workspace: "lab"}

// village is an office with ada's organization acme and its workspace lab; ada, bob, eve and mel are known.
func village(t testing.TB, s eventstore.Store) *office {
	t.Helper()
	o := openOn(t, s)
	o.register(ada, bob, eve, mel)
	o.acme()
	if _, err := o.CreateWorkspace(t.Context(), session(ada), people.NewWorkspace{Organization: "acme", Slug: "lab"}); err != nil {
		t.Fatal(err)
	}
	return o
}

// grant has ada give somebody a role.
func (o *office) grant(at people.Place, who uuid.UUID, role domain.RoleRef) {
	o.t.Helper()
	o.grantTo(at, domain.Person(who), role)
}

func (o *office) grantTo(at people.Place, who domain.Grantee, role domain.RoleRef) {
	o.t.Helper()
	if _, err := o.GrantRole(o.t.Context(), session(ada), people.RoleChange{At: at, Member: who, Role: role}); err != nil {
		o.t.Fatalf("ada grants %s to %s: %v", role, who, err)
	}
}

// may is what somebody may do in a place, when nobody remembers anything.
func (o *office) may(at people.Place, who domain.Grantee) domain.PermissionSet {
	o.t.Helper()
	rights := access.NewRights(o.store, nil, "personal")
	look, name := rights.Organization, at.Organization
	if at.Workspace != "" {
		look, name = rights.Workspace, at.Workspace
	}
	a, err := look(o.t.Context(), who, name)
	if err != nil {
		o.t.Fatal(err)
	}
	return a.Holds
}
