package signin_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/annals-io/annals/access/account"
	"github.com/annals-io/annals/domain"
)

// An unknown name and a wrong password are told alike, to people and to programs.
func TestNobodyLearnsWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ann := h.person("ann")
	gone := h.person("gone")
	if err := h.accounts.Disable(t.Context(), gone.ID, account.Verdict{By: domain.Actor{Kind: "system", ID: "test"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.pool.Exec(t.Context(), `INSERT INTO log.accounts (account, login, name, state, created_at) VALUES (gen_random_uuid(), 'reserved', 'x', 'reserved', now()), (gen_random_uuid(), 'without', 'x', 'active', now())`); err != nil {
		t.Fatal(err)
	}
	var asked []answer
	b := h.browser()
	for _, try := range [][2]string{{"ann", "wrong horse battery"}, {"nobody", password}, {"gone", password}, {"reserved", password}, {"without", password}, {"two words", password}, {"ann", ""}, {"", ""}, {strings.Repeat("x", 5000), password}, {"a\x01b", password}} {
		got := b.json(http.MethodPost, "/login", map[string]string{"login": try[0], "password": try[1]})
		if got.status != http.StatusUnauthorized || b.cookie() != "" {
			t.Errorf("%q: %+v", try[0], got)
		}
		got.header.Del("Date")
		asked = append(asked, got)
	}
	for _, other := range asked[1:] {
		if other.body != asked[0].body || len(other.header) != len(asked[0].header) {
			t.Errorf("%+v and %+v differ", asked[0], other)
		}
	}
	page, again := b.post("/login", "login", "ann", "password", "wrong"), b.post("/login", "login", "nobody", "password", "wrong")
	if page.status != http.StatusUnauthorized || strings.ReplaceAll(page.body, `value="ann"`, `value="nobody"`) != again.body {
		t.Errorf("the pages differ:\n%s\n%s", page.body, again.body)
	}
	if got := b.post("/login", "login", "ANN", "password", password); got.status != 200 || !b.signedIn() || ann.Login == nil {
		t.Errorf("the right one: %+v", got)
	}
}

// Tries are bounded for each name, on all servers together, whether somebody has it or not; and for each address.
func TestTriesAreBounded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.person("ann")
	beside := openHouse(t, h.pool, h.clock)
	for _, name := range []string{"ann", "nobody", "two words"} {
		for try := range 12 {
			at := h
			if try%2 == 1 {
				at = beside
			}
			b := at.browser()
			b.address = strconv.Itoa(try) // whoever guesses comes from everywhere
			got := b.post("/login", "login", name, "password", "wrong horse battery")
			if want := map[bool]int{true: 401, false: 429}[try < 10]; got.status != want {
				t.Errorf("%s, try %d: %d, want %d", name, try, got.status, want)
			}
			if wait, err := strconv.Atoi(got.header.Get("Retry-After")); got.status == 429 && (err != nil || wait < 1 || wait > 61) {
				t.Errorf("%s: Retry-After %q", name, got.header.Get("Retry-After"))
			}
		}
	}
	b := h.browser()
	if got := b.post("/login", "login", "ann", "password", password); got.status != 429 {
		t.Errorf("the right one, meanwhile: %d", got.status)
	}
	h.goOn(time.Minute)
	if got := b.post("/login", "login", "ann", "password", password); got.status != 200 {
		t.Errorf("the right one, a minute later: %+v", got)
	}
	for range 9 { // it gave the tries back
		if got := b.post("/login", "login", "ann", "password", "wrong horse battery"); got.status != 401 {
			t.Errorf("after the right one: %d", got.status)
		}
	}
	b.address = "77"
	last := answer{}
	for i := range 62 {
		last = b.post("/login", "login", "name-"+strconv.Itoa(i), "password", "x")
	}
	if last.status != 429 || last.header.Get("Retry-After") == "" {
		t.Errorf("one address, many names: %d", last.status)
	}
	if got := h.browser().post("/login", "login", "another", "password", "x"); got.status != 401 {
		t.Errorf("another address: %d", got.status)
	}
}

// A new session has a new token, and ends the one that the browser had; every session ends with the password.
func TestPasswordsAndSessions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.person("ann")
	b, other := h.browser(), h.browser()
	b.post("/login", "login", "ann", "password", password)
	first := b.cookie()
	b.post("/login", "login", "ann", "password", password)
	if second := b.cookie(); second == first || second == "" {
		t.Fatalf("the cookie was %s and is %s", first, second)
	}
	planted := h.browser()
	planted.header["Cookie"] = "annals-dev=" + first
	if planted.signedIn() {
		t.Error("the session that was there before still opens")
	}
	other.post("/login", "login", "ann", "password", password)
	for name, tt := range map[string]struct {
		current, next string
		status        int
	}{
		"the old one is wrong":   {"wrong horse battery", "another horse battery", 401},
		"the old one is missing": {"", "another horse battery", 401},
		"the new one is short":   {password, "short", 400},
	} {
		if got := b.post("/login/password", "current", tt.current, "password", tt.next); got.status != tt.status || !other.signedIn() {
			t.Errorf("%s: %d", name, got.status)
		}
	}
	const next = "another horse battery"
	if got := b.post("/login/password", "current", password, "password", next); got.status != 200 || !b.signedIn() || other.signedIn() {
		t.Errorf("changed: %+v; here %v, elsewhere %v", got, b.signedIn(), other.signedIn())
	}
	for secret, status := range map[string]int{password: 401, next: 200} {
		if got := h.browser().post("/login", "login", "ann", "password", secret); got.status != status {
			t.Errorf("%q afterwards: %d, want %d", secret, got.status, status)
		}
	}
}

