package graphql_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/annals-io/annals/graphql/breaking"
)

// A question is a document under construction: fields, each with what is asked of what it answers.
type question struct {
	field *ast.FieldDefinition
	args  string
	under map[string]*question
}

func (q *question) add(name string, field *ast.FieldDefinition, args string) *question {
	if q.under == nil {
		q.under = map[string]*question{}
	}
	if q.under[name] == nil {
		q.under[name] = &question{field: field, args: args}
	}
	return q.under[name]
}

func (q *question) write(b *strings.Builder) {
	for _, name := range slices.Sorted(maps.Keys(q.under)) {
		c := q.under[name]
		b.WriteString(name + c.args)
		if len(c.under) > 0 {
			b.WriteString(" { ")
			c.write(b)
			b.WriteString("} ")
			continue
		}
		b.WriteByte(' ')
	}
}

// A questioner makes one document that asks every field of every type which a query can reach.
type questioner struct {
	t      *testing.T
	schema *ast.Schema
	args   map[string]string // what arguments that must be given are given, by the name of the field, or "Type.field"
	asked  map[string]bool   // "Type.field"
	paths  map[string][]step // the shortest way to each type
}

type step struct {
	name  string
	field *ast.FieldDefinition
	args  string
}

func newQuestioner(t *testing.T, args map[string]string) *questioner {
	t.Helper()
	schema, err := breaking.Load("../schema/graphql")
	if err != nil {
		t.Fatal(err)
	}
	return &questioner{t: t, schema: schema, args: args, asked: map[string]bool{}, paths: map[string][]step{}}
}

// given are the arguments of a field; ok is false where it needs some that nobody knows.
func (q *questioner) given(of string, f *ast.FieldDefinition) (args string, ok bool) {
	for _, name := range []string{of + "." + f.Name, f.Name} {
		if args, known := q.args[name]; known {
			return args, args != "-"
		}
	}
	for _, a := range f.Arguments {
		if a.Type.NonNull && a.DefaultValue == nil {
			return "", false
		}
	}
	return "", true
}

func (q *questioner) composite(name string) bool {
	switch q.schema.Types[name].Kind {
	case ast.Object, ast.Interface, ast.Union:
		return true
	}
	return false
}

// document asks everything that the queries named by roots reach.
func (q *questioner) document(roots ...string) string {
	var whole question
	type place struct {
		typ  string
		path []step
	}
	var queue []place
	for _, name := range roots {
		f := q.schema.Query.Fields.ForName(name)
		args, ok := q.given("Query", f)
		if !ok {
			q.t.Fatalf("nobody knows the arguments of %s", name)
		}
		queue = append(queue, place{f.Type.Name(), []step{{name, f, args}}})
	}
	seen := map[string]bool{}
	for len(queue) > 0 { // the types by their distance from the roots
		at := queue[0]
		queue = queue[1:]
		if seen[at.typ] {
			continue
		}
		seen[at.typ] = true
		here := &whole
		for _, s := range at.path {
			here = here.add(s.name, s.field, s.args)
		}
		typ := q.schema.Types[at.typ]
		here.add("__typename", nil, "")
		for _, f := range typ.Fields {
			args, ok := q.given(at.typ, f)
			if !ok || strings.HasPrefix(f.Name, "__") {
				continue
			}
			q.asked[at.typ+"."+f.Name] = true
			if !q.composite(f.Type.Name()) {
				here.add(f.Name, f, args)
				continue
			}
			there := here.add(f.Name, f, args)
			there.add("__typename", nil, "")
			for _, leaf := range q.schema.Types[f.Type.Name()].Fields {
				if args, ok := q.given(f.Type.Name(), leaf); ok && !q.composite(leaf.Type.Name()) && !strings.HasPrefix(leaf.Name, "__") {
					there.add(leaf.Name, leaf, args)
				}
			}
			queue = append(queue, place{f.Type.Name(), append(slices.Clone(at.path), step{f.Name, f, args})})
		}
	}
	var b strings.Builder
	whole.write(&b)
	return b.String()
}

// unasked are the fields of types that a query reaches and that nobody asked.
func (q *questioner) unasked(reached []string) (out []string) {
	for _, name := range reached {
		for _, f := range q.schema.Types[name].Fields {
			if key := name + "." + f.Name; !q.asked[key] && !strings.HasPrefix(f.Name, "__") {
				out = append(out, key)
			}
		}
	}
	slices.Sort(out)
	return out
}

// reachable are the types that queries lead to.
func (q *questioner) reachable() []string {
	seen := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		if seen[name] || !q.composite(name) || strings.HasPrefix(name, "__") {
			return
		}
		seen[name] = true
		for _, f := range q.schema.Types[name].Fields {
			visit(f.Type.Name())
		}
	}
	for _, f := range q.schema.Query.Fields {
		if momentless[f.Name] == "" {
			visit(f.Type.Name())
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// timeless removes from an answer what may differ between now and the same moment later.
func timeless(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			switch k {
			case "settled": // now is never settled
			case "progress": // how far read models are is about now
			default:
				out[k] = timeless(x)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = timeless(x)
		}
		return out
	}
	return v
}

// differing says where two answers differ first.
func differing(path string, a, b any) string {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok {
			break
		}
		for _, k := range slices.Sorted(maps.Keys(x)) {
			if d := differing(path+"."+k, x[k], y[k]); d != "" {
				return d
			}
		}
		return ""
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			break
		}
		for i := range x {
			if d := differing(fmt.Sprintf("%s.%d", path, i), x[i], y[i]); d != "" {
				return d
			}
		}
		return ""
	}
	if fmt.Sprint(a) == fmt.Sprint(b) {
		return ""
	}
	return fmt.Sprintf("%s\n was %.800v\n is  %.800v", path, a, b)
}
