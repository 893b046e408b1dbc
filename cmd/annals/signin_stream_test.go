package main

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// cookie is the browser's session, as a header.
func (b *browser) cookie() string {
	u, err := url.Parse(b.base)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == "annals-dev" {
			return c.Name + "=" + c.Value
		}
	}
	b.t.Fatal("the browser has no session")
	return ""
}

// signedIn is a browser in which the first owner is signed in.
func (s *testServer) signedIn(t testing.TB) *browser {
	t.Helper()
	b := newBrowser(t, s.URL)
	if status, page := b.post("/login/link", "token", s.newLink(t)); status != http.StatusOK {
		t.Fatalf("the link: %d %s", status, page)
	}
	return b
}

// A page asks by its cookie: it changes things as JSON, and nothing that another site makes the browser send does.
func TestACookieProvesAPageOfOurs(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	b := s.signedIn(t)
	const create = `{"query":"mutation { createWorkspace(input: {slug: \"%s\", name: \"X\"}) { workspace { slug } userErrors { message } } }"}`
	for name, tt := range map[string]struct {
		slug, kind string
		header     []string
		status     int
	}{
		"our page":            {"made-here", "application/json", []string{"Origin", s.URL, "Sec-Fetch-Site", "same-origin"}, 200},
		"another site":        {"made-there", "application/json", []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, 403},
		"another, by a form":  {"made-by-form", "text/plain", []string{"Origin", "https://evil.example"}, 403},
		"a form of our own":   {"made-by-ours", "text/plain", []string{"Origin", s.URL}, 415},
		"another by its name": {"made-by-name", "application/json", []string{"Origin", "http://127.0.0.1.evil.example"}, 403},
	} {
		status, answer := b.do(http.MethodPost, "/graphql", tt.kind, strings.ReplaceAll(create, "%s", tt.slug), tt.header...)
		if status != tt.status || (status == 200) != strings.Contains(answer, `"slug":"`+tt.slug+`"`) {
			t.Errorf("%s: %d %s, want %d", name, status, answer, tt.status)
		}
	}
	out, errs, exit := s.annals("", "workspace", "list", "-o", "json")
	if exit != 0 || !strings.Contains(out, "made-here") || strings.Count(out, "made-") != 1 {
		t.Errorf("the workspaces: %s %s", out, errs)
	}
	if out, _, _ := s.annals("", "log", "made-here", "-o", "json"); !strings.Contains(out, `"account"`) {
		t.Errorf("the history does not say that a person did it: %s", out)
	}
}

// Open streams end with the session that they were opened by, whichever way it ends; others go on.
func TestStreamsEndWithTheSession(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	b := s.signedIn(t)

	// given a stream of events and a WebSocket, both by the cookie alone
	body, err := json.Marshal(map[string]string{"query": `subscription { events(workspace: "default", after: -1) { events { revision } } }`})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/graphql", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]string{"Cookie": b.cookie(), "Accept": "text/event-stream", "Content-Type": "application/json", "Origin": s.URL} {
		req.Header.Set(name, v)
	}
	stream, err := http.DefaultTransport.RoundTrip(req)
	if err != nil || stream.StatusCode != 200 {
		t.Fatalf("the stream: %+v, %v", stream, err)
	}
	defer stream.Body.Close()
	lines := bufio.NewScanner(stream.Body)
	for lines.Scan() && !strings.Contains(lines.Text(), `"revision"`) {
	}
	dial := func(origin string) (*websocket.Conn, int) {
		t.Helper()
		conn, resp, err := websocket.Dial(ctx, s.URL+"/graphql", &websocket.DialOptions{
			Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: http.Header{"Cookie": {b.cookie()}, "Origin": {origin}},
		})
		if err != nil {
			return nil, resp.StatusCode
		}
		t.Cleanup(func() { _ = conn.CloseNow() })
		return conn, 0
	}
	if _, status := dial("https://evil.example"); status != http.StatusForbidden {
		t.Errorf("a WebSocket of another site: %d", status)
	}
	conn, status := dial(s.URL)
	if conn == nil {
		t.Fatalf("a WebSocket of our page: %d", status)
	}
	if err := conn.Write(ctx, websocket.MessageText, []byte(`{"type":"connection_init"}`)); err != nil {
		t.Fatal(err)
	}
	if _, raw, err := conn.Read(ctx); err != nil || string(raw) != `{"type":"connection_ack"}` {
		t.Fatalf("the WebSocket hears %s, %v", raw, err)
	}

	// when she signs out
	began := time.Now()
	if status, _ := b.post("/logout"); status != http.StatusOK {
		t.Fatalf("logout: %d", status)
	}

	// then both end
	for lines.Scan() { // what was on its way
	}
	if _, _, err := conn.Read(ctx); err == nil {
		t.Error("the WebSocket goes on")
	}
	if took := time.Since(began); took > 2*time.Second || ctx.Err() != nil {
		t.Errorf("they ended after %s", took)
	}
}

// Somebody who was invited makes an account by the link, is a member then, and has a workspace of their own.
func TestAnInvitedPersonComesIn(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	status, answer, _ := s.call(t, "POST", "/v1/workspaces/default/invitations", s.Key, `{"roles":["viewer"]}`, "Content-Type", "application/json")
	var made struct{ Link, Token string }
	decode(t, answer, &made)
	_, token, ok := strings.Cut(made.Link, "#")
	if status != http.StatusCreated || !ok {
		t.Fatalf("the invitation: %d %s", status, answer)
	}
	b := newBrowser(t, s.URL)
	if status, page := b.post("/invitations/accept", "token", token); status != 200 || !strings.Contains(page, "You are invited to") || !strings.Contains(page, "viewer") {
		t.Fatalf("the page: %d %s", status, page)
	}
	if status, page := b.post("/invitations/accept", "token", token, "how", "new", "login", "zoe", "name", "Zoe", "password", "correct horse battery"); status != 200 || !strings.Contains(page, "Signed in as Zoe") {
		t.Fatalf("accepted: %d %s", status, page)
	}
	if status, answer := b.ask(`{ workspace(slug: "default") { slug } viewer { name } }`); status != 200 || !strings.Contains(answer, `"slug":"default"`) || !strings.Contains(answer, "Zoe") {
		t.Errorf("what she sees: %d %s", status, answer)
	}
	if _, answer := b.ask(`mutation { createWorkspace(input: {slug: "zoes-own", name: "X"}) { workspace { slug } userErrors { message } } }`); !strings.Contains(answer, `"slug":"zoes-own"`) {
		t.Errorf("a workspace in her own organization: %s", answer)
	}
	if _, answer := b.ask(`mutation { startRun(input: {workspace: "default", id: "r", pipeline: {name: "p"}}) { userErrors { message code } } }`); strings.Contains(answer, `"userErrors":[]`) {
		t.Errorf("a viewer starts a run: %s", answer)
	}
	if status, _ := newBrowser(t, s.URL).post("/invitations/accept", "token", token, "how", "new", "login", "eve", "name", "Eve", "password", "correct horse battery"); status != http.StatusGone {
		t.Errorf("the invitation a second time: %d", status)
	}
}
