package arch_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// pure are the folders whose code is a function of its arguments: no I/O, no clock, no randomness. There
// decisions are made and rows are computed, and both must come out the same in ten years and after a rebuild.
var pure = []string{"domain", "projections/fold"}

// impure are packages of which nothing is pure.
var impure = []string{
	"bufio", "crypto/rand", "database/sql", "embed", "io/ioutil", "log", "log/slog", "math/rand", "math/rand/v2",
	"net", "net/http", "os", "os/exec", "os/user", "runtime", "syscall", "testing",
}

// impureCalls are the impure parts of packages that are otherwise fine.
var impureCalls = map[string][]string{
	"time": {"Now", "Since", "Until", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Sleep", "Local", "LoadLocation"},
	"github.com/google/uuid": {
		"New", "NewString", "NewRandom", "NewRandomFromReader", "NewUUID", "NewV6", "NewV7", "NewV7FromReader", "NewDCEGroup", "NewDCEPerson", "NewDCESecurity",
	},
}

// impureSQL finds what would make a row depend on when or where it was written.
var impureSQL = regexp.MustCompile(`(?i)\b(now\s*\(|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|current_(timestamp|date|time)\b|localtime|random\s*\(|gen_random_uuid|uuidv[47]|nextval|(big|small)?serial\b|generated\s+(always|by default)\s+as\s+identity)`)

// file is one parsed file of ours.
type file struct {
	path   string // relative to the module
	pkg    pkg
	test   bool
	syntax *ast.File
	set    *token.FileSet
}

// at names a place in it.
func (f file) at(node ast.Node) string {
	return f.path + ":" + strconv.Itoa(f.set.Position(node.Pos()).Line)
}

// generated follows the convention of the Go tools.
func (f file) generated() bool { return ast.IsGenerated(f.syntax) }

func files(t *testing.T) []file {
	t.Helper()
	dir, err := root()
	if err != nil {
		t.Fatal(err)
	}
	var all []file
	for _, p := range packages(t) {
		tests := append(slices.Clone(p.TestGoFiles), p.XTestGoFiles...)
		for _, name := range append(slices.Clone(p.GoFiles), tests...) {
			set := token.NewFileSet()
			path := filepath.Join(p.Dir, name)
			syntax, err := parser.ParseFile(set, path, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			relative, err := filepath.Rel(dir, path)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, file{path: relative, pkg: p, test: slices.Contains(tests, name), syntax: syntax, set: set})
		}
	}
	return all
}

// importsOf maps the name of each imported package in the file to its path.
func (f file) importsOf() map[string]string {
	names := make(map[string]string, len(f.syntax.Imports))
	for _, spec := range f.syntax.Imports {
		path, _ := strconv.Unquote(spec.Path.Value) // the parser accepted it
		name := path[strings.LastIndex(path, "/")+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = path
	}
	return names
}

func TestPureCodeIsPure(t *testing.T) {
	t.Parallel()
	for _, f := range files(t) {
		if f.test || !slices.ContainsFunc(pure, func(folder string) bool { return within(f.pkg.Path, folder) }) {
			continue
		}
		names := f.importsOf()
		for _, path := range names {
			if slices.Contains(impure, path) {
				t.Errorf("%s imports %s: %q are pure", f.path, path, pure)
			}
		}
		ast.Inspect(f.syntax, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.SelectorExpr:
				if of, ok := node.X.(*ast.Ident); ok && slices.Contains(impureCalls[names[of.Name]], node.Sel.Name) {
					t.Errorf("%s uses %s.%s: %q are pure", f.at(node), of.Name, node.Sel.Name, pure)
				}
			case *ast.BasicLit:
				if node.Kind == token.STRING && impureSQL.MatchString(node.Value) {
					t.Errorf("%s: SQL that depends on when it runs: %q", f.at(node), impureSQL.FindString(node.Value))
				}
			}
			return true
		})
	}
}

// bookkeeping are the tables that lie beside a read model's rows and are no part of its digest.
var bookkeeping = []string{"read.progress", "read.parked", "read.lanes"}

var createTable = regexp.MustCompile(`(?i)^\s*create table (?:if not exists )?([a-z_.]+)`)

// A read model can be thrown away and filled again with the same rows only if its tables add nothing.
func TestReadModelTablesAddNothing(t *testing.T) {
	t.Parallel()
	dir, err := root()
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, name := range committed(t) {
		if !strings.HasPrefix(filepath.ToSlash(name), "schema/postgres/read/") || !strings.HasSuffix(name, ".sql") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		checked++
		table := ""
		for number, line := range strings.Split(string(text), "\n") {
			statement, _, _ := strings.Cut(line, "--")
			if opened := createTable.FindStringSubmatch(statement); opened != nil {
				table = opened[1]
			}
			if found := impureSQL.FindString(statement); found != "" && !slices.Contains(bookkeeping, table) {
				t.Errorf("%s:%d: %s", name, number+1, found)
			}
		}
	}
	if checked == 0 {
		t.Error("no tables of the read model were found")
	}
}

