// Package breaking tells what a change of the GraphQL schema does to those who use it.
//
// The schema that was released lies in schema/graphql/snapshot.graphql, in one canonical form. [Compare] names each
// difference of the present schema from it, and whether a client that was right before can be wrong now. A test fails
// on every difference: an additive one is settled by writing the snapshot anew (go generate), a breaking one by not
// making it, or by deciding to (see the command in snapshot/).
package breaking

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
)

// A Change is one difference between two schemas.
type Change struct {
	Path  string // "Run.status", "Query.workspace(slug:)"
	What  string // what became of it
	Break bool   // a client that was right before can be wrong now
}

func (c Change) String() string {
	kind := "additive"
	if c.Break {
		kind = "BREAKING"
	}
	return fmt.Sprintf("%s %s: %s", kind, c.Path, c.What)
}

// Load reads the schema files (*.graphqls) of a folder, in the order of their names.
func Load(dir string) (*ast.Schema, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.graphqls"))
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("find schema files in %s: %d, %v", dir, len(names), err)
	}
	slices.Sort(names)
	var sources []*ast.Source
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read schema: %w", err)
		}
		sources = append(sources, &ast.Source{Name: filepath.Base(name), Input: string(text)})
	}
	schema, err := gqlparser.LoadSchema(sources...)
	if err != nil {
		return nil, fmt.Errorf("load schema: %w", err)
	}
	return schema, nil
}

// Parse reads a schema from one text.
func Parse(name, text string) (*ast.Schema, error) {
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: name, Input: text})
	if err != nil {
		return nil, fmt.Errorf("load schema %s: %w", name, err)
	}
	return schema, nil
}

// Canonical writes a schema in one form, whatever files and order it came from.
func Canonical(s *ast.Schema) string {
	var b bytes.Buffer
	formatter.NewFormatter(&b, formatter.WithIndent("  ")).FormatSchema(s)
	return b.String()
}

// Compare names every difference, sorted by path.
func Compare(before, after *ast.Schema) []Change {
	c := &comparison{}
	for _, name := range sorted(before.Types) {
		was, is := before.Types[name], after.Types[name]
		switch {
		case was.BuiltIn:
		case is == nil:
			c.breaks(name, "the type was removed")
		case was.Kind != is.Kind:
			c.breaks(name, "%s became %s", was.Kind, is.Kind)
		default:
			c.definition(was, is)
		}
	}
	for _, name := range sorted(after.Types) {
		if before.Types[name] == nil {
			c.adds(name, "the type is new")
		}
	}
	c.directives(before.Directives, after.Directives)
	slices.SortStableFunc(c.changes, func(a, b Change) int { return cmp.Compare(a.Path, b.Path) })
	return c.changes
}

// Breaks are the breaking ones of changes.
func Breaks(changes []Change) []Change {
	return slices.DeleteFunc(slices.Clone(changes), func(c Change) bool { return !c.Break })
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

type comparison struct{ changes []Change }

func (c *comparison) breaks(path, what string, args ...any) {
	c.changes = append(c.changes, Change{path, fmt.Sprintf(what, args...), true})
}

func (c *comparison) adds(path, what string, args ...any) {
	c.changes = append(c.changes, Change{path, fmt.Sprintf(what, args...), false})
}
