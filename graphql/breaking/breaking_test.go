package breaking_test

import (
	"os"
	"strings"
	"testing"

	"github.com/annals-io/annals/graphql/breaking"
	"github.com/vektah/gqlparser/v2/ast"
)

const dir = "../../schema/graphql"

// TestSchemaIsTheSnapshot guards those who use the API: whoever changes the schema sees here what that means.
func TestSchemaIsTheSnapshot(t *testing.T) {
	t.Parallel()
	is, err := breaking.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(dir + "/snapshot.graphql")
	if err != nil {
		t.Fatal(err)
	}
	was, err := breaking.Parse("snapshot.graphql", string(text))
	if err != nil {
		t.Fatal(err)
	}
	changes := breaking.Compare(was, is)
	for _, c := range changes {
		t.Error(c)
	}
	switch {
	case len(breaking.Breaks(changes)) > 0:
		t.Error("some changes break clients: undo them")
	case len(changes) > 0:
		t.Error("the changes break nobody: refresh the snapshot with `make generate`")
	case string(text) != breaking.Canonical(is):
		t.Error("the snapshot is not in its canonical form: refresh it with `make generate`")
	}
}

// TestEverythingIsDescribed: what a client sees has a description.
func TestEverythingIsDescribed(t *testing.T) {
	t.Parallel()
	s, err := breaking.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := func(path, text string) {
		if strings.TrimSpace(text) == "" {
			t.Errorf("%s has no description", path)
		}
	}
	for name, def := range s.Types {
		if def.BuiltIn {
			continue
		}
		want(name, def.Description)
		for _, v := range def.EnumValues {
			want(name+"."+v.Name, v.Description)
		}
		for _, f := range def.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			want(name+"."+f.Name, f.Description)
			for _, a := range f.Arguments {
				want(name+"."+f.Name+"("+a.Name+":)", a.Description)
			}
		}
	}
}

// TestConventions: every mutation takes one input and answers with the payload of its name; every connection has the
// fields of its kind.
func TestConventions(t *testing.T) {
	t.Parallel()
	s, err := breaking.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range s.Mutation.Fields {
		name := strings.ToUpper(m.Name[:1]) + m.Name[1:]
		if m.Type.String() != name+"Payload!" || len(m.Arguments) != 1 || m.Arguments[0].Type.String() != name+"Input!" {
			t.Errorf("%s: want one argument %sInput! and type %sPayload!, got %s", m.Name, name, name, m.Type)
		}
		if s.Types[name+"Input"].Fields.ForName("meta") == nil {
			t.Errorf("%sInput has no meta", name)
		}
	}
	for name, def := range s.Types {
		if def.Kind != ast.Object || !strings.HasSuffix(name, "Connection") {
			continue
		}
		for _, f := range []string{"edges", "nodes", "pageInfo", "totalCount"} {
			if def.Fields.ForName(f) == nil {
				t.Errorf("%s has no %s", name, f)
			}
		}
	}
}

func TestCompareNamesBreaks(t *testing.T) {
	t.Parallel()
	const before = `
		type Query { a(x: Int, y: Int! = 1): String! b: [Int!] node: N u: U }
		interface N { id: ID! }
		type T implements N { id: ID! }
		type S { id: ID! }
		union U = T | S
		enum E { ONE TWO }
		input I { e: E f: Int! }
		input O @oneOf { a: Int b: Int }`
	for name, tt := range map[string]struct {
		old, new string
		path     string
		breaks   bool
	}{
		"field removed":              {"b: [Int!]", "", "Query.b", true},
		"field added":                {"b: [Int!]", "b: [Int!] c: Int", "Query.c", false},
		"answer may be null now":     {"): String!", "): String", "Query.a", true},
		"answer is never null now":   {"b: [Int!]", "b: [Int!]!", "Query.b", false},
		"element type changed":       {"b: [Int!]", "b: [Float!]", "Query.b", true},
		"list became a value":        {"b: [Int!]", "b: Int", "Query.b", true},
		"argument removed":           {"(x: Int, ", "(", "Query.a(x:)", true},
		"argument must be given":     {"(x: Int, ", "(x: Int!, ", "Query.a(x:)", true},
		"required argument added":    {"b: [Int!]", "b(z: Int!): [Int!]", "Query.b(z:)", true},
		"optional argument added":    {"b: [Int!]", "b(z: Int! = 2): [Int!]", "Query.b(z:)", false},
		"default changed":            {"= 1", "= 2", "Query.a(y:)", true},
		"enum value removed":         {"ONE TWO", "ONE", "E.TWO", true},
		"enum value added":           {"ONE TWO", "ONE TWO THREE", "E.THREE", false},
		"union member removed":       {"T | S", "T", "U", true},
		"interface no longer":        {"type T implements N", "type T", "T", true},
		"input field must be given":  {"f: Int!", "f: Int! g: Int!", "I.g", true},
		"input field may be given":   {"f: Int!", "f: Int! g: Int", "I.g", false},
		"input field may be left":    {"f: Int!", "f: Int", "I.f", false},
		"input field removed":        {"e: E f", "f", "I.e", true},
		"one of several no longer":   {"@oneOf", "", "O", true},
		"type became another kind":   {"input I { e: E f: Int! }", "enum I { A }", "I", true},
		"deprecated is only a word":  {"b: [Int!]", "b: [Int!] @deprecated", "Query.b", false},
		"description is only a word": {"enum E", `"new" enum E`, "E", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			was, err := breaking.Parse("before", before)
			if err != nil {
				t.Fatal(err)
			}
			is, err := breaking.Parse("after", strings.Replace(before, tt.old, tt.new, 1))
			if err != nil {
				t.Fatal(err)
			}
			got := breaking.Compare(was, is)
			if len(got) != 1 || got[0].Path != tt.path || got[0].Break != tt.breaks {
				t.Errorf("Compare = %v; want one change of %s, breaking %t", got, tt.path, tt.breaks)
			}
			if same := breaking.Compare(was, was); len(same) != 0 {
				t.Errorf("a schema differs from itself: %v", same)
			}
		})
	}
}
