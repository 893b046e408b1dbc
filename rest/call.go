package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/rest/openapi"
)

// A call is one request to an action, its parameters checked.
type call struct {
	ctx       context.Context
	api       *API
	principal access.Principal
	request   *http.Request
	query     url.Values
	body      []byte
	digest    string // the operation and where it is about, for telling whether an idempotency key is used again
}

const (
	keyHeader   = "Idempotency-Key"
	matchHeader = "If-Match"
	maxBody     = 64 << 10 // bytes: names and descriptions
)

var maxKey = int64(128)

// read checks a request by the description of its action: parameters that it does not have, or of another form than it
// says, are refused, and so is a body where there is none to send.
func (a *API) read(w http.ResponseWriter, r *http.Request, one action) (*call, error) {
	p, ok := access.From(r.Context())
	if !ok {
		return nil, access.ErrMissing
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, invalid("query", "the query string is not well formed")
	}
	for name, values := range query {
		i := slices.IndexFunc(one.Parameters, func(p openapi.Parameter) bool { return p.In == "query" && p.Name == name })
		if i < 0 {
			return nil, invalid(short(name), "there is no parameter of this name")
		}
		if err := one.Parameters[i].Check(values); err != nil {
			return nil, invalid(name, err.Error())
		}
	}
	for _, p := range one.Parameters {
		if p.In == "query" && p.Required && !query.Has(p.Name) {
			return nil, &domain.Error{Code: domain.Required, Subject: p.Name, Message: "it is missing"}
		}
	}
	if key := r.Header.Get(keyHeader); int64(len(key)) > maxKey {
		return nil, &domain.Error{Code: domain.TooLong, Subject: keyHeader, Message: fmt.Sprintf("it has %d bytes; at most %d", len(key), maxKey)}
	}
	c := &call{ctx: r.Context(), api: a, principal: p, request: r, query: query, digest: one.ID + " " + r.URL.EscapedPath() + "?" + query.Encode()}
	if one.Body != nil {
		c.body, err = readBody(w, r)
	}
	return c, err
}

// readBody reads a body of JSON. Only that type is taken: forms of foreign pages end here.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, &access.Refusal{Status: http.StatusRequestEntityTooLarge, Code: "too_large", Message: fmt.Sprintf("the body has more than %d bytes", maxBody), Field: "body"}
	case err != nil:
		return nil, invalid("body", "the body could not be read to its end")
	case len(bytes.TrimSpace(body)) == 0:
		return nil, nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, &access.Refusal{Status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type", Message: "send the body as application/json", Field: "header Content-Type"}
	}
	return body, nil
}

// decode reads the body into v, strictly: an object of the members that v has, and nothing behind it.
func (c *call) decode(v any) error {
	if c.body == nil {
		return &domain.Error{Code: domain.Required, Subject: "body", Message: "send a JSON object"}
	}
	if start := bytes.TrimLeft(c.body, " \t\r\n"); start[0] != '{' {
		return invalid("body", "the body is no JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(c.body))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	var typed *json.UnmarshalTypeError
	switch {
	case errors.As(err, &typed):
		return invalid(typed.Field, fmt.Sprintf("it is a JSON %s, and should be of type %s", typed.Value, typed.Type.Kind()))
	case err != nil:
		return invalid("body", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return invalid("body", "there is something behind the JSON object")
	}
	return nil
}

// path is a part of the path.
func (c *call) path(name string) string { return c.request.PathValue(name) }

// text is a parameter of the query, nil where it is not there.
func (c *call) text(name string) *string {
	if !c.query.Has(name) {
		return nil
	}
	v := c.query.Get(name)
	return &v
}

// words are all values of a parameter, as GraphQL writes them in its enums.
func (c *call) words(name string) any {
	if !c.query.Has(name) {
		return nil
	}
	out := make([]string, len(c.query[name]))
	for i, v := range c.query[name] {
		out[i] = strings.ToUpper(v)
	}
	return out
}

// list is all values of a parameter as they are.
func (c *call) list(name string) any {
	if !c.query.Has(name) {
		return nil
	}
	return c.query[name]
}

// number is a parameter that was checked to be a whole number, nil where it is not there.
func (c *call) number(name string) any {
	if !c.query.Has(name) {
		return nil
	}
	return json.Number(c.query.Get(name))
}

// flag is a parameter that was checked to be true or false, nil where it is not there.
func (c *call) flag(name string) any {
	if !c.query.Has(name) {
		return nil
	}
	return c.query.Get(name) == "true"
}

// asOf is the moment to look at, as GraphQL has it: a revision or a time; nil: now.
func (c *call) asOf() (any, error) {
	s := c.query.Get("asOf")
	if !c.query.Has("asOf") {
		return nil, nil
	}
	if _, err := strconv.ParseUint(s, 10, 63); err == nil {
		return map[string]any{"revision": json.Number(s)}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return nil, invalid("asOf", "it is a revision, such as 120, or a time, such as 2026-03-01T12:00:00Z")
	}
	return map[string]any{"time": at.Format(time.RFC3339Nano)}, nil
}

// since is the revision that If-Match names; nil: whatever there is.
func (c *call) since() (*domain.Revision, error) {
	values := c.request.Header.Values(matchHeader)
	if len(values) == 0 || len(values) == 1 && strings.TrimSpace(values[0]) == "*" {
		return nil, nil
	}
	n, err := strconv.ParseInt(strings.Trim(strings.TrimSpace(values[0]), `"`), 10, 63)
	if err != nil || n < 0 || len(values) > 1 {
		return nil, invalid(matchHeader, "it is the ETag that an answer had, such as \"12\", or *")
	}
	since := domain.Revision(n)
	return &since, nil
}

// invalid is a refusal of a field.
func invalid(field, message string) error {
	return &domain.Error{Code: domain.Invalid, Subject: field, Message: message}
}

// short keeps what a caller sent short in a message.
func short(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
