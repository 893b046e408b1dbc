package openapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// A Route is what a server has registered: a pattern of [http.ServeMux] with its method, and the scope that a key needs
// for it; none: it answers anybody.
type Route struct {
	Pattern string
	Scope   string
}

// An Operation describes a route.
type Operation struct {
	Pattern string // as it is registered, "GET /v1/keys/{id}"
	Path    string // in the document, where the pattern has no words for it; empty: the pattern's
	ID      string // stable, for generated clients: "listKeys"
	Tag     string // what it is about; lists are ordered by it
	Summary string // one line
	// Description is for people, in plain text; paragraphs are apart by an empty line.
	Description string
	// Permission is what whoever asks must hold in the workspace or organization, beside the scope of the key.
	Permission string
	Parameters []Parameter
	Body       *Body
	Answers    []Answer
	// Refuses are the statuses of refusals of its own; 401, 403, 429 and 503 come with every route that wants a key.
	Refuses []int
}

// A Parameter is a part of the path or query, or a header.
type Parameter struct {
	Name, In    string // In: path, query, header
	Description string
	Required    bool // of a path it always is
	Shape       Shape
	Example     any
}

// A Body is what a request may send.
type Body struct {
	Description string
	Required    bool
	Content     []Content
}

// Content is one form of a body.
type Content struct {
	Type    string // "application/json"
	Shape   Shape
	Example any
}

// An Answer is what a request may be told when it is not refused.
type Answer struct {
	Status      int
	Description string
	Content     []Content // none: no body
	Headers     []Header
}

// A Header of an answer.
type Header struct{ Name, Description string }

// JSON is a body of JSON.
func JSON(s Shape) []Content { return []Content{{Type: "application/json", Shape: s}} }

// Sends is a body of JSON that must be there.
func Sends(s Shape, example any) *Body {
	return &Body{Required: true, Content: []Content{{Type: "application/json", Shape: s, Example: example}}}
}

// Says is an answer with a body of JSON.
func Says(status int, description string, s Shape) Answer {
	return Answer{Status: status, Description: description, Content: JSON(s)}
}

// split takes the method off a pattern, and the end-of-path mark.
func (o Operation) split() (method, path string) {
	method, path, _ = strings.Cut(o.Pattern, " ")
	if o.Path != "" {
		path = o.Path
	}
	return strings.ToLower(method), strings.TrimSuffix(path, "{$}")
}

// check refuses a description that tells less than a reader needs.
func (o Operation) check() error {
	method, path := o.split()
	if method == "" || path == "" || path[0] != '/' || o.ID == "" || o.Tag == "" || o.Summary == "" || len(o.Answers) == 0 {
		return fmt.Errorf("%s: a description has a pattern with a method, an id, a tag, a summary and an answer", o.Pattern)
	}
	for _, name := range pathNames(path) {
		if !slices.ContainsFunc(o.Parameters, func(p Parameter) bool { return p.In == "path" && p.Name == name }) {
			return fmt.Errorf("%s: nothing is said of {%s}", o.Pattern, name)
		}
	}
	for _, p := range o.Parameters {
		if p.In == "path" && !slices.Contains(pathNames(path), p.Name) {
			return fmt.Errorf("%s: there is no {%s} in the path", o.Pattern, p.Name)
		}
	}
	return nil
}

// pathNames are the names in the braces of a path.
func pathNames(path string) (names []string) {
	for _, part := range strings.Split(path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			names = append(names, strings.TrimSuffix(name, "}"))
		}
	}
	return names
}

// refusals are the statuses that an operation may be refused with, in order.
func (o Operation) refusals(scope string) []int {
	all := slices.Clone(o.Refuses)
	if scope != "" {
		all = append(all, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// meaning is what a refusal's status says, of whatever route.
var meaning = map[int]string{
	http.StatusBadRequest:            "A value breaks a rule; the code and the message say which.",
	http.StatusUnauthorized:          "There is no key, or it opens nothing (any more).",
	http.StatusForbidden:             "The key lacks the scope, or whoever asks lacks a permission, which is named.",
	http.StatusNotFound:              "There is no such thing, or not for whoever asks: the two are told alike.",
	http.StatusMethodNotAllowed:      "The address takes other methods.",
	http.StatusNotAcceptable:         "None of the forms of the answer is acceptable.",
	http.StatusConflict:              "It contradicts what is there, or what somebody did meanwhile; the message says what happened.",
	http.StatusGone:                  "It was there and has ended.",
	http.StatusPreconditionFailed:    "What the request makes a condition is not so: the thing has changed since, or cannot be read yet.",
	http.StatusRequestEntityTooLarge: "The body is too large.",
	http.StatusUnsupportedMediaType:  "The body is of another kind than the address takes.",
	http.StatusUnprocessableEntity:   "A value breaks a rule; the field says which.",
	http.StatusTooManyRequests:       "Too many of these requests, or of keys that open nothing: come again after Retry-After seconds.",
	http.StatusServiceUnavailable:    "The server cannot answer now: come again after Retry-After seconds.",
}
