package openapi

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Info is the head of a document.
type Info struct {
	Title, Version, Summary, Description string
	Tags                                 []Tag // in the order in which they are shown
}

// A Tag is what some operations are about.
type Tag struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

// A Document is an OpenAPI 3.1 document. [Document.Paths] is for the page that shows it.
type Document struct {
	OpenAPI    string              `json:"openapi"`
	Info       head                `json:"info"`
	Servers    []server            `json:"servers"`
	Tags       []Tag               `json:"tags"`
	Paths      map[string]PathItem `json:"paths"`
	Components parts               `json:"components"`
	Security   []map[string][]any  `json:"security"`
}

type head struct {
	Title       string `json:"title"`
	Version     string `json:"version"`
	Summary     string `json:"summary,omitempty"`
	Description string `json:"description,omitempty"`
}

type server struct {
	URL string `json:"url"`
}

type parts struct {
	Schemas         map[string]*Schema  `json:"schemas"`
	Responses       map[string]Response `json:"responses"`
	SecuritySchemes map[string]any      `json:"securitySchemes"`
}

// A PathItem has the operations of a path, by method in small letters.
type PathItem map[string]*Described

// A Described operation, as the document has it.
type Described struct {
	Tags        []string             `json:"tags"`
	Summary     string               `json:"summary"`
	Description string               `json:"description,omitempty"`
	OperationID string               `json:"operationId"`
	Parameters  []*Param             `json:"parameters,omitempty"`
	RequestBody *RequestBody         `json:"requestBody,omitempty"`
	Responses   map[string]*Response `json:"responses"`
	Security    *[]map[string][]any  `json:"security,omitempty"` // empty, not absent: nobody is asked for a key
	Scope       string               `json:"x-scope,omitempty"`
	Permission  string               `json:"x-permission,omitempty"`
}

// A Param is a parameter as the document has it.
type Param struct {
	Name        string  `json:"name"`
	In          string  `json:"in"`
	Description string  `json:"description,omitempty"`
	Required    bool    `json:"required,omitempty"`
	Schema      *Schema `json:"schema"`
	Example     any     `json:"example,omitempty"`
}

// A RequestBody is a body as the document has it.
type RequestBody struct {
	Description string           `json:"description,omitempty"`
	Required    bool             `json:"required,omitempty"`
	Content     map[string]Media `json:"content"`
}

// Media is one form of a body.
type Media struct {
	Schema  *Schema `json:"schema,omitempty"`
	Example any     `json:"example,omitempty"`
}

// A Response is an answer as the document has it.
type Response struct {
	Ref         string              `json:"$ref,omitempty"`
	Description string              `json:"description,omitempty"`
	Headers     map[string]headerOf `json:"headers,omitempty"`
	Content     map[string]Media    `json:"content,omitempty"`
}

type headerOf struct {
	Description string  `json:"description,omitempty"`
	Schema      *Schema `json:"schema"`
}