func TestNothingRunsBeforeMain(t *testing.T) {
	t.Parallel()
	for _, f := range files(t) {
		if f.generated() {
			continue
		}
		for _, declaration := range f.syntax.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok && function.Recv == nil && function.Name.Name == "init" {
				t.Errorf("%s: an init function", f.at(function))
			}
		}
	}
}

// Who sleeps waits too long on a fast machine and not long enough on a slow one; who skips is green and has
// tested nothing.
func TestNobodySleepsOrSkips(t *testing.T) {
	t.Parallel()
	for _, f := range files(t) {
		names := f.importsOf()
		ast.Inspect(f.syntax, func(node ast.Node) bool {
			selected, ok := node.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			of, ok := selected.X.(*ast.Ident)
			if !ok {
				return true
			}
			if names[of.Name] == "time" && selected.Sel.Name == "Sleep" {
				t.Errorf("%s sleeps", f.at(selected))
			}
			if (of.Name == "t" || of.Name == "b" || of.Name == "f" || of.Name == "tb") && f.test && strings.HasPrefix(selected.Sel.Name, "Skip") {
				t.Errorf("%s skips", f.at(selected))
			}
			return true
		})
	}
}

func TestGeneratedCodeIsKnownByItsPath(t *testing.T) {
	t.Parallel()
	for _, f := range files(t) {
		known := slices.Contains(strings.Split(filepath.ToSlash(f.path), "/"), "generated") || strings.HasSuffix(f.path, "_gen.go")
		if f.generated() != known {
			t.Errorf("%s: generated is %v, and its path says %v", f.path, f.generated(), known)
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if len(p.GoFiles) == 0 || within(p.Path, "graphql/generated") {
			continue
		}
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.Path)
		}
	}
}

func TestEveryExportedNameIsExplained(t *testing.T) {
	t.Parallel()
	for _, f := range files(t) {
		if f.test || f.generated() || strings.HasSuffix(f.path, ".resolvers.go") {
			continue
		}
		for _, declaration := range f.syntax.Decls {
			switch declaration := declaration.(type) {
			case *ast.FuncDecl:
				if declaration.Name.IsExported() && declaration.Doc == nil && exportedReceiver(declaration) && !explainedElsewhere(declaration) {
					t.Errorf("%s: %s has no comment", f.at(declaration), declaration.Name.Name)
				}
			case *ast.GenDecl:
				explained(t, f, declaration)
			}
		}
	}
}

// exportedReceiver leaves out methods of hidden types, which their interface explains.
func exportedReceiver(function *ast.FuncDecl) bool {
	if function.Recv == nil {
		return true
	}
	of := function.Recv.List[0].Type
	if pointer, ok := of.(*ast.StarExpr); ok {
		of = pointer.X
	}
	switch generic := of.(type) {
	case *ast.IndexExpr:
		of = generic.X
	case *ast.IndexListExpr:
		of = generic.X
	}
	name, ok := of.(*ast.Ident)
	return ok && name.IsExported()
}

// wellKnown are methods of interfaces of the standard library, which explains them.
var wellKnown = []string{
	"Error", "Unwrap", "Is", "As", "String", "LogValue", "Format",
	"MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText", "MarshalBinary", "UnmarshalBinary",
	"Read", "Write", "Close", "ServeHTTP", "Scan", "Value", "Len", "Less", "Swap",
}

// explainedElsewhere is a method of a well-known interface, or one without a body, which only marks its type.
func explainedElsewhere(function *ast.FuncDecl) bool {
	return function.Recv != nil && (slices.Contains(wellKnown, function.Name.Name) || len(function.Body.List) == 0)
}

// explained takes the comment of a group for all its names.
func explained(t *testing.T, f file, group *ast.GenDecl) {
	t.Helper()
	if group.Doc != nil {
		return
	}
	for _, spec := range group.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Name.IsExported() && spec.Doc == nil {
				t.Errorf("%s: %s has no comment", f.at(spec), spec.Name.Name)
			}
		case *ast.ValueSpec:
			if spec.Names[0].IsExported() && spec.Doc == nil && spec.Comment == nil {
				t.Errorf("%s: %s has no comment", f.at(spec), spec.Names[0].Name)
			}
		}
	}
}
