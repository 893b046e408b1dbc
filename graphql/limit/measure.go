package limit

import (
	"fmt"
	"math"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Codes of refusals, in extensions.code.
const (
	CodeTooLarge = "QUERY_TOO_LARGE"        // the document holds more than it may
	CodeCost     = "QUERY_TOO_EXPENSIVE"    // the operation asks for more than it may
	CodeOneOf    = "INVALID_ONE_OF"         // a @oneOf input without exactly one value
	CodeIntro    = "INTROSPECTION_DISABLED" // the caller may not see the schema
	CodeInput    = "BAD_USER_INPUT"         // a value that nothing here has
	CodeTimeout  = "TIMEOUT"                // the operation took too long
)

// Measure refuses a parsed document that holds more than the limits allow. It looks at each fragment once, however
// often it is spread, so its own cost is linear in the document.
func (l Limits) Measure(doc *ast.QueryDocument) *gqlerror.Error {
	m := measure{doc: doc, known: map[string]size{}}
	var aliases int
	for _, op := range doc.Operations {
		s := m.of(op.SelectionSet)
		depth := l.Depth
		if s.schemaOnly {
			depth = max(depth, introspectionDepth)
		}
		for _, c := range []struct {
			what      string
			got, most int
		}{
			{"fields at the root of an operation", s.here, l.RootFields},
			{"fields in one selection set, fragments included", max(m.widest, s.here), l.Selections},
			{"fields in an operation, fragments included", s.all, l.Fields},
			{"levels of nested fields", s.depth, depth},
		} {
			if c.got > c.most {
				return tooMany(c.what, c.got, c.most)
			}
		}
	}
	for _, op := range doc.Operations {
		aliases += countAliases(op.SelectionSet)
	}
	for _, f := range doc.Fragments {
		m.of(f.SelectionSet)
		aliases += countAliases(f.SelectionSet)
	}
	if m.widest > l.Selections {
		return tooMany("fields in one selection set, fragments included", m.widest, l.Selections)
	}
	if aliases > l.Aliases {
		return tooMany("aliases in a document", aliases, l.Aliases)
	}
	return nil
}

func tooMany(what string, got, most int) *gqlerror.Error {
	n := fmt.Sprint(got)
	if got == math.MaxInt {
		n = "far too many"
	}
	err := gqlerror.Errorf("%s %s; at most %d: ask for less, or in several requests", n, what, most)
	err.Extensions = map[string]any{"code": CodeTooLarge, "rule": fmt.Sprintf("At most %d %s.", most, what), "limit": most}
	return err
}

// A size is what a selection set holds once its fragments are spelled out. Sums saturate.
type size struct {
	here       int  // fields of the set itself
	all        int  // fields of the set and everything below
	depth      int  // levels of fields
	schemaOnly bool // it asks for nothing but __schema, __type and __typename
}

type measure struct {
	doc    *ast.QueryDocument
	known  map[string]size // of fragments
	widest int
}

func (m *measure) of(set ast.SelectionSet) size {
	s := size{schemaOnly: true}
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			below := m.of(sel.SelectionSet)
			s.here = add(s.here, 1)
			s.all = add(s.all, add(1, below.all))
			s.depth = max(s.depth, 1+below.depth)
			s.schemaOnly = s.schemaOnly && len(sel.Name) > 1 && sel.Name[:2] == "__"
		case *ast.InlineFragment:
			s = s.with(m.of(sel.SelectionSet))
		case *ast.FragmentSpread:
			// A spread counts as a field besides what it stands for: spreads of empty things cost too.
			s = s.with(m.fragment(sel.Name))
			s.here, s.all = add(s.here, 1), add(s.all, 1)
		}
	}
	m.widest = max(m.widest, s.here)
	return s
}

// fragment measures a fragment once. One that spreads itself counts as empty where it does: validation refuses it.
func (m *measure) fragment(name string) size {
	if s, ok := m.known[name]; ok {
		return s
	}
	m.known[name] = size{schemaOnly: true}
	if f := m.doc.Fragments.ForName(name); f != nil {
		m.known[name] = m.of(f.SelectionSet)
	}
	return m.known[name]
}

func (s size) with(t size) size {
	return size{add(s.here, t.here), add(s.all, t.all), max(s.depth, t.depth), s.schemaOnly && t.schemaOnly}
}

func add(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}

func countAliases(set ast.SelectionSet) int {
	n := 0
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			if sel.Alias != "" && sel.Alias != sel.Name {
				n++
			}
			n += countAliases(sel.SelectionSet)
		case *ast.InlineFragment:
			n += countAliases(sel.SelectionSet)
		}
	}
	return n
}
