package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/relay"
	"github.com/annals-io/annals/internal/pgtest"
)

// matrixBelow are the fields below the roots that take more than to see what they hang on. One that is not here, and is
// refused to whoever may only look, fails the tests.
var matrixBelow = map[string]domain.Permission{
	"Workspace.invitations":    domain.ManageMembers,
	"Organization.invitations": domain.ManageOrganizationMembers,
}

// A belowField is a field of a type, and a way to it from a root.
type belowField struct {
	on   *ast.Definition
	of   *ast.FieldDefinition
	path []belowStep
}

// A belowStep is a field on the way, and what its value is taken to be.
type belowStep struct {
	field *ast.FieldDefinition
	on    string
}

func (f belowField) String() string { return f.on.Name + "." + f.of.Name }

// belowFields are the fields of every type that can be reached from Query, each by a shortest way: of what has a global id
// once more by that. What a workspace and an organization have is reached through them.
func belowFields(schema *ast.Schema) (out []belowField) {
	seen := map[string]bool{"Query": true}
	type at struct {
		def  *ast.Definition
		path []belowStep
	}
	var queue []at
	visit := func(f *ast.FieldDefinition, path []belowStep) {
		reached := []*ast.Definition{schema.Types[f.Type.Name()]}
		if reached[0].IsAbstractType() {
			reached = schema.GetPossibleTypes(reached[0])
		}
		for _, d := range reached {
			if d.Kind == ast.Object && !seen[d.Name] {
				seen[d.Name] = true
				queue = append(queue, at{d, append(slices.Clone(path), belowStep{f, d.Name})})
			}
		}
	}
	ask := func(on *ast.Definition, path []belowStep, further bool) {
		for _, f := range on.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			out = append(out, belowField{on, f, path})
			if further {
				visit(f, path)
			}
		}
	}
	for _, name := range []string{"workspace", "organization"} {
		visit(schema.Query.Fields.ForName(name), nil)
	}
	for _, f := range schema.Query.Fields {
		if f.Name != "node" && f.Name != "nodes" && !strings.HasPrefix(f.Name, "__") {
			visit(f, nil)
		}
	}
	for len(queue) > 0 {
		next := queue[0]
		queue = queue[1:]
		ask(next.def, next.path, true)
	}
	for _, d := range schema.GetPossibleTypes(schema.Types["Node"]) {
		ask(d, []belowStep{{schema.Query.Fields.ForName("node"), d.Name}}, false)
	}
	return out
}

// belowArguments are those without which a field finds nothing to say in the example. In them stand $workspace and
// $organization for the place, $roster for its canary, and $run, $first, $version and $artifact for the ids of what is in it.
var belowArguments = map[string]string{
	"Query.organization":                `(slug: "$organization")`,
	"Query.effectiveAccess":             `(workspace: "$workspace")`,
	"Query.whoCan":                      `(workspace: "$workspace", permission: "workspace:read", first: 5)`,
	"Query.slugAvailability":            `(slug: "some-slug")`,
	"Workspace.diff":                    `(from: {revision: 2})`,
	"Organization.team":                 `(id: "t-$roster")`,
	"Workspace.search":                  `(query: "train", first: 5)`,
	"Workspace.lineage":                 `(root: "$version")`,
	"Workspace.impact":                  `(root: "$version", first: 5)`,
	"Workspace.auditEvent":              `(revision: 3)`,
	"Workspace.compareRuns":             `(a: "$first", b: "$run")`,
	"Workspace.compareArtifactVersions": `(a: "$version", b: "$version")`,
}

