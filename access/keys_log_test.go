package access_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
)

var reads = []access.Scope{access.Read}

// Given a person and a service account with keys, the streams of those who hold them say that they were made, rotated and
// revoked, once each, and nothing that opens anything.
func TestTheLogKnowsOfKeys(t *testing.T) {
	t.Parallel()
	v := newVillage(t)
	v.do(domain.OrganizationStream("acme"), domain.CreateServiceAccount{At: domain.Place{Organization: "acme"}, Account: robot, Name: "ci", By: all})
	mine, own := v.key(person(founder), access.Wish{Name: "laptop", Scopes: reads})
	its, service := v.key(person(founder), access.Wish{Name: "ci", Scopes: reads, For: ci})
	_, next, _, err := v.keys.Rotate(t.Context(), person(founder), own.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := v.keys.Revoke(t.Context(), person(founder), service.ID); err != nil {
			t.Fatal(err)
		}
	}
	account, organization := domain.AccountStream(founder), domain.OrganizationStream("acme")
	if got, want := v.told(account), []string{"created " + own.ID + " by account", "rotated " + own.ID + " to " + next.ID, "created " + next.ID + " by account"}; !slices.Equal(got, want) {
		t.Errorf("the account's stream says %q, want %q", got, want)
	}
	if got, want := v.told(organization), []string{"created " + service.ID + " by account", "revoked " + service.ID + " by account"}; !slices.Equal(got, want) {
		t.Errorf("the organization's stream says %q, want %q", got, want)
	}
	for _, stream := range []domain.Stream{account, organization} {
		page, err := v.store.ReadStream(t.Context(), stream, 0, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			for _, text := range []string{mine, its} {
				if secret := text[len(text)-49:]; strings.Contains(string(e.Data), secret) {
					t.Errorf("%s holds the secret of a key", e.Type)
				}
			}
		}
	}
}

// Given a log that is away, no key comes to life that it does not know of; a key that is revoked then is dead at once, and
// the log hears of it when it is back.
func TestKeysWhileTheLogIsAway(t *testing.T) {
	t.Parallel()
	v := newVillage(t)
	text, r := v.key(person(founder), access.Wish{Scopes: reads})

	v.log.away.Store(true)
	unborn, _, err := v.keys.Create(t.Context(), person(founder), access.Wish{Scopes: reads})
	if !errors.Is(err, errAway) {
		t.Fatalf("Create = %v, want that the log is away", err)
	}
	if _, err := v.keys.Check(t.Context(), unborn); !errors.Is(err, access.ErrUnknown) {
		t.Errorf("a key that the log does not know of: %v, want ErrUnknown", err)
	}
	if _, _, _, err := v.keys.Rotate(t.Context(), person(founder), r.ID, 0); !errors.Is(err, errAway) {
		t.Errorf("Rotate = %v, want that the log is away", err)
	}
	if _, err := v.keys.Check(t.Context(), text); err != nil {
		t.Errorf("a key whose rotation failed: %v", err)
	}
	if _, err := v.keys.Revoke(t.Context(), person(founder), r.ID); err != nil {
		t.Errorf("Revoke = %v: a key must end, whatever the log does", err)
	}
	for server, keys := range map[string]*access.Keys{"here": v.keys, "there": v.other} {
		if _, err := keys.Check(t.Context(), text); !errors.Is(err, access.ErrRevoked) {
			t.Errorf("the revoked key %s: %v, want ErrRevoked", server, err)
		}
	}

	v.log.away.Store(false)
	v.clock.set(noon.Add(2 * time.Minute))
	for range 2 { // the second time there is nothing to do
		if err := v.keys.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := v.told(domain.AccountStream(founder)), []string{"created " + r.ID + " by account", "revoked " + r.ID + " by account"}; !slices.Equal(got, want) {
		t.Errorf("the log says %q, want %q", got, want)
	}
	var pending int
	if err := v.pool.QueryRow(t.Context(), `SELECT count(*) FROM log.api_keys WHERE pending AND revoked_at IS NULL`).Scan(&pending); err != nil || pending != 0 {
		t.Errorf("%d keys whose making was interrupted are left, %v", pending, err)
	}
	if listed, total, err := v.keys.List(t.Context(), access.KeyFilter{Ended: true, First: 10}); err != nil || total != 1 || len(listed) != 1 {
		t.Errorf("listed are %v, %d, %v; want the one key that there was", listed, total, err)
	}
}
