package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// A browser's WebSocket is opened without a header and says its key in the first message: the whole server, with real
// keys, one of which ends while it is used.
func TestAWebSocketSaysItsKey(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	out, errs, exit := s.annals("", "key", "create", "short", "--scope", "read", "--expires", "5s", "-o", "json")
	if exit != 0 {
		t.Fatalf("no key of five seconds: %s", errs)
	}
	var short struct{ Key string }
	decode(t, out, &short)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	open := func(key string) *websocket.Conn {
		t.Helper()
		conn, _, err := websocket.Dial(ctx, s.URL+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.CloseNow() })
		if err := conn.Write(ctx, websocket.MessageText, []byte(`{"type":"connection_init","payload":{"Authorization":"Bearer `+key+`"}}`)); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	hear := func(conn *websocket.Conn) (string, websocket.CloseError) {
		t.Helper()
		var closed websocket.CloseError
		_, raw, err := conn.Read(ctx)
		if err != nil && !errors.As(err, &closed) {
			t.Fatal(err)
		}
		return string(raw), closed
	}

	ending := open(short.Key) // first: its time is running
	if heard, closed := hear(ending); heard != `{"type":"connection_ack"}` {
		t.Fatalf("a key that ends in a moment: heard %q, closed with %d %s", heard, closed.Code, closed.Reason)
	}
	for name, tt := range map[string]struct{ key, heard, reason string }{
		"a good key":              {s.Key, `{"type":"connection_ack"}`, ""},
		"half a key":              {s.Key[:30], "", "key_malformed"},
		"a key that may not read": {s.newKey(t, "", "ingest"), "", "scope_missing"},
		"no key":                  {"", "", "key_malformed"},
	} {
		heard, closed := hear(open(tt.key))
		if heard != tt.heard || tt.heard == "" && (closed.Code != 4403 || !strings.Contains(closed.Reason, tt.reason)) {
			t.Errorf("%s: heard %q, closed with %d %q; want %q, or 4403 %s", name, heard, closed.Code, closed.Reason, tt.heard, tt.reason)
		}
	}
	if heard, closed := hear(ending); closed.Code != 4403 {
		t.Errorf("when its key ended it heard %q, closed with %d; want 4403", heard, closed.Code)
	}
	if heard, closed := hear(open(short.Key)); closed.Code != 4403 || !strings.Contains(closed.Reason, "key_expired") {
		t.Errorf("an expired key: heard %q, closed with %d %q; want 4403 key_expired", heard, closed.Code, closed.Reason)
	}
	_, resp, err := websocket.Dial(ctx, s.URL+"/v1/status", nil)
	if err == nil || resp == nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a WebSocket at another route was answered %v, %v; want 401", resp, err)
	}
}
