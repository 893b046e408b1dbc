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
var ada, bob, eve = uuid.UUID{15: 1}, uuid.UUID{15: 2}, uuid.UUID{15: 3}

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
