package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// A generator makes one request. The same seed and number make the same one; so does another target, in which only what
// names the target differs.
type generator struct {
	*soak
	rng        *rand.Rand
	as         *soakPrincipal
	target     *soakPlace
	alone      bool // nothing else is asked for
	comparable bool // the answer says nothing but what the target is
	writes     bool // canaries are not written to places that are not theirs
}

func (g *generator) one(list ...string) string { return list[g.rng.IntN(len(list))] }

// request is a GraphQL document, an operation of plain HTTP, or events.
func (g *generator) request() request {
	g.comparable = true
	switch n := g.rng.IntN(10); {
	case n < 6:
		return g.graphql("query", g.schema.Query)
	case n < 8:
		g.writes = true
		return g.graphql("mutation", g.schema.Mutation)
	case n < 9:
		return g.plain()
	}
	return g.ingest()
}

// place is the target, mostly.
func (g *generator) place() *soakPlace {
	if g.alone || g.rng.IntN(3) > 0 {
		return g.target
	}
	return g.places[g.rng.IntN(len(g.places))]
}

// exempt are fields that say by design what there is elsewhere (whether a slug is free), or how the server is.
var exempt = map[string]bool{"slugAvailability": true, "createWorkspace": true, "createOrganization": true, "serverInfo": true}

// aimed says whether a root field is about what its arguments name.
func aimed(f *ast.FieldDefinition) bool {
	for _, a := range f.Arguments {
		switch a.Name {
		case "slug", "workspace", "id", "ids", "input", "organization":
			return a.Type.NonNull
		}
	}
	return false
}

func (g *generator) graphql(kind string, root *ast.Definition) request {
	var fields []*ast.FieldDefinition
	for _, f := range root.Fields {
		if !strings.HasPrefix(f.Name, "__") && !(g.alone && (!aimed(f) || exempt[f.Name])) {
			fields = append(fields, f)
		}
	}
	var b strings.Builder
	b.WriteString(kind + " {")
	for i := range 1 + g.rng.IntN(2) {
		f := fields[g.rng.IntN(len(fields))]
		fmt.Fprintf(&b, " f%d: ", i)
		b.WriteString(f.Name + g.arguments(f.Arguments) + g.selection(f.Type, 1))
	}
	b.WriteString(" }")
	return request{g.as, "POST", "/graphql", string(rawJSON(map[string]string{"query": b.String()})), "application/json"}
}

// deepest is how deep selections go.
const deepest = 6

func (g *generator) selection(t *ast.Type, depth int) string {
	def := g.schema.Types[t.Name()]
	switch def.Kind {
	case ast.Scalar, ast.Enum:
		return ""
	case ast.Interface, ast.Union:
		var b strings.Builder
		b.WriteString(" { __typename")
		for _, possible := range g.schema.GetPossibleTypes(def) {
			if g.rng.IntN(2) == 0 && depth < deepest {
				b.WriteString(" ... on " + possible.Name + g.fields(possible, depth, true))
			}
		}
		return b.String() + " }"
	}
	return g.fields(def, depth, false)
}

// fields select some of an object: leaves gladly, the others as far as there is depth. Within a fragment they have names
// that no other fragment's have.
func (g *generator) fields(def *ast.Definition, depth int, fragment bool) string {
	var b strings.Builder
	b.WriteString(" { __typename")
	want := 2 + g.rng.IntN(5)
	for range 3 * want {
		f := def.Fields[g.rng.IntN(len(def.Fields))]
		if strings.HasPrefix(f.Name, "__") {
			continue
		}
		leaf := g.schema.Types[f.Type.Name()].IsLeafType()
		if !leaf && depth >= deepest {
			continue
		}
		alias := fmt.Sprintf(" a%d_%d: ", depth, b.Len())
		if fragment {
			alias = fmt.Sprintf(" %s%d_%d: ", strings.ToLower(def.Name), depth, b.Len())
		}
		b.WriteString(alias + f.Name + g.arguments(f.Arguments) + g.selection(f.Type, depth+1))
		if want--; want == 0 {
			break
		}
	}
	return b.String() + " }"
}

