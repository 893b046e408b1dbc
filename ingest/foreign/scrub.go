package foreign

import (
	"bytes"
	"fmt"
	"slices"
)

// A Cut records that a credential was taken out of a body: where, and by which rule. What it was is not kept.
type Cut struct {
	Path string `json:"path"` // JSON pointer to the string or number, or to the member whose key it was
	Rule string `json:"rule"`
}

// MaxCuts is the most cuts that are recorded of one body. More are made, and the last record says so.
const MaxCuts = 200

// Scrub is the body without the credentials in it, each replaced by [Marker], and a record of what was cut. It works
// on whole strings and numbers, so that JSON stays JSON, and scrubbing twice changes nothing more. Where nothing was
// found it answers the body itself.
//
// Three things are taken for credentials: what stands under a key named like one (password, secret, api_key, ...),
// the value of a name-value pair so named, and what looks like one inside any text (a password in a URL, a key block, a
// token of a known maker, password=...). Objects under such a key are looked into, never cut: a table has a column
// named password, and its lineage matters.
func (d *Doc) Scrub() (body []byte, cuts []Cut) {
	// An escape can hide a word from the first look: the few bodies with \u in them are looked at value by value.
	if hints.in(d.src) == 0 && !bytes.Contains(d.src, []byte(`\u`)) {
		return d.src, nil
	}
	s := scrubber{doc: d}
	s.value(d.Root(), place{})
	if s.from == 0 {
		return d.src, nil
	}
	return append(s.out, d.src[s.from:]...), s.cuts
}

// scrubber writes the body anew from the places that change.
type scrubber struct {
	doc  *Doc
	out  []byte
	from int // the first byte of the body not yet in out
	cuts []Cut
}

// place is what is known of a value from where it stands.
type place struct {
	rule        string // not empty: the scalar that stands here is a secret by this rule
	numbers     bool   // numbers too
	identity    bool   // the text names something
	environment bool   // inside a facet of environment variables
}

func (s *scrubber) value(v Value, at place) {
	switch v.Kind() {
	case Object:
		s.object(v, at)
	case Array:
		for _, element := range v.Elements() {
			s.value(element, at)
		}
	case String:
		s.text(v, at)
	case Number:
		if at.rule != "" && at.numbers {
			s.replace(v.i, Marker, v.Pointer(), at.rule)
		}
	}
}

func (s *scrubber) object(v Value, at place) {
	pair := "" // the rule by which the member "value" is a secret
	for _, label := range [...]string{"name", "key"} {
		name := v.Get(label).Text()
		if namesSecret(name) || at.environment && namesSecretVariable(name) {
			pair = "named_value"
		}
	}
	n := &s.doc.nodes[v.i]
	for k, key := uint32(0), v.i+1; k < n.size; k, key = k+1, s.doc.nodes[key+1].next {
		name := s.doc.key(key)
		s.key(v, key)
		child := place{environment: at.environment || name == "environmentVariables"}
		switch name {
		case "name", "namespace", "runId", "field":
			child.identity = true
		case "value":
			child.rule, child.numbers = pair, true
		default:
			if namesSecret(name) || at.environment && namesSecretVariable(name) {
				child.rule, child.numbers = "named_key", !counts(name)
			}
		}
		s.value(Value{s.doc, key + 1}, child)
	}
}

// counts says that a number of that name is more likely a count than a secret: of tokens, of tests that pass.
func counts(name string) bool {
	words := nameWords(name)
	return len(words) > 0 && (words[len(words)-1] == "token" || words[len(words)-1] == "pass")
}

func (s *scrubber) text(v Value, at place) {
	raw := s.doc.rawKey(v.i)
	if at.rule != "" && !marked(string(raw)) {
		s.replace(v.i, Marker, v.Pointer(), at.rule)
		return
	}
	if found := hints.in(raw); found != 0 {
		if now, rules := cut(string(raw), found, at.identity); rules != nil {
			s.replace(v.i, now, v.Pointer(), rules...)
		}
	}
}

// key cuts credentials out of the name of a member, and keeps names different that were.
func (s *scrubber) key(object Value, key uint32) {
	raw := s.doc.rawKey(key)
	found := hints.in(raw)
	if found == 0 {
		return
	}
	now, rules := cut(string(raw), found, true)
	if rules == nil {
		return
	}
	n := &s.doc.nodes[object.i]
	place, _ := slices.BinarySearchFunc(s.doc.order[n.order:n.order+n.size], raw, func(other uint32, raw []byte) int {
		return bytes.Compare(s.doc.rawKey(other), raw)
	})
	now = fmt.Sprintf("%s (%d)", now, place) // its place among the sorted names is nobody else's
	s.replace(key, now, object.Pointer()+"/"+escapePointer(Readable([]byte(now))), rules...)
}

func (s *scrubber) replace(i uint32, text, path string, rules ...string) {
	n := &s.doc.nodes[i]
	s.out = append(s.out, s.doc.src[s.from:n.start]...)
	s.out = AppendQuoted(s.out, text)
	s.from = int(n.end)
	for _, rule := range rules {
		switch {
		case len(s.cuts) < MaxCuts-1:
			s.cuts = append(s.cuts, Cut{Path: path, Rule: rule})
		case len(s.cuts) == MaxCuts-1:
			s.cuts = append(s.cuts, Cut{Rule: "more"})
		}
	}
}
