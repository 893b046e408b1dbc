package graphql

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	gql "github.com/99designs/gqlgen/graphql"

	"github.com/annals-io/annals/graphql/transport"
)

// codeConnections is the refusal of a caller who has the most streams open that one may have.
const codeConnections = "TOO_MANY_CONNECTIONS"

// owner is by whom streams are counted: a key that is used from many places is one caller.
func (c Caller) owner() string { return c.Actor.Kind + " " + c.Actor.Credential() }

// stream carries what lasts, where its caller has not too much open already.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, c Caller, t gql.Transport) {
	release, ok := s.streams.Take(c.owner())
	if !ok {
		transport.Refuse(w, r, codeConnections, s.tooMany(), nil)
		return
	}
	defer release()
	t.Do(w, r, s.exec)
}

func (s *Server) tooMany() string {
	return fmt.Sprintf("%d streams are open with this key, which is the most: close one first", s.limits.Connections)
}

// meet carries a WebSocket whose caller has not said who he is. Until he does he can ask nothing, and there is room
// for few of his kind at once.
func (s *Server) meet(w http.ResponseWriter, r *http.Request) {
	met, ok := s.strangers.Take("")
	if !ok {
		w.Header().Set("Retry-After", "1")
		transport.Refuse(w, r, codeOverloaded, "too many connections have not sent connection_init: try again, or send the key as a header", nil)
		return
	}
	defer met()
	release := func() {}
	defer func() { release() }()
	t := s.socket
	t.Admit = func(ctx context.Context, payload json.RawMessage) (context.Context, *transport.Denial) {
		authorization, no := authorizationOf(payload)
		if no != nil {
			return nil, no
		}
		ctx, no = s.admit(ctx, authorization)
		if no != nil {
			return nil, no
		}
		c, ok := s.caller(ctx)
		if !ok {
			return nil, &transport.Denial{Message: "the key is not good for this"}
		}
		if release, ok = s.streams.Take(c.owner()); !ok {
			return nil, &transport.Denial{Message: codeConnections + ": " + s.tooMany(), Later: true}
		}
		met()
		return context.WithValue(ctx, callerKey{}, c), nil
	}
	t.Do(w, r, s.exec)
}

// authorizationOf is what the payload of a connection_init has for the header Authorization, whatever the case of
// its name: clients write it either way.
func authorizationOf(payload json.RawMessage) (string, *transport.Denial) {
	var members map[string]json.RawMessage
	if len(payload) > 0 && json.Unmarshal(payload, &members) != nil {
		return "", &transport.Denial{Message: "the payload of connection_init must be an object"}
	}
	found := ""
	for name, value := range members {
		if !strings.EqualFold(name, "Authorization") {
			continue
		}
		if found != "" || json.Unmarshal(value, &found) != nil {
			return "", &transport.Denial{Message: "the payload of connection_init must have one text Authorization"}
		}
	}
	if found == "" {
		return "", &transport.Denial{Message: `a key is needed: send {"Authorization": "Bearer KEY"} with connection_init`}
	}
	return found, nil
}
