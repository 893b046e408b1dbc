package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// message is what both sides send.
type message struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// handle acts on one message of the client; what it answers ends the connection.
func (s *socket) handle(ctx context.Context, raw []byte) *closing {
	var m message
	if err := json.Unmarshal(raw, &m); err != nil {
		return &closing{closeBadMessage, "Invalid message received: no JSON object with id, type and payload"}
	}
	switch m.Type {
	case "connection_init":
		if s.acked {
			return &closing{closeTooManyInit, "Too many initialisation requests"}
		}
		if !isObjectOrNone(m.Payload) {
			return &closing{closeBadMessage, "Invalid message received: the payload must be an object"}
		}
		if end := s.enter(ctx, m.Payload); end != nil {
			return end
		}
		return s.send(ctx, message{Type: "connection_ack"})
	case "ping":
		return s.send(ctx, message{Type: "pong"})
	case "pong":
		return nil
	case "subscribe":
		return s.subscribe(m)
	case "complete":
		if m.ID == "" {
			return &closing{closeBadMessage, "Invalid message received: complete wants an id"}
		}
		s.end(m.ID)
		return nil
	}
	return &closing{closeBadMessage, "Invalid message received: unknown type"}
}

func isObjectOrNone(raw json.RawMessage) bool {
	raw = bytes.TrimSpace(raw)
	return isNull(raw) || raw[0] == '{'
}

// enter settles for whom the connection's operations are carried out.
func (s *socket) enter(ctx context.Context, payload json.RawMessage) *closing {
	if s.Admit != nil {
		as, no := s.Admit(ctx, payload)
		switch {
		case no == nil:
			ctx = as
		case no.Later:
			return &closing{websocket.StatusTryAgainLater, no.Message}
		default:
			return &closing{closeForbidden, "Forbidden: " + no.Message}
		}
		s.conn.SetReadLimit(s.Message)
	}
	s.acked, s.caller = true, ctx
	return nil
}

// subscribe starts an operation.
func (s *socket) subscribe(m message) *closing {
	if !s.acked {
		return &closing{closeUnauthorized, "Unauthorized: send connection_init first"}
	}
	if m.ID == "" || len(m.ID) > 256 {
		return &closing{closeBadMessage, "Invalid message received: subscribe wants an id of 1 to 256 bytes"}
	}
	params, ref := decodeParams(m.Payload)
	if ref != nil {
		return &closing{closeBadMessage, "Invalid message received: " + ref.message}
	}
	params.Headers = s.header

	ctx, cancel := context.WithCancel(graphql.StartOperationTrace(s.caller))
	op := &operation{m.ID, cancel}
	s.mu.Lock()
	_, taken := s.running[m.ID]
	full := len(s.running) >= s.Operations
	if !taken && !full {
		s.running[m.ID] = op
	}
	s.mu.Unlock()
	switch {
	case taken:
		cancel()
		return &closing{closeDuplicateID, fmt.Sprintf("Subscriber for %s already exists", m.ID)}
	case full:
		cancel()
		ref := &refusal{code: codeOverloaded, message: fmt.Sprintf("%d operations are open on this connection, which is the most: end one first", s.Operations)}
		return s.send(ctx, failure(m.ID, ref.response().Errors))
	}
	s.all.Go(func() {
		defer cancel()
		s.run(ctx, op, params)
	})
	return nil
}

// An operation is one that runs on a connection.
type operation struct {
	id     string
	cancel context.CancelFunc
}

// end stops the operation that the client is done with, if it still runs.
func (s *socket) end(id string) {
	s.mu.Lock()
	op := s.running[id]
	delete(s.running, id)
	s.mu.Unlock()
	if op != nil {
		op.cancel()
	}
}

// last sends an operation's last message, and says nothing where the client ended it first. The id is free before the
// message goes out: its reader may use it again at once.
func (s *socket) last(ctx context.Context, op *operation, m message) {
	s.mu.Lock()
	mine := s.running[op.id] == op
	if mine {
		delete(s.running, op.id)
	}
	s.mu.Unlock()
	if mine {
		s.send(ctx, m)
	}
}

// run carries one operation out. After an error message nothing else is said of it.
func (s *socket) run(ctx context.Context, op *operation, params *graphql.RawParams) {
	defer func() {
		if p := recover(); p != nil { // resolvers' panics are caught where they run; this must not end the server
			s.last(ctx, op, failure(op.id, broken().Errors))
		}
	}()
	now := graphql.Now()
	params.ReadTime = graphql.TraceTiming{Start: now, End: now}
	oc, errs := s.exec.CreateOperationContext(ctx, params)
	if len(errs) > 0 {
		resp := refusedByGraphQL(ctx, s.exec, oc, errs)
		s.last(ctx, op, failure(op.id, resp.Errors))
		return
	}
	responses, ctx := s.exec.DispatchOperation(ctx, oc)
	for first := true; ; first = false {
		resp := responses(ctx)
		switch {
		case resp == nil && ctx.Err() != nil: // stopped, not complete
			return
		case resp == nil:
			s.last(ctx, op, message{ID: op.id, Type: "complete"})
			return
		case first && len(resp.Data) == 0 && len(resp.Errors) > 0:
			s.last(ctx, op, failure(op.id, resp.Errors))
			return
		}
		if s.send(ctx, message{ID: op.id, Type: "next", Payload: encode(resp)}) != nil {
			return
		}
		if oc.Operation.Operation != ast.Subscription {
			s.last(ctx, op, message{ID: op.id, Type: "complete"})
			return
		}
	}
}

// failure is the message that an operation could not be carried out.
func failure(id string, errs gqlerror.List) message {
	payload, err := json.Marshal(errs)
	if err != nil {
		payload = []byte(`[{"message":"the errors could not be written"}]`)
	}
	return message{ID: id, Type: "error", Payload: payload}
}

// send writes a message; a peer that does not take it in time is gone.
func (s *socket) send(ctx context.Context, m message) *closing {
	raw, err := json.Marshal(m)
	if err != nil {
		return &closing{websocket.StatusInternalError, "a message could not be written"}
	}
	// Not the operation's own context: one that is cancelled in the middle of a message would break the connection.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	if err := s.conn.Write(ctx, websocket.MessageText, raw); err != nil {
		return &closing{websocket.StatusNormalClosure, ""}
	}
	return nil
}
