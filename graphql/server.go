package graphql

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	gql "github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/annals-io/annals/graphql/breaking"
	"github.com/annals-io/annals/graphql/explorer"
	"github.com/annals-io/annals/graphql/generated"
	"github.com/annals-io/annals/graphql/limit"
	"github.com/annals-io/annals/graphql/transport"
)

// Config says what a [Server] answers from. Fields without a default are needed.
type Config struct {
	Resolver *Resolver
	// Caller says who sent a request; ok false refuses it. Whoever stands before the server has asked for the key.
	Caller func(ctx context.Context) (c Caller, ok bool)
	// Admit checks a key that comes as the text of an Authorization header in the first message of a WebSocket, whose
	// request came without one and was let through for that. It answers a context of ctx in which Caller knows the
	// caller, and which ends with the key. Nil: keys come with requests only.
	Admit  func(ctx context.Context, authorization string) (context.Context, *transport.Denial)
	Limits limit.Limits
	// Origins are those, besides the server's own host, whose pages may open WebSockets: https://host:port, in small
	// letters, without the port where it is the scheme's own.
	Origins []string
	Log     *slog.Logger // default slog.Default()
	Observe func(Observed)
	// Documents is how many parsed and validated documents are remembered; default 1,000.
	Documents int
	// KeepAlive is the time between signs of life on idle subscriptions; default that of the transports.
	KeepAlive time.Duration
	// ReadOnly is why nothing can be changed: then every mutation is refused with it. Empty: it can.
	ReadOnly string
}

// Observed is what one operation was and how it went, for metrics: none of it is the client's choice.
type Observed struct {
	Kind  string // "query", "mutation", "subscription"
	Field string // the first root field
	Code  string // of its first error; empty when it went well
	Took  time.Duration
}

// A Server answers GraphQL over HTTP, Server-Sent Events and WebSockets at one address, and shows browsers the
// explorer there.
type Server struct {
	exec       *executor.Executor
	transports []gql.Transport // besides WebSockets
	socket     transport.WebSocket
	caller     func(context.Context) (Caller, bool)
	admit      func(context.Context, string) (context.Context, *transport.Denial)
	limits     limit.Limits
	streams    *limit.Counter // of known callers
	strangers  *limit.Counter
	page       http.Handler
}

// New makes a server.
func New(cfg Config) (*Server, error) {
	limits, err := cfg.Limits.Complete()
	if err != nil {
		return nil, fmt.Errorf("graphql limits: %w", err)
	}
	if cfg.Resolver == nil || cfg.Caller == nil {
		return nil, errors.New("graphql: a server needs a resolver and a way to know its callers")
	}
	log := cmp.Or(cfg.Log, slog.Default())
	cfg.Resolver.limits, cfg.Resolver.log, cfg.Resolver.slugRate = limits, log, limit.NewRate(slugBurst, slugEvery)
	schema := generated.NewExecutableSchema(generated.Config{Resolvers: cfg.Resolver, Complexity: costs(limits)})
	cfg.Resolver.schemaHash = hashOf(schema.Schema())
	known := lru.New[*ast.QueryDocument](cmp.Or(cfg.Documents, 1000))

	exec := executor.New(schema)
	exec.SetQueryCache(known)
	exec.SetParserTokenLimit(limits.Tokens)
	exec.SetDisableSuggestion(true)
	exec.SetErrorPresenter(presenter(log, cfg.Resolver.Moments.Misfit))
	exec.SetRecoverFunc(recovered(log))
	exec.Use(&limit.Guard{Limits: limits, Known: known, Introspect: func(ctx context.Context) bool {
		return caller(ctx).Principal != nil
	}})
	exec.AroundFields(cfg.Resolver.whole)
	if cfg.ReadOnly != "" {
		exec.AroundOperations(readOnly(cfg.ReadOnly))
	}
	if cfg.Observe != nil {
		exec.AroundOperations(observe(cfg.Observe))
	}
	return &Server{
		exec:      exec,
		caller:    cfg.Caller,
		admit:     cfg.Admit,
		limits:    limits,
		streams:   limit.NewCounter(limits.Connections),
		strangers: limit.NewCounter(limits.Strangers),
		page:      explorer.Handler(),
		socket:    transport.WebSocket{Message: limits.Body, Operations: limits.Operations, InitTimeout: limits.InitTimeout, KeepAlive: cfg.KeepAlive, Origins: cfg.Origins},
		transports: []gql.Transport{
			transport.SSE{Body: limits.Body, URL: limits.URL, KeepAlive: cfg.KeepAlive},
			transport.HTTP{Body: limits.Body, URL: limits.URL},
		},
	}, nil
}

// Explorer is the page for browsers, with its parts below the path it is asked at. It holds no data and needs no key.
func (s *Server) Explorer() http.Handler { return s.page }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if explorer.Wanted(r) {
		s.page.ServeHTTP(w, r)
		return
	}
	c, ok := s.caller(r.Context())
	if !ok && s.admit != nil && s.socket.Supports(r) {
		s.meet(w, r)
		return
	}
	if !ok {
		transport.Refuse(w, r, "UNAUTHENTICATED", "send a key: Authorization: Bearer KEY", nil)
		return
	}
	ctx := context.WithValue(gql.StartOperationTrace(r.Context()), callerKey{}, c)
	r = r.WithContext(ctx)
	if s.socket.Supports(r) {
		s.stream(w, r, c, s.socket)
		return
	}
	for _, t := range s.transports {
		if !t.Supports(r) {
			continue
		}
		if events, ok := t.(transport.SSE); ok {
			s.stream(w, r, c, events)
			return
		}
		t.Do(w, r, s.exec)
		return
	}
	w.Header().Set("Allow", "GET, HEAD, POST")
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	transport.Refuse(w, r, "METHOD_NOT_ALLOWED", "send queries by GET or POST, mutations by POST", nil)
}

// observe reports operations. A subscription is reported when it begins to answer, with what that took.
func observe(report func(Observed)) gql.OperationMiddleware {
	return func(ctx context.Context, next gql.OperationHandler) gql.ResponseHandler {
		op, start, reported := gql.GetOperationContext(ctx), time.Now(), false
		respond := next(ctx)
		return func(ctx context.Context) *gql.Response {
			resp := respond(ctx)
			if reported {
				return resp
			}
			reported = true
			o := Observed{Kind: string(op.Operation.Operation), Took: time.Since(start)}
			for _, sel := range op.Operation.SelectionSet {
				if f, ok := sel.(*ast.Field); ok {
					o.Field = f.Name
					break
				}
			}
			if resp != nil && len(resp.Errors) > 0 {
				o.Code, _ = resp.Errors[0].Extensions["code"].(string)
			}
			report(o)
			return resp
		}
	}
}

// hashOf is a hash of the schema, whatever files it came from.
func hashOf(schema *ast.Schema) string {
	sum := sha256.Sum256([]byte(breaking.Canonical(schema)))
	return hex.EncodeToString(sum[:8])
}
