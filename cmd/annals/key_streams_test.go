package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/annals-io/annals/internal/pgtest"
)

// Given two servers over one database, and subscriptions open at the second with a key, they end soon after the key is
// revoked at the first, and the key opens nothing at either.
func TestSubscriptionsEndOnEveryServer(t *testing.T) {
	t.Parallel()
	database := pgtest.URL(t)
	first := startServerIn(t, pgtest.Dir(t), database, func(stop func()) { t.Cleanup(stop) })
	second := startServerIn(t, pgtest.Dir(t), database, func(stop func()) { t.Cleanup(stop) }, func(f *serveFlags) { f.newKey = true })
	out, errs, exit := first.annals("", "key", "create", "--scope", "read", "-o", "json")
	if exit != 0 {
		t.Fatal(errs)
	}
	var key struct{ ID, Key string }
	decode(t, out, &key)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	const subscription = `{"query":"subscription { events(workspace: \"default\", after: -1) { __typename } }"}`
	req, err := http.NewRequestWithContext(ctx, "POST", second.URL+"/graphql", strings.NewReader(subscription))
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]string{"Authorization": "Bearer " + key.Key, "Accept": "text/event-stream", "Content-Type": "application/json"} {
		req.Header.Set(name, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	events := bufio.NewReader(resp.Body)
	if line, err := events.ReadString('\n'); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("the stream begins with %d %q, %v", resp.StatusCode, line, err)
	}
	conn, _, err := websocket.Dial(ctx, second.URL+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	for _, message := range []string{`{"type":"connection_init","payload":{"Authorization":"Bearer ` + key.Key + `"}}`, `{"id":"1","type":"subscribe","payload":` + subscription + `}`} {
		if err := conn.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
			t.Fatal(err)
		}
		if _, heard, err := conn.Read(ctx); err != nil {
			t.Fatalf("after %s: %q, %v", message[:20], heard, err)
		}
	}
	ended := make(chan time.Time, 2)
	go func() {
		_, _ = io.Copy(io.Discard, events)
		ended <- time.Now()
	}()
	go func() {
		for {
			if _, _, err := conn.Read(ctx); err != nil {
				ended <- time.Now()
				return
			}
		}
	}()

	if _, errs, exit := first.annals("", "key", "revoke", key.ID); exit != 0 {
		t.Fatal(errs)
	}
	began := time.Now()
	if status, answer, _ := first.call(t, "GET", "/v1/status", key.Key, ""); status != http.StatusUnauthorized {
		t.Errorf("where it was revoked: %d %s, want 401 at once", status, answer)
	}
	for range 2 {
		select {
		case at := <-ended:
			if took := at.Sub(began); took > time.Second {
				t.Errorf("a subscription on the other server went on for %v", took)
			}
		case <-ctx.Done():
			t.Fatal("a subscription on the other server goes on")
		}
	}
	if status, answer, _ := second.call(t, "GET", "/v1/status", key.Key, ""); status != http.StatusUnauthorized || !strings.Contains(answer, "key_revoked") {
		t.Errorf("on the other server: %d %s, want 401", status, answer)
	}
}
