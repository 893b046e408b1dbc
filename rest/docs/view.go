package docs

import (
	"cmp"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"

	"github.com/annals-io/annals/rest/openapi"
)

// shown is what the page shows.
type shown struct {
	Doc     *openapi.Document
	Slug    string // of the workspace; empty: the page is about the server
	Groups  []group
	Schemas []named
}

// group is the operations of a tag.
type group struct {
	openapi.Tag
	Operations []operation
}

type operation struct {
	*openapi.Described
	Method, Path string
	Answers      []answer
	Body         []media
}

type answer struct {
	Status string
	openapi.Response
	Media []media
}

type media struct {
	Type string
	openapi.Media
}

type named struct {
	Name   string
	Schema *openapi.Schema
	Fields []field
}

type field struct {
	Name     string
	Schema   *openapi.Schema
	Required bool
}

var methods = []string{"get", "post", "put", "patch", "delete"}

// view orders a document for reading: by tag, then by path and method.
func view(d *openapi.Document, slug string) shown {
	v := shown{Doc: d, Slug: slug}
	for _, tag := range d.Tags {
		g := group{Tag: tag}
		for path, item := range d.Paths {
			for method, o := range item {
				if o.Tags[0] == tag.Name {
					g.Operations = append(g.Operations, operation{Described: o, Method: strings.ToUpper(method), Path: path, Answers: answersOf(d, o), Body: bodyOf(o)})
				}
			}
		}
		slices.SortFunc(g.Operations, func(a, b operation) int {
			return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(slices.Index(methods, strings.ToLower(a.Method)), slices.Index(methods, strings.ToLower(b.Method))))
		})
		if len(g.Operations) > 0 {
			v.Groups = append(v.Groups, g)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Components.Schemas)) {
		s := d.Components.Schemas[name]
		v.Schemas = append(v.Schemas, named{name, s, fieldsOf(s)})
	}
	return v
}

func answersOf(d *openapi.Document, o *openapi.Described) (out []answer) {
	for _, status := range slices.Sorted(maps.Keys(o.Responses)) {
		r := *o.Responses[status]
		if name, ok := strings.CutPrefix(r.Ref, "#/components/responses/"); ok {
			r = d.Components.Responses[name]
		}
		out = append(out, answer{status, r, mediaOf(r.Content)})
	}
	return out
}

func bodyOf(o *openapi.Described) []media {
	if o.RequestBody == nil {
		return nil
	}
	return mediaOf(o.RequestBody.Content)
}

func mediaOf(content map[string]openapi.Media) (out []media) {
	for _, kind := range slices.Sorted(maps.Keys(content)) {
		out = append(out, media{kind, content[kind]})
	}
	return out
}

func fieldsOf(s *openapi.Schema) (out []field) {
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		out = append(out, field{name, s.Properties[name], slices.Contains(s.Required, name)})
	}
	return out
}

// shape writes a schema in a few words, with links to the named ones.
func shape(s *openapi.Schema) template.HTML {
	text := func(t string) template.HTML { return template.HTML(template.HTMLEscapeString(t)) }
	switch {
	case s == nil:
		return "anything"
	case s.Ref != "":
		name := strings.TrimPrefix(s.Ref, "#/components/schemas/")
		return `<a href="#schema-` + text(name) + `">` + text(name) + `</a>`
	case len(s.OneOf) > 0:
		var parts []string
		for _, one := range s.OneOf {
			parts = append(parts, string(shape(one)))
		}
		return template.HTML(strings.Join(parts, " or "))
	case s.Items != nil:
		return "list of " + shape(s.Items)
	case len(s.Enum) > 0:
		var words []string
		for _, w := range s.Enum {
			words = append(words, fmt.Sprint(w))
		}
		return text(strings.ReplaceAll(strings.Join(words, " | "), "<nil>", "null"))
	}
	if values, ok := s.AdditionalProperties.(*openapi.Schema); ok {
		return "object of " + shape(values)
	}
	return text(plainType(s))
}

// plainType is the type with its bounds: "integer 1 to 500".
func plainType(s *openapi.Schema) string {
	kind := "anything"
	switch t := s.Type.(type) {
	case string:
		kind = t
	case []string:
		kind = strings.Join(t, " or ")
	case []any:
		var words []string
		for _, w := range t {
			words = append(words, fmt.Sprint(w))
		}
		kind = strings.Join(words, " or ")
	}
	if s.Format != "" {
		kind += " (" + s.Format + ")"
	}
	least, most, of := s.Minimum, s.Maximum, ""
	if s.MinLength != nil || s.MaxLength != nil {
		least, most, of = s.MinLength, s.MaxLength, " characters"
	}
	switch {
	case least != nil && most != nil:
		kind += fmt.Sprintf(", %d to %d%s", *least, *most, of)
	case least != nil:
		kind += fmt.Sprintf(", at least %d%s", *least, of)
	case most != nil:
		kind += fmt.Sprintf(", at most %d%s", *most, of)
	}
	return kind
}

func paragraphs(s string) []string { return strings.Split(s, "\n\n") }

func anchor(s string) string {
	return strings.NewReplacer(" ", "-", "/", "-").Replace(strings.ToLower(s))
}

// pretty writes an example as people read it.
func pretty(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil { // examples are maps and lists of words
		panic(err)
	}
	return string(raw)
}
