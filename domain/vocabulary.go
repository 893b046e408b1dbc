package domain

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A Shape is the newest form of a type of events: the version in which this build writes it, and how that is read. A type
// that never changed is at version 1.
type Shape struct {
	Version int
	Decode  func(data []byte) (Event, error)
}

// An Upcast raises data of one version of a type to the next one: v1 to v2, v2 to v3. It is a pure function of the data, and
// total: whatever was ever stored in that version, it raises. Stored bytes stay as they are for ever; they are raised
// whenever they are read.
type Upcast struct {
	Type     string
	From, To int // To is From + 1
	Raise    func(data []byte) ([]byte, error)
}

// A Vocabulary reads events of every type and version ever written. Make one by [NewVocabulary], which holds it to having
// exactly one way from each version to the newest.
type Vocabulary struct {
	shapes map[string]Shape
	steps  map[string][]func([]byte) ([]byte, error) // of a type: the one from version i+1 is at i
}

// NewVocabulary makes a vocabulary of shapes, by type, and the upcasts that lead to them, in any order. Its error names every
// fault there is: a version from which no step leads on (a gap), two steps from one version, a step that leads back or
// nowhere (a cycle), one that jumps, one of a type or beyond a version that there is none of.
func NewVocabulary(shapes map[string]Shape, upcasts []Upcast) (*Vocabulary, error) {
	v := &Vocabulary{shapes: maps.Clone(shapes), steps: map[string][]func([]byte) ([]byte, error){}}
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	for _, typ := range slices.Sorted(maps.Keys(shapes)) {
		s := shapes[typ]
		if typ == "" || s.Version < 1 || s.Decode == nil {
			fault("%q is written in version %d: a type has a name, a version from 1 on, and a decoder", typ, s.Version)
			continue
		}
		if s.Version > 1 {
			v.steps[typ] = make([]func([]byte) ([]byte, error), s.Version-1)
		}
	}
	ordered := slices.Clone(upcasts)
	slices.SortStableFunc(ordered, func(a, b Upcast) int { return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.From, b.From)) })
	for _, u := range ordered {
		steps, known := v.steps[u.Type], false
		if _, known = shapes[u.Type]; !known {
			fault("%s: an upcast from version %d of a type that there is none of", u.Type, u.From)
			continue
		}
		switch {
		case u.Raise == nil:
			fault("%s: the upcast from version %d does nothing", u.Type, u.From)
		case u.To <= u.From:
			fault("%s: the upcast from version %d leads back to version %d: a cycle", u.Type, u.From, u.To)
		case u.To != u.From+1:
			fault("%s: the upcast from version %d jumps to version %d", u.Type, u.From, u.To)
		case u.From < 1 || u.From > len(steps):
			fault("%s: an upcast from version %d, of a type that is written in version %d", u.Type, u.From, shapes[u.Type].Version)
		case steps[u.From-1] != nil:
			fault("%s: two upcasts from version %d", u.Type, u.From)
		default:
			steps[u.From-1] = u.Raise
		}
	}
	for _, typ := range slices.Sorted(maps.Keys(v.steps)) {
		for i, step := range v.steps[typ] {
			if step == nil {
				fault("%s: no upcast leads on from version %d: a gap", typ, i+1)
			}
		}
	}
	return v, errors.Join(faults...)
}

// Types are the names of all types, sorted.
func (v *Vocabulary) Types() []string { return slices.Sorted(maps.Keys(v.shapes)) }

// Version is the version in which this build writes a type; 0: it does not know it.
func (v *Vocabulary) Version(typ string) int { return v.shapes[typ].Version }

// Decode reads data of any version of a type into the newest Go type. Unknown types, and versions that are newer than this
// build, are [ErrUnknownEvent]. The data stay as they are.
func (v *Vocabulary) Decode(typ string, version int, data []byte) (Event, error) {
	s, ok := v.shapes[typ]
	if !ok || version < 1 || version > s.Version {
		return nil, fmt.Errorf("%s version %d: %w", clip(typ), version, ErrUnknownEvent)
	}
	if version < s.Version {
		raised, err := v.raise(typ, version, data)
		if err != nil {
			return nil, err
		}
		data = raised
	}
	e, err := s.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", typ, err)
	}
	return e, nil
}

// raise takes data from a version to the newest, step by step, on a copy.
func (v *Vocabulary) raise(typ string, version int, data []byte) ([]byte, error) {
	data = bytes.Clone(data)
	for i, step := range v.steps[typ][version-1:] {
		if step == nil { // CheckVocabulary said so at the start
			return nil, fmt.Errorf("%s version %d cannot be raised: %w", typ, version+i, ErrUnknownEvent)
		}
		raised, err := step(data)
		if err != nil {
			return nil, fmt.Errorf("raise %s from version %d: %w", typ, version+i, err)
		}
		data = raised
	}
	return data, nil
}

// upcasts are the steps from every earlier version to the next. All shapes are at their first version: fields were only ever
// added, which takes no step. One that old readers could not read is a new version: its Shape goes up by one, its step
// comes here, its golden file beside those that are there (docs/events.md).
var upcasts = []Upcast{}

// CheckVocabulary says what is wrong with the events of this build: a server that could not read what it once wrote does
// not start.
func CheckVocabulary() error { return errVocabulary }
