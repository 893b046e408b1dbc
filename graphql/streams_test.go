package graphql_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/annals-io/annals/graphql/limit"
)

// dial opens a WebSocket, with a key as a header or without.
func (h *house) dial(who string) (*websocket.Conn, *http.Response, error) {
	h.t.Helper()
	header := http.Header{}
	if who != "" {
		header.Set("Authorization", "Bearer "+who)
	}
	conn, resp, err := websocket.Dial(h.t.Context(), h.url, &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: header})
	if err == nil {
		h.t.Cleanup(func() { _ = conn.CloseNow() })
	}
	return conn, resp, err
}

// open is dial where nothing may go wrong.
func (h *house) open(who string) *websocket.Conn {
	h.t.Helper()
	conn, _, err := h.dial(who)
	if err != nil {
		h.t.Fatal(err)
	}
	return conn
}

// talk sends messages and reads one; it answers that, or how the connection was closed.
func talk(t *testing.T, conn *websocket.Conn, messages ...string) (heard string, code websocket.StatusCode, reason string) {
	t.Helper()
	for _, m := range messages {
		if err := conn.Write(t.Context(), websocket.MessageText, []byte(m)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, raw, err := conn.Read(ctx)
	var closed websocket.CloseError
	if errors.As(err, &closed) {
		return "", closed.Code, closed.Reason
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(raw), 0, ""
}

const (
	initiate  = `{"type":"connection_init","payload":{"Authorization":"Bearer owner"}}`
	subscribe = `{"id":"1","type":"subscribe","payload":{"query":"{ viewer { id } }"}}`
	endless   = `{"id":"1","type":"subscribe","payload":{"query":"subscription { events(workspace: \"www\", after: -1) { revision } }"}}`
)

// A browser's WebSocket says in its first message who it is: before that it can ask nothing, and what it says is
// judged like a header.
func TestAWebSocketSaysWhoItIs(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{InitTimeout: time.Minute})
	for name, tt := range map[string]struct {
		send  []string
		heard string
		code  websocket.StatusCode
	}{
		"a key":                   {[]string{initiate}, `{"type":"connection_ack"}`, 0},
		"in small letters":        {[]string{`{"type":"connection_init","payload":{"authorization":"Bearer reader"}}`}, `{"type":"connection_ack"}`, 0},
		"no payload":              {[]string{`{"type":"connection_init"}`}, "", 4403},
		"a payload without a key": {[]string{`{"type":"connection_init","payload":{"token":"x"}}`}, "", 4403},
		"two keys":                {[]string{`{"type":"connection_init","payload":{"authorization":"Bearer owner","Authorization":"Bearer reader"}}`}, "", 4403},
		"no text":                 {[]string{`{"type":"connection_init","payload":{"Authorization":{"Bearer":"owner"}}}`}, "", 4403},
		"a wrong key":             {[]string{`{"type":"connection_init","payload":{"Authorization":"Bearer nobody"}}`}, "", 4403},
		"an expired key":          {[]string{`{"type":"connection_init","payload":{"Authorization":"Bearer expired"}}`}, "", 4403},
		"keys cannot be checked":  {[]string{`{"type":"connection_init","payload":{"Authorization":"Bearer later"}}`}, "", 1013},
		"a question first":        {[]string{subscribe}, "", 4401},
		"a question after a ping": {[]string{`{"type":"pong"}`, subscribe}, "", 4401},
		"a long first message":    {[]string{`{"type":"connection_init","payload":{"x":"` + strings.Repeat("x", 9000) + `"}}`}, "", websocket.StatusMessageTooBig},
	} {
		t.Run(name, func(t *testing.T) {
			heard, code, reason := talk(t, h.open(""), tt.send...)
			if heard != tt.heard || code != tt.code || code != 0 && reason == "" {
				t.Errorf("heard %q, closed with %d %q; want %q, %d", heard, code, reason, tt.heard, tt.code)
			}
		})
	}
	// What comes after is answered as to the holder of the key, and may be as long as any request.
	for who, key := range map[string]string{"owner": "", "reader": "reader"} {
		conn := h.open(key)
		talk(t, conn, initiate) // beside a header, a key in the message is nothing
		long := strings.Replace(subscribe, "{ viewer", "{ "+strings.Repeat(" ", 9000)+"viewer", 1)
		if heard, code, _ := talk(t, conn, long); !strings.Contains(heard, `"`+who+`"`) {
			t.Errorf("viewer is %s, closed with %d; want %s", heard, code, who)
		}
	}
}

func TestAWebSocketThatSaysNothingIsClosed(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{InitTimeout: 50 * time.Millisecond})
	if heard, code, _ := talk(t, h.open("")); code != 4408 {
		t.Errorf("heard %q, closed with %d; want 4408", heard, code)
	}
}

// A connection that was admitted by a key is closed when the key is no longer good.
func TestAWebSocketEndsWithItsKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{})
	h.do("createWorkspace", `slug: "www"`, "workspace { slug }")
	conn := h.open("")
	talk(t, conn, initiate)
	if heard, code, _ := talk(t, conn, endless); !strings.Contains(heard, `"next"`) {
		t.Fatalf("heard %q, closed with %d; want the first message", heard, code)
	}
	h.revoke()
	if heard, code, _ := talk(t, conn); code != 4403 {
		t.Errorf("heard %q, closed with %d; want 4403", heard, code)
	}
}

