package access_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/annals-io/annals/access"
)

// randomReader is the machine's source, as a value.
type randomReader struct{}

func (randomReader) Read(b []byte) (int, error) { return rand.Read(b) }

// fixed knows one principal for each word after "Bearer ".
type fixed map[string]access.Principal

func (f fixed) Authenticate(_ context.Context, r *http.Request) (access.Principal, error) {
	word, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return access.Principal{}, access.ErrMissing
	}
	if word == "broken" {
		return access.Principal{}, &access.UnavailableError{Cause: errors.New("no connection")}
	}
	p, ok := f[word]
	if !ok {
		return access.Principal{}, access.ErrUnknown
	}
	return p, nil
}

func say(word string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, known := access.From(r.Context())
		fmt.Fprintf(w, "%s %s %v %s", word, p.KeyID, known, r.PathValue("slug"))
	})
}

func testMux(t *testing.T) *access.Mux {
	t.Helper()
	m := access.NewMux(fixed{
		"reader": {KeyID: "reader", Scopes: []access.Scope{access.Read}},
		"ending": {KeyID: "ending", Scopes: []access.Scope{access.Read}, Expires: time.Now().Add(13 * 24 * time.Hour)},
		"later":  {KeyID: "later", Scopes: []access.Scope{access.Read}, Expires: time.Now().Add(15 * 24 * time.Hour)},
	}, nil, nil)
	m.Public("GET /healthz", say("health"))
	m.Handle("GET /v1/things/{slug}", access.Read, say("things"))
	m.Handle("POST /v1/things/{slug}", access.Write, say("change"))
	m.HandleWithPage("GET /graphql", access.Read, say("data"), say("page"))
	return m
}

func TestDenyByDefault(t *testing.T) {
	t.Parallel()
	m := testMux(t)
	for name, tt := range map[string]struct {
		method, path, auth, accept string
		status                     int
		body                       string
	}{
		"public":                      {"GET", "/healthz", "", "", 200, "health  false "},
		"public, other method":        {"POST", "/healthz", "", "", 401, "key_missing"},
		"without a key":               {"GET", "/v1/things/a", "", "", 401, "key_missing"},
		"unknown key":                 {"GET", "/v1/things/a", "Bearer x", "", 401, "key_unknown"},
		"basic":                       {"GET", "/v1/things/a", "Basic eDp5", "", 401, "key_missing"},
		"with a key":                  {"GET", "/v1/things/a", "Bearer reader", "", 200, "things reader true a"},
		"without the scope":           {"POST", "/v1/things/a", "Bearer reader", "", 403, "scope_missing"},
		"nothing there, without":      {"GET", "/secret", "", "", 401, "key_missing"},
		"nothing there, with":         {"GET", "/secret", "Bearer reader", "", 404, "not_found"},
		"wrong method, without":       {"DELETE", "/v1/things/a", "", "", 401, "key_missing"},
		"wrong method, with":          {"DELETE", "/v1/things/a", "Bearer reader", "", 405, "method_not_allowed"},
		"unclean path, without":       {"GET", "//v1/things/a", "", "", 401, "key_missing"},
		"unclean path is no redirect": {"GET", "//v1/things/a", "Bearer reader", "", 404, "did you mean"},
		"page":                        {"GET", "/graphql", "", "text/html,*/*;q=0.8", 200, "page  false "},
		"page with a query":           {"GET", "/graphql?query=%7Bx%7D", "", "text/html", 401, "key_missing"},
		"page for a program":          {"GET", "/graphql", "", "application/json", 401, "key_missing"},
		"page's data":                 {"GET", "/graphql?query=%7Bx%7D", "Bearer reader", "text/html", 200, "data reader true "},
		"page, posted":                {"POST", "/graphql", "", "text/html", 401, "key_missing"},
		"keys cannot be checked":      {"GET", "/v1/things/a", "Bearer broken", "", 503, "unavailable"},
	} {
		r := httptest.NewRequest(tt.method, tt.path, nil)
		if tt.auth != "" {
			r.Header.Set("Authorization", tt.auth)
		}
		r.Header.Set("Accept", tt.accept)
		w := httptest.NewRecorder()
		m.ServeHTTP(w, r)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.body) {
			t.Errorf("%s: %d %q, want %d %q", name, w.Code, w.Body, tt.status, tt.body)
		}
		if w.Code == 401 && w.Header().Get("WWW-Authenticate") != `Bearer realm="annals"` {
			t.Errorf("%s: no WWW-Authenticate", name)
		}
		if w.Code >= 400 {
			var refusal struct {
				Error struct{ Code, Message string } `json:"error"`
			}
			if err := json.Unmarshal(w.Body.Bytes(), &refusal); err != nil || refusal.Error.Code == "" || refusal.Error.Message == "" {
				t.Errorf("%s: the refusal is %q: %v", name, w.Body, err)
			}
		}
	}
}

func TestAKeyNearItsEndSaysSo(t *testing.T) {
	t.Parallel()
	m := testMux(t)
	for word, announced := range map[string]bool{"reader": false, "later": false, "ending": true} {
		r := httptest.NewRequest("GET", "/v1/things/a", nil)
		r.Header.Set("Authorization", "Bearer "+word)
		w := httptest.NewRecorder()
		m.ServeHTTP(w, r)
		_, err := time.Parse(time.RFC3339, w.Header().Get(access.ExpiresHeader))
		if announced != (err == nil) {
			t.Errorf("%s: %s is %q", word, access.ExpiresHeader, w.Header().Get(access.ExpiresHeader))
		}
	}
}

// revocable refuses once it is told to.
type revocable struct {
	fixed
	revoked atomic.Bool
}

func (r *revocable) Authenticate(ctx context.Context, q *http.Request) (access.Principal, error) {
	if r.revoked.Load() {
		return access.Principal{}, access.ErrRevoked
	}
	return r.fixed.Authenticate(ctx, q)
}

func TestASubscriptionEndsWithItsKey(t *testing.T) {
	t.Parallel()
	auth := &revocable{fixed: fixed{"reader": {KeyID: "reader", Scopes: []access.Scope{access.Read}}}}
	m := access.NewMux(auth, nil, nil)
	ended := make(chan struct{})
	m.Handle("GET /events", access.Read, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		auth.revoked.Store(true)
		<-r.Context().Done()
		close(ended)
	}))
	r := httptest.NewRequest("GET", "/events", nil)
	r.Header.Set("Authorization", "Bearer reader")
	r.Header.Set("Accept", "text/event-stream")
	go m.ServeHTTP(httptest.NewRecorder(), r)
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Fatal("the subscription goes on five seconds after its key was revoked")
	}
}