// Build joins the routes of a server with their descriptions. The error names every route without a description, every
// description of a route that may not be there (optional ones apart: those of settings that are off), and whatever else
// is wrong with them; the document is whole all the same where it is not nil.
func Build(info Info, known Known, routes []Route, described []Operation) (*Document, error) {
	c := newComponents(known)
	doc := &Document{
		OpenAPI: "3.1.0", Info: head{info.Title, info.Version, info.Summary, info.Description}, Servers: []server{{"/"}}, Tags: info.Tags,
		Paths: map[string]PathItem{}, Security: []map[string][]any{{"key": {}}, {"session": {}}},
	}
	var errs []error
	byPattern := map[string]Operation{}
	ids := map[string]string{}
	for _, o := range described {
		if err := o.check(); err != nil {
			errs = append(errs, err)
		}
		if other, twice := byPattern[o.Pattern]; twice {
			errs = append(errs, fmt.Errorf("%s is described twice: as %s and as %s", o.Pattern, other.ID, o.ID))
		}
		if other, twice := ids[o.ID]; twice {
			errs = append(errs, fmt.Errorf("%s and %s are both called %s", other, o.Pattern, o.ID))
		}
		if !slices.ContainsFunc(info.Tags, func(t Tag) bool { return t.Name == o.Tag }) {
			errs = append(errs, fmt.Errorf("%s: there is no tag %s", o.Pattern, o.Tag))
		}
		byPattern[o.Pattern], ids[o.ID] = o, o.Pattern
	}
	statuses := map[int]bool{}
	for _, route := range routes {
		o, ok := byPattern[route.Pattern]
		if !ok {
			errs = append(errs, fmt.Errorf("%s is registered, and nothing describes it", route.Pattern))
			continue
		}
		delete(byPattern, route.Pattern)
		method, path := o.split()
		if doc.Paths[path] == nil {
			doc.Paths[path] = PathItem{}
		}
		doc.Paths[path][method] = c.describe(o, route.Scope)
		for _, status := range o.refusals(route.Scope) {
			statuses[status] = true
		}
	}
	for _, o := range described {
		if _, left := byPattern[o.Pattern]; left {
			errs = append(errs, fmt.Errorf("%s is described as %s, and not registered", o.Pattern, o.ID))
		}
	}
	no := c.of(Of[Problem]())
	doc.Components = parts{
		Schemas: c.schemas, Responses: map[string]Response{},
		SecuritySchemes: map[string]any{
			"key":     map[string]string{"type": "http", "scheme": "bearer", "description": "An API key, or the token of a run: Authorization: Bearer annals_… Programs come by one by the device grant of RFC 8628: see /.well-known/oauth-authorization-server."},
			"session": map[string]string{"type": "apiKey", "in": "cookie", "name": "__Host-annals", "description": "The session of a person who signed in by a browser; annals-dev over plain HTTP on one's own machine. What it changes has to come from a page of this server, as JSON."},
		},
	}
	for status := range statuses {
		doc.Components.Responses[refusalName(status)] = refusal(status, no)
	}
	return doc, errors.Join(append(errs, c.errs...)...)
}

// refusalName is the component of a refusal with a status, "Conflict".
func refusalName(status int) string { return strings.ReplaceAll(http.StatusText(status), " ", "") }

func refusal(status int, problem *Schema) Response {
	r := Response{Description: meaning[status], Content: map[string]Media{"application/json": {Schema: problem}}}
	text := &Schema{Type: "string"}
	switch status {
	case http.StatusUnauthorized:
		r.Headers = map[string]headerOf{"WWW-Authenticate": {"How to be known.", text}}
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		r.Headers = map[string]headerOf{"Retry-After": {"After how many seconds to come again.", text}}
	}
	return r
}

// describe puts an operation into the words of the document.
func (c *components) describe(o Operation, scope string) *Described {
	d := &Described{
		Tags: []string{o.Tag}, Summary: o.Summary, Description: o.needs(scope), OperationID: o.ID, Responses: map[string]*Response{}, Scope: scope, Permission: o.Permission,
	}
	if scope == "" {
		d.Security = &[]map[string][]any{}
	}
	for _, p := range o.Parameters {
		d.Parameters = append(d.Parameters, &Param{p.Name, p.In, p.Description, p.Required || p.In == "path", c.of(p.Shape), p.Example})
	}
	if o.Body != nil {
		d.RequestBody = &RequestBody{o.Body.Description, o.Body.Required, c.contents(o.Body.Content)}
	}
	for _, a := range o.Answers {
		r := &Response{Description: a.Description, Content: c.contents(a.Content)}
		for _, h := range a.Headers {
			if r.Headers == nil {
				r.Headers = map[string]headerOf{}
			}
			r.Headers[h.Name] = headerOf{h.Description, &Schema{Type: "string"}}
		}
		d.Responses[strconv.Itoa(a.Status)] = r
	}
	for _, status := range o.refusals(scope) {
		if _, own := d.Responses[strconv.Itoa(status)]; !own {
			d.Responses[strconv.Itoa(status)] = &Response{Ref: "#/components/responses/" + refusalName(status)}
		}
	}
	return d
}

// needs is the description with what a caller must have.
func (o Operation) needs(scope string) string {
	var needs string
	switch {
	case scope == "":
		needs = "Answers anybody."
	case o.Permission == "":
		needs = "Needs a key with the scope " + scope + "."
	default:
		needs = "Needs a key with the scope " + scope + ", and the permission " + o.Permission + "."
	}
	return strings.TrimSpace(o.Description + "\n\n" + needs)
}

func (c *components) contents(all []Content) map[string]Media {
	if len(all) == 0 {
		return nil
	}
	out := map[string]Media{}
	for _, one := range all {
		out[one.Type] = Media{c.of(one.Shape), one.Example}
	}
	return out
}
