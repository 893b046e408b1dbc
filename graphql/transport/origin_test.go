package transport_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/annals-io/annals/graphql/transport"
)

// Pages of the server's own host may open a WebSocket, those of origins that are allowed, and what is no browser.
func TestWhosePagesOpenWebSockets(t *testing.T) {
	t.Parallel()
	url, _ := serveWith(t, transport.WebSocket{Message: 4096, Operations: 3, InitTimeout: time.Minute, Origins: []string{"https://dashboard.example", "http://[::1]:3000"}})
	own := strings.TrimPrefix(url, "http://")
	for origin, allowed := range map[string]bool{
		"":                                true,
		"http://" + own:                   true,
		"https://" + strings.ToUpper(own): true, // behind a proxy that ends TLS
		"https://dashboard.example":       true,
		"HTTPS://Dashboard.Example":       true,
		"http://[::1]:3000":               true,
		"http://dashboard.example":        false,
		"https://dashboard.example:8443":  false,
		"https://dashboard.example.evil":  false,
		"https://evil/dashboard.example":  false,
		"https://dashboard":               false,
		"http://127.0.0.1:1":              false,
		"http://a:3000":                   false, // brackets are no pattern
		"null":                            false,
		"nonsense":                        false,
		"://":                             false,
	} {
		header := http.Header{"Accept": {"application/graphql-response+json"}}
		if origin != "" {
			header.Set("Origin", origin)
		}
		conn, resp, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: header})
		if conn != nil {
			_ = conn.CloseNow()
		}
		if allowed {
			if err != nil {
				t.Errorf("a page of %q is refused: %v", origin, err)
			}
			continue
		}
		if err == nil || resp == nil || resp.StatusCode != http.StatusForbidden {
			t.Errorf("a page of %q is answered %v, %v; want 403", origin, resp, err)
			continue
		}
		body, _ := io.ReadAll(resp.Body)
		var got struct {
			Errors []struct {
				Extensions struct{ Code, Rule, Reason string }
			}
		}
		if json.Unmarshal(body, &got) != nil || len(got.Errors) != 1 || got.Errors[0].Extensions.Code != "FORBIDDEN" || got.Errors[0].Extensions.Reason != "origin_not_allowed" || got.Errors[0].Extensions.Rule == "" ||
			!strings.HasPrefix(resp.Header.Get("Content-Type"), "application/graphql-response+json") {
			t.Errorf("a page of %q is answered %s %s", origin, resp.Header.Get("Content-Type"), body)
		}
	}
}
