package transport

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// HTTP answers queries and mutations by POST, and queries by GET.
type HTTP struct {
	Body int64 // most bytes of a body
	URL  int64 // most bytes of a query string
}

var _ graphql.Transport = HTTP{}

// Supports says whether the request is one of these.
func (HTTP) Supports(r *http.Request) bool {
	return r.Method == http.MethodPost || r.Method == http.MethodGet || r.Method == http.MethodHead
}

// Do answers one request.
func (h HTTP) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	w.Header().Add("Vary", "Accept")
	media := accepted(r, mediaJSON, mediaGraphQL)
	if media == "" {
		refuse(w, mediaJSON, &refusal{code: codeAccept, message: "answers are " + mediaGraphQL + " or " + mediaJSON})
		return
	}
	if wants(r, mediaGraphQL) && quality(r.Header.Get("Accept"), mediaGraphQL) >= quality(r.Header.Get("Accept"), mediaJSON) {
		media = mediaGraphQL
	}
	params, ref := h.read(w, r)
	if ref != nil {
		refuse(w, media, ref)
		return
	}
	ctx := r.Context()
	op, errs := exec.CreateOperationContext(ctx, params)
	if len(errs) > 0 {
		write(w, media, statusOf(errs, media), refusedByGraphQL(ctx, exec, op, errs))
		return
	}
	switch kind := op.Operation.Operation; {
	case kind == ast.Subscription:
		refuse(w, media, &refusal{code: codeAccept, message: "a subscription wants Accept: " + mediaEvents + ", or a WebSocket"})
		return
	case kind == ast.Mutation && r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, media, &refusal{code: codeMethod, message: "a mutation is sent by POST"})
		return
	}
	responses, ctx := exec.DispatchOperation(ctx, op)
	resp := responses(ctx)
	if resp == nil { // the caller went away
		return
	}
	code := http.StatusOK
	if len(resp.Errors) > 0 && len(resp.Data) == 0 {
		code = statusOf(resp.Errors, media)
	}
	write(w, media, code, resp)
}

func (h HTTP) read(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, *refusal) {
	if r.Method == http.MethodPost {
		return readPost(w, r, h.Body)
	}
	return readGet(r, h.URL)
}

// refuse answers a request that GraphQL never saw.
func refuse(w http.ResponseWriter, media string, ref *refusal) {
	write(w, media, cmp.Or(status[ref.code], http.StatusInternalServerError), ref.response())
}

func (r *refusal) response() *graphql.Response {
	extensions := map[string]any{"code": r.code}
	if rule, known := rules[r.code]; known {
		extensions["rule"] = rule
	}
	maps.Copy(extensions, r.more)
	return &graphql.Response{Errors: gqlerror.List{{Message: r.message, Extensions: extensions}}}
}

// body is a response as the specification has it: without the key data where nothing was carried out.
type body struct {
	Errors     gqlerror.List   `json:"errors,omitempty"`
	Data       json.RawMessage `json:"data,omitempty"`
	Extensions map[string]any  `json:"extensions,omitempty"`
}

// broken is the answer where our own code failed.
func broken() *graphql.Response {
	return &graphql.Response{Errors: gqlerror.List{{Message: "the server failed to answer", Extensions: map[string]any{"code": "INTERNAL"}}}}
}

func encode(resp *graphql.Response) []byte {
	if len(resp.Errors)+len(resp.Extensions) == 0 && json.Valid(resp.Data) { // what there is of it is not copied word by word
		b := append(make([]byte, 0, len(resp.Data)+len(`{"data":}`)), `{"data":`...)
		return append(append(b, resp.Data...), '}')
	}
	b, err := json.Marshal(body{resp.Errors, resp.Data, resp.Extensions})
	if err != nil { // data that is no JSON: a marshaller's fault
		b = []byte(`{"errors":[{"message":"the answer could not be written","extensions":{"code":"INTERNAL"}}]}`)
	}
	return b
}

// write sends a response whole.
func write(w http.ResponseWriter, media string, code int, resp *graphql.Response) {
	b := encode(resp)
	h := w.Header()
	h.Set("Content-Type", media+"; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = w.Write(b) // the caller went away: nobody to tell
}

// Refuse answers a request that no transport takes, or whose caller may not ask, in the media type that it likes best;
// one that wants events, or a page, gets JSON. The code gives the status and the rule, more is further extensions.
func Refuse(w http.ResponseWriter, r *http.Request, code, message string, more map[string]any) {
	media := accepted(r, mediaJSON, mediaGraphQL)
	if media == "" {
		media = mediaJSON
	}
	if code == "UNAUTHENTICATED" {
		w.Header().Set("WWW-Authenticate", `Bearer realm="annals"`)
	}
	w.Header().Add("Vary", "Accept")
	refuse(w, media, &refusal{code: code, message: message, more: more})
}
