package account_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access/account"
	"github.com/annals-io/annals/domain"
)

// places are all workspaces and organizations there are, as far as accounts know of them.
type places struct {
	mu    sync.Mutex
	calls []string
	fail  func(call string, n int) error // of the nth call, counted from 1
}

func (p *places) say(what string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, what)
	if p.fail == nil {
		return nil
	}
	return p.fail(what, len(p.calls))
}

func (p *places) ShutOut(_ context.Context, _ uuid.UUID, v account.Verdict) error {
	what := "out"
	if v.Successor != nil {
		what = "out, succeeded"
	}
	return p.say(what)
}

func (p *places) LetIn(context.Context, uuid.UUID, account.Verdict) error { return p.say("in") }

func (p *places) said() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.calls)
}

var operator = account.Verdict{By: domain.Actor{Kind: "account", ID: "operator"}, Reason: "left"}

func (w *town) pending() (n int) {
	w.t.Helper()
	if err := w.pool.QueryRow(w.t.Context(), `SELECT count(*) FROM log.accounts WHERE judging IS NOT NULL`).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

var errRefused = &domain.Error{Code: domain.LastOwner, Subject: "account", Message: "the only owner"}

// Every place is told before the account is shut out, and once more behind it; where a place refuses, whenever it does,
// nothing is left of it.
func TestPlacesAreToldOfWhoIsShutOut(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		refuses int // the call that is refused; 0: none
		calls   []string
		active  bool
		events  string
	}{
		"all agree":          {0, []string{"out", "out"}, false, "[account.registered account.disabled]"},
		"one refuses":        {1, []string{"out", "in"}, true, "[account.registered]"},
		"one refuses, later": {2, []string{"out", "out", "in"}, true, "[account.registered account.disabled account.enabled]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &places{fail: func(_ string, n int) error {
				if n == tt.refuses {
					return errRefused
				}
				return nil
			}}
			w := newTown(t, func(c *account.Config) { c.Places = p })
			a := w.register(account.Wish{Login: "ann", Name: "Ann"})
			if err := w.Disable(t.Context(), a.ID, operator); errors.Is(err, domain.LastOwner) != (tt.refuses > 0) {
				t.Errorf("shut out: %v", err)
			}
			got, _, _ := w.Find(t.Context(), a.ID)
			if got.Active() != tt.active || fmt.Sprint(w.events(a.ID)) != tt.events || !slices.Equal(p.said(), tt.calls) || w.pending() != 0 {
				t.Errorf("active %v, events %v, calls %v, %d pending; want %+v", got.Active(), w.events(a.ID), p.said(), w.pending(), tt)
			}
		})
	}
}

// A server that dies between telling one place and the next is followed by one that carries it on, whatever was done
// by then.
func TestShuttingOutIsCarriedOn(t *testing.T) {
	t.Parallel()
	dies := errors.New("the server dies")
	for name, tt := range map[string]struct {
		enable bool
		at     int // the call that never comes back
	}{"before the account": {false, 1}, "behind the account": {false, 2}, "letting in": {true, 3}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &places{fail: func(_ string, n int) error {
				if n == tt.at {
					return dies
				}
				return nil
			}}
			w := newTown(t, func(c *account.Config) { c.Places = p })
			a := w.register(account.Wish{Login: "ann", Name: "Ann"})
			err := w.Disable(t.Context(), a.ID, operator)
			if tt.enable {
				err = w.Enable(t.Context(), a.ID, operator)
			}
			if !errors.Is(err, dies) || w.pending() != 1 {
				t.Fatalf("it was interrupted: %v, %d pending", err, w.pending())
			}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { w.CarryOn(ctx, slog.New(slog.DiscardHandler)); close(ended) }()
			for end := time.Now().Add(20 * time.Second); w.pending() > 0 && time.Now().Before(end); {
				select {
				case <-ctx.Done():
				case <-time.After(10 * time.Millisecond):
				}
			}
			stop()
			<-ended
			got, _, _ := w.Find(t.Context(), a.ID)
			if got.Active() != tt.enable || w.pending() != 0 {
				t.Errorf("carried on: active %v, %d pending, calls %v, events %v", got.Active(), w.pending(), p.said(), w.events(a.ID))
			}
		})
	}
}

// Somebody whom an earlier version shut out stays so where a place has no other owner; it is told, and tried again.
func TestShutOutByAnEarlierVersion(t *testing.T) {
	t.Parallel()
	p := &places{fail: func(what string, _ int) error {
		if what == "out" {
			return errRefused
		}
		return nil
	}}
	w := newTown(t, func(c *account.Config) { c.Places = p })
	a := w.register(account.Wish{Login: "ann", Name: "Ann"})
	if _, err := w.pool.Exec(t.Context(), `UPDATE log.accounts SET disabled_at = now(), judging = '{"what": "disable", "by": {"kind": "system", "id": "annals"}}'`); err != nil {
		t.Fatal(err)
	}
	if err := w.Disable(t.Context(), a.ID, operator); !errors.Is(err, domain.LastOwner) {
		t.Errorf("shut out again: %v", err)
	}
	if got, _, _ := w.Find(t.Context(), a.ID); got.Active() || w.pending() != 1 || slices.Contains(p.said(), "in") {
		t.Errorf("active %v, %d pending, calls %v: they must stay shut out", got.Active(), w.pending(), p.said())
	}
	with := operator
	with.Successor = &uuid.UUID{15: 1}
	if err := w.Disable(t.Context(), a.ID, with); err != nil || w.pending() != 0 {
		t.Errorf("with a successor: %v, %d pending", err, w.pending())
	}
}
