package openapi

import (
	"encoding/json"
	"reflect"
)

// A Schema is a JSON Schema of draft 2020-12, as far as our types need it. The zero Schema allows any value.
type Schema struct {
	Ref                  string             `json:"$ref,omitempty"`
	Type                 any                `json:"type,omitempty"` // a word, or a list of them
	Description          string             `json:"description,omitempty"`
	Format               string             `json:"format,omitempty"`
	Pattern              string             `json:"pattern,omitempty"`
	Enum                 []any              `json:"enum,omitempty"`
	Minimum              *int64             `json:"minimum,omitempty"`
	Maximum              *int64             `json:"maximum,omitempty"`
	MinLength            *int64             `json:"minLength,omitempty"`
	MaxLength            *int64             `json:"maxLength,omitempty"`
	MinItems             *int64             `json:"minItems,omitempty"`
	MaxItems             *int64             `json:"maxItems,omitempty"`
	Items                *Schema            `json:"items,omitempty"`
	Properties           map[string]*Schema `json:"properties,omitempty"`
	Required             []string           `json:"required,omitempty"`
	AdditionalProperties any                `json:"additionalProperties,omitempty"` // a *Schema, or false
	OneOf                []*Schema          `json:"oneOf,omitempty"`
	Default              any                `json:"default,omitempty"`
	Examples             []any              `json:"examples,omitempty"`
}

// A Shape says what a value looks like: a Go type, or a schema written by hand.
type Shape struct {
	typ    reflect.Type
	schema *Schema
	closed bool // members that the type does not have are refused
	either []Shape
}

// Of is the shape of a Go type as encoding/json writes it. Its members may become more.
func Of[T any]() Shape { return Shape{typ: reflect.TypeFor[T]()} }

// Closed is the shape of a Go type that is read strictly: a member that the type does not have is refused.
func Closed[T any]() Shape { return Shape{typ: reflect.TypeFor[T](), closed: true} }

// As is a shape written by hand.
func As(s Schema) Shape { return Shape{schema: &s} }

// Text is the shape of any text.
func Text() Shape { return As(Schema{Type: "string"}) }

// Words is the shape of one of some words.
func Words(words ...string) Shape { return As(Schema{Type: "string", Enum: anys(words)}) }

// Number is the shape of a whole number within bounds, both included.
func Number(least, most int64) Shape {
	return As(Schema{Type: "integer", Minimum: &least, Maximum: &most})
}

// Moment is the shape of a point in time, RFC 3339.
func Moment() Shape { return As(Schema{Type: "string", Format: "date-time"}) }

// Flag is the shape of yes and no.
func Flag() Shape { return As(Schema{Type: "boolean"}) }

func anys(words []string) []any {
	out := make([]any, len(words))
	for i, w := range words {
		out[i] = w
	}
	return out
}

// Known names what types cannot say: the words of string types that have a closed list of them, and the schemas of types
// that write themselves.
type Known map[reflect.Type]Schema

// Enum adds the words of a string type.
func Enum[T ~string](k Known, words ...T) {
	s := Schema{Type: "string"}
	for _, w := range words {
		s.Enum = append(s.Enum, string(w))
	}
	k[reflect.TypeFor[T]()] = s
}

// Written adds the schema of a type that writes itself.
func Written[T any](k Known, s Schema) { k[reflect.TypeFor[T]()] = s }

// clone is a copy that shares nothing with s.
func (s *Schema) clone() *Schema {
	raw, err := json.Marshal(s)
	if err != nil { // strings, numbers and lists of them: cannot be
		panic(err)
	}
	var c Schema
	if err := json.Unmarshal(raw, &c); err != nil {
		panic(err)
	}
	return &c
}

// Either is the shape of a value that has exactly one of these.
func Either(shapes ...Shape) Shape { return Shape{either: shapes} }
