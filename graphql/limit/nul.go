package limit

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// refuseNUL refuses a question with the character NUL in a text: no text of a read model has it, and PostgreSQL takes none
// that does. What mutations write is judged where it is written.
func refuseNUL(doc *ast.QueryDocument, op *ast.OperationDefinition, variables map[string]any) *gqlerror.Error {
	if op.Operation == ast.Mutation || !nulIn(variables) && !nulAsked(doc, op.SelectionSet, map[string]bool{}) {
		return nil
	}
	err := gqlerror.Errorf("a text in the question has the character NUL in it, which nothing here has: leave it out")
	err.Extensions = map[string]any{"code": CodeInput, "rule": "No text has the character NUL in it."}
	return err
}

// nulIn looks through a value of a variable.
func nulIn(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.ContainsRune(v, 0)
	case []any:
		for _, x := range v {
			if nulIn(x) {
				return true
			}
		}
	case map[string]any:
		for k, x := range v {
			if strings.ContainsRune(k, 0) || nulIn(x) {
				return true
			}
		}
	}
	return false
}

// nulAsked looks through what is written in the document.
func nulAsked(doc *ast.QueryDocument, set ast.SelectionSet, seen map[string]bool) bool {
	for _, sel := range set {
		found := false
		switch sel := sel.(type) {
		case *ast.Field:
			for _, a := range sel.Arguments {
				found = found || nulWritten(a.Value)
			}
			found = found || nulAsked(doc, sel.SelectionSet, seen)
		case *ast.InlineFragment:
			found = nulAsked(doc, sel.SelectionSet, seen)
		case *ast.FragmentSpread:
			if f := doc.Fragments.ForName(sel.Name); f != nil && !seen[sel.Name] {
				seen[sel.Name] = true
				found = nulAsked(doc, f.SelectionSet, seen)
			}
		}
		if found {
			return true
		}
	}
	return false
}

func nulWritten(v *ast.Value) bool {
	if v == nil {
		return false
	}
	if (v.Kind == ast.StringValue || v.Kind == ast.BlockValue) && strings.ContainsRune(v.Raw, 0) {
		return true
	}
	for _, c := range v.Children {
		if nulWritten(c.Value) {
			return true
		}
	}
	return false
}
