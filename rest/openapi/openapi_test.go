package openapi_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/rest/openapi"
)

type color string

type base struct {
	ID uuid.UUID `json:"id"`
}

type item struct {
	base
	Color  color             `json:"color"`
	At     *time.Time        `json:"at"`
	Until  *time.Time        `json:"until,omitempty"`
	Labels map[string]string `json:"labels"`
	Parent *item             `json:"parent"`
	Size   int64             `json:"size" min:"1" max:"9" doc:"In metres."`
	Secret string            `json:"-"`
}

type page[T any] struct {
	Items []T `json:"items"`
}

type wish struct {
	Name string `json:"name" need:"yes"`
	Size *int   `json:"size"`
}

// build is the document of one operation that answers a page of items and takes a wish.
func build(t *testing.T, change func(*openapi.Operation)) (*openapi.Document, error) {
	t.Helper()
	o := openapi.Operation{
		Pattern: "POST /v1/items/{id}", ID: "makeItem", Tag: "items", Summary: "Make an item", Permission: "items:write",
		Parameters: []openapi.Parameter{{Name: "id", In: "path", Shape: openapi.Text()}},
		Body:       openapi.Sends(openapi.Closed[wish](), nil), Answers: []openapi.Answer{openapi.Says(200, "The items.", openapi.Of[page[item]]())}, Refuses: []int{409},
	}
	if change != nil {
		change(&o)
	}
	k := openapi.Known{}
	openapi.Enum[color](k, "red", "blue")
	return openapi.Build(openapi.Info{Title: "T", Version: "1", Tags: []openapi.Tag{{Name: "items"}}}, k, []openapi.Route{{Pattern: "POST /v1/items/{id}", Scope: "write"}}, []openapi.Operation{o})
}

func TestSchemasOfTypes(t *testing.T) {
	t.Parallel()
	doc, err := build(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(doc.Components.Schemas)
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	const wanted = `{
	"ItemPage": {"type": "object", "properties": {"items": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}}}, "required": ["items"]},
	"Item": {"type": "object", "required": ["at", "color", "id", "labels", "parent", "size"], "properties": {
		"id": {"type": "string", "format": "uuid"}, "color": {"type": "string", "enum": ["red", "blue"]},
		"at": {"type": ["string", "null"], "format": "date-time"}, "until": {"type": "string", "format": "date-time"},
		"labels": {"type": "object", "additionalProperties": {"type": "string"}},
		"parent": {"oneOf": [{"$ref": "#/components/schemas/Item"}, {"type": "null"}]},
		"size": {"type": "integer", "minimum": 1, "maximum": 9, "description": "In metres."}}},
	"Wish": {"type": "object", "additionalProperties": false, "required": ["name"], "properties": {"name": {"type": "string"}, "size": {"type": ["integer", "null"]}}}}`
	if err := json.Unmarshal([]byte(wanted), &want); err != nil {
		t.Fatal(err)
	}
	delete(got.(map[string]any), "Problem")
	delete(got.(map[string]any), "Detail")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("schemas %s\nwant %s", raw, wanted)
	}
}

func TestRefusalsComeWithTheScope(t *testing.T) {
	t.Parallel()
	doc, err := build(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	o := doc.Paths["/v1/items/{id}"]["post"]
	for _, status := range []string{"200", "401", "403", "409", "429", "503"} {
		if o.Responses[status] == nil {
			t.Errorf("nothing is said of %s", status)
		}
	}
	if len(o.Responses) != 6 || o.Scope != "write" || o.Permission != "items:write" || !strings.Contains(o.Description, "items:write") {
		t.Errorf("the operation is %+v", o)
	}
	if named := doc.Components.Responses["Unauthorized"]; named.Headers["WWW-Authenticate"].Description == "" {
		t.Errorf("401 is %+v", named)
	}
}

func TestDescriptionsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*openapi.Operation)
		says   string
	}{
		"of no route":           {func(o *openapi.Operation) { o.Pattern = "GET /v1/items/{id}" }, "not registered"},
		"without an id":         {func(o *openapi.Operation) { o.ID = "" }, "an id"},
		"without an answer":     {func(o *openapi.Operation) { o.Answers = nil }, "an answer"},
		"of an unknown tag":     {func(o *openapi.Operation) { o.Tag = "things" }, "no tag things"},
		"silent about its path": {func(o *openapi.Operation) { o.Parameters = nil }, "{id}"},
		"with a part too many": {func(o *openapi.Operation) {
			o.Parameters = append(o.Parameters, openapi.Parameter{Name: "other", In: "path"})
		}, "{other}"},
		"with what is no JSON": {func(o *openapi.Operation) {
			o.Answers = append(o.Answers, openapi.Says(201, "x", openapi.Of[chan int]()))
		}, "cannot be JSON"},
		"with what writes itself": {func(o *openapi.Operation) {
			o.Answers = append(o.Answers, openapi.Says(201, "x", openapi.Of[own]()))
		}, "writes itself"},
		"with two types of a name": {func(o *openapi.Operation) {
			o.Answers = append(o.Answers, openapi.Says(201, "x", openapi.Of[wish]()))
		}, "both called Wish"},
	} {
		if _, err := build(t, tt.change); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v; want it to say %s", name, err, tt.says)
		}
	}
}

// own writes itself.
type own struct{}

func (own) MarshalJSON() ([]byte, error) { return []byte("1"), nil }

func TestUnder(t *testing.T) {
	t.Parallel()
	slug := openapi.Parameter{Name: "slug", In: "path", Shape: openapi.Text()}
	one := func(pattern, id string, at ...openapi.Parameter) openapi.Operation {
		return openapi.Operation{Pattern: pattern, ID: id, Tag: "t", Summary: "s", Parameters: at, Answers: []openapi.Answer{openapi.Says(200, "x", openapi.Of[page[item]]())}}
	}
	all := []openapi.Operation{one("GET /v1/workspaces/{slug}", "a", slug), one("GET /workspaces/{slug}/x/{id}", "b", slug, openapi.Parameter{Name: "id", In: "path", Shape: openapi.Text()}), one("GET /v1/workspaces", "c")}
	var routes []openapi.Route
	for _, o := range all {
		routes = append(routes, openapi.Route{Pattern: o.Pattern})
	}
	doc, err := openapi.Build(openapi.Info{Title: "T", Tags: []openapi.Tag{{Name: "t"}}}, nil, routes, all)
	if err != nil {
		t.Fatal(err)
	}
	below := doc.Under("workspaces", "slug", "acme")
	if len(below.Paths) != 2 || below.Paths["/v1/workspaces/acme"] == nil || below.Paths["/workspaces/acme/x/{id}"] == nil {
		t.Fatalf("paths %v", below.Paths)
	}
	if ps := below.Paths["/workspaces/acme/x/{id}"]["get"].Parameters; len(ps) != 1 || ps[0].Name != "id" {
		t.Errorf("parameters %+v", ps)
	}
	if len(doc.Paths["/v1/workspaces/{slug}"]["get"].Parameters) != 1 {
		t.Error("the whole document has changed")
	}
	if below.Components.Schemas["Item"] == nil || below.Components.Schemas["Problem"] != nil {
		t.Errorf("components %v", below.Components.Schemas)
	}
}
