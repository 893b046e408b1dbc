package main

import (
	"net/http"
	"slices"
	"testing"

	"github.com/coder/websocket"

	"github.com/annals-io/annals/internal/pgtest"
)

func TestOrigins(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://dashboard.example":       "https://dashboard.example",
		"HTTPS://Dashboard.Example:443":   "https://dashboard.example",
		"http://localhost:80":             "http://localhost",
		"http://localhost:443":            "http://localhost:443",
		"http://[::1]:3000":               "http://[::1]:3000",
		"dashboard.example":               "",
		"https://":                        "",
		"*":                               "",
		"null":                            "",
		"":                                "",
		"https://*.example":               "",
		"https://dashboard.example/":      "",
		"https://dashboard.example/app":   "",
		"https://dashboard.example?x":     "",
		"https://dashboard.example#":      "",
		"https://me@dashboard.example":    "",
		"ftp://dashboard.example":         "",
		"wss://dashboard.example":         "",
		"https://dashboard.example:port":  "",
		"https://dashboard.example, null": "",
	} {
		got, err := originOf(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v; want %q", text, got, err, want)
		}
	}
	f := serveFlags{allowedOrigins: []string{"https://a.example"}, publicURL: "https://Annals.example/at/a/path"}
	if got, err := f.origins(); err != nil || !slices.Equal(got, []string{"https://a.example", "https://annals.example"}) {
		t.Errorf("allowed are %v, %v", got, err)
	}
	if got, err := (serveFlags{}).origins(); err != nil || len(got) != 0 {
		t.Errorf("by default %v are allowed, %v", got, err)
	}
}

// A page of an origin that was allowed opens a WebSocket, one of any other does not.
func TestWebSocketsOfAllowedOrigins(t *testing.T) {
	t.Parallel()
	s := startServerIn(t, pgtest.Dir(t), pgtest.URL(t), t.Cleanup, func(f *serveFlags) { f.allowedOrigins = []string{"https://dashboard.example"} })
	for origin, status := range map[string]int{
		"https://dashboard.example": http.StatusSwitchingProtocols, s.URL: http.StatusSwitchingProtocols,
		"http://dashboard.example": http.StatusForbidden, "https://other.example": http.StatusForbidden,
	} {
		conn, resp, err := websocket.Dial(t.Context(), s.URL+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: http.Header{"Origin": {origin}}})
		if conn != nil {
			_ = conn.CloseNow()
		}
		if resp == nil || resp.StatusCode != status {
			t.Errorf("a page of %s is answered %v, %v; want %d", origin, resp, err, status)
		}
	}
	// Other requests of such a page are as any: nothing allows a browser to let it read an answer.
	if status, _, header := s.call(t, "POST", "/graphql", s.Key, `{"query":"{__typename}"}`, "Content-Type", "application/json", "Origin", "https://dashboard.example"); status != 200 || header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("answered %d with %v", status, header)
	}
}
