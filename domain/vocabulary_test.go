package domain

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// thing is an event of a type that was changed twice since it was first written: a name became two, then a number of
// pieces that was a text became a number.
type thing struct {
	First  string `json:"first"`
	Last   string `json:"last"`
	Pieces int    `json:"pieces"`
}

func (thing) EventType() string { return "thing.made" }
func (thing) Subject() Entity   { return WorkspaceEntity() }

func thingShapes() map[string]Shape {
	return map[string]Shape{
		"thing.made": {3, decodeAs[thing]},
		"thing.lost": {1, decodeAs[thing]},
	}
}

func thingUpcasts() []Upcast {
	return []Upcast{
		{"thing.made", 2, 3, func(data []byte) ([]byte, error) {
			var v2 struct{ First, Last, Pieces string }
			if err := json.Unmarshal(data, &v2); err != nil {
				return nil, err
			}
			return json.Marshal(thing{v2.First, v2.Last, len(v2.Pieces)})
		}},
		{"thing.made", 1, 2, func(data []byte) ([]byte, error) {
			for i := range data { // one that spoils what it is given: stored bytes must not be it
				defer func() { data[i] = 'x' }()
			}
			var v1 struct{ Name, Pieces string }
			if err := json.Unmarshal(data, &v1); err != nil {
				return nil, err
			}
			first, last, _ := strings.Cut(v1.Name, " ")
			return json.Marshal(map[string]string{"first": first, "last": last, "pieces": v1.Pieces})
		}},
	}
}

func TestAChainOfUpcasts(t *testing.T) {
	t.Parallel()
	v, err := NewVocabulary(thingShapes(), thingUpcasts())
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		version int
		data    string
	}{
		{1, `{"name":"Ada Lovelace","pieces":"123"}`},
		{2, `{"first":"Ada","last":"Lovelace","pieces":"123"}`},
		{3, `{"first":"Ada","last":"Lovelace","pieces":3}`},
	} {
		if got, err := v.Decode("thing.made", test.version, []byte(test.data)); err != nil || got != (thing{"Ada", "Lovelace", 3}) {
			t.Errorf("version %d is read as %+v, %v", test.version, got, err)
		}
	}
	for version, data := range map[int]string{0: "{}", 4: "{}", -1: "{}"} {
		if _, err := v.Decode("thing.made", version, []byte(data)); !errors.Is(err, ErrUnknownEvent) {
			t.Errorf("version %d: %v", version, err)
		}
	}
	if _, err := v.Decode("thing.found", 1, []byte("{}")); !errors.Is(err, ErrUnknownEvent) {
		t.Errorf("an unknown type: %v", err)
	}
	if _, err := v.Decode("thing.made", 1, []byte(`{"name":1}`)); err == nil || !strings.Contains(err.Error(), "raise thing.made from version 1") {
		t.Errorf("what was never written in version 1: %v", err)
	}
	if v.Version("thing.made") != 3 || v.Version("thing.lost") != 1 || v.Version("nothing") != 0 {
		t.Error("the versions are not those that are written")
	}
}

// Reading whatever was stored in any version succeeds, leaves the stored bytes as they are, and what is read is the same
// when it is written in the newest version and read again.
func TestUpcastingIsTotalAndIdempotent(t *testing.T) {
	t.Parallel()
	v, err := NewVocabulary(thingShapes(), thingUpcasts())
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		version := rapid.IntRange(1, 3).Draw(t, "version")
		text := rapid.String()
		stored := map[int]any{
			1: map[string]string{"name": text.Draw(t, "name"), "pieces": text.Draw(t, "pieces")},
			2: map[string]string{"first": text.Draw(t, "first"), "last": text.Draw(t, "last"), "pieces": text.Draw(t, "pieces")},
			3: thing{text.Draw(t, "first"), text.Draw(t, "last"), rapid.Int().Draw(t, "pieces")},
		}[version]
		data, err := json.Marshal(stored)
		if err != nil {
			t.Fatal(err)
		}
		before := bytes.Clone(data)
		got, err := v.Decode("thing.made", version, data)
		if err != nil {
			t.Fatalf("version %d of %s: %v", version, data, err)
		}
		if !bytes.Equal(before, data) {
			t.Fatalf("the stored bytes %s became %s", before, data)
		}
		newest, err := Encode(got)
		if err != nil {
			t.Fatal(err)
		}
		again, err := v.Decode("thing.made", v.Version("thing.made"), newest)
		if err != nil || again != got {
			t.Fatalf("version %d of %s is read as %+v, and then as %+v, %v", version, before, got, again, err)
		}
	})
}

func TestABadVocabularyIsRefused(t *testing.T) {
	t.Parallel()
	same := func(data []byte) ([]byte, error) { return data, nil }
	for name, test := range map[string]struct {
		shapes  map[string]Shape
		upcasts []Upcast
		says    []string
	}{
		"a gap at the beginning":      {thingShapes(), thingUpcasts()[:1], []string{"thing.made: no upcast leads on from version 1: a gap"}},
		"a gap at the end":            {thingShapes(), thingUpcasts()[1:], []string{"thing.made: no upcast leads on from version 2: a gap"}},
		"nothing at all":              {thingShapes(), nil, []string{"from version 1: a gap", "from version 2: a gap"}},
		"two from one version":        {thingShapes(), append(thingUpcasts(), Upcast{"thing.made", 1, 2, same}), []string{"thing.made: two upcasts from version 1"}},
		"a step back":                 {thingShapes(), append(thingUpcasts(), Upcast{"thing.made", 2, 1, same}), []string{"from version 2 leads back to version 1: a cycle"}},
		"a step that stays":           {thingShapes(), append(thingUpcasts(), Upcast{"thing.made", 2, 2, same}), []string{"a cycle"}},
		"a jump":                      {thingShapes(), append(thingUpcasts(), Upcast{"thing.made", 1, 3, same}), []string{"jumps to version 3"}},
		"beyond what is written":      {thingShapes(), append(thingUpcasts(), Upcast{"thing.made", 3, 4, same}), []string{"an upcast from version 3, of a type that is written in version 3"}},
		"before the first":            {thingShapes(), append(thingUpcasts(), Upcast{"thing.made", 0, 1, same}), []string{"an upcast from version 0"}},
		"of a type that there is not": {thingShapes(), append(thingUpcasts(), Upcast{"thing.found", 1, 2, same}), []string{"thing.found: an upcast from version 1 of a type that there is none of"}},
		"that does nothing":           {thingShapes(), append(thingUpcasts()[:1:1], Upcast{"thing.made", 1, 2, nil}), []string{"does nothing", "a gap"}},
		"a shape of no version":       {map[string]Shape{"thing.made": {0, decodeAs[thing]}}, nil, []string{"version 0"}},
		"a shape without a decoder":   {map[string]Shape{"thing.made": {1, nil}}, nil, []string{"a decoder"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := NewVocabulary(test.shapes, test.upcasts)
			for _, say := range test.says {
				if err == nil || !strings.Contains(err.Error(), say) {
					t.Errorf("it says %q, and not %q", err, say)
				}
			}
		})
	}
	if err := CheckVocabulary(); err != nil {
		t.Errorf("that of this build: %v", err)
	}
}
