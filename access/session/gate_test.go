package session_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/access/session"
	"github.com/annals-io/annals/domain"
)

// keys knows one key.
type keys struct{}

func (keys) Authenticate(_ context.Context, r *http.Request) (access.Principal, error) {
	switch r.Header.Get("Authorization") {
	case "":
		return access.Principal{}, access.ErrMissing
	case "Bearer good":
		return access.Principal{KeyID: "good", Scopes: []access.Scope{access.Read}, Holder: domain.ServiceGrantee}, nil
	}
	return access.Principal{}, access.ErrUnknown
}

func gate(t *testing.T, s *session.Sessions, publicURL string, origins ...string) *session.Gate {
	t.Helper()
	g, err := session.NewGate(keys{}, s, publicURL, origins)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// Which cookie is set, and which is looked at, for those who come by different ways.
func TestTheCookie(t *testing.T) {
	t.Parallel()
	s := session.New(database(t), newClock().now, nil)
	token, _ := begin(t, s, session.ByPassword, "")
	for name, tt := range map[string]struct {
		host, public string
		tls, passed  bool
		cookie       string
		secure       bool
	}{
		"this machine":             {"127.0.0.1:8080", "", false, false, "annals-dev", false},
		"by name":                  {"localhost:8080", "", false, false, "annals-dev", false},
		"without a port":           {"localhost", "", false, false, "annals-dev", false},
		"of IPv6":                  {"[::1]:8080", "", false, false, "annals-dev", false},
		"this machine, over TLS":   {"localhost:8443", "", true, false, "__Host-annals", true},
		"elsewhere, over TLS":      {"annals.example", "", true, false, "__Host-annals", true},
		"elsewhere, in the open":   {"192.0.2.1:8080", "", false, false, "__Host-annals", true},
		"behind a proxy":           {"annals.example", "https://annals.example", false, false, "__Host-annals", true},
		"behind one that rewrites": {"127.0.0.1:8080", "https://annals.example", false, false, "__Host-annals", true},
		"behind one that says so":  {"127.0.0.1:8080", "", false, true, "__Host-annals", true},
		"a name like localhost":    {"localhost.example", "", false, false, "__Host-annals", true},
		"public, in the open":      {"127.0.0.1:8080", "http://127.0.0.1:8080", false, false, "annals-dev", false},
	} {
		g := gate(t, s, tt.public)
		r := httptest.NewRequest("GET", "/", nil)
		r.Host, r.TLS = tt.host, nil
		if tt.passed {
			r.Header.Set("X-Forwarded-For", "192.0.2.7")
		}
		if tt.tls {
			r.TLS = &tls.ConnectionState{}
		}
		w := httptest.NewRecorder()
		g.Cookie(w, r, "", token, 60)
		c := w.Result().Cookies()[0]
		if c.Name != tt.cookie || c.Secure != tt.secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			t.Errorf("%s: %s", name, c)
		}
		for _, sent := range []string{"annals-dev", "__Host-annals"} {
			r.Header.Set("Cookie", sent+"="+token)
			if _, _, ok, err := g.Session(r); err != nil || ok != (sent == tt.cookie) {
				t.Errorf("%s: the cookie %s opens: %v, %v", name, sent, ok, err)
			}
		}
	}
}

