package domain

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// leanReaders are the lean readers beside what encoding/json makes of the same data.
var leanReaders = map[string]func(data []byte) (leanly Event, taken bool, wholly Event, err error){
	"run.started":        beside((*lean).run),
	"run.nested":         beside((*lean).nested),
	"step.started":       beside((*lean).step),
	"metrics.logged":     beside((*lean).metrics),
	"artifacts.consumed": beside((*lean).consumed),
	"artifacts.produced": beside((*lean).produced),
}

func beside[E Event](read func(*lean, *E)) func([]byte) (Event, bool, Event, error) {
	return func(data []byte) (Event, bool, Event, error) {
		var a, b E
		p := lean{b: data}
		read(&p, &a)
		err := json.Unmarshal(data, &b)
		return a, !p.odd && p.i == len(data), b, err
	}
}

// What a lean reader takes, encoding/json takes too, and makes the same of it.
func FuzzDecodeLean(f *testing.F) {
	for typ := range leanReaders {
		for _, s := range []string{
			`{}`, `{"run":{"id":"r"}}`, `{"run":{"id":"r"},"run":{"id":"s"}}`, `{"run":null}`, `{"Run":{"id":"r"}}`, `{"run":{"id":"é\u0041"}}`, "{\"run\":{\"id\":\"\xff\"}}",
			`{"attempt":01}`, `{"attempt":-0}`, `{"attempt":1234567890123456789}`, `{"attempt":1e2}`, `{"parameters":[{"name":"a","value": 1 }]}`, `{"parameters":[{"name":"a","value":{"x":["]",1e400]}}]}`,
			`{"points":[{"name":"m","value":-1.5e-3,"step":7},{"name":"n","value":"NaN"},{"value":1_0},{"value":.5}]}`, `{"inputs":[]}`, `{"inputs":[{"artifact":{"name":"a"},"sizeBytes":0,"from":[]}]}`,
			`{"tags":[{"key":"a","value":"b","source":"c"}],"streaming":true}`, `{"parameters":[{"name":"a","value":null}]}`, `{"parameters":[{"name":"a","value":tru}]}`, `{"job":{}} `, `{"failure":{"type":"x"}}`,
		} {
			f.Add(typ, []byte(s))
		}
	}
	for _, file := range goldenFiles(f) {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		typ := strings.TrimSuffix(filepath.Base(file), ".json")
		if noun, _, ok := strings.Cut(typ, "."); ok && (noun == "run" || noun == "step") && typ != "run.nested" {
			typ = noun + ".started"
		}
		f.Add(typ, data)
	}
	f.Fuzz(func(t *testing.T, typ string, data []byte) {
		read := leanReaders[typ]
		if read == nil {
			return
		}
		if leanly, taken, wholly, err := read(data); taken && (err != nil || !reflect.DeepEqual(leanly, wholly)) {
			t.Fatalf("%s: %s\nread leanly   %+v\nas a document %+v, %v", typ, data, leanly, wholly, err)
		}
	})
}

// The samples of the events are taken: else a lean reader would be of no use, and nobody would notice.
func TestLeanReadersTakeWhatIsWritten(t *testing.T) {
	t.Parallel()
	for typ, read := range leanReaders {
		data, err := os.ReadFile(filepath.Join(goldens, typ+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if _, taken, _, err := read([]byte(strings.TrimSpace(string(data)))); !taken || err != nil {
			t.Errorf("%s is not read leanly, %v:\n%s", typ, err, data)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for typ := range leanReaders {
		data, err := os.ReadFile(filepath.Join(goldens, typ+".json"))
		if err != nil {
			b.Fatal(err)
		}
		text := []byte(strings.TrimSpace(string(data)))
		b.Run(typ, func(b *testing.B) {
			for b.Loop() {
				if _, err := Decode(typ, 1, text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func goldenFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(goldens, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden events: %v", err)
	}
	return files
}
