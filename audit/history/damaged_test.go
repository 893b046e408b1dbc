package history_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/history"
)

// Whatever becomes of one file of an export, the export is refused whole: bits that flip, a file that ends early, goes on
// after its end, is missing or is another one.
func TestDamagedExportsAreRefused(t *testing.T) {
	t.Parallel()
	from, by := homes["postgres"](t), signer(t, "there")
	lab(t, from)
	dir := exported(t, from, by, "lab")
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	whole := map[string][]byte{}
	var names []string
	for _, f := range files {
		if whole[f.Name()], err = os.ReadFile(filepath.Join(dir, f.Name())); err != nil {
			t.Fatal(err)
		}
		names = append(names, f.Name())
	}
	put := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tried := map[string]int{}
	rapid.Check(t, func(r *rapid.T) {
		name := rapid.SampledFrom(names).Draw(r, "file")
		was := whole[name]
		defer put(name, was)
		bad := append([]byte(nil), was...)
		how := rapid.SampledFrom([]string{"flipped", "cut", "longer", "missing", "swapped", "repeated"}).Draw(r, "how")
		tried[how]++
		switch how {
		case "flipped":
			for range rapid.IntRange(1, 3).Draw(r, "flips") { // an odd number of bits of one byte or of several: never none
				at := rapid.IntRange(0, len(bad)-1).Draw(r, "at")
				bad[at] ^= 1 << rapid.IntRange(0, 7).Draw(r, "bit")
			}
			if string(bad) == string(was) {
				bad[0] ^= 1
			}
		case "cut":
			bad = bad[:rapid.IntRange(0, len(bad)-1).Draw(r, "at")]
		case "longer":
			bad = append(bad, rapid.SliceOfN(rapid.Byte(), 1, 50).Draw(r, "more")...)
		case "repeated":
			bad = append(bad, was...)
		case "swapped":
			other := rapid.SampledFrom(names).Filter(func(n string) bool { return n != name }).Draw(r, "with")
			bad = whole[other]
		}
		if put(name, bad); how == "missing" {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				r.Fatal(err)
			}
		}
		for _, signed := range []bool{true, false} {
			var err error
			if signed {
				_, err = proven(t, dir, by.Key())
			} else {
				_, err = proven(t, dir)
			}
			var damaged *bundle.DamagedError
			var none *bundle.NoBundleError
			var forged *history.ForgedError
			if !errors.As(err, &damaged) && !errors.As(err, &none) && !errors.As(err, &forged) {
				r.Fatalf("%s, %s: %v", name, how, err)
			}
		}
	})
	if _, err := proven(t, dir, by.Key()); err != nil || len(tried) < 6 {
		t.Errorf("what is whole again: %v; tried %v", err, tried)
	}
}
