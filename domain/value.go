package domain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// A Value is one typed value of a parameter or of metadata: any JSON value, its number literals kept as they were
// written (through float64 the id 7120384759012345678 would become another).
type Value json.RawMessage

// StringValue, NumberValue and BoolValue make values.
func StringValue(s string) Value { b, _ := json.Marshal(s); return b }

// IntValue is a whole number.
func IntValue(n int64) Value { return strconv.AppendInt(nil, n, 10) }

// BoolValue is true or false.
func BoolValue(b bool) Value { return strconv.AppendBool(nil, b) }

// FloatValue is a number; what JSON cannot write (NaN, infinities) becomes the string of that name.
func FloatValue(f float64) Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return StringValue(strconv.FormatFloat(f, 'g', -1, 64))
	}
	b, _ := json.Marshal(f)
	return b
}

// MarshalJSON is the value as it was written.
func (v Value) MarshalJSON() ([]byte, error) {
	if len(v) == 0 {
		return []byte("null"), nil
	}
	return v, nil
}

// UnmarshalJSON keeps the literal.
func (v *Value) UnmarshalJSON(b []byte) error {
	*v = append((*v)[:0], b...)
	return nil
}

// Type is "string", "number", "bool", "null", "array" or "object".
func (v Value) Type() string {
	b := bytes.TrimLeft(v, " \t\r\n")
	if len(b) == 0 {
		return "null"
	}
	switch b[0] {
	case '"':
		return "string"
	case '{':
		return "object"
	case '[':
		return "array"
	case 't', 'f':
		return "bool"
	case 'n':
		return "null"
	}
	return "number"
}

// Text is the value for people and for filters: a string without its quotes, anything else as written.
func (v Value) Text() string {
	if v.Type() != "string" {
		return string(v)
	}
	var s string
	if json.Unmarshal(v, &s) != nil {
		return string(v)
	}
	return s
}

// Number is the value compared as a number; ok is false for what is none.
func (v Value) Number() (f float64, ok bool) {
	if v.Type() != "number" {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(v), 64)
	return f, err == nil
}

// An Attribute is a named, typed value: a parameter, or an entry of metadata.
type Attribute struct {
	Name  string `json:"name"`
	Value Value  `json:"value"`
}

// A Tag is a label with an optional value and, for foreign ones, who set it.
type Tag struct {
	Key    string `json:"key"`
	Value  string `json:"value,omitempty"`
	Source string `json:"source,omitempty"`
}

// A Metric is one measured point. Step is the training step or epoch it belongs to, 0 where there is none.
type Metric struct {
	Name  string `json:"name"`
	Value Float  `json:"value"`
	Step  int64  `json:"step,omitempty"`
}

// A Float is a float64 that JSON can carry: NaN and infinities are written as strings, as MLflow's clients do.
type Float float64

// MarshalJSON writes the number.
func (f Float) MarshalJSON() ([]byte, error) { return FloatValue(float64(f)), nil }

// UnmarshalJSON reads a number, or "NaN", "Infinity", "-Infinity".
func (f *Float) UnmarshalJSON(b []byte) error {
	s := string(b)
	if len(b) > 1 && b[0] == '"' {
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		switch s {
		case "NaN", "Infinity", "-Infinity", "+Inf", "-Inf", "Inf":
		default:
			return fmt.Errorf("%q is no number", clip(s))
		}
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return fmt.Errorf("%q is no number", clip(s))
	}
	*f = Float(n)
	return nil
}

// A Text refers to free text that lies in evidence, never in the log: the digest of the evidence and, where the
// text is a part of a larger JSON body, the JSON pointer (RFC 6901) to it. An erased text reads as absent.
type Text struct {
	Evidence Digest `json:"evidence"`
	Pointer  string `json:"pointer,omitempty"`
}

// Personal is what names a person inside an event: sealed for one subject whose key can be destroyed.
type Personal struct {
	Subject string `json:"subject"`
	Sealed  []byte `json:"sealed"`
}

// A CodeRef says which code ran.
type CodeRef struct {
	URL     string `json:"url,omitempty"`
	Repo    string `json:"repo,omitempty"`
	Branch  string `json:"branch,omitempty"`
	Tag     string `json:"tag,omitempty"`
	Version string `json:"version,omitempty"` // the commit
	Path    string `json:"path,omitempty"`
	Type    string `json:"type,omitempty"` // "git", ...
}

// An OrchestratorRef says where the orchestrator knows the run by which id.
type OrchestratorRef struct {
	Kind  string `json:"kind,omitempty"`
	RunID string `json:"runId,omitempty"`
	URL   string `json:"url,omitempty"`
}

// A Failure says why something failed. The texts are evidence.
type Failure struct {
	Type    string `json:"type,omitempty"`
	Message *Text  `json:"message,omitempty"`
	Stack   *Text  `json:"stack,omitempty"`
}
