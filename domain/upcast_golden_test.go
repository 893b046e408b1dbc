package domain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// deeper is a shape that no earlier program could read: the event lies a level deeper.
type deeper struct {
	Version int             `json:"wrapped"`
	Event   json.RawMessage `json:"event"`
}

// laterVocabulary is that of a build to come, in which every type of events was changed twice since this one, each time so that
// this build could not read it: the data are wrapped, and wrapped again.
func laterVocabulary(upcasts func([]Upcast) []Upcast) (*Vocabulary, error) {
	later := map[string]Shape{}
	var steps []Upcast
	wrap := func(version int) func([]byte) ([]byte, error) {
		return func(data []byte) ([]byte, error) { return json.Marshal(deeper{version, data}) }
	}
	for typ, shape := range shapes() {
		later[typ] = Shape{shape.Version + 2, func(data []byte) (Event, error) {
			for _, version := range []int{3, 2} {
				var w deeper
				if err := json.Unmarshal(data, &w); err != nil {
					return nil, err
				}
				if w.Version != version {
					return nil, fmt.Errorf("it is wrapped as version %d, not %d", w.Version, version)
				}
				data = w.Event
			}
			return shape.Decode(data)
		}}
		steps = append(steps, Upcast{typ, shape.Version + 1, shape.Version + 2, wrap(3)}, Upcast{typ, shape.Version, shape.Version + 1, wrap(2)})
	}
	return NewVocabulary(later, upcasts(append(steps, upcastsOfThisBuild()...)))
}

// upcastsOfThisBuild are those that lead to the shapes of this build.
func upcastsOfThisBuild() []Upcast { return upcasts }

// Given the golden events of every release, when a build reads them in which each of their types was changed twice, then it
// reads the same events, and the stored bytes stay as they are; one that forgot a step does not start, and one whose step is
// wrong is found out.
func TestGoldenEventsAreReadThroughAChain(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(goldens, "releases", "*", "*.json"))
	if err != nil || len(files) < 60 {
		t.Fatalf("%d golden events: %v", len(files), err)
	}
	later, err := laterVocabulary(func(all []Upcast) []Upcast { return all })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := laterVocabulary(func(all []Upcast) []Upcast { return all[1:] }); err == nil {
		t.Error("a build that forgot a step would start")
	}
	broken, err := laterVocabulary(func(all []Upcast) []Upcast {
		for i := range all {
			all[i].Raise = func(data []byte) ([]byte, error) { return data, nil } // it raises nothing
		}
		return all
	})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		parts := goldenName.FindStringSubmatch(filepath.Base(file))
		if parts == nil {
			t.Errorf("%s is no name of a golden event", file)
			continue
		}
		version, _ := strconv.Atoi(parts[2]) // digits
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		data = bytes.TrimSuffix(data, []byte("\n"))
		stored := bytes.Clone(data)
		want, err := Decode(parts[1], version, data)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		got, err := later.Decode(parts[1], version, data)
		if err != nil {
			t.Errorf("%s by a later build: %v", file, err)
			continue
		}
		a, errA := Encode(want)
		b, errB := Encode(got)
		if errA != nil || errB != nil || !bytes.Equal(a, b) || got.EventType() != want.EventType() || got.Subject() != want.Subject() {
			t.Errorf("%s is read as %s, and by a later build as %s (%v, %v)", file, a, b, errA, errB)
		}
		if !bytes.Equal(stored, data) {
			t.Errorf("%s: the stored bytes became %s", file, data)
		}
		if _, err := broken.Decode(parts[1], version, data); err != nil {
			found++
		}
	}
	if found != len(files) {
		t.Errorf("with steps that raise nothing, %d of %d events are read all the same: this test proves nothing of them", len(files)-found, len(files))
	}
}
