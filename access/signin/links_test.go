package signin_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access/signin"
	"github.com/annals-io/annals/domain"
)

func (h *house) link(of uuid.UUID) signin.Link {
	h.t.Helper()
	l, err := h.door.Link(h.t.Context(), of, domain.Actor{Kind: "system", ID: "test"})
	if err != nil {
		h.t.Fatal(err)
	}
	return l
}

// Of a hundred who bring one link at once, one is let in; and one makes an account of one for somebody new.
func TestALinkWorksOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ann := h.person("ann")
	for name, of := range map[string]uuid.UUID{"hers": ann.ID, "somebody new's": uuid.Nil} {
		token := secret(h.link(of))
		var wait sync.WaitGroup
		var in, over atomic.Int64
		for i := range 100 {
			wait.Go(func() {
				b := h.browser()
				b.address = strconv.Itoa(i)
				fields := map[string]string{"token": token}
				if of == uuid.Nil {
					fields["login"], fields["password"] = "new-"+strconv.Itoa(i), password
				}
				switch got := b.json(http.MethodPost, "/login/link", fields); {
				case got.status == 200 && b.cookie() != "":
					in.Add(1)
				case got.status == http.StatusGone && b.cookie() == "":
					over.Add(1)
				default:
					t.Errorf("%s: %+v", name, got)
				}
			})
		}
		wait.Wait()
		if in.Load() != 1 || over.Load() != 99 {
			t.Errorf("%s: %d let in, %d not", name, in.Load(), over.Load())
		}
	}
	var accounts int
	if err := h.pool.QueryRow(t.Context(), `SELECT count(*) FROM log.accounts`).Scan(&accounts); err != nil || accounts != 2 {
		t.Errorf("%d accounts, %v; want Ann's and one more", accounts, err)
	}
}

// Links that are forged, cut, old or used let nobody in, and are told alike.
func TestLinksThatAreOver(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ann := h.person("ann")
	used, old, good := secret(h.link(ann.ID)), secret(h.link(ann.ID)), secret(h.link(ann.ID))
	h.browser().post("/login/link", "token", used)
	if _, err := h.pool.Exec(t.Context(), `UPDATE log.sign_in_links SET expires_at = $1 WHERE hash = sha256($2::text::bytea)`, h.now(), old); err != nil {
		t.Fatal(err)
	}
	var stored string
	if err := h.pool.QueryRow(t.Context(), `SELECT encode(hash, 'hex') FROM log.sign_in_links WHERE expires_at > $1`, h.now()).Scan(&stored); err != nil {
		t.Fatal(err)
	}
	bodies := map[string]bool{}
	for name, token := range map[string]string{
		"used": used, "old": old, "cut": good[:len(good)-1], "longer": good + "A", "in other letters": strings.ToUpper(good), "what is stored": stored,
		"none": "", "made up": "annals_link_" + strings.Repeat("A", 43), "not readable": "\xff\xfe", "a percent": "%s%n",
	} {
		b := h.browser()
		got := b.json(http.MethodPost, "/login/link", map[string]string{"token": token})
		bodies[got.body] = true
		if got.status != http.StatusGone || b.cookie() != "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if len(bodies) != 1 {
		t.Errorf("they are told apart: %v", bodies)
	}
	for _, pasted := range []string{" " + h.url + "/login/link#" + good + "\n"} { // the whole link will do
		if b := h.browser(); b.post("/login/link", "token", pasted).status != 200 || !b.signedIn() {
			t.Errorf("%q lets nobody in", pasted)
		}
	}
	late := secret(h.link(ann.ID))
	h.goOn(signin.LinkLife)
	if got := h.browser().post("/login/link", "token", late); got.status != http.StatusGone {
		t.Errorf("after a day: %d", got.status)
	}
}