// document asks for one field in a place.
func (f belowField) document(h *soak, p *soakPlace) string {
	g := &generator{soak: h, rng: rand.New(rand.NewPCG(1, 1)), target: p, alone: true}
	var b strings.Builder
	b.WriteString("{")
	parent := "Query"
	for _, step := range f.path {
		fmt.Fprintf(&b, " %s%s { ", step.field.Name, g.below(parent, step.field, step.on))
		if h.schema.Types[step.field.Type.Name()].IsAbstractType() {
			fmt.Fprintf(&b, "... on %s { ", step.on)
		}
		parent = step.on
	}
	b.WriteString("it: " + f.of.Name + g.below(f.on.Name, f.of, f.of.Type.Name()))
	if !h.schema.Types[f.of.Type.Name()].IsLeafType() {
		b.WriteString(" { __typename }")
	}
	for _, step := range f.path {
		b.WriteString(" }")
		if h.schema.Types[step.field.Type.Name()].IsAbstractType() {
			b.WriteString(" }")
		}
	}
	return b.String() + " }"
}

// idKinds are the kinds of ids of the types that are found by one.
var idKinds = map[string]relay.Kind{"Run": relay.Run, "Step": relay.Step, "Pipeline": relay.Pipeline, "PipelineVersion": relay.PipelineVersion, "Artifact": relay.Artifact, "ArtifactVersion": relay.ArtifactVersion, "Workspace": relay.Workspace}

