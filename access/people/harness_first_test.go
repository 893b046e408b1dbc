package people_test

import (
	"context"
	"testing"
	"time"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/people"
	"github.com/annals-io/annals/eventstore"
)

// operators are those whom a test says operate the server.
type operators map[string]bool

func (o operators) Operator(_ context.Context, p access.Principal) (bool, error) {
	return o[p.Account.String()], nil
}

func openOn(t testing.TB, s eventstore.Store) *office {
	t.Helper()
	return &office{t: t, store: s, Desk: &people.Desk{
		Commands: executor(t, s), Log: s, Rights: operators{ada.String(): true}, Organizations: found{s}, First: "personal", Now: func() time.Time { return noon },
	}}
}
