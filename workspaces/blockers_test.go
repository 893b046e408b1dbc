package workspaces

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"github.com/annals-io/annals/domain"
)

// Every kind of thing there is either stands in the way, or ends with its workspace, or is no workspace's: whoever brings
// a new one says which.
func TestEveryKindIsDecidedAbout(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "../domain/id.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []domain.Kind
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "Kind" {
			word, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			kinds = append(kinds, domain.Kind(word))
		}
		return true
	})
	if len(kinds) < 10 {
		t.Fatalf("found the kinds %v alone", kinds)
	}
	for _, kind := range kinds {
		n := 0
		if _, ok := blocking[kind]; ok {
			n++
			if !slices.Contains(order, kind) {
				t.Errorf("%s stands in the way and is not listed", kind)
			}
		}
		for _, half := range []map[domain.Kind]string{ending, elsewhere} {
			if _, ok := half[kind]; ok {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s is decided about %d times", kind, n)
		}
	}
}
