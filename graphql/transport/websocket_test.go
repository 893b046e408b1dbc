package transport_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/annals-io/annals/graphql/transport"
)

func dial(t *testing.T, url string, subprotocols ...string) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{Subprotocols: subprotocols})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

func say(t *testing.T, conn *websocket.Conn, messages ...string) {
	t.Helper()
	for _, m := range messages {
		if err := conn.Write(t.Context(), websocket.MessageText, []byte(m)); err != nil {
			t.Fatal(err)
		}
	}
}

// hear reads messages until n came or the connection was closed; code is 0 while it is open.
func hear(t *testing.T, conn *websocket.Conn, n int) (got []string, code websocket.StatusCode, reason string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for len(got) < n {
		_, raw, err := conn.Read(ctx)
		var closed websocket.CloseError
		if errors.As(err, &closed) {
			return got, closed.Code, closed.Reason
		}
		if err != nil {
			t.Fatalf("after %q: %v", got, err)
		}
		got = append(got, string(raw))
	}
	return got, 0, ""
}

const (
	initiate = `{"type":"connection_init"}`
	ack      = `{"type":"connection_ack"}`
	endless  = `{"id":"1","type":"subscribe","payload":{"query":"subscription{forever}"}}`
)

// TestWebSocketClosesAsTheProtocolSays goes through the protocol's reasons to close.
func TestWebSocketClosesAsTheProtocolSays(t *testing.T) {
	t.Parallel()
	url, _ := serve(t)
	hasty, _ := serveWith(t, transport.WebSocket{Message: 4096, Operations: 3, InitTimeout: 50 * time.Millisecond})
	for name, tt := range map[string]struct {
		protocol string
		send     []string
		code     websocket.StatusCode
	}{
		"no subprotocol":         {"", nil, 4406},
		"another subprotocol":    {"graphql-ws", nil, 4406},
		"not a word":             {"graphql-transport-ws", nil, 4408},
		"not JSON":               {"graphql-transport-ws", []string{"hello"}, 4400},
		"unknown type":           {"graphql-transport-ws", []string{initiate, `{"type":"start"}`}, 4400},
		"init with a text":       {"graphql-transport-ws", []string{`{"type":"connection_init","payload":"x"}`}, 4400},
		"subscribe without id":   {"graphql-transport-ws", []string{initiate, `{"type":"subscribe","payload":{"query":"{name}"}}`}, 4400},
		"subscribe with nothing": {"graphql-transport-ws", []string{initiate, `{"id":"1","type":"subscribe"}`}, 4400},
		"subscribe too early":    {"graphql-transport-ws", []string{endless}, 4401},
		"init twice":             {"graphql-transport-ws", []string{initiate, initiate}, 4429},
		"one id twice":           {"graphql-transport-ws", []string{initiate, endless, endless}, 4409},
		"complete without id":    {"graphql-transport-ws", []string{initiate, `{"type":"complete"}`}, 4400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var subprotocols []string
			if tt.protocol != "" {
				subprotocols = []string{tt.protocol}
			}
			url := url
			if tt.code == 4408 {
				url = hasty
			}
			conn := dial(t, url, subprotocols...)
			say(t, conn, tt.send...)
			if got, code, reason := hear(t, conn, 10); code != tt.code || reason == "" {
				t.Errorf("closed with %d %q after %q; want %d and a reason", code, reason, got, tt.code)
			}
		})
	}
}

func TestWebSocketCarriesOperations(t *testing.T) {
	t.Parallel()
	url, _ := serve(t)
	conn := dial(t, url, "graphql-transport-ws")
	next := func(id, data string) string {
		return `{"id":"` + id + `","type":"next","payload":{"data":` + data + `}}`
	}
	done := func(id string) string { return `{"id":"` + id + `","type":"complete"}` }
	for _, step := range []struct {
		send string
		want []string
	}{
		{initiate, []string{ack}},
		{`{"type":"ping"}`, []string{`{"type":"pong"}`}},
		{`{"id":"a","type":"subscribe","payload":{"query":"subscription{count(to:2)}"}}`, []string{next("a", `{"count":1}`), next("a", `{"count":2}`), done("a")}},
		// The id is free again as soon as its last message came.
		{`{"id":"a","type":"subscribe","payload":{"query":"{name}"}}`, []string{next("a", `{"name":"annals"}`), done("a")}},
		// After an error nothing more is said: the pong is next.
		{`{"id":"b","type":"subscribe","payload":{"query":"{nope}"}}`, []string{`{"id":"b","type":"error"`}},
		{`{"type":"ping"}`, []string{`{"type":"pong"}`}},
	} {
		say(t, conn, step.send)
		got, code, reason := hear(t, conn, len(step.want))
		if code != 0 {
			t.Fatalf("%s closed the connection: %d %s", step.send, code, reason)
		}
		for i, want := range step.want {
			if !strings.HasPrefix(got[i], want) {
				t.Fatalf("%s answered %q; want %q", step.send, got, step.want)
			}
		}
	}
}

func TestWebSocketEndsOperations(t *testing.T) {
	t.Parallel()
	url, ended := serve(t)
	conn := dial(t, url, "graphql-transport-ws")
	say(t, conn, initiate, endless)
	hear(t, conn, 2)
	say(t, conn, `{"id":"1","type":"complete"}`)
	<-ended

	// With the connection go its operations.
	say(t, conn, endless)
	hear(t, conn, 1)
	_ = conn.CloseNow()
	<-ended
}

func TestWebSocketBoundsOperations(t *testing.T) {
	t.Parallel()
	url, _ := serve(t)
	conn := dial(t, url, "graphql-transport-ws")
	say(t, conn, initiate)
	hear(t, conn, 1)
	for _, id := range []string{"1", "2", "3"} {
		say(t, conn, strings.Replace(endless, `"1"`, `"`+id+`"`, 1))
		hear(t, conn, 1)
	}
	say(t, conn, strings.Replace(endless, `"1"`, `"4"`, 1))
	if got, _, _ := hear(t, conn, 1); len(got) != 1 || !strings.Contains(got[0], `"type":"error"`) || !strings.Contains(got[0], "TOO_MANY_SUBSCRIPTIONS") {
		t.Errorf("a fourth operation of three answered %q; want an error", got)
	}
}

func TestWebSocketRefusesPagesOfOtherHosts(t *testing.T) {
	t.Parallel()
	url, _ := serve(t)
	_, resp, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{
		Subprotocols: []string{"graphql-transport-ws"},
		HTTPHeader:   http.Header{"Origin": {"https://elsewhere.example"}},
	})
	if err == nil || resp == nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("answered %v, %v; want 403", resp, err)
	}
}
