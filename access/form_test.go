package access_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/annals-io/annals/access"
)

// Where a protocol has words of its own for a refusal, they are used for all that is refused there, and nowhere else;
// the headers are the same.
func TestRefusalsInAFormOfTheirOwn(t *testing.T) {
	t.Parallel()
	m := testMux(t)
	m.Speak("/graphql", func(w http.ResponseWriter, _ *http.Request, no *access.Refusal) {
		w.WriteHeader(no.Status)
		fmt.Fprint(w, "own: ", no.Code)
	})
	m.Handle("POST /graphql", access.Write, say("change"))
	for name, tt := range map[string]struct {
		method, path, auth string
		status             int
		body               string
		header, value      string
	}{
		"without a key":     {"GET", "/graphql?query=x", "", 401, "own: key_missing", "WWW-Authenticate", `Bearer realm="annals"`},
		"unknown":           {"POST", "/graphql", "Bearer x", 401, "own: key_unknown", "WWW-Authenticate", `Bearer realm="annals"`},
		"without the scope": {"POST", "/graphql", "Bearer reader", 403, "own: scope_missing", "Cache-Control", "no-store"},
		"another method":    {"PUT", "/graphql", "Bearer reader", 405, "own: method_not_allowed", "Allow", "GET, HEAD, POST"},
		"cannot be checked": {"POST", "/graphql", "Bearer broken", 503, "own: unavailable", "Retry-After", "1"},
		"elsewhere":         {"GET", "/v1/things/a", "", 401, `{"error":{"code":"key_missing","message":"` + access.ErrMissing.Message + `"}}` + "\n", "Content-Type", "application/json"},
	} {
		r := httptest.NewRequest(tt.method, tt.path, nil)
		if tt.auth != "" {
			r.Header.Set("Authorization", tt.auth)
		}
		w := httptest.NewRecorder()
		m.ServeHTTP(w, r)
		if w.Code != tt.status || w.Body.String() != tt.body || w.Header().Get(tt.header) != tt.value {
			t.Errorf("%s: %d %q, %s %q; want %d %q, %q", name, w.Code, w.Body, tt.header, w.Header().Get(tt.header), tt.status, tt.body, tt.value)
		}
	}
}
