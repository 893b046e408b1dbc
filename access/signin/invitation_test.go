package signin_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access/oidc"
	"github.com/annals-io/annals/access/signin"
	"github.com/annals-io/annals/domain"
)

// guests are invitations that work once each.
type guests struct {
	mu       sync.Mutex
	open     map[string]bool
	accepted map[uuid.UUID]string
}

var (
	errNoGuest = &domain.Error{Code: domain.NotFound, Subject: "invitation", Message: "there is no such invitation: ask for another link"}
	errUsed    = &domain.Error{Code: domain.Gone, Subject: "invitation", Message: "the invitation was used: it works once"}
	offered    = signin.Offer{Place: "Fraud (workspace fraud)", Roles: []string{"member"}, Path: "/login"}
)

func (g *guests) Offer(_ context.Context, token string) (signin.Offer, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.open[token]; !ok {
		return signin.Offer{}, errNoGuest
	}
	return offered, nil
}

func (g *guests) Accept(_ context.Context, of uuid.UUID, token string) (signin.Offer, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch open, ok := g.open[token]; {
	case !ok:
		return signin.Offer{}, errNoGuest
	case !open:
		return signin.Offer{}, errUsed
	}
	g.open[token], g.accepted[of] = false, token
	return offered, nil
}

func invite(tokens ...string) *guests {
	g := &guests{open: map[string]bool{}, accepted: map[uuid.UUID]string{}}
	for _, t := range tokens {
		g.open[t] = true
	}
	return g
}

// The ways to accept an invitation: as somebody new, as somebody who signs in for it, as whoever is signed in.
func TestAcceptingAnInvitation(t *testing.T) {
	t.Parallel()
	g := invite("first", "second", "third", "fourth")
	h := newHouse(t, func(cfg *signin.Config) { cfg.Invitations = g })
	ann := h.person("ann")

	stranger := h.browser()
	page := stranger.post("/invitations/accept", "token", h.url+"/invitations/accept#first")
	if page.status != 200 || !strings.Contains(page.body, "You are invited to Fraud (workspace fraud) as member") || !strings.Contains(page.body, `value="first"`) || len(g.accepted) != 0 {
		t.Fatalf("the page: %+v", page)
	}
	for name, fields := range map[string][]string{
		"a taken name":     {"how", "new", "login", "ann", "name", "X", "password", password},
		"a short password": {"how", "new", "login", "zoe", "name", "X", "password", "short"},
		"a wrong password": {"how", "member", "login", "ann", "password", "wrong horse battery"},
		"no way":           {"how", "x"},
	} {
		if got := stranger.post("/invitations/accept", append([]string{"token", "first"}, fields...)...); got.status < 400 || got.status > 409 || len(g.accepted) != 0 || stranger.signedIn() {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := stranger.post("/invitations/accept", "token", "first", "how", "new", "login", "zoe", "name", "Zoe", "password", password); got.status != 200 || !strings.Contains(got.body, "Signed in as Zoe") {
		t.Fatalf("somebody new: %+v", got)
	}
	zoe, _, err := h.accounts.ByLogin(t.Context(), "zoe")
	if err != nil || g.accepted[zoe.ID] != "first" {
		t.Errorf("accepted: %v, %v", g.accepted, err)
	}
	if got := h.browser().post("/invitations/accept", "token", "second", "how", "member", "login", "ann", "password", password); got.status != 200 || g.accepted[ann.ID] != "second" {
		t.Errorf("a member: %+v", got)
	}
	if got := stranger.post("/invitations/accept", "token", "third"); !strings.Contains(got.body, "You are signed in as Zoe") {
		t.Errorf("the page for Zoe: %+v", got)
	}
	if got := stranger.post("/invitations/accept", "token", "third", "how", "signed-in"); got.status != 200 || g.accepted[zoe.ID] != "third" {
		t.Errorf("as Zoe: %+v", got)
	}
	for token, status := range map[string]int{"first": 410, "": 404, "made up": 404} {
		b := h.browser()
		if got := b.json(http.MethodPost, "/invitations/accept", map[string]string{"token": token, "how": "new", "login": "late", "name": "L", "password": password}); got.status != status || b.cookie() != "" {
			t.Errorf("%q: %+v, want %d", token, got, status)
		}
	}
	if _, ok, _ := h.accounts.ByLogin(t.Context(), "late"); ok {
		t.Error("whoever came too late has an account")
	}
	if got := h.browser().json(http.MethodPost, "/invitations/accept", map[string]string{"token": "fourth"}); got.status != 401 {
		t.Errorf("a stranger's program: %+v", got)
	}
}

// Of a hundred strangers with one invitation, one has an account then.
func TestOneInvitationLetsOneIn(t *testing.T) {
	t.Parallel()
	g := invite("one")
	h := newHouse(t, func(cfg *signin.Config) { cfg.Invitations = g })
	var wait sync.WaitGroup
	var in atomic.Int64
	for i := range 100 {
		wait.Go(func() {
			b := h.browser()
			b.address = strconv.Itoa(i)
			if got := b.json(http.MethodPost, "/invitations/accept", map[string]string{"token": "one", "how": "new", "login": "p" + strconv.Itoa(i), "name": "P", "password": password}); got.status == 200 {
				in.Add(1)
			} else if got.status != 410 {
				t.Errorf("%+v", got)
			}
		})
	}
	wait.Wait()
	all, err := h.accounts.List(t.Context(), 1000)
	if in.Load() != 1 || len(all) != 1 || err != nil {
		t.Errorf("%d let in, %d accounts, %v", in.Load(), len(all), err)
	}
}

// Where another party signs people in, an invitation goes there and comes back with them.
func TestAcceptingElsewhere(t *testing.T) {
	t.Parallel()
	g := invite("one")
	h := newRealm(t, func(*oidc.Config) {})
	h.door.Invitations = g
	b := h.browser()
	arrived := b.post("/invitations/accept", "token", "one", "how", "oidc")
	if got := b.there(arrived, h.door.OIDC.Issuer(), firstUser); got.status != 200 || !b.signedIn() || len(g.accepted) != 1 {
		t.Errorf("accepted: %+v %v", got, g.accepted)
	}
}
