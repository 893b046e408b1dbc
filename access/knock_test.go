package access_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/annals-io/annals/access"
)

// A WebSocket without a key reaches the one route that knows what to do with it, and nothing else does: the handler
// has no principal before the key was judged.
func TestASocketMayKnock(t *testing.T) {
	t.Parallel()
	auth := fixed{
		"reader": {KeyID: "reader", Scopes: []access.Scope{access.Read}},
		"ingest": {KeyID: "ingest", Scopes: []access.Scope{access.IngestOnly}},
	}
	counted := map[string]int{}
	m := access.NewMux(auth, nil, func(outcome string) { counted[outcome]++ })
	socket := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, known := access.From(r.Context()); known {
			fmt.Fprint(w, "known")
			return
		}
		ctx, no := access.Admit(r.Context(), r.URL.Query().Get("key"))
		if no != nil {
			fmt.Fprint(w, no.Status, " ", no.Code)
			return
		}
		p, _ := access.From(ctx)
		fmt.Fprint(w, "admitted ", p.KeyID)
	})
	m.HandleWithPage("GET /graphql", access.Read, socket, say("page"))
	m.Handle("GET /v1/things", access.Read, socket)
	m.Handle("POST /graphql", access.Read, socket)
	for name, tt := range map[string]struct {
		method, target, auth, upgrade string
		status                        int
		body                          string
	}{
		"with a key in the message":   {"GET", "/graphql?key=Bearer+reader", "", "WebSocket", 200, "admitted reader"},
		"with none":                   {"GET", "/graphql", "", "websocket", 200, "401 key_missing"},
		"with a wrong one":            {"GET", "/graphql?key=Bearer+x", "", "websocket", 200, "401 key_unknown"},
		"with one that may not read":  {"GET", "/graphql?key=Bearer+ingest", "", "websocket", 200, "403 scope_missing"},
		"while keys are not known":    {"GET", "/graphql?key=Bearer+broken", "", "websocket", 200, "503 unavailable"},
		"with a key as a header":      {"GET", "/graphql", "Bearer reader", "websocket", 200, "known"},
		"with a wrong key as header":  {"GET", "/graphql?key=Bearer+reader", "Bearer x", "websocket", 401, "key_unknown"},
		"with an empty header":        {"GET", "/graphql?key=Bearer+reader", " ", "websocket", 401, "key_missing"},
		"another upgrade":             {"GET", "/graphql?key=Bearer+reader", "", "h2c", 401, "key_missing"},
		"no upgrade":                  {"GET", "/graphql?key=Bearer+reader", "", "", 401, "key_missing"},
		"another method":              {"POST", "/graphql?key=Bearer+reader", "", "websocket", 401, "key_missing"},
		"another method of the route": {"HEAD", "/graphql?key=Bearer+reader", "", "websocket", 401, ""},
		"another route":               {"GET", "/v1/things?key=Bearer+reader", "", "websocket", 401, "key_missing"},
		"no route":                    {"GET", "/graphql/?key=Bearer+reader", "", "websocket", 401, "key_missing"},
	} {
		r := httptest.NewRequest(tt.method, tt.target, nil)
		if tt.auth != "" {
			r.Header.Set("Authorization", tt.auth)
		}
		r.Header.Set("Upgrade", tt.upgrade)
		r.Header.Set("Connection", "Upgrade")
		w := httptest.NewRecorder()
		m.ServeHTTP(w, r)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.body) {
			t.Errorf("%s: %d %q, want %d %q", name, w.Code, w.Body, tt.status, tt.body)
		}
	}
	if counted["ok"] != 2 || counted["scope_missing"] != 1 {
		t.Errorf("counted %v", counted)
	}
	if _, no := access.Admit(t.Context(), "Bearer reader"); no != access.ErrMissing {
		t.Errorf("a request that was not let through for it is admitted: %v", no)
	}
}

// What was admitted by a key ends with the key.
func TestAnAdmittedSocketEndsWithItsKey(t *testing.T) {
	t.Parallel()
	auth := &revocable{fixed: fixed{"reader": {KeyID: "reader", Scopes: []access.Scope{access.Read}}}}
	m := access.NewMux(auth, nil, nil)
	ended := make(chan error, 1)
	m.HandleWithPage("GET /graphql", access.Read, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ctx, no := access.Admit(r.Context(), "Bearer reader")
		if no != nil {
			ended <- no
			return
		}
		auth.revoked.Store(true)
		<-ctx.Done()
		ended <- r.Context().Err()
	}), say("page"))
	r := httptest.NewRequest("GET", "/graphql", nil)
	r.Header.Set("Upgrade", "websocket")
	go m.ServeHTTP(httptest.NewRecorder(), r)
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ended with %v; want its own end, and the request's context to go on", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("what was admitted goes on five seconds after its key was revoked")
	}
}
