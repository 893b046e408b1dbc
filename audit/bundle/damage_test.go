package bundle_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/annals-io/annals/audit/bundle"
)

// Whatever is changed in an export without a key to sign with, a check finds it by digests and forms alone.
func TestDamageIsFound(t *testing.T) {
	t.Parallel()
	change := func(name string, with func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, name)
			b, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(path, with(b), 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, harm := range map[string]func(*testing.T, string){
		"nothing":       func(*testing.T, string) {},
		"a flipped bit": change("events-00000.ndjson", func(b []byte) []byte { b[len(b)/2] ^= 1; return b }),
		"a cut file":    change("events-00000.ndjson", func(b []byte) []byte { return b[:len(b)-40] }),
		"a cut line":    change("events-00000.ndjson", func(b []byte) []byte { return b[:bytes.LastIndexByte(b[:len(b)-1], '\n')+1] }),
		"a missing file": func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "evidence-00000.ndjson")); err != nil {
				t.Fatal(err)
			}
		},
		"swapped files": func(t *testing.T, dir string) {
			one, two := filepath.Join(dir, "events-00000.ndjson"), filepath.Join(dir, "others-00000.ndjson")
			if err := errors.Join(os.Rename(one, one+"x"), os.Rename(two, one), os.Rename(one+"x", two)); err != nil {
				t.Fatal(err)
			}
		},
		"other checkpoints": change("checkpoints", func(b []byte) []byte { return append(b, '\n') }),
		"another golden":    change("golden.ndjson", func(b []byte) []byte { return bytes.Replace(b, []byte(`"offset":0`), []byte(`"offset":1`), 1) }),
		"another root":      change("manifest.json", func(b []byte) []byte { i := bytes.Index(b, []byte(`"root": "`)) + 9; b[i] ^= 1; return b }),
		"another count":     change("manifest.json", func(b []byte) []byte { return bytes.Replace(b, []byte(`"evidence": 2`), []byte(`"evidence": 3`), 1) }),
		"another last":      change("manifest.json", func(b []byte) []byte { return bytes.Replace(b, []byte(`"last": 1199`), []byte(`"last": 1198`), 1) }),
		"another time":      change("manifest.json", func(b []byte) []byte { return bytes.Replace(b, []byte("2026-03-01"), []byte("2026-03-02"), 1) }),
		"other lines":       change("manifest.json", func(b []byte) []byte { return bytes.Replace(b, []byte(`"lines": 2`), []byte(`"lines": 3`), 1) }),
		"another blank":     change("manifest.json", func(b []byte) []byte { return bytes.Replace(b, []byte(`  "format"`), []byte(`   "format"`), 1) }),
		"something behind":  change("manifest.json", func(b []byte) []byte { return append(b, "{}\n"...) }),
		"a cut manifest":    change("manifest.json", func(b []byte) []byte { return b[:len(b)/2] }),
		"a file of elsewhere": change("manifest.json", func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"name": "checkpoints"`), []byte(`"name": "../checkpoints"`), 1)
		}),
		"another format": change("manifest.json", func(b []byte) []byte {
			return bytes.Replace(b, []byte("annals-export/1"), []byte("annals-export/2"), 1)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := exported(t, 1200)
			harm(t, dir)
			b, err := bundle.Open(dir)
			if err == nil {
				err = b.Check(t.Context(), leaf, nil)
			}
			var damaged *bundle.DamagedError
			var none *bundle.NoBundleError
			if found := errors.As(err, &damaged) || errors.As(err, &none); found != (name != "nothing") {
				t.Errorf("%v", err)
			}
		})
	}
}