// One caller has so many streams at once, of whatever kind; who ends one may open another.
func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{Connections: 2, InitTimeout: time.Minute})
	h.do("createWorkspace", `slug: "www"`, "workspace { slug }")
	const events = `subscription { it: events(workspace: "www", after: -1) { revision } }`
	sse := h.follow(events)
	sse.next()
	ws := h.open("")
	talk(t, ws, initiate)

	req, err := http.NewRequestWithContext(t.Context(), "GET", h.url+"?query="+url.QueryEscape(events), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Authorization", "Bearer owner")
	refused := func(what string, resp *http.Response) {
		t.Helper()
		defer resp.Body.Close()
		var a struct {
			Errors []struct {
				Message    string
				Extensions struct{ Code, Rule string }
			}
		}
		if err := json.NewDecoder(resp.Body).Decode(&a); err != nil || len(a.Errors) != 1 {
			t.Fatalf("%s answered %d without errors: %v", what, resp.StatusCode, err)
		}
		e := a.Errors[0]
		if resp.StatusCode != http.StatusTooManyRequests || e.Extensions.Code != "TOO_MANY_CONNECTIONS" || e.Extensions.Rule == "" || !strings.HasPrefix(e.Message, "2 ") {
			t.Errorf("%s answered %d %+v; want 429, TOO_MANY_CONNECTIONS, a rule and the limit", what, resp.StatusCode, e)
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	refused("a third stream of events", resp)
	_, resp, err = h.dial("owner")
	if err == nil || resp == nil {
		t.Fatal("a third WebSocket was opened")
	}
	refused("a third WebSocket", resp)
	if heard, code, reason := talk(t, h.open(""), initiate); code != websocket.StatusTryAgainLater || !strings.Contains(reason, "TOO_MANY_CONNECTIONS") {
		t.Errorf("a third WebSocket with its key in the message heard %q, closed with %d %q; want 1013", heard, code, reason)
	}
	// Another caller is not concerned, nor are queries.
	talk(t, h.open("other"), `{"type":"connection_init"}`)
	h.ask(`{ viewer { id } }`)

	_ = ws.Close(websocket.StatusNormalClosure, "")
	for began := time.Now(); ; { // its end is noticed in a moment
		again := h.open("")
		if heard, _, _ := talk(t, again, initiate); heard == `{"type":"connection_ack"}` {
			break
		}
		if time.Since(began) > 20*time.Second {
			t.Fatal("a stream that was closed is still counted")
		}
	}
}

// There is room for few connections that have not said who they are, and known callers are not concerned.
func TestStrangersAreBounded(t *testing.T) {
	t.Parallel()
	h := newHouse(t, limit.Limits{Strangers: 1, InitTimeout: time.Minute})
	first := h.open("")
	_, resp, err := h.dial("")
	if err == nil || resp == nil || resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Fatalf("a second stranger was answered %v, %v; want 503 and Retry-After", resp, err)
	}
	talk(t, h.open("owner"), `{"type":"connection_init"}`)
	if heard, code, _ := talk(t, first, initiate); code != 0 {
		t.Fatalf("heard %q, closed with %d", heard, code)
	}
	h.open("") // who said who he is makes room
}