// below writes the arguments of a field that is to answer a thing of a type.
func (g *generator) below(parent string, f *ast.FieldDefinition, wanted string) string {
	if given, ok := belowArguments[parent+"."+f.Name]; ok {
		return strings.NewReplacer("$workspace", g.target.slug, "$organization", g.target.organization, "$roster", g.target.roster, "$run", g.idOf("Run"), "$first", g.target.id(g.firstOf(relay.Run)),
			"$version", g.idOf("ArtifactVersion"), "$artifact", g.idOf("Artifact")).Replace(given)
	}
	var parts []string
	for _, a := range f.Arguments {
		switch {
		case a.Name == "first":
			parts = append(parts, "first: 5")
		case !a.Type.NonNull || a.DefaultValue != nil:
		case a.Type.NamedType == "ID":
			parts = append(parts, a.Name+": "+quoted(g.idOf(wanted)))
		default:
			parts = append(parts, a.Name+": "+g.value(a.Name, a.Type, 0))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// idOf is the id of the oldest thing of a type in the place, where there is one: the one of which most is known.
func (g *generator) idOf(typ string) string {
	for i, id := range slices.Backward(g.target.ids) {
		if kind, ok := idKinds[typ]; ok && id.Kind == kind {
			return g.target.id(i)
		}
	}
	return g.word()
}

func (g *generator) firstOf(kind relay.Kind) int {
	return max(0, slices.IndexFunc(g.target.ids, func(id relay.ID) bool { return id.Kind == kind }))
}

// Every field of every type is asked for by itself, in a workspace that is full of canaries: by its owner, who is answered;
// by those who may not see it, who are told what they are told of one that never was; and by those who may only look, who
// are refused what the matrix says and nothing else.
func TestEveryFieldBelowTheRoots(t *testing.T) {
	t.Parallel()
	h := newSoak(t, pgtest.URL(t))
	team, project := h.places[1], h.places[2]
	blind := h.blindIn(team)
	if len(blind) < 8 {
		t.Fatalf("only %d kinds of principals do not see %s", len(blind), team.slug)
	}
	var asked, told int
	silent := map[string]bool{}
	refused := map[string]bool{}
	for i, f := range belowFields(h.schema) {
		if f.String() == "ServerInfo.time" {
			continue // the clock
		}
		document := f.document(h, team)
		answer := h.graphql(t, h.owner(team), document)
		if code := firstCode(t, answer); code == "GRAPHQL_VALIDATION_FAILED" || code == "INTERNAL" {
			t.Errorf("%s: its owner is answered\n%s\nto %s", f, answer, document)
		}
		asked++
		if hasIt(t, answer) {
			told++
		} else {
			silent[f.String()] = true
		}
		for k := range 3 { // in turn: each is asked by three, and each asks for three of the others
			as := blind[(3*i+k)%len(blind)]
			hidden, none := h.graphql(t, as, document), h.graphql(t, as, f.document(h, team.never()))
			if told := team.renamed(none); hidden != told {
				t.Errorf("%s: %s is told\n%s\nof what they may not see, and\n%s\nof what never was, by %s", f, as.name, hidden, told, document)
			}
			for _, canary := range as.leaks(hidden) {
				if !strings.Contains(document, canary) {
					t.Errorf("%s: %s is told of others: %s", f, as.name, hidden)
				}
			}
		}
		for _, as := range []*soakPrincipal{h.viewerOf(project), h.clerk} {
			if isRefused(h.graphql(t, as, f.document(h, project))) {
				refused[f.String()] = true
			}
		}
	}
	t.Logf("%d fields, %d of which have something to say", asked, told)
	if told*10 < asked*6 {
		t.Errorf("only %d of %d fields have something to say: this says little; not %v", told, asked, slices.Sorted(maps.Keys(silent)))
	}
	for field := range refused {
		if _, ok := matrixBelow[field]; !ok {
			t.Errorf("%s is refused to who may look: say in matrix_below_test.go what it takes", field)
		}
	}
	for field := range matrixBelow {
		if !refused[field] {
			t.Errorf("%s is not refused to who may look: the matrix says that it takes %s", field, matrixBelow[field])
		}
	}
}

// blindIn are those who do not see a place.
func (h *soak) blindIn(p *soakPlace) (out []*soakPrincipal) {
	for _, as := range h.principals {
		if !as.sees[p.slug] {
			out = append(out, as)
		}
	}
	return out
}

// viewerOf is the service account that views a place.
func (h *soak) viewerOf(p *soakPlace) *soakPrincipal {
	i := slices.IndexFunc(h.principals, func(as *soakPrincipal) bool { return as.name == "a viewer of "+p.slug })
	return h.principals[i]
}

// graphql is a question and its answer, whatever it is.
func (h *soak) graphql(t *testing.T, as *soakPrincipal, query string) string {
	t.Helper()
	status, body, header := h.send(t, request{as: as, method: "POST", path: "/graphql", body: string(rawJSON(map[string]string{"query": query})), typ: "application/json"})
	return answerText(status, body, header)
}

// firstCode is the code of the first error of an answer.
func firstCode(t *testing.T, answer string) string {
	t.Helper()
	var got struct{ Errors []graphqlError }
	if _, body, ok := strings.Cut(answer, "\n{"); ok && json.Unmarshal([]byte("{"+body), &got) == nil && len(got.Errors) > 0 {
		return got.Errors[0].Extensions.Code
	}
	return ""
}

// isRefused says whether the field that was asked for is refused, and not one on the way to it.
func isRefused(answer string) bool {
	var got struct {
		Errors []struct {
			Path       []any
			Extensions struct{ Code string }
		}
	}
	_, body, _ := strings.Cut(answer, "\n{")
	if json.Unmarshal([]byte("{"+body), &got) != nil || len(got.Errors) == 0 {
		return false
	}
	e := got.Errors[0]
	return e.Extensions.Code == "FORBIDDEN" && len(e.Path) > 0 && e.Path[len(e.Path)-1] == "it"
}

// hasIt says whether an answer has a value for the field that was asked for.
func hasIt(t *testing.T, answer string) bool {
	t.Helper()
	var got struct{ Data any }
	_, body, _ := strings.Cut(answer, "\n{")
	if json.Unmarshal([]byte("{"+body), &got) != nil {
		return false
	}
	var has func(v any) bool
	has = func(v any) bool {
		switch v := v.(type) {
		case map[string]any:
			if it, ok := v["it"]; ok {
				list, isList := it.([]any)
				return it != nil && (!isList || len(list) > 0)
			}
			for _, x := range v {
				if has(x) {
					return true
				}
			}
		case []any:
			return slices.ContainsFunc(v, has)
		}
		return false
	}
	return has(got.Data)
}
