package main

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/internal/pgtest"
)

// A server that died between an organization and its default workspace leaves an organization without one; the next
// start finishes it.
func TestAStartCompletesOrganizationsThatWereInterrupted(t *testing.T) {
	t.Parallel()
	dir, database := pgtest.Dir(t), pgtest.URL(t)
	var stop func()
	startServerIn(t, dir, database, func(end func()) { stop = end })
	stop()
	store, err := postgres.Open(t.Context(), database, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	x := eventstore.New(store, eventstore.Config{})
	_, err = x.Execute(t.Context(), eventstore.Request{
		Stream: domain.OrganizationStream("acme"), Command: domain.CreateOrganization{Slug: "acme", Name: "Acme", Owner: uuid.UUID{15: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	startServerIn(t, dir, database, func(end func()) { t.Cleanup(end) })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		page, err := store.ReadStream(ctx, domain.WorkspaceStream("acme-default"), 0, eventstore.Forward, 1)
		if err == nil && len(page.Events) == 1 {
			if ws := page.Events[0].Event.(domain.WorkspaceCreated); ws.Name != "Default" || ws.Organization != "acme" || ws.Kind != domain.DefaultWorkspace {
				t.Errorf("the default workspace is %+v", ws)
			}
			return
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			t.Fatal("the organization has no default workspace after half a minute")
		}
	}
}
