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
)

// request is one request.
type request struct {
	as           *soakPrincipal
	method, path string
	body, typ    string
	how          delivery
}

// A delivery is how an answer comes.
type delivery int

const (
	atOnce   delivery = iota
	byEvents          // as Server-Sent Events, of which the first is read
	byLines           // a line each, of which the first is read
	bySocket          // as messages of a WebSocket, of which the first is read
)

// streamPatience is how long the first of what a stream tells may take to come.
const streamPatience = time.Minute

// send sends a request and answers what comes back: of a stream what comes first, or, where it says that it failed, all.
func (h *soak) send(t testing.TB, r request) (status int, body string, header http.Header) {
	t.Helper()
	if r.how == bySocket {
		return h.subscribe(t, r)
	}
	ctx, stop := context.WithTimeout(t.Context(), streamPatience)
	defer stop()
	resp, err := h.open(ctx, r)
	if err != nil {
		t.Errorf("%s %s %s: %v", r.method, r.path, r.body, err)
		return 599, "", http.Header{}
	}
	defer resp.Body.Close()
	text, err := firstOf(resp.Body, r.how)
	if err != nil {
		t.Errorf("%s %s %s as %s: %v after %s", r.method, r.path, r.body, r.as.name, err, text)
	}
	return resp.StatusCode, text, resp.Header
}

// open begins a request.
func (h *soak) open(ctx context.Context, r request) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, h.url+r.path, strings.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set(r.as.header, r.as.value)
	if r.typ != "" {
		req.Header.Set("Content-Type", r.typ)
	}
	if r.how == byEvents {
		req.Header.Set("Accept", "text/event-stream")
	}
	return h.client.Do(req)
}

// firstOf reads an answer up to the first thing that it tells.
func firstOf(r io.Reader, how delivery) (string, error) {
	if how == atOnce {
		text, err := io.ReadAll(r)
		return string(text), err
	}
	var b strings.Builder
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadString('\n')
		b.WriteString(line)
		switch {
		case err == io.EOF:
			return b.String(), nil
		case err != nil:
			return b.String(), err
		case how == byLines && strings.HasPrefix(line, "{"), how == byEvents && strings.HasPrefix(line, "data:") && !strings.Contains(line, `"errors"`):
			return b.String(), nil
		}
	}
}

// subscribe asks over a WebSocket. Keys are said in its first message, as by scripts of pages.
func (h *soak) subscribe(t testing.TB, r request) (status int, body string, header http.Header) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), streamPatience)
	defer stop()
	options := &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: http.Header{"Origin": {h.url}}}
	opening := `{"type":"connection_init"}`
	if r.as.header == "Authorization" {
		opening = `{"type":"connection_init","payload":{"Authorization":` + quoted(r.as.value) + `}}`
	} else {
		options.HTTPHeader.Set(r.as.header, r.as.value)
	}
	conn, resp, err := websocket.Dial(ctx, h.url+r.path, options)
	if err != nil {
		if resp == nil {
			t.Errorf("%s %s: %v", r.path, r.body, err)
			return 599, "", http.Header{}
		}
		return resp.StatusCode, "", resp.Header
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(16 << 20)
	var b strings.Builder
	for _, message := range []string{opening, `{"id":"1","type":"subscribe","payload":` + r.body + `}`} {
		err := conn.Write(ctx, websocket.MessageText, []byte(message))
		for err == nil {
			var raw []byte
			if _, raw, err = conn.Read(ctx); err == nil {
				b.Write(append(raw, '\n'))
				if said := string(raw); strings.Contains(said, `"type":"connection_ack"`) || strings.Contains(said, `"type":"complete"`) || strings.Contains(said, `"type":"error"`) || strings.Contains(said, `"type":"next"`) && !strings.Contains(said, `"errors"`) {
					break
				}
			}
		}
		if ctx.Err() != nil {
			t.Errorf("%s %s as %s says nothing more after %s", r.path, r.body, r.as.name, b.String())
		}
		if err != nil { // it was closed, which says why
			b.WriteString(websocket.CloseStatus(err).String() + "\n")
			return http.StatusForbidden, b.String(), http.Header{}
		}
	}
	return http.StatusOK, b.String(), http.Header{}
}

// ask is a question that must be answered.
func (h *soak) ask(t testing.TB, as *soakPrincipal, query string) string {
	t.Helper()
	_, body, _ := h.send(t, request{as: as, method: "POST", path: "/graphql", body: string(rawJSON(map[string]string{"query": query})), typ: "application/json"})
	if strings.Contains(body, `"errors"`) || strings.Contains(body, `"userErrors":[{`) {
		t.Fatalf("%s\n%s", query, body)
	}
	return body
}
