package native

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/ingest/foreign"
)

// The codes of refusals that are about what an event says.
const (
	UnknownField foreign.Code = "unknown_field" // a member that native events do not have
	WrongType    foreign.Code = "wrong_type"    // another JSON type than the field takes
	Missing      foreign.Code = "required"      // a field that an event must have
	InvalidValue foreign.Code = "invalid"       // a value that breaks the field's rule
	TooLong      foreign.Code = "too_long"      // a list or text over its limit
)

// Limits of one event.
const (
	MaxID      = 128  // bytes of an event's id
	MaxEntries = 1000 // parameters, metadata entries or tags in one event
	maxKey     = 500  // bytes of a name of an attribute, metric or tag
)

// reader walks one event and keeps the first refusal: after it every read answers the zero value.
type reader struct{ no *foreign.Refusal }

func (r *reader) refuse(v foreign.Value, code foreign.Code, rule, message string) {
	r.refuseAt(v.Pointer(), code, rule, message)
}

func (r *reader) refuseAt(path string, code foreign.Code, rule, message string) {
	if r.no == nil {
		r.no = &foreign.Refusal{Code: code, Path: path, Offset: -1, Rule: rule, Message: message}
	}
}

// object is an object with no other members than these.
func (r *reader) object(v foreign.Value, path string, allowed ...string) foreign.Value {
	if !v.Present() {
		r.refuseAt(path, Missing, "The field must be there.", "it is missing")
		return foreign.Value{}
	}
	if v.Kind() != foreign.Object {
		r.refuse(v, WrongType, "It is an object.", "it is no object")
		return foreign.Value{}
	}
	for name := range v.Members() {
		if !slices.Contains(allowed, name) {
			r.refuseAt(v.Pointer()+"/"+name, UnknownField, "Native events have no other fields than the documented ones: "+strings.Join(allowed, ", ")+".", "there is no such field here")
		}
	}
	return v
}

// text is a string; absent and null are "" unless it is needed. Its NULs are for the caller's kind of text: identities
// refuse them, other texts have them replaced.
func (r *reader) text(parent foreign.Value, name string, needed bool) string {
	v := parent.Get(name)
	switch {
	case !v.Present():
		if needed {
			r.refuseAt(parent.Pointer()+"/"+name, Missing, "The field must be there.", name+" is missing")
		}
		return ""
	case v.Kind() != foreign.String:
		r.refuse(v, WrongType, "It is a string.", "it is no string")
		return ""
	}
	s := v.Text()
	if s == "" && needed {
		r.refuse(v, Missing, "The field must not be empty.", name+" is empty")
	}
	return s
}

// identity is a string that names something: no NUL, no half of a surrogate pair, not too long.
func (r *reader) identity(parent foreign.Value, name string, needed bool, most int) string {
	s := r.text(parent, name, needed)
	v := parent.Get(name)
	if exact, fault := v.Exact(); fault != "" {
		r.refuse(v, InvalidValue, "An identity is valid UTF-8 without NUL.", string(fault))
		return ""
	} else if len(exact) > most {
		r.refuse(v, TooLong, fmt.Sprintf("It has at most %d bytes.", most), fmt.Sprintf("it has %d bytes", len(exact)))
		return ""
	}
	return s
}

// list is the elements of an array of at most so many; absent and null are none.
func (r *reader) list(parent foreign.Value, name string, most int) []foreign.Value {
	v := parent.Get(name)
	if !v.Present() {
		return nil
	}
	if v.Kind() != foreign.Array {
		r.refuse(v, WrongType, "It is an array.", "it is no array")
		return nil
	}
	if v.Len() > most {
		r.refuse(v, TooLong, fmt.Sprintf("It has at most %d elements.", most), fmt.Sprintf("it has %d elements", v.Len()))
		return nil
	}
	out := make([]foreign.Value, 0, v.Len())
	for _, e := range v.Elements() {
		out = append(out, e)
	}
	return out
}

// whole is a whole number in a range; absent and null are the given value.
func (r *reader) whole(parent foreign.Value, name string, absent, least, most int64) int64 {
	v := parent.Get(name)
	if !v.Present() {
		return absent
	}
	n, ok := v.Int()
	if v.Kind() == foreign.String { // as GraphQL's Int64 is written by careful clients
		_, err := fmt.Sscan(v.Text(), &n)
		ok = err == nil
	}
	if !ok || n < least || n > most {
		r.refuse(v, InvalidValue, fmt.Sprintf("It is a whole number from %d to %d.", least, most), "it is no such number")
		return absent
	}
	return n
}

// flag is true or false; absent and null are false.
func (r *reader) flag(parent foreign.Value, name string) bool {
	v := parent.Get(name)
	if !v.Present() {
		return false
	}
	b, ok := v.Bool()
	if !ok {
		r.refuse(v, WrongType, "It is true or false.", "it is no boolean")
	}
	return b
}

// moment is a time as [foreign.ParseTime] reads it. zone is false where none was written: it is taken as UTC.
func (r *reader) moment(parent foreign.Value, name string) (at time.Time, zone bool) {
	s := r.text(parent, name, true)
	if r.no != nil {
		return time.Time{}, true
	}
	if at, zone, ok := foreign.ParseTime(s); ok {
		return at, zone
	}
	r.refuse(parent.Get(name), InvalidValue, "A time is written as RFC 3339 has it: 2026-03-01T12:00:00.5Z.", "it is no time")
	return time.Time{}, true
}

// name is a pipeline's or artifact's name.
func (r *reader) name(v foreign.Value, path string) domain.Name {
	o := r.object(v, path, "namespace", "name")
	return domain.Name{Namespace: r.identity(o, "namespace", false, domain.MaxName), Name: r.identity(o, "name", true, domain.MaxName)}
}

// attributes are named values of any JSON type.
func (r *reader) attributes(parent foreign.Value, field string) []domain.Attribute {
	var out []domain.Attribute
	for _, v := range r.list(parent, field, MaxEntries) {
		o := r.object(v, v.Pointer(), "name", "value")
		a := domain.Attribute{Name: r.identity(o, "name", true, maxKey), Value: append(domain.Value(nil), o.Get("value").Raw()...)}
		if r.no == nil && o.Get("value").Kind() == foreign.Absent {
			r.refuseAt(o.Pointer()+"/value", Missing, "A named value has a value.", "value is missing")
		}
		out = append(out, a)
	}
	return out
}

// tags are keys with optional values.
func (r *reader) tags(parent foreign.Value) []domain.Tag {
	var out []domain.Tag
	for _, v := range r.list(parent, "tags", MaxEntries) {
		o := r.object(v, v.Pointer(), "key", "value", "source")
		out = append(out, domain.Tag{Key: r.identity(o, "key", true, maxKey), Value: r.text(o, "value", false), Source: r.text(o, "source", false)})
	}
	return out
}