func (g *generator) arguments(list ast.ArgumentDefinitionList) string {
	var parts []string
	page := false
	for _, a := range list {
		if a.Name == "atLeast" || a.Name == "timeoutMs" { // they wait
			continue
		}
		one := a.Name == "first" || a.Name == "last"
		if !a.Type.NonNull && !(one && !page) && g.rng.IntN(5) > 0 || one && page {
			continue
		}
		page = page || one
		parts = append(parts, a.Name+": "+g.value(a.Name, a.Type, 0))
	}
	if len(parts) == 0 {
		return ""
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// value is a literal for something of a name and type.
func (g *generator) value(name string, t *ast.Type, depth int) string {
	if t.Elem != nil {
		var list []string
		for range 1 + g.rng.IntN(2) {
			list = append(list, g.value(name, t.Elem, depth+1))
		}
		return "[" + strings.Join(list, ", ") + "]"
	}
	def := g.schema.Types[t.NamedType]
	switch def.Kind {
	case ast.Enum:
		return def.EnumValues[g.rng.IntN(len(def.EnumValues))].Name
	case ast.InputObject:
		return g.input(def, depth)
	}
	switch t.NamedType {
	case "ID":
		return quoted(g.word())
	case "Int":
		return g.one("0", "1", "2", "5")
	case "Int64":
		return g.one("0", "1", "3", "8", "100000")
	case "Float":
		return g.one("0", "0.5", "-1")
	case "Boolean":
		return g.one("true", "false")
	case "Time", "DateTime", "Timestamp":
		return quoted(g.one("2026-03-01T12:00:00Z", "2020-01-01T00:00:00Z", "2026-06-01T00:00:00Z"))
	case "String":
		return quoted(g.text(name))
	}
	return quoted(g.one("x", "2026-03-01T12:00:00Z", "1"))
}

// made are the inputs of what makes places. They get names that nothing else has: whoever made an organization of the name
// that stands for a missing one, or for another's workspace, would see it, and rightly.
var made = map[string]bool{"CreateOrganizationInput": true, "CreateWorkspaceInput": true}

func (g *generator) input(def *ast.Definition, depth int) string {
	var parts []string
	oneOf := def.Directives.ForName("oneOf") != nil
	chosen := -1
	if oneOf {
		chosen = g.rng.IntN(len(def.Fields))
	}
	for i, f := range def.Fields {
		if f.Name == "atLeast" || f.Name == "timeoutMs" {
			continue
		}
		if oneOf && i != chosen || !oneOf && !f.Type.NonNull && (depth > 3 || g.rng.IntN(4) > 0) {
			continue
		}
		if made[def.Name] && (f.Name == "slug" || f.Name == "name") {
			parts = append(parts, fmt.Sprintf(`%s: "made-%08x"`, f.Name, g.rng.Uint32()))
			continue
		}
		parts = append(parts, f.Name+": "+g.value(f.Name, f.Type, depth+1))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// word is what means a thing: mostly the id of one.
func (g *generator) word() string {
	p := g.place()
	if g.rng.IntN(4) > 0 {
		return p.id(g.rng.IntN(1 << 20))
	}
	with := g.one(p.canary, "x")
	if g.writes {
		with = "x"
	}
	return g.one("train-", "run-", "out-", "bare-", "ns-") + with
}

func (g *generator) text(name string) string {
	p := g.place()
	switch name {
	case "slug", "workspace", "to", "from", "confirmSlug", "confirm":
		return p.slug
	case "organization":
		return p.organization
	case "after", "before":
		return p.cursors[g.rng.IntN(len(p.cursors))]
	case "where":
		return g.one("status = failed", "params.lr > 0", "id = x", "text contains train")
	}
	switch g.rng.IntN(6) {
	case 0:
		return g.word()
	case 1:
		return p.slug
	}
	return g.one("x", "train", "run", "2026-03-01T12:00:00Z", "a b")
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// plain is an operation of the server's document.
func (g *generator) plain() request {
	r := g.routes[g.rng.IntN(len(g.routes))]
	path := r.path
	g.writes = r.method != "GET"
	aimed := strings.Contains(path, "{")
	for {
		before, rest, ok := strings.Cut(path, "{")
		if !ok {
			break
		}
		name, after, _ := strings.Cut(rest, "}")
		with := g.word()
		switch name {
		case "slug", "workspace", "tenant":
			with = g.place().slug
		case "org", "organization":
			with = g.place().organization
		}
		path = before + strings.NewReplacer("/", "%2F", "=", "%3D").Replace(with) + after
	}
	if r.method == "GET" && g.rng.IntN(2) == 0 {
		path += "?" + g.one("limit=2", "revision=3", "asOf=2026-03-02T00:00:00Z", "after="+g.place().cursors[0], "workspace="+g.place().slug)
	}
	g.comparable = aimed
	out := request{g.as, r.method, path, "", ""}
	if r.method != "GET" {
		out.typ = "application/json"
		out.body = g.one(`{}`, `{"name":"x"}`, `{"confirm":"`+g.place().slug+`"}`, `{"reason":"x"}`, `{"workspace":"`+g.place().slug+`"}`)
	}
	return out
}

// ingest sends events to a workspace that may be anybody's, about what may be anybody's.
func (g *generator) ingest() request {
	p := g.place()
	g.writes = true
	event := fmt.Sprintf(`{"id":"soak-%d","run":%s,"pipeline":{"name":%s},"at":"2026-03-05T12:00:00Z","body":{"type":"runStarted"}}`,
		g.rng.IntN(1<<30), quoted(g.word()), quoted(g.word()))
	path := g.one("/v1/workspaces/"+p.slug+"/events", "/workspaces/"+p.slug+"/api/v1/lineage", "/workspaces/"+p.slug+"/api/v1/lineage/batch")
	if strings.Contains(path, "lineage") {
		event = fmt.Sprintf(`{"eventType":"START","eventTime":"2026-03-05T12:00:00Z","producer":"https://x/","schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent","run":{"runId":"01890000-0000-7000-8000-%012x"},"job":{"namespace":"n","name":%s}}`,
			g.rng.IntN(1<<40), quoted(g.word()))
		if strings.HasSuffix(path, "batch") {
			event = "[" + event + "]"
		}
	}
	return request{g.as, "POST", path, event, "application/json"}
}
