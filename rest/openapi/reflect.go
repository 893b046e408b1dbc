package openapi

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// components gathers the schemas of named types, so that each stands once in the document.
type components struct {
	known   Known
	schemas map[string]*Schema
	owners  map[string]owner
	errs    []error
}

// owner is the type that a component's name stands for.
type owner struct {
	typ    reflect.Type
	closed bool
}

func newComponents(known Known) *components {
	return &components{known: known, schemas: map[string]*Schema{}, owners: map[string]owner{}}
}

// of is the schema of a shape: a reference where the type has a name.
func (c *components) of(s Shape) *Schema {
	switch {
	case s.schema != nil:
		return s.schema.clone()
	case len(s.either) > 0:
		one := &Schema{}
		for _, shape := range s.either {
			one.OneOf = append(one.OneOf, c.of(shape))
		}
		return one
	case s.typ == nil:
		return &Schema{}
	}
	return c.typed(s.typ, s.closed)
}

var (
	timeType = reflect.TypeFor[time.Time]()
	rawType  = reflect.TypeFor[json.RawMessage]()
	textType = reflect.TypeFor[encoding.TextMarshaler]()
	jsonType = reflect.TypeFor[json.Marshaler]()
)

// typed is the schema of a Go type as encoding/json writes it.
func (c *components) typed(t reflect.Type, closed bool) *Schema {
	if s, ok := c.known[t]; ok {
		return s.clone()
	}
	switch {
	case t == timeType:
		return &Schema{Type: "string", Format: "date-time"}
	case t == rawType:
		return &Schema{}
	case t.Kind() == reflect.Pointer:
		return nullable(c.typed(t.Elem(), closed))
	case t.Implements(jsonType):
		c.errs = append(c.errs, fmt.Errorf("%s writes itself: say what it looks like", t))
		return &Schema{}
	case t.Implements(textType):
		s := &Schema{Type: "string"}
		if t.Name() == "UUID" {
			s.Format = "uuid"
		}
		return s
	}
	switch t.Kind() {
	case reflect.Bool:
		return &Schema{Type: "boolean"}
	case reflect.String:
		return &Schema{Type: "string"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint, reflect.Uint64:
		return &Schema{Type: "integer"}
	case reflect.Float32, reflect.Float64:
		return &Schema{Type: "number"}
	case reflect.Interface:
		return &Schema{}
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return &Schema{Type: "string", Format: "byte"}
		}
		return &Schema{Type: "array", Items: c.typed(t.Elem(), closed)}
	case reflect.Map:
		return &Schema{Type: "object", AdditionalProperties: c.typed(t.Elem(), closed)}
	case reflect.Struct:
		return c.object(t, closed)
	}
	c.errs = append(c.errs, fmt.Errorf("%s cannot be JSON", t))
	return &Schema{}
}

// nullable lets a schema be null too.
func nullable(s *Schema) *Schema {
	if s.Ref != "" || s.Type == nil {
		if s.Ref == "" {
			return s // any value: null is one
		}
		return &Schema{OneOf: []*Schema{s, {Type: "null"}}}
	}
	if word, ok := s.Type.(string); ok {
		s.Type = []string{word, "null"}
	}
	if s.Enum != nil {
		s.Enum = append(s.Enum, nil)
	}
	return s
}

// object is a reference to the component of a struct, which is made when it is first met. A struct without a name stands
// where it is used.
func (c *components) object(t reflect.Type, closed bool) *Schema {
	name := nameOf(t)
	if name == "" {
		return c.members(t, closed)
	}
	ref := &Schema{Ref: "#/components/schemas/" + name}
	me := owner{t, closed}
	if other, taken := c.owners[name]; taken {
		if other != me {
			c.errs = append(c.errs, fmt.Errorf("%s and %s are both called %s", other.typ, t, name))
		}
		return ref
	}
	c.owners[name] = me
	c.schemas[name] = c.members(t, closed)
	return ref
}

// nameOf is the component of a type: its own name with a capital, and behind that of a generic type's argument:
// Page[Key] is KeyPage.
func nameOf(t reflect.Type) string {
	name, argument, generic := strings.Cut(t.Name(), "[")
	if name == "" {
		return ""
	}
	r := []rune(name)
	r[0] = unicode.ToUpper(r[0])
	name = string(r)
	if !generic {
		return name
	}
	argument = strings.TrimSuffix(argument, "]")
	argument = argument[strings.LastIndexAny(argument, "./")+1:]
	a := []rune(argument)
	a[0] = unicode.ToUpper(a[0])
	return string(a) + name
}

// members is the schema of a struct's fields; those of embedded structs are its own.
func (c *components) members(t reflect.Type, closed bool) *Schema {
	s := &Schema{Type: "object", Properties: map[string]*Schema{}}
	if closed {
		s.AdditionalProperties = false
	}
	c.fields(s, t, closed)
	slices.Sort(s.Required)
	return s
}

func (c *components) fields(s *Schema, t reflect.Type, closed bool) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if inner := embedded(f); inner != nil && name == "" {
			c.fields(s, inner, closed)
			continue
		}
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		optional := strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
		inner := f.Type
		if optional && inner.Kind() == reflect.Pointer {
			inner = inner.Elem() // left out rather than null
		}
		p := c.typed(inner, closed)
		c.tagged(p, f)
		s.Properties[name] = p
		if !optional && (!closed || f.Tag.Get("need") == "yes") {
			s.Required = append(s.Required, name)
		}
	}
}

// embedded is the struct whose fields a field lends to the one around it.
func embedded(f reflect.StructField) reflect.Type {
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if !f.Anonymous || t.Kind() != reflect.Struct {
		return nil
	}
	return t
}

// tagged adds what the tags of a field say to its schema.
func (c *components) tagged(s *Schema, f reflect.StructField) {
	if doc := f.Tag.Get("doc"); doc != "" {
		s.Description = doc
	}
	if words := f.Tag.Get("enum"); words != "" {
		at := s
		if s.Items != nil {
			at = s.Items
		}
		at.Enum = anys(strings.Split(words, ","))
		if kinds, ok := at.Type.([]string); ok && slices.Contains(kinds, "null") {
			at.Enum = append(at.Enum, nil)
		}
	}
	if format := f.Tag.Get("format"); format != "" {
		s.Format = format
	}
	if pattern := f.Tag.Get("pattern"); pattern != "" {
		s.Pattern = pattern
	}
	if example := f.Tag.Get("example"); example != "" {
		s.Examples = []any{example}
	}
	for tag, to := range map[string]**int64{
		"min": &s.Minimum, "max": &s.Maximum, "minLength": &s.MinLength, "maxLength": &s.MaxLength, "minItems": &s.MinItems, "maxItems": &s.MaxItems,
	} {
		if text := f.Tag.Get(tag); text != "" {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				c.errs = append(c.errs, fmt.Errorf("the tag %s of %s: %w", tag, f.Name, err))
			}
			*to = &n
		}
	}
}
