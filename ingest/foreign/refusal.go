package foreign

import "fmt"

// A Code says which rule a body broke. Clients branch on it, so none is ever renamed; so does
// errors.Is(err, foreign.TooDeep).
type Code string

// The codes of refusals of a body as such. Packages that know what a body means add codes of their own.
const (
	NotJSON      Code = "not_json"      // the bytes are not one JSON value
	TooLarge     Code = "too_large"     // more bytes than the limit
	TooDeep      Code = "too_deep"      // objects and arrays inside one another beyond the limit
	BadUTF8      Code = "bad_utf8"      // bytes that are not UTF-8, or half a surrogate pair in an identity
	DuplicateKey Code = "duplicate_key" // an object names a key twice
	BadGzip      Code = "bad_gzip"      // a source begins like gzip and is none, or is cut off
)

// Error makes a code an error, for errors.Is.
func (c Code) Error() string { return string(c) }

// A Refusal is a body that is not taken, and why. Message is for people; it repeats no value of the body, so that a
// refusal can be logged where the body may not.
type Refusal struct {
	Code    Code
	Path    string // JSON pointer (RFC 6901) to the field; empty is the whole body
	Offset  int    // byte in the body where reading stopped; -1 where the place is a field rather than a byte
	Rule    string // the rule, as one sentence that holds for all bodies
	Message string // what is wrong with this one
}

// Error writes the message and its place.
func (r *Refusal) Error() string {
	switch {
	case r.Path != "" && r.Offset >= 0:
		return fmt.Sprintf("%s: %s (byte %d)", r.Path, r.Message, r.Offset)
	case r.Path != "":
		return r.Path + ": " + r.Message
	case r.Offset >= 0:
		return fmt.Sprintf("%s (byte %d)", r.Message, r.Offset)
	}
	return r.Message
}

// Unwrap is the code.
func (r *Refusal) Unwrap() error { return r.Code }
