package transport

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/coder/websocket"
)

// WebSocket speaks graphql-transport-ws: many operations over one connection. Who the caller is was settled when
// the connection was opened, or is told by [WebSocket].Admit, for browsers' scripts cannot send a header with it.
// Browsers' pages of other hosts are refused by their Origin, save those that are allowed.
type WebSocket struct {
	Message     int64         // most bytes of a message
	Operations  int           // most operations at once
	InitTimeout time.Duration // from opening to connection_init
	KeepAlive   time.Duration // between pings; default 25 s. A peer that does not answer within as long is gone
	Origins     []string      // of pages of other hosts that may open one, as https://host:port in small letters

	// Admit tells by the payload of connection_init who the caller is: operations run in the context it answers, which
	// is made of the one given and ends with the caller's leave to ask. Nil: the request said who he is.
	Admit func(ctx context.Context, payload json.RawMessage) (context.Context, *Denial)
}

// A Denial is why a connection is closed in answer to its connection_init.
type Denial struct {
	Message string // for people, with what is to be done
	Later   bool   // the same may be answered differently in a moment: close code 1013 instead of 4403
}

// strangers is the most bytes of a message before it is known who sends it.
const strangers = 8 << 10

var _ graphql.Transport = WebSocket{}

const subprotocol = "graphql-transport-ws"

// The close codes of the protocol.
const (
	closeBadMessage   websocket.StatusCode = 4400
	closeUnauthorized websocket.StatusCode = 4401
	closeForbidden    websocket.StatusCode = 4403
	closeSubprotocol  websocket.StatusCode = 4406
	closeInitTimeout  websocket.StatusCode = 4408
	closeDuplicateID  websocket.StatusCode = 4409
	closeTooManyInit  websocket.StatusCode = 4429
)

// Supports says whether the request opens a WebSocket.
func (WebSocket) Supports(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// Do carries a connection until one of its ends is done with it.
func (t WebSocket) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	if t.foreign(r) {
		Refuse(w, r, "FORBIDDEN", "a page of this origin may not open a WebSocket here: have the origin allowed by --allowed-origins",
			map[string]any{"reason": "origin_not_allowed", "rule": "A WebSocket is opened by a page of the server's own host, or of an origin that is allowed."})
		return
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{subprotocol}, InsecureSkipVerify: true}) // it was judged above
	if err != nil {                                                                                                              // answered already
		return
	}
	if conn.Subprotocol() != subprotocol {
		_ = conn.Close(closeSubprotocol, "Subprotocol not acceptable")
		return
	}
	conn.SetReadLimit(t.Message)
	if t.Admit != nil {
		conn.SetReadLimit(min(t.Message, strangers))
	}
	ctx, cancel := context.WithCancel(r.Context())
	// Reading goes on until the connection is closed: stopping a reader breaks the connection, without a code.
	reading, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	s := &socket{WebSocket: t, conn: conn, exec: exec, header: r.Header, running: map[string]*operation{}}
	code, reason := s.serve(ctx, reading, stop)
	cancel()
	s.all.Wait()
	_ = conn.Close(code, clipReason(reason))
}

// clipReason keeps a close reason within the 123 bytes a frame has for it.
func clipReason(s string) string {
	if len(s) > 120 {
		return strings.ToValidUTF8(s[:117], "") + "..."
	}
	return s
}

// socket is one connection.
type socket struct {
	WebSocket
	conn   *websocket.Conn
	exec   graphql.GraphExecutor
	header http.Header
	acked  bool            // read and written by the reader alone, as caller is
	caller context.Context // of the operations; nil until it is acked

	mu      sync.Mutex
	running map[string]*operation // by the client's id
	all     sync.WaitGroup
}

// closing says how a connection ends.
type closing struct {
	code   websocket.StatusCode
	reason string
}

// serve reads messages until the connection is to be closed, and says how.
func (s *socket) serve(ctx, reading context.Context, stop func()) (websocket.StatusCode, string) {
	messages := make(chan []byte)
	failed := make(chan closing, 1)
	go s.read(reading, messages, failed)
	s.all.Go(func() { s.keepAlive(ctx, stop) })

	init := time.NewTimer(s.InitTimeout)
	defer init.Stop()
	for {
		var left <-chan struct{}
		if s.caller != nil {
			left = s.caller.Done()
		}
		select {
		case <-ctx.Done():
			return websocket.StatusGoingAway, "The server ends this connection: open another"
		case <-left:
			if ctx.Err() != nil {
				return websocket.StatusGoingAway, "The server ends this connection: open another"
			}
			return closeForbidden, "Forbidden: the key of this connection is no longer good"
		case <-init.C:
			if !s.acked {
				return closeInitTimeout, "Connection initialisation timeout"
			}
		case end := <-failed:
			return end.code, end.reason
		case raw := <-messages:
			if end := s.handle(ctx, raw); end != nil {
				return end.code, end.reason
			}
		}
	}
}

// read hands on messages.
func (s *socket) read(ctx context.Context, to chan<- []byte, failed chan<- closing) {
	for {
		kind, raw, err := s.conn.Read(ctx)
		if err != nil {
			failed <- closing{websocket.StatusNormalClosure, ""} // closed by the other side, or by its fault
			return
		}
		if kind != websocket.MessageText {
			failed <- closing{closeBadMessage, "Invalid message received: send text"}
			return
		}
		select {
		case to <- raw:
		case <-ctx.Done():
			return
		}
	}
}

// keepAlive asks now and then whether the other side is there, and ends the reading when it is not.
func (s *socket) keepAlive(ctx context.Context, gone func()) {
	every := s.KeepAlive
	if every <= 0 {
		every = 25 * time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		wait, cancel := context.WithTimeout(ctx, every)
		err := s.conn.Ping(wait)
		cancel()
		if err != nil {
			gone()
			return
		}
	}
}