// Who makes links for whom: oneself, or for others an operator.
func TestWhoMakesLinks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ann, op := h.person("ann"), h.person("operator")
	h.operator = op.ID
	for name, tt := range map[string]struct {
		who    string
		wish   any
		status int
		of     uuid.UUID
	}{
		"herself":              {"ann", map[string]any{}, 201, ann.ID},
		"herself by name":      {"ann", map[string]any{"account": "ANN"}, 201, ann.ID},
		"another":              {"ann", map[string]any{"account": "operator"}, 403, uuid.Nil},
		"somebody new":         {"ann", map[string]any{"new": true}, 403, uuid.Nil},
		"an operator, another": {"operator", map[string]any{"account": ann.ID}, 201, ann.ID},
		"an operator, new":     {"operator", map[string]any{"new": true}, 201, uuid.Nil},
		"an operator, nobody":  {"operator", map[string]any{"account": "nobody"}, 404, uuid.Nil},
		"both":                 {"operator", map[string]any{"account": "ann", "new": true}, 400, uuid.Nil},
		"nonsense":             {"operator", map[string]any{"whose": "ann"}, 400, uuid.Nil},
	} {
		b := h.browser()
		b.post("/login", "login", tt.who, "password", password)
		got := b.json(http.MethodPost, "/v1/login-links", tt.wish)
		if got.status != tt.status || tt.of != uuid.Nil && !strings.Contains(got.body, tt.of.String()) || got.status == 201 && !strings.Contains(got.body, h.url+"/login/link#annals_link_") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// Whoever came by a link sets a password without the old one, for a quarter of an hour.
func TestALostPassword(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ann := h.person("ann")
	b := h.browser()
	b.post("/login/link", "token", secret(h.link(ann.ID)))
	if got := b.post("/login/password", "password", "another horse battery"); got.status != 200 {
		t.Errorf("at once: %+v", got)
	}
	if got := h.browser().post("/login", "login", "ann", "password", "another horse battery"); got.status != 200 {
		t.Errorf("and then: %+v", got)
	}
	c := h.browser()
	c.post("/login/link", "token", secret(h.link(ann.ID)))
	h.goOn(15 * time.Minute)
	if got := c.post("/login/password", "password", "a third horse battery"); got.status != 401 {
		t.Errorf("a quarter of an hour later: %+v", got)
	}
}

// Pages of ours load nothing from elsewhere, hold no script, are framed by nobody, and send nobody away.
func TestThePages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.person("ann")
	b := h.browser()
	for _, path := range []string{"/login", "/login/link", "/invitations/accept", "/device", "/login/password"} {
		got := b.get(path)
		policy := got.header.Get("Content-Security-Policy")
		if got.status != 200 || !strings.Contains(policy, "frame-ancestors 'none'") || !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") ||
			got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", path, got.status, got.header)
		}
		if strings.Contains(got.body, "<script>") || strings.Contains(got.body, "style=") || strings.Contains(got.body, " on") && strings.Contains(got.body, "onclick") {
			t.Errorf("%s has a script or style of its own: %s", path, got.body)
		}
	}
	for _, file := range []string{"style.css", "link.js"} {
		if got := b.get("/login/assets/" + file); got.status != 200 || got.header.Get("Content-Type") == "" {
			t.Errorf("%s: %+v", file, got)
		}
	}
	for _, file := range []string{"login.html", "..%2fdoc.go", "nothing"} {
		if got := b.get("/login/assets/" + file); got.status == 200 {
			t.Errorf("%s is given out", file)
		}
	}
	for _, next := range []string{"https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "javascript:alert(1)", "http:/evil.example", "", "/login"} {
		c := h.browser()
		if got := c.post("/login", "login", "ann", "password", password, "next", next); got.at != "/login" || got.status != 200 {
			t.Errorf("next %q ends at %s: %d", next, got.at, got.status)
		}
		if got := h.browser().get("/login?next=" + url.QueryEscape(next)); strings.Contains(got.body, "evil") {
			t.Errorf("next %q is in the page", next)
		}
	}
	if got := h.browser().post("/login", "login", "ann", "password", password, "next", "/device?user_code=BCDF-GHJK"); got.at != "/device" {
		t.Errorf("our own page: it ends at %s", got.at)
	}
	if got := b.post("/login", "login", `"><script>alert(1)</script>`, "password", "x"); strings.Contains(got.body, "<script>alert") {
		t.Errorf("what was typed is not escaped: %s", got.body)
	}
}

// A form that another site sends does nothing, whoever is signed in.
func TestFormsOfOtherSites(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ann := h.person("ann")
	for _, header := range []map[string]string{{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}} {
		b := h.browser()
		b.post("/login", "login", "ann", "password", password)
		token := secret(h.link(ann.ID))
		b.header = header
		for path, fields := range map[string][]string{
			"/login": {"login", "ann", "password", password}, "/login/link": {"token", token}, "/login/password": {"current", password, "password", "another horse battery"},
			"/login/sessions": {}, "/login/oidc": {}, "/logout": {}, "/invitations/accept": {"token", "x"}, "/device": {"user_code", "BCDF-GHJK", "decision", "approve"},
		} {
			if got := b.post(path, fields...); got.status != 403 {
				t.Errorf("%v %s: %d", header, path, got.status)
			}
		}
		b.header = nil
		if !b.signedIn() {
			t.Errorf("%v: signed out", header)
		}
	}
}
