package oidc_test

import (
	"errors"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access/oidc"
)

func back(state string, more ...string) url.Values {
	q := url.Values{"state": {state}, "code": {"the-code"}}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return q
}

func TestWhoComesBack(t *testing.T) {
	t.Parallel()
	db, p := database(t), newProvider(t)
	c := newClient(t, db, p, nil)
	account := uuid.New()
	state, claims := p.attempt(t, c, oidc.Attempt{Next: "/graphql", Account: account, Invitation: "token"})
	p.idToken = p.sign("RS256", p.key, claims)
	who, a, err := c.Finish(t.Context(), back(state, "iss", p.URL), state)
	if err != nil || who != (oidc.Person{Issuer: p.URL, Subject: "subject-1", Name: "Ann", Email: "ann@good.example"}) || a != (oidc.Attempt{Next: "/graphql", Account: account, Invitation: "token"}) {
		t.Errorf("Finish = %+v, %+v, %v", who, a, err)
	}
}

// What an issuer leaves out of the token is asked for, and belongs to the same subject or to nobody.
func TestWhatTheTokenLeavesOut(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		info  map[string]any
		token []any
		want  oidc.Person
	}{
		"asked for":            {map[string]any{"sub": "subject-1", "name": "Ann Lee", "email": "ann@x.example", "email_verified": "true"}, []any{"name", nil, "email", nil, "email_verified", nil}, oidc.Person{Name: "Ann Lee", Email: "ann@x.example"}},
		"somebody else's":      {map[string]any{"sub": "subject-2", "name": "Eve", "email": "eve@x.example", "email_verified": true}, []any{"name", nil, "email", nil, "email_verified", nil}, oidc.Person{}},
		"not verified":         {nil, []any{"email_verified", false}, oidc.Person{Name: "Ann"}},
		"verified, of another": {map[string]any{"sub": "subject-1", "email": "other@x.example", "email_verified": true}, []any{"email_verified", false, "name", nil, "preferred_username", "annie"}, oidc.Person{Name: "annie"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t)
			c := newClient(t, database(t), p, nil)
			state, claims := p.attempt(t, c, oidc.Attempt{})
			p.idToken, p.userinfo = p.sign("RS256", p.key, with(claims, tt.token...)), tt.info
			who, _, err := c.Finish(t.Context(), back(state), state)
			tt.want.Issuer, tt.want.Subject = p.URL, "subject-1"
			if err != nil || who != tt.want {
				t.Errorf("Finish = %+v, %v; want %+v", who, err, tt.want)
			}
		})
	}
}

