package openlineage

import (
	"iter"
	"strconv"
	"time"

	"github.com/annals-io/annals/ingest/foreign"
)

// reader reads the lenient part of an event: nothing in it refuses, what is odd is warned of.
type reader struct {
	event *Event
}

func (r *reader) warn(path, code, message string) {
	if len(r.event.Warnings) == MaxWarnings {
		r.event.Truncated = true
		return
	}
	r.event.Warnings = append(r.event.Warnings, Warning{Path: path, Code: code, Message: message})
}

// object is a JSON object, or nothing, which reads as an object without members.
type object struct {
	r      *reader
	v      foreign.Value
	owner  foreign.Value // where there is nothing: whose member it should be
	member string
}

// path is where the object lies, or would.
func (o object) path() string {
	if o.v.Kind() == foreign.Absent && o.member != "" {
		return o.owner.Pointer() + "/" + o.member
	}
	return o.v.Pointer()
}

// wrong warns that a member is of another kind than it should be. Null is as good as absent.
func (o object) wrong(member string, at foreign.Value, want foreign.Kind) {
	if at.Present() {
		o.r.warn(at.Pointer(), WrongShape, member+" is "+at.Kind().String()+", not "+want.String())
	}
}

// get is a member that is an object.
func (o object) get(member string) object {
	at := o.v.Get(member)
	if at.Kind() != foreign.Object {
		o.wrong(member, at, foreign.Object)
		return object{r: o.r, owner: o.v, member: member}
	}
	return object{r: o.r, v: at}
}

// has says that there is a member of that name that is an object.
func (o object) has(member string) bool { return o.v.Get(member).Kind() == foreign.Object }

// list yields the elements of a member that is an array of objects.
func (o object) list(member string) iter.Seq[object] {
	return func(yield func(object) bool) {
		at := o.v.Get(member)
		if at.Kind() != foreign.Array {
			o.wrong(member, at, foreign.Array)
			return
		}
		for _, element := range at.Elements() {
			if element.Kind() != foreign.Object {
				o.r.warn(element.Pointer(), WrongShape, "an element of "+member+" is "+element.Kind().String()+", not an object")
				continue
			}
			if !yield(object{r: o.r, v: element}) {
				return
			}
		}
	}
}

// each yields the members of a member whose values are objects.
func (o object) each(member string) iter.Seq2[string, object] {
	return func(yield func(string, object) bool) {
		for name, at := range o.get(member).v.Members() {
			if at.Kind() != foreign.Object {
				o.wrong(name, at, foreign.Object)
				continue
			}
			if !yield(name, object{r: o.r, v: at}) {
				return
			}
		}
	}
}

// text is a member that is a string.
func (o object) text(member string) string {
	at := o.v.Get(member)
	if at.Kind() != foreign.String {
		o.wrong(member, at, foreign.String)
		return ""
	}
	return at.Text()
}

// scalar is a member that should be a string, or what a number or boolean there is written as.
func (o object) scalar(member string) string {
	switch at := o.v.Get(member); at.Kind() {
	case foreign.Number, foreign.Bool:
		return string(at.Raw())
	default:
		return o.text(member)
	}
}

// literal is a member that is a string, number or boolean, as JSON. What no text column can hold is replaced.
func (o object) literal(member string) string {
	switch at := o.v.Get(member); at.Kind() {
	case foreign.Number, foreign.Bool:
		return string(at.Raw())
	case foreign.String:
		return string(foreign.AppendQuoted(nil, at.Text()))
	default:
		o.wrong(member, at, foreign.String)
		return ""
	}
}

// ref is where a member lies that is a free text.
func (o object) ref(member string) Text {
	at := o.v.Get(member)
	if at.Kind() != foreign.String {
		o.wrong(member, at, foreign.String)
		return ""
	}
	if len(at.Raw()) == len(`""`) {
		return ""
	}
	return Text(at.Pointer())
}

// whole is a member that is a whole number, nil where there is none.
func (o object) whole(member string) *int64 {
	at := o.v.Get(member)
	n, ok := at.Int()
	if !ok {
		if at.Kind() == foreign.Number {
			o.r.warn(at.Pointer(), WrongShape, member+" is no whole number")
		} else {
			o.wrong(member, at, foreign.Number)
		}
		return nil
	}
	return &n
}

// number is a member that is a number, as it was written, "" where there is none.
func (o object) number(member string) string {
	at := o.v.Get(member)
	if at.Kind() != foreign.Number {
		o.wrong(member, at, foreign.Number)
		return ""
	}
	return string(at.Raw())
}

// truth is a member that is a boolean, nil where there is none.
func (o object) truth(member string) *bool {
	at := o.v.Get(member)
	b, ok := at.Bool()
	if !ok {
		o.wrong(member, at, foreign.Bool)
		return nil
	}
	return &b
}

// time is a member that is a time, zero where there is none. A day means its beginning.
func (o object) time(member string) time.Time {
	s := o.text(member)
	if s == "" {
		return time.Time{}
	}
	if len(s) == len(time.DateOnly) {
		s += "T00:00"
	}
	at, _, ok := foreign.ParseTime(s)
	if !ok {
		o.r.warn(o.path()+"/"+member, BadTime, member+" is no date and time")
	}
	return at
}

// name is the identity that the object has of its own; ok is false, with a warning, where it has none.
func (o object) name() (n Name, ok bool) {
	if n.Namespace, ok = o.identity("namespace"); !ok {
		return Name{}, false
	}
	n.Name, ok = o.identity("name")
	return n, ok
}

// identity is a part of an identity that a facet names.
func (o object) identity(member string) (string, bool) {
	at := o.v.Get(member)
	text, fault := at.Exact()
	switch {
	case text == "":
		o.r.warn(o.path(), NoIdentity, "there is no "+member+": left to the body")
	case fault != "":
		o.r.warn(at.Pointer(), NoIdentity, member+" cannot name anything, "+string(fault)+": left to the body")
	case len(text) > MaxName:
		o.r.warn(at.Pointer(), NoIdentity, member+" has more than "+strconv.Itoa(MaxName)+" bytes: left to the body")
	default:
		return text, true
	}
	return "", false
}

// facets are the facets of something.
func (o object) facets() object { return o.get("facets") }

// place is where a member lies that is an array or object with something in it.
func (o object) place(member string) Text {
	if at := o.v.Get(member); at.Len() > 0 {
		return Text(at.Pointer())
	}
	return ""
}

// tags reads a tags facet.
func (o object) tags() []Tag {
	var tags []Tag
	for t := range o.list("tags") {
		if tag := (Tag{t.text("key"), t.scalar("value"), t.text("source"), t.text("field")}); tag.Key != "" {
			tags = append(tags, tag)
		}
	}
	return tags
}

// deleted says that the facet takes an earlier one away.
func (o object) deleted() bool {
	gone := o.truth("_deleted")
	return gone != nil && *gone
}
