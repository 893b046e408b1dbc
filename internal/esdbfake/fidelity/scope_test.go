package fidelity_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A scope says of each test whether it is in, or why it is out.
type scope struct {
	in  []string
	out map[string]string
}

func readScope(t *testing.T) scope {
	t.Helper()
	text, err := os.ReadFile("scope.txt")
	if err != nil {
		t.Fatal(err)
	}
	s := scope{out: map[string]string{}}
	for _, line := range strings.Split(string(text), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		name, reason, _ := strings.Cut(rest, " ")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case word == "in" && reason == "":
			s.in = append(s.in, name)
		case word == "out" && reason != "":
			s.out[name] = reason
		default:
			t.Fatalf("scope.txt: %q is neither `in test` nor `out test reason`", line)
		}
	}
	return s
}

// covers is the line that speaks of a test, "" where none does.
func (s scope) covers(test string) string {
	suite, _, _ := strings.Cut(test, "/")
	for _, name := range []string{test, suite + "/*"} {
		if _, out := s.out[name]; out || slices.Contains(s.in, name) {
			return name
		}
	}
	return ""
}

func TestEveryTestOfTheSuiteIsSpokenOf(t *testing.T) {
	s := readScope(t)
	met := map[string]bool{}
	for _, test := range testsIn(t, suite(t).dir+"/test") {
		line := s.covers(test)
		if line == "" {
			t.Errorf("%s is neither in nor out: say so in scope.txt", test)
		}
		met[line] = true
	}
	for _, line := range append(slices.Sorted(maps.Keys(s.out)), s.in...) {
		if !met[line] {
			t.Errorf("scope.txt speaks of %s, and there is no such test", line)
		}
	}
}

// testsIn reads the tests of a folder from their source: "Function/Method" for those of a suite, "Function/name" for
// those that run others under a name, "Function/" for the rest.
func testsIn(t *testing.T, dir string) (tests []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files of tests, %v", len(files), err)
	}
	methods := map[string][]string{}
	functions := map[string]*ast.FuncDecl{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			switch {
			case !ok || !strings.HasPrefix(f.Name.Name, "Test"):
			case f.Recv == nil:
				functions[f.Name.Name] = f
			default:
				of := f.Recv.List[0].Type
				if star, ok := of.(*ast.StarExpr); ok {
					of = star.X
				}
				methods[fmt.Sprint(of)] = append(methods[fmt.Sprint(of)], f.Name.Name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		below := under(functions[name], methods)
		if len(below) == 0 {
			below = []string{""}
		}
		for _, b := range below {
			tests = append(tests, name+"/"+b)
		}
	}
	return tests
}

// under finds what a test function runs: suite.Run(t, new(Suite)) or t.Run("name", ...).
func under(f *ast.FuncDecl, methods map[string][]string) (names []string) {
	ast.Inspect(f.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) < 2 {
			return true
		}
		if s, ok := call.Fun.(*ast.SelectorExpr); !ok || s.Sel.Name != "Run" {
			return true
		}
		if literal, ok := call.Args[0].(*ast.BasicLit); ok {
			name, _ := strconv.Unquote(literal.Value) // the parser accepted it
			names = append(names, strings.ReplaceAll(name, " ", "_"))
			return false
		}
		if made, ok := call.Args[1].(*ast.CallExpr); ok && len(made.Args) == 1 {
			names = append(names, methods[fmt.Sprint(made.Args[0])]...)
		}
		return true
	})
	return names
}
