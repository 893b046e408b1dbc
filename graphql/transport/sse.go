package transport

import (
	"context"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// SSE carries an operation as Server-Sent Events, one connection each: an event "next" for each result, then
// "complete". Both have a data line, so that browsers' own EventSource sees them. A comment every KeepAlive keeps
// proxies from closing an idle stream. To resume, ask again with the last revision seen as `after`.
type SSE struct {
	Body      int64         // most bytes of a body
	URL       int64         // most bytes of a query string
	KeepAlive time.Duration // between comments; default 12 s
}

var _ graphql.Transport = SSE{}

// Supports says whether the request asks for events by name.
func (SSE) Supports(r *http.Request) bool {
	return (r.Method == http.MethodPost || r.Method == http.MethodGet) && wants(r, mediaEvents)
}

// Do carries one operation until it ends or the caller goes.
func (s SSE) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	w.Header().Add("Vary", "Accept")
	params, ref := HTTP{s.Body, s.URL}.read(w, r)
	if ref != nil {
		refuse(w, mediaJSON, ref)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	op, errs := exec.CreateOperationContext(ctx, params)
	if len(errs) > 0 {
		resp := refusedByGraphQL(ctx, exec, op, errs)
		code := statusOf(errs, mediaGraphQL)
		write(w, mediaJSON, code, resp)
		return
	}
	if op.Operation.Operation == ast.Mutation && r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, mediaJSON, &refusal{code: codeMethod, message: "a mutation is sent by POST"})
		return
	}
	out, err := openEvents(w)
	if err != nil { // the caller went away
		return
	}
	defer out.close()
	responses, opCtx := exec.DispatchOperation(ctx, op)
	results := make(chan *graphql.Response)
	go func() {
		defer close(results)
		defer func() {
			// Resolvers' panics are caught where they run; what comes here must not end the server all the same.
			if p := recover(); p != nil {
				send(ctx, results, broken())
			}
		}()
		for {
			resp := responses(opCtx) // what ends opCtx with its last answer must not keep that from being sent
			if resp == nil || !send(ctx, results, resp) || op.Operation.Operation != ast.Subscription {
				return
			}
		}
	}()
	s.pump(ctx, out, results)
	cancel()
	for range results { // let the reader end before the request does
	}
}

func send(ctx context.Context, to chan<- *graphql.Response, resp *graphql.Response) bool {
	select {
	case to <- resp:
		return true
	case <-ctx.Done():
		return false
	}
}

// pump writes what comes, and comments while nothing does.
func (s SSE) pump(ctx context.Context, out *events, results <-chan *graphql.Response) {
	every := s.KeepAlive
	if every <= 0 {
		every = 12 * time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if out.write(":\n\n") != nil {
				return
			}
		case resp, more := <-results:
			if !more {
				if ctx.Err() == nil { // else it was stopped, which is not complete
					_ = out.write("event: complete\ndata: {}\n\n") // a caller who went away needs none
				}
				return
			}
			if out.write("event: next\ndata: ", string(encode(resp)), "\n\n") != nil {
				return
			}
		}
	}
}

// events writes to a stream and pushes each piece out.
type events struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

// writeTimeout is how long a caller may take to receive one piece. A stalled one is cut off and can resume.
const writeTimeout = 30 * time.Second

func openEvents(w http.ResponseWriter) (*events, error) {
	out := &events{w, http.NewResponseController(w)}
	h := w.Header()
	h.Set("Content-Type", mediaEvents+"; charset=utf-8")
	h.Set("Cache-Control", "no-cache, no-store")
	h.Set("X-Accel-Buffering", "no")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	return out, out.write(":\n\n")
}

func (e *events) write(parts ...string) error {
	_ = e.rc.SetWriteDeadline(time.Now().Add(writeTimeout)) // not every writer has deadlines
	for _, p := range parts {
		if _, err := e.w.Write([]byte(p)); err != nil {
			return err
		}
	}
	return e.rc.Flush()
}

// close takes the deadline off: the connection may carry other requests.
func (e *events) close() { _ = e.rc.SetWriteDeadline(time.Time{}) }
