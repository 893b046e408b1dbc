package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
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
	alone      bool   // nothing else is asked for
	root       string // the field of the root that is asked
	comparable bool   // the answer says nothing but what the target is
	writes     bool   // canaries are not written to places that are not theirs
	follows    bool   // what is asked for is told from the beginning, so that something is told at once
}

// one is one of these.
func (g *generator) one(list ...string) string { return list[g.rng.IntN(len(list))] }

// request is a GraphQL document, an operation of plain HTTP, or events.
func (g *generator) request() request {
	g.comparable = true
	switch n := g.rng.IntN(20); {
	case n < 10 || g.reads && n < 14:
		return g.graphql("query", g.schema.Query)
	case n < 14:
		g.writes = true
		return g.graphql("mutation", g.schema.Mutation)
	case n < 16 || g.reads && n < 18:
		return g.plain()
	case n < 18:
		return g.ingest()
	}
	return g.subscription()
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
	most := 2
	if kind == "subscription" {
		most = 1
	}
	for i := range 1 + g.rng.IntN(most) {
		f := fields[g.rng.IntN(len(fields))]
		g.root = f.Name
		fmt.Fprintf(&b, " f%d: ", i)
		b.WriteString(f.Name + g.arguments(f.Arguments) + g.selection(f.Type, 1))
	}
	b.WriteString(" }")
	return request{as: g.as, method: "POST", path: "/graphql", body: string(rawJSON(map[string]string{"query": b.String()})), typ: "application/json"}
}

// subscription is one over either transport.
func (g *generator) subscription() request {
	g.follows = true
	r := g.graphql("subscription", g.schema.Subscription)
	if r.how = byEvents; g.rng.IntN(4) == 0 {
		r.how = bySocket
	}
	return r
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
		alias := "a"
		if fragment {
			alias = strings.ToLower(def.Name)
		}
		alias += strconv.Itoa(depth) + "_" + strconv.Itoa(b.Len())
		b.WriteString(" " + alias + ": " + f.Name + g.arguments(f.Arguments) + g.selection(f.Type, depth+1))
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
		if g.follows && a.Name == "after" {
			parts = append(parts, "after: -1")
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
