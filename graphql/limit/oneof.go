package limit

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// CheckOneOf refuses @oneOf inputs that do not have exactly one member with a value. The parser checks literals
// only: an input given as a variable, or a member given by a variable that is null, would reach the resolver.
func CheckOneOf(schema *ast.Schema, doc *ast.QueryDocument, op *ast.OperationDefinition, vars map[string]any) *gqlerror.Error {
	c := oneOf{schema: schema, vars: vars}
	for _, v := range op.VariableDefinitions {
		val, given := vars[v.Variable]
		if !given {
			continue
		}
		c.path = ast.Path{ast.PathName("variable"), ast.PathName(v.Variable)}
		if err := c.variable(v.Type, val); err != nil {
			return err
		}
	}
	seen := map[string]bool{}
	return c.selections(doc, op.SelectionSet, seen)
}

type oneOf struct {
	schema *ast.Schema
	vars   map[string]any
	path   ast.Path
}

// variable walks a coerced value beside its type.
func (c *oneOf) variable(t *ast.Type, val any) *gqlerror.Error {
	if val == nil {
		return nil
	}
	if t.Elem != nil {
		list, ok := val.([]any)
		if !ok {
			return c.variable(t.Elem, val)
		}
		for i, v := range list {
			if err := c.at(ast.PathIndex(i), func() *gqlerror.Error { return c.variable(t.Elem, v) }); err != nil {
				return err
			}
		}
		return nil
	}
	def := c.schema.Types[t.NamedType]
	obj, ok := val.(map[string]any)
	if def == nil || def.Kind != ast.InputObject || !ok {
		return nil
	}
	if def.Directives.ForName("oneOf") != nil {
		given, null := 0, false
		for _, v := range obj {
			given++
			null = null || v == nil
		}
		if given != 1 || null {
			return c.refuse(def.Name)
		}
	}
	for _, f := range def.Fields {
		v, given := obj[f.Name]
		if !given {
			continue
		}
		if err := c.at(ast.PathName(f.Name), func() *gqlerror.Error { return c.variable(f.Type, v) }); err != nil {
			return err
		}
	}
	return nil
}

// selections walks the literals of an operation for members given by variables.
func (c *oneOf) selections(doc *ast.QueryDocument, set ast.SelectionSet, seen map[string]bool) *gqlerror.Error {
	for _, sel := range set {
		var below ast.SelectionSet
		switch sel := sel.(type) {
		case *ast.Field:
			for _, a := range sel.Arguments {
				c.path = ast.Path{ast.PathName(sel.Name), ast.PathName(a.Name)}
				if err := c.literal(a.Value); err != nil {
					return err
				}
			}
			below = sel.SelectionSet
		case *ast.InlineFragment:
			below = sel.SelectionSet
		case *ast.FragmentSpread:
			if f := doc.Fragments.ForName(sel.Name); f != nil && !seen[sel.Name] {
				seen[sel.Name] = true
				below = f.SelectionSet
			}
		}
		if err := c.selections(doc, below, seen); err != nil {
			return err
		}
	}
	return nil
}

func (c *oneOf) literal(v *ast.Value) *gqlerror.Error {
	if v == nil {
		return nil
	}
	if v.Kind == ast.ObjectValue && v.Definition != nil && v.Definition.Directives.ForName("oneOf") != nil {
		if len(v.Children) != 1 {
			return c.refuse(v.Definition.Name)
		}
		member := v.Children[0].Value
		if member.Kind == ast.NullValue || member.Kind == ast.Variable && c.vars[member.Raw] == nil {
			return c.refuse(v.Definition.Name)
		}
	}
	for _, child := range v.Children {
		if err := c.literal(child.Value); err != nil {
			return err
		}
	}
	return nil
}

func (c *oneOf) at(e ast.PathElement, check func() *gqlerror.Error) *gqlerror.Error {
	was := c.path
	c.path = append(slices.Clone(was), e)
	err := check()
	c.path = was
	return err
}

func (c *oneOf) refuse(name string) *gqlerror.Error {
	err := gqlerror.ErrorPathf(slices.Clone(c.path), "%s wants exactly one member with a value", name)
	err.Extensions = map[string]any{"code": CodeOneOf, "rule": "An input that is @oneOf has exactly one member with a value."}
	return err
}
