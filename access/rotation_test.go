package access_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
)

func TestRotation(t *testing.T) {
	t.Parallel()
	v := newVillage(t)
	first, old := v.key(person(founder), access.Wish{Name: "laptop", Scopes: []access.Scope{access.IngestOnly, access.Read}, Workspace: "fraud", Life: 30 * 24 * time.Hour})
	v.clock.set(noon.Add(20 * 24 * time.Hour))
	second, next, was, err := v.keys.Rotate(t.Context(), person(founder), old.ID, access.UsualOverlap)
	if err != nil {
		t.Fatal(err)
	}
	at := noon.Add(20 * 24 * time.Hour)
	if !slices.Equal(next.Scopes, old.Scopes) || *next.Workspace != "fraud" || next.Kind != old.Kind || next.Name != "laptop" || next.Who() != old.Who() || !next.ExpiresAt.Equal(at.Add(30*24*time.Hour)) {
		t.Errorf("the successor is %+v; want the rights and the life of %+v", next, old)
	}
	if *was.Successor != next.ID || !was.ExpiresAt.Equal(at.Add(24*time.Hour)) {
		t.Errorf("the old key is %+v; want it to end in a day", was)
	}
	both := func(what string, wantFirst, wantSecond error) {
		t.Helper()
		for text, want := range map[string]error{first: wantFirst, second: wantSecond} {
			if _, err := v.keys.Check(t.Context(), text); !errors.Is(err, want) {
				t.Errorf("%s, here: %v, want %v", what, err, want)
			}
			v.soon(what+", there", text, want)
		}
	}
	both("in the overlap", nil, nil)
	for _, id := range []string{old.ID, next.ID} {
		var no *access.Refusal
		if _, _, _, err := v.keys.Rotate(t.Context(), person(founder), id, 0); !errors.As(err, &no) || no.Status != 409 {
			t.Errorf("a third live key of the line: %v, want a conflict", err)
		}
	}
	v.clock.set(at.Add(24 * time.Hour))
	both("after the overlap", access.ErrExpired, nil)
	third, _, _, err := v.keys.Rotate(t.Context(), person(founder), next.ID, 0)
	if err != nil {
		t.Fatalf("the successor's own rotation, when it is alone: %v", err)
	}
	both("without an overlap", access.ErrExpired, access.ErrExpired)
	if _, err := v.other.Check(t.Context(), third); err != nil {
		t.Errorf("the third key: %v", err)
	}
}

// Given the successor is revoked, the key that is left can be rotated again; its end stays what it was.
func TestRotationAfterTheSuccessorWasRevoked(t *testing.T) {
	t.Parallel()
	v := newVillage(t)
	_, old := v.key(person(founder), access.Wish{Scopes: reads})
	_, next, _, err := v.keys.Rotate(t.Context(), person(founder), old.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.keys.Revoke(t.Context(), person(founder), next.ID); err != nil {
		t.Fatal(err)
	}
	_, again, was, err := v.keys.Rotate(t.Context(), person(founder), old.ID, 24*time.Hour)
	if err != nil || !was.ExpiresAt.Equal(noon.Add(time.Hour)) || !again.ExpiresAt.Equal(noon.Add(90*24*time.Hour)) {
		t.Errorf("Rotate = %+v, %+v, %v; want the old one to end in an hour and the new one in 90 days", again, was, err)
	}
}

// slowDB begins transactions that take their time before they write, as they may over a network.
type slowDB struct {
	access.DB
	pause time.Duration
}

func (d slowDB) Begin(ctx context.Context) (pgx.Tx, error) {
	tx, err := d.DB.Begin(ctx)
	return slowTx{tx, d.pause}, err
}

type slowTx struct {
	pgx.Tx
	pause time.Duration
}

func (t slowTx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if _, err := t.Tx.Exec(ctx, `SELECT pg_sleep($1)`, t.pause.Seconds()); err != nil {
		return pgconn.CommandTag{}, err
	}
	return t.Tx.Exec(ctx, sql, args...)
}

// Given several servers rotate one key at once, one does and the others hear of it. Their transactions take long enough to
// meet: each has looked before the first has written.
func TestRotationsAtOnce(t *testing.T) {
	t.Parallel()
	v := newVillage(t)
	_, old := v.key(person(founder), access.Wish{Scopes: reads})
	errs := make([]error, 3)
	var all sync.WaitGroup
	for i := range errs {
		keys := access.NewKeys(slowDB{v.pool, 300 * time.Millisecond}, v.clock.now)
		keys.Commands = v.commands
		all.Go(func() { _, _, _, errs[i] = keys.Rotate(t.Context(), person(founder), old.ID, time.Hour) })
	}
	all.Wait()
	won := 0
	for _, err := range errs {
		var no *access.Refusal
		switch {
		case err == nil:
			won++
		case !errors.As(err, &no) || no.Status != 409:
			t.Errorf("Rotate = %v, want a conflict", err)
		}
	}
	if _, total, err := v.keys.List(t.Context(), access.KeyFilter{First: 10}); won != 1 || total != 2 || err != nil {
		t.Errorf("%d rotations of one key won and %d keys are live, %v; want 1 and 2", won, total, err)
	}
}

func TestRotationsThatAreRefused(t *testing.T) {
	t.Parallel()
	v := newVillage(t)
	v.startRun(domain.RunRef{ID: "r1"})
	_, live := v.key(person(founder), access.Wish{Scopes: []access.Scope{access.Write}})
	_, dead := v.key(person(founder), access.Wish{Scopes: reads})
	if _, err := v.keys.Revoke(t.Context(), person(founder), dead.ID); err != nil {
		t.Fatal(err)
	}
	_, token, err := v.keys.RunToken(t.Context(), person(founder), "fraud", domain.RunRef{ID: "r1"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	reader := person(founder)
	reader.Scopes = reads
	for name, tt := range map[string]struct {
		who     access.Principal
		id      string
		overlap time.Duration
		status  int
	}{
		"no such key":                  {person(founder), "zzzzzzzzzzzz", 0, 404},
		"one that was revoked":         {person(founder), dead.ID, 0, 409},
		"the token of a run":           {person(founder), token.ID, 0, 409},
		"more than the credential has": {reader, live.ID, 0, 403},
		"an overlap before now":        {person(founder), live.ID, -1, 400},
		"an overlap for ever":          {person(founder), live.ID, 31 * 24 * time.Hour, 400},
	} {
		_, _, _, err := v.keys.Rotate(t.Context(), tt.who, tt.id, tt.overlap)
		var no *access.Refusal
		var rule *domain.Error
		if !(errors.As(err, &no) && no.Status == tt.status) && !(errors.As(err, &rule) && tt.status == 400) {
			t.Errorf("%s: %v, want %d", name, err, tt.status)
		}
	}
}