// Forged, stale and misdirected tokens: none lets anybody in, and none can be tried twice.
func TestTokensThatAreNotBelieved(t *testing.T) {
	t.Parallel()
	db, p := database(t), newProvider(t)
	c := newClient(t, db, p, nil)
	sign := func(pairs ...any) func(map[string]any) string {
		return func(claims map[string]any) string { return p.sign("RS256", p.key, with(claims, pairs...)) }
	}
	for name, forge := range map[string]func(claims map[string]any) string{
		"none":                       func(claims map[string]any) string { return p.sign("none", p.key, claims) },
		"None":                       func(claims map[string]any) string { return p.sign("None", p.key, claims) },
		"HS256 by the public key":    func(claims map[string]any) string { return p.sign("HS256", p.key, claims) },
		"HS256 by the client secret": func(claims map[string]any) string { return p.sign("HS256-secret", p.key, claims) },
		"another key":                func(claims map[string]any) string { return p.sign("RS256", p.other, claims) },
		"no token":                   func(map[string]any) string { return "" },
		"no JWT":                     func(map[string]any) string { return "a.b" },
		"for another client":         sign("aud", "another"),
		"for nobody":                 sign("aud", nil),
		"for nobody by name":         sign("aud", ""),
		"for two, by neither":        sign("aud", []string{"annals", "another"}),
		"for two, by the other":      sign("aud", []string{"annals", "another"}, "azp", "another"),
		"made for another":           sign("azp", "another"),
		"of another issuer":          sign("iss", "https://other.example"),
		"of no issuer":               sign("iss", nil),
		"of a longer issuer":         sign("iss", p.URL+"/"),
		"expired":                    sign("exp", began.Add(-time.Second).Unix()),
		"without an end":             sign("exp", nil),
		"not yet":                    sign("nbf", began.Add(time.Hour).Unix()),
		"another nonce":              sign("nonce", "x"),
		"without a nonce":            sign("nonce", nil),
		"about nobody":               sign("sub", nil),
		"of another access token":    sign("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
	} {
		state, claims := p.attempt(t, c, oidc.Attempt{})
		p.mu.Lock()
		p.idToken = forge(claims)
		p.mu.Unlock()
		if who, _, err := c.Finish(t.Context(), back(state), state); !errors.Is(err, oidc.ErrToken) || who != (oidc.Person{}) {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
		p.mu.Lock()
		p.idToken = p.sign("RS256", p.key, claims)
		p.mu.Unlock()
		if _, _, err := c.Finish(t.Context(), back(state), state); !errors.Is(err, oidc.ErrState) {
			t.Errorf("%s, and the right token after it: %v", name, err)
		}
	}
	state, claims := p.attempt(t, c, oidc.Attempt{}) // the two audiences, ours by name
	p.idToken = p.sign("RS256", p.key, with(claims, "aud", []string{"annals", "another"}, "azp", "annals"))
	if _, _, err := c.Finish(t.Context(), back(state), state); err != nil {
		t.Errorf("for two, by us: %v", err)
	}
}

// What a browser brings back is believed only where this browser began it, once, in time.
func TestStatesThatAreNotBelieved(t *testing.T) {
	t.Parallel()
	db, p := database(t), newProvider(t)
	at := began
	c := newClient(t, db, p, func(cfg *oidc.Config) { cfg.Now = func() time.Time { return at } })
	begin := func() string {
		t.Helper()
		state, claims := p.attempt(t, c, oidc.Attempt{})
		p.mu.Lock()
		p.idToken = p.sign("RS256", p.key, claims)
		p.mu.Unlock()
		return state
	}
	for name, tt := range map[string]struct {
		said func(state string) url.Values
		kept func(state string) string
		want error
	}{
		"no cookie":           {func(s string) url.Values { return back(s) }, func(string) string { return "" }, oidc.ErrState},
		"another's cookie":    {func(s string) url.Values { return back(s) }, func(string) string { return begin() }, oidc.ErrState},
		"no state":            {func(string) url.Values { return back("") }, func(string) string { return "" }, oidc.ErrState},
		"made up":             {func(string) url.Values { return back("made-up") }, func(string) string { return "made-up" }, oidc.ErrState},
		"cut":                 {func(s string) url.Values { return back(s[:42]) }, func(s string) string { return s[:42] }, oidc.ErrState},
		"refused there":       {func(s string) url.Values { return back(s, "error", "access_denied") }, func(s string) string { return s }, oidc.ErrRefused},
		"from another issuer": {func(s string) url.Values { return back(s, "iss", "https://evil.example") }, func(s string) string { return s }, oidc.ErrToken},
		"another code":        {func(s string) url.Values { return back(s, "code", "x") }, func(s string) string { return s }, oidc.ErrToken},
		"without a code":      {func(s string) url.Values { return url.Values{"state": {s}} }, func(s string) string { return s }, oidc.ErrToken},
		"after ten minutes":   {func(s string) url.Values { at = began.Add(oidc.Patience); return back(s) }, func(s string) string { return s }, oidc.ErrState},
		"verifier of another": {func(s string) url.Values { begin(); return back(s) }, func(s string) string { return s }, oidc.ErrToken},
		"the right one":       {func(s string) url.Values { return back(s) }, func(s string) string { return s }, nil},
	} {
		at = began
		state := begin()
		said := tt.said(state)
		if _, _, err := c.Finish(t.Context(), said, tt.kept(state)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

// Of a hundred who bring one answer at once, one is signed in.
func TestAnAnswerIsGoodOnce(t *testing.T) {
	t.Parallel()
	db, p := database(t), newProvider(t)
	c := newClient(t, db, p, nil)
	state, claims := p.attempt(t, c, oidc.Attempt{})
	p.idToken = p.sign("RS256", p.key, claims)
	var wait sync.WaitGroup
	var in atomic.Int64
	for range 100 {
		wait.Go(func() {
			_, _, err := c.Finish(t.Context(), back(state), state)
			if err == nil {
				in.Add(1)
			} else if !errors.Is(err, oidc.ErrState) {
				t.Errorf("Finish: %v", err)
			}
		})
	}
	wait.Wait()
	if in.Load() != 1 {
		t.Errorf("%d were signed in", in.Load())
	}
}

func TestDomainsThatAreLetIn(t *testing.T) {
	t.Parallel()
	db, p := database(t), newProvider(t)
	c := newClient(t, db, p, func(cfg *oidc.Config) { cfg.Domains = []string{"@Good.Example", " fine.example "} })
	for name, tt := range map[string]struct {
		email    any
		verified any
		ok       bool
	}{
		"listed":                   {"ann@good.example", true, true},
		"in other letters":         {"ann@GOOD.example", true, true},
		"the second":               {"ann@fine.example", "true", true},
		"not verified":             {"ann@good.example", false, false},
		"nothing said of that":     {"ann@good.example", nil, false},
		"verified otherwise":       {"ann@good.example", "yes", false},
		"another":                  {"ann@evil.example", true, false},
		"under it":                 {"ann@sub.good.example", true, false},
		"it is only the beginning": {"ann@good.example.evil.example", true, false},
		"it is only the end":       {"ann@notgood.example", true, false},
		"twice":                    {"ann@good.example@evil.example", true, false},
		"nobody":                   {"@good.example", true, false},
		"no address":               {nil, true, false},
	} {
		state, claims := p.attempt(t, c, oidc.Attempt{})
		p.idToken = p.sign("RS256", p.key, with(claims, "email", tt.email, "email_verified", tt.verified))
		_, _, err := c.Finish(t.Context(), back(state), state)
		if tt.ok && err != nil || !tt.ok && !errors.Is(err, oidc.ErrDomain) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnIssuerThatIsAway(t *testing.T) {
	t.Parallel()
	db, p := database(t), newProvider(t)
	c := newClient(t, db, p, nil)
	state, _ := p.attempt(t, c, oidc.Attempt{})
	p.Close()
	if _, _, err := c.Finish(t.Context(), back(state), state); !errors.Is(err, oidc.ErrAway) {
		t.Errorf("Finish = %v", err)
	}
	if _, _, err := newClient(t, db, p, nil).Start(t.Context(), oidc.Attempt{}); !errors.Is(err, oidc.ErrAway) {
		t.Errorf("Start = %v", err)
	}
	if oidc.ErrAway.Status != http.StatusServiceUnavailable {
		t.Error("it is not told to come again")
	}
}

// Without an audience every token of the issuer would be taken, so there is no client without one.
func TestNoClientWithoutAnAudience(t *testing.T) {
	t.Parallel()
	whole := oidc.Config{Issuer: "https://id.example", ClientID: "annals", RedirectURL: "https://annals.example/login/oidc/callback"}
	for name, change := range map[string]func(*oidc.Config){
		"no client id": func(c *oidc.Config) { c.ClientID = "" },
		"a blank one":  func(c *oidc.Config) { c.ClientID = " " },
		"no issuer":    func(c *oidc.Config) { c.Issuer = "" },
		"no way back":  func(c *oidc.Config) { c.RedirectURL = "" },
	} {
		cfg := whole
		change(&cfg)
		if _, err := oidc.New(nil, cfg); err == nil {
			t.Errorf("%s: there is a client", name)
		}
	}
	if _, err := oidc.New(nil, whole); err != nil {
		t.Errorf("whole: %v", err)
	}
}
