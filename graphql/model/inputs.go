package model

import "encoding/json"

// A NamedValueInput is a parameter or a metadata entry to set. It is written by hand for its JSON: a value that is
// null is a value.
type NamedValueInput struct {
	Name  string          `json:"name"`
	Value json.RawMessage `json:"value"`
}
