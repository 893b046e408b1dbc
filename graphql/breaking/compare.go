package breaking

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

func (c *comparison) definition(was, is *ast.Definition) {
	c.text(was.Name, was.Description, is.Description)
	switch was.Kind {
	case ast.Enum:
		c.values(was, is)
	case ast.Union:
		c.members(was.Name, "member", was.Types, is.Types)
	case ast.InputObject:
		c.oneOf(was, is)
		c.inputs(was.Name+".", was.Fields, is.Fields)
	case ast.Object, ast.Interface:
		c.members(was.Name, "interface", was.Interfaces, is.Interfaces)
		c.fields(was, is)
	}
}

func (c *comparison) text(path, was, is string) {
	if was != is {
		c.adds(path, "the description changed")
	}
}

func (c *comparison) values(was, is *ast.Definition) {
	for _, v := range was.EnumValues {
		now := is.EnumValues.ForName(v.Name)
		if now == nil {
			c.breaks(was.Name+"."+v.Name, "the value was removed")
			continue
		}
		c.text(was.Name+"."+v.Name, v.Description, now.Description)
		c.deprecation(was.Name+"."+v.Name, v.Directives, now.Directives)
	}
	for _, v := range is.EnumValues {
		if was.EnumValues.ForName(v.Name) == nil {
			c.adds(was.Name+"."+v.Name, "the value is new: clients that know all values must be told")
		}
	}
}

func (c *comparison) members(name, what string, was, is []string) {
	for _, m := range was {
		if !slices.Contains(is, m) {
			c.breaks(name, "the %s %s was removed", what, m)
		}
	}
	for _, m := range is {
		if !slices.Contains(was, m) {
			c.adds(name, "the %s %s is new", what, m)
		}
	}
}

func (c *comparison) oneOf(was, is *ast.Definition) {
	before, after := was.Directives.ForName("oneOf") != nil, is.Directives.ForName("oneOf") != nil
	if before != after {
		c.breaks(was.Name, "@oneOf changed from %t to %t", before, after)
	}
}

func (c *comparison) fields(was, is *ast.Definition) {
	for _, f := range was.Fields {
		path, now := was.Name+"."+f.Name, is.Fields.ForName(f.Name)
		if now == nil {
			c.breaks(path, "the field was removed")
			continue
		}
		switch {
		case f.Type.String() == now.Type.String():
		case answers(now.Type, f.Type):
			c.adds(path, "the type %s became the stricter %s", f.Type, now.Type)
		default:
			c.breaks(path, "the type %s became %s", f.Type, now.Type)
		}
		c.text(path, f.Description, now.Description)
		c.deprecation(path, f.Directives, now.Directives)
		c.arguments(path, f.Arguments, now.Arguments)
	}
	for _, f := range is.Fields {
		if was.Fields.ForName(f.Name) == nil {
			c.adds(was.Name+"."+f.Name, "the field is new")
		}
	}
}

// inputs compares the fields of inputs; path ends in the separator before a field's name.
func (c *comparison) inputs(path string, was, is ast.FieldList) {
	for _, f := range was {
		if now := is.ForName(f.Name); now == nil {
			c.breaks(path+f.Name, "the input field was removed")
		} else {
			c.input(path+f.Name, f.Type, now.Type, f.DefaultValue, now.DefaultValue)
			c.text(path+f.Name, f.Description, now.Description)
			c.deprecation(path+f.Name, f.Directives, now.Directives)
		}
	}
	for _, f := range is {
		if was.ForName(f.Name) == nil {
			c.added(path+f.Name, f.Type, f.DefaultValue)
		}
	}
}

func (c *comparison) arguments(path string, was, is ast.ArgumentDefinitionList) {
	for _, a := range was {
		p := path + "(" + a.Name + ":)"
		if now := is.ForName(a.Name); now == nil {
			c.breaks(p, "the argument was removed")
		} else {
			c.input(p, a.Type, now.Type, a.DefaultValue, now.DefaultValue)
			c.text(p, a.Description, now.Description)
		}
	}
	for _, a := range is {
		if was.ForName(a.Name) == nil {
			c.added(path+"("+a.Name+":)", a.Type, a.DefaultValue)
		}
	}
}

func (c *comparison) added(path string, t *ast.Type, byDefault *ast.Value) {
	if t.NonNull && byDefault == nil {
		c.breaks(path, "it is new and must be given")
		return
	}
	c.adds(path, "it is new and may be left out")
}

func (c *comparison) input(path string, was, is *ast.Type, wasDefault, isDefault *ast.Value) {
	switch {
	case was.String() == is.String():
	case answers(was, is):
		c.adds(path, "the type %s became the laxer %s", was, is)
	default:
		c.breaks(path, "the type %s became %s", was, is)
	}
	if written(wasDefault) != written(isDefault) {
		c.breaks(path, "the default %q became %q: who left it out gets something else", written(wasDefault), written(isDefault))
	}
}

func written(v *ast.Value) string {
	if v == nil {
		return ""
	}
	return v.String()
}

func (c *comparison) deprecation(path string, was, is ast.DirectiveList) {
	before, after := was.ForName("deprecated") != nil, is.ForName("deprecated") != nil
	if before != after {
		c.adds(path, "deprecated changed from %t to %t", before, after)
	}
}

func (c *comparison) directives(was, is map[string]*ast.DirectiveDefinition) {
	for _, name := range sorted(was) {
		now := is[name]
		if now == nil {
			c.breaks("@"+name, "the directive was removed")
			continue
		}
		c.arguments("@"+name, was[name].Arguments, now.Arguments)
		for _, l := range was[name].Locations {
			if !slices.Contains(now.Locations, l) {
				c.breaks("@"+name, "it may no longer stand at %s", l)
			}
		}
	}
	for _, name := range sorted(is) {
		if was[name] == nil {
			c.adds("@"+name, "the directive is new")
		}
	}
}

// answers says whether every value of type a is a value of type b: a is b, or says more often that it is not null.
func answers(a, b *ast.Type) bool {
	if b.NonNull && !a.NonNull {
		return false
	}
	if (a.Elem == nil) != (b.Elem == nil) {
		return false
	}
	if a.Elem != nil {
		return answers(a.Elem, b.Elem)
	}
	return a.NamedType == b.NamedType
}
