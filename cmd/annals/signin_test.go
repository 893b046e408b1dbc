package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// browser keeps cookies and follows redirects, as a person's does. Forms are sent with the headers that browsers add.
type browser struct {
	t      testing.TB
	base   string
	client *http.Client
}

func newBrowser(t testing.TB, base string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, base: base, client: &http.Client{Jar: jar}}
}

// get opens a page.
func (b *browser) get(path string) (int, string) { return b.do(http.MethodGet, path, "", "") }

// post sends a form of our own page.
func (b *browser) post(path string, fields ...string) (int, string) {
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return b.do(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode())
}

// ask asks by GraphQL, as a page of our own does.
func (b *browser) ask(query string) (int, string) {
	body, _ := json.Marshal(map[string]string{"query": query})
	return b.do(http.MethodPost, "/graphql", "application/json", string(body))
}

func (b *browser) do(method, path, kind, body string, header ...string) (int, string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
		req.Header.Set("Origin", b.base)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp.StatusCode, string(answer)
}

var linkText = regexp.MustCompile(`http://[^/\s]+/login/link#(annals_link_[A-Za-z0-9_-]{43})`)

// newLink makes a link by the operator's command and answers its secret.
func (s *testServer) newLink(t testing.TB, args ...string) string {
	t.Helper()
	out, errs, exit := s.annals("", append([]string{"login-link"}, args...)...)
	found := linkText.FindStringSubmatch(out)
	if exit != 0 || found == nil {
		t.Fatalf("login-link: %d %s %s", exit, out, errs)
	}
	return found[1]
}

// The first owner signs in by a link, sets a password, and from then on signs in by that; GraphQL knows him by his cookie.
func TestTheFirstOwnerSignsIn(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	secret := s.newLink(t)

	b := newBrowser(t, s.URL)
	if status, page := b.get("/login/link"); status != 200 || !strings.Contains(page, "/login/assets/link.js") {
		t.Fatalf("the page of a link: %d %s", status, page)
	}
	if status, page := b.post("/login/link", "token", secret); status != 200 || !strings.Contains(page, "New password") {
		t.Fatalf("the link: %d %s", status, page)
	}
	if status, answer := b.ask(`{ viewer { name scopes } }`); status != 200 || !strings.Contains(answer, `"ADMIN"`) && !strings.Contains(answer, `"admin"`) {
		t.Fatalf("viewer: %d %s", status, answer)
	}
	const password = "correct horse battery"
	if status, page := b.post("/login/password", "login", "Owner@Example.org", "password", password); status != 200 || !strings.Contains(page, "Signed in as") {
		t.Fatalf("the password: %d %s", status, page)
	}
	again := newBrowser(t, s.URL)
	if status, page := again.post("/login/link", "token", secret); status != http.StatusGone {
		t.Errorf("the link a second time: %d %s", status, page)
	}
	if status, page := again.post("/login", "login", "owner@example.org", "password", "wrong horse battery"); status != http.StatusUnauthorized || !strings.Contains(page, "wrong") {
		t.Errorf("a wrong password: %d %s", status, page)
	}
	if status, page := again.post("/login", "login", "owner@example.org", "password", password); status != 200 || !strings.Contains(page, "Signed in as") {
		t.Errorf("the password: %d %s", status, page)
	}
	if status, answer := again.ask(`{ viewer { name } workspaces(first: 5) { nodes { slug } } }`); status != 200 || !strings.Contains(answer, `"default"`) {
		t.Errorf("viewer: %d %s", status, answer)
	}
	if status, _ := again.post("/logout"); status != 200 {
		t.Errorf("logout: %d", status)
	}
	if status, answer := again.ask(`{ viewer { name } }`); status != http.StatusUnauthorized {
		t.Errorf("signed out: %d %s", status, answer)
	}
}
