package transport

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
)

// A refusal is why a request was not carried out, before GraphQL came into it.
type refusal struct {
	code    string // for extensions.code, extensions.rule and status
	message string // ours alone: never a part of the request
	more    map[string]any
}

func (r *refusal) Error() string { return r.message }

// Codes of refusals.
const (
	codeBadRequest = "BAD_REQUEST"
	codeTooLarge   = "BODY_TOO_LARGE"
	codeMediaType  = "UNSUPPORTED_MEDIA_TYPE"
	codeAccept     = "NOT_ACCEPTABLE"
	codeMethod     = "METHOD_NOT_ALLOWED"
	codeOverloaded = "TOO_MANY_SUBSCRIPTIONS"

	codeConnections = "TOO_MANY_CONNECTIONS"
)

// readPost reads the parameters of a POST request.
func readPost(w http.ResponseWriter, r *http.Request, most int64) (*graphql.RawParams, *refusal) {
	media, attrs, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		// Only a JSON content type makes a browser ask first (CORS): forms of foreign pages end here.
		return nil, &refusal{code: codeMediaType, message: "send the request as application/json"}
	}
	if cs := attrs["charset"]; cs != "" && !strings.EqualFold(cs, "utf-8") && !strings.EqualFold(cs, "utf8") {
		return nil, &refusal{code: codeMediaType, message: "send the request in UTF-8"}
	}
	if enc := r.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return nil, &refusal{code: codeMediaType, message: "send the request without a content encoding"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, &refusal{code: codeTooLarge, message: "the body is larger than " + strconv.FormatInt(most, 10) + " bytes"}
	case err != nil:
		return nil, &refusal{code: codeBadRequest, message: "the body could not be read to its end"}
	}
	start := graphql.Now()
	p, ref := decodeParams(body)
	if ref != nil {
		return nil, ref
	}
	p.Headers = r.Header
	p.ReadTime = graphql.TraceTiming{Start: start, End: graphql.Now()}
	return p, nil
}

// readGet reads the parameters of a GET request.
func readGet(r *http.Request, most int64) (*graphql.RawParams, *refusal) {
	if int64(len(r.URL.RawQuery)) > most {
		return nil, &refusal{code: codeTooLarge, message: "the query string is too long: send the request by POST"}
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, &refusal{code: codeBadRequest, message: "the query string is not well formed"}
	}
	for name, values := range q {
		if len(values) > 1 {
			return nil, &refusal{code: codeBadRequest, message: "a parameter of the query string is given twice"}
		}
		if !utf8.ValidString(values[0]) {
			return nil, &refusal{code: codeBadRequest, message: "the query string is not valid UTF-8"}
		}
		_ = name
	}
	p := &graphql.RawParams{Query: q.Get("query"), OperationName: q.Get("operationName"), Headers: r.Header}
	if p.Query == "" {
		return nil, &refusal{code: codeBadRequest, message: "query is missing: it must be a text"}
	}
	for name, into := range map[string]*map[string]any{"variables": &p.Variables, "extensions": &p.Extensions} {
		if s := q.Get(name); s != "" {
			if ref := decodeMap(name, []byte(s), into); ref != nil {
				return nil, ref
			}
		}
	}
	now := graphql.Now()
	p.ReadTime = graphql.TraceTiming{Start: now, End: now}
	return p, nil
}

// decodeParams reads the parameters of one operation: an object with a query, and of the right types. Members it
// does not know are ignored, as the specification asks.
func decodeParams(body []byte) (*graphql.RawParams, *refusal) {
	if !utf8.Valid(body) {
		return nil, &refusal{code: codeBadRequest, message: "the body is not valid UTF-8"}
	}
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	if len(trimmed) == 0 {
		return nil, &refusal{code: codeBadRequest, message: "the body is empty: send a JSON object with query"}
	}
	if trimmed[0] == '[' {
		return nil, &refusal{code: codeBadRequest, message: "batches are not supported: send one operation a request"}
	}
	var raw struct {
		Query         json.RawMessage `json:"query"`
		OperationName json.RawMessage `json:"operationName"`
		Variables     json.RawMessage `json:"variables"`
		Extensions    json.RawMessage `json:"extensions"`
	}
	if err := json.Unmarshal(trimmed, &raw); err != nil {
		return nil, &refusal{code: codeBadRequest, message: "the body is no JSON object"}
	}
	p := &graphql.RawParams{}
	if isNull(raw.Query) || json.Unmarshal(raw.Query, &p.Query) != nil || p.Query == "" {
		return nil, &refusal{code: codeBadRequest, message: "query is missing: it must be a text"}
	}
	if !isNull(raw.OperationName) && json.Unmarshal(raw.OperationName, &p.OperationName) != nil {
		return nil, &refusal{code: codeBadRequest, message: "operationName must be a text or null"}
	}
	if ref := decodeMap("variables", raw.Variables, &p.Variables); ref != nil {
		return nil, ref
	}
	if ref := decodeMap("extensions", raw.Extensions, &p.Extensions); ref != nil {
		return nil, ref
	}
	return p, nil
}

// decodeMap reads an object or null. Numbers keep their literals: an Int64 does not survive a float64.
func decodeMap(name string, raw []byte, into *map[string]any) *refusal {
	if isNull(raw) {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(into); err != nil {
		return &refusal{code: codeBadRequest, message: name + " must be an object or null"}
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return &refusal{code: codeBadRequest, message: name + " must be one object or null"}
	}
	return nil
}

func isNull(raw []byte) bool {
	return len(raw) == 0 || string(bytes.TrimSpace(raw)) == "null"
}
