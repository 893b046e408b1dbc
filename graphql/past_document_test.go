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

// own asks of a type what it says without leading on.
func (q *questioner) own(of string, at *question) {
	at.add("__typename", nil, "")
	for _, f := range q.schema.Types[of].Fields {
		if args, ok := q.given(of, f); ok && !q.composite(f.Type.Name()) && !strings.HasPrefix(f.Name, "__") {
			at.add(f.Name, f, args)
		}
	}
}

// each asks of an interface or union what each of its types has, and what that leads to says of itself. Fields of one name
// may be of different types there, so that each has the name of its type before its own.
func (q *questioner) each(typ *ast.Definition, at *question) {
	for _, one := range q.schema.GetPossibleTypes(typ) {
		on := at.add("... on "+one.Name, nil, "")
		for _, f := range one.Fields {
			args, ok := q.given(one.Name, f)
			if !ok || strings.HasPrefix(f.Name, "__") {
				continue
			}
			there := on.add(one.Name+"_"+f.Name+": "+f.Name, f, args)
			if q.composite(f.Type.Name()) {
				q.own(f.Type.Name(), there)
			}
		}
	}
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
		q.asked["Query."+name] = true
		top := whole.add(name, f, args) // whatever others lead to the same type
		q.own(f.Type.Name(), top)
		if typ := q.schema.Types[f.Type.Name()]; typ.Kind != ast.Object {
			q.each(typ, top)
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
		if typ.Kind != ast.Object {
			q.each(typ, here)
		}
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
			q.own(f.Type.Name(), here.add(f.Name, f, args))
			queue = append(queue, place{f.Type.Name(), append(slices.Clone(at.path), step{f.Name, f, args})})
		}
	}
	var b strings.Builder
	whole.write(&b)
	return b.String()
}

// unasked are the queries that take a moment, and the fields of types that a query reaches, that nobody asked.
func (q *questioner) unasked(reached []string) (out []string) {
	for _, f := range q.schema.Query.Fields {
		if key := "Query." + f.Name; !q.asked[key] && momentless[f.Name] == "" && !strings.HasPrefix(f.Name, "__") {
			out = append(out, key)
		}
	}
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
			switch k[strings.LastIndexByte(k, '_')+1:] { // without the type before it
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

// differing says where what was answered at a moment, and what is answered later as of that moment, differ first. Texts with
// the words gone were erased meanwhile, and read erased wherever they were read; gone is empty where none was.
func differing(path string, was, is any, gone string) string {
	switch x := was.(type) {
	case map[string]any:
		y, ok := is.(map[string]any)
		if !ok {
			break
		}
		for _, k := range slices.Sorted(maps.Keys(x)) {
			if d := differing(path+"."+k, x[k], y[k], gone); d != "" {
				return d
			}
		}
		return ""
	case []any:
		y, ok := is.([]any)
		if !ok || len(x) != len(y) {
			break
		}
		for i := range x {
			if d := differing(fmt.Sprintf("%s.%d", path, i), x[i], y[i], gone); d != "" {
				return d
			}
		}
		return ""
	case string:
		if gone != "" && strings.Contains(x, gone) {
			if said := fmt.Sprint(is); said == "erased" || said == "map[erased:true]" {
				return ""
			}
			return fmt.Sprintf("%s\n was erased, and is %.800v", path, is)
		}
	}
	if fmt.Sprint(was) == fmt.Sprint(is) {
		return ""
	}
	return fmt.Sprintf("%s\n was %.800v\n is  %.800v", path, was, is)
}