// One's own sessions can be seen and ended, and nobody else's.
func TestOnesOwnSessions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.person("ann")
	h.person("bob")
	here, there, bob := h.browser(), h.browser(), h.browser()
	for b, login := range map[*browser]string{here: "ann", there: "ann", bob: "bob"} {
		b.post("/login", "login", login, "password", password)
	}
	list := here.get("/v1/sessions")
	if list.status != 200 || strings.Count(list.body, `"current":true`) != 1 || !strings.Contains(list.body, `"totalCount":3`) { // with the one of registering
		t.Errorf("the list: %+v", list)
	}
	id := strings.Split(strings.Split(bob.get("/v1/sessions").body, `"id":"`)[1], `"`)[0]
	if got := here.json(http.MethodDelete, "/v1/sessions/"+id, nil); got.status != 404 || !bob.signedIn() {
		t.Errorf("another's session: %+v", got)
	}
	if got := here.json(http.MethodDelete, "/v1/sessions", nil); got.status != 200 || !here.signedIn() || there.signedIn() || !bob.signedIn() {
		t.Errorf("the others: %+v", got)
	}
	if got := bob.post("/login/sessions", "id", id); got.status != 200 {
		t.Errorf("one's own by the page: %+v", got)
	}
	if here.post("/logout"); here.signedIn() || here.cookie() != "" {
		t.Error("signed out, and still there")
	}
}

// Disabling ends sessions and keys at once, and no way in is left.
func TestADisabledPersonIsOut(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ann, op := h.person("ann"), h.person("operator")
	h.operator = op.ID
	a, o := h.browser(), h.browser()
	a.post("/login", "login", "ann", "password", password)
	o.post("/login", "login", "operator", "password", password)
	link := o.json(http.MethodPost, "/v1/login-links", map[string]string{"account": "ann"})
	if link.status != 201 {
		t.Fatalf("a link: %+v", link)
	}
	if got := a.json(http.MethodPost, "/v1/accounts/"+op.ID.String()+"/disable", nil); got.status != 403 {
		t.Errorf("by no operator: %+v", got)
	}
	if got := o.json(http.MethodPost, "/v1/accounts/"+op.ID.String()+"/disable", nil); got.status != 409 {
		t.Errorf("oneself: %+v", got)
	}
	if got := o.json(http.MethodPost, "/v1/accounts/ann/disable?reason=left", nil); got.status != 200 || !strings.Contains(got.body, `"disabled":true`) {
		t.Fatalf("disable: %+v", got)
	}
	if a.signedIn() {
		t.Error("her session goes on")
	}
	_, token, _ := strings.Cut(link.body, "#")
	token, _, _ = strings.Cut(token, `"`)
	if got := h.browser().post("/login/link", "token", token); got.status != 410 {
		t.Errorf("her link: %d", got.status)
	}
	if got := h.browser().post("/login", "login", "ann", "password", password); got.status != 401 {
		t.Errorf("her password: %d", got.status)
	}
	if got := o.json(http.MethodPost, "/v1/login-links", map[string]string{"account": ann.ID.String()}); got.status != 404 {
		t.Errorf("another link: %d", got.status)
	}
	if got := o.json(http.MethodPost, "/v1/accounts/"+ann.ID.String()+"/enable", nil); got.status != 200 || a.signedIn() {
		t.Errorf("enable: %+v", got)
	}
	if got := h.browser().post("/login", "login", "ann", "password", password); got.status != 200 {
		t.Errorf("her password afterwards: %d", got.status)
	}
}