// What a cookie proves: that a page of ours made the request, by what browsers say of it.
func TestWhoseRequestItIs(t *testing.T) {
	t.Parallel()
	s := session.New(database(t), newClock().now, nil)
	token, _ := begin(t, s, session.ByPassword, "")
	g := gate(t, s, "https://annals.example", "https://dash.example")
	const json, form = "application/json", "application/x-www-form-urlencoded"
	for name, tt := range map[string]struct {
		method, kind string
		header       []string
		want         error
	}{
		"read":                            {"GET", "", nil, nil},
		"read, from elsewhere":            {"GET", "", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, nil}, // it changes nothing, and cannot be read there
		"our page":                        {"POST", json, []string{"Sec-Fetch-Site", "same-origin", "Origin", "https://annals.example"}, nil},
		"our page, with a charset":        {"POST", json + "; charset=utf-8", []string{"Sec-Fetch-Site", "same-origin"}, nil},
		"our page, an older browser":      {"POST", json, []string{"Origin", "https://annals.example"}, nil},
		"no browser":                      {"POST", json, nil, nil},
		"another site":                    {"POST", json, []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, session.ErrForeign},
		"another site, an older browser":  {"POST", json, []string{"Origin", "https://evil.example"}, session.ErrForeign},
		"a neighbour":                     {"POST", json, []string{"Sec-Fetch-Site", "same-site", "Origin", "https://evil.annals.example"}, session.ErrForeign},
		"a page without an origin":        {"POST", json, []string{"Origin", "null"}, session.ErrForeign},
		"another site, DELETE":            {"DELETE", "", []string{"Origin", "https://evil.example"}, session.ErrForeign},
		"our page, DELETE":                {"DELETE", "", []string{"Sec-Fetch-Site", "same-origin"}, nil},
		"a page that may open sockets":    {"POST", json, []string{"Origin", "https://dash.example"}, session.ErrForeign},
		"a form of ours":                  {"POST", form, []string{"Sec-Fetch-Site", "same-origin"}, session.ErrNotJSON},
		"plain text":                      {"POST", "text/plain", nil, session.ErrNotJSON},
		"a file":                          {"POST", "multipart/form-data; boundary=x", nil, session.ErrNotJSON},
		"of no kind":                      {"POST", "", nil, session.ErrNotJSON},
		"of nonsense":                     {"POST", ";;", nil, session.ErrNotJSON},
		"lines":                           {"POST", "application/x-ndjson", []string{"Sec-Fetch-Site", "same-origin"}, nil},
		"cloud events":                    {"PUT", "application/cloudevents+json", []string{"Sec-Fetch-Site", "same-origin"}, nil},
		"a socket of ours":                {"GET", "", []string{"Upgrade", "websocket", "Origin", "https://annals.example"}, nil},
		"a socket of an allowed page":     {"GET", "", []string{"Upgrade", "websocket", "Origin", "https://dash.example"}, nil},
		"a socket of another site":        {"GET", "", []string{"Upgrade", "websocket", "Origin", "https://evil.example"}, session.ErrForeign},
		"a socket of another site, newer": {"GET", "", []string{"Upgrade", "WebSocket", "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, session.ErrForeign},
		"a socket of no browser":          {"GET", "", []string{"Upgrade", "websocket"}, nil},
	} {
		var body io.Reader
		if tt.method == "POST" || tt.method == "PUT" {
			body = strings.NewReader("{}")
		}
		r := httptest.NewRequest(tt.method, "/graphql", body)
		r.Host = "annals.example"
		r.Header.Set("Cookie", "__Host-annals="+token)
		if tt.kind != "" {
			r.Header.Set("Content-Type", tt.kind)
		}
		for i := 0; i < len(tt.header); i += 2 {
			r.Header.Set(tt.header[i], tt.header[i+1])
		}
		p, err := g.Authenticate(r.Context(), r)
		if !errors.Is(err, tt.want) || err == nil && p.Account != ann {
			t.Errorf("%s: %v, %v; want %v", name, p, err, tt.want)
		}
		r.Header.Del("Cookie") // without a cookie it is nobody's, whatever it is
		if _, err := g.Authenticate(r.Context(), r); !errors.Is(err, access.ErrMissing) {
			t.Errorf("%s, without a cookie: %v", name, err)
		}
	}
}

// A key in the header says who asks, whatever cookie comes along.
func TestAKeyWinsOverACookie(t *testing.T) {
	t.Parallel()
	s := session.New(database(t), newClock().now, nil)
	token, _ := begin(t, s, session.ByPassword, "")
	g := gate(t, s, "")
	for auth, want := range map[string]error{"Bearer good": nil, "Bearer bad": access.ErrUnknown, "": nil} {
		r := httptest.NewRequest("GET", "http://localhost/", nil)
		r.Header.Set("Cookie", "annals-dev="+token)
		if auth != "" {
			r.Header.Set("Authorization", auth)
		}
		p, err := g.Authenticate(r.Context(), r)
		if !errors.Is(err, want) || err == nil && (p.KeyID == "good") != (auth != "") {
			t.Errorf("%q: %v, %v", auth, p, err)
		}
	}
}
