package verify

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/checkpoint"
)

var mutations = flag.Int("mutations", 1_000, "how many changes of history are tried")

// Of ten thousand changes, half of them in the database and half of them in exports, none gets by.
func TestNoChangeOfHistoryGetsBy(t *testing.T) {
	t.Parallel()
	v := newVictim(t, 5)
	whole := v.whole(t)
	kinds := map[string]int{}
	for n := range *mutations {
		dir := filepath.Join(t.TempDir(), "export")
		what, found := "", false
		if n%2 == 0 {
			what, found = v.struck(t, dir)
			kinds[what]++
		} else {
			what = v.tampered(t, dir, whole)
		}
		if !found {
			if v.passes(t, dir, 0) {
				t.Errorf("change %d, %s, was not found", n, what)
			}
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	if len(kinds) < 24 && *mutations >= 10_000 {
		t.Errorf("only %d kinds of changes of the database were tried: %v", len(kinds), kinds)
	}
}

// Each check does work that no other does: with one of them left out, some change gets by.
func TestEachCheckIsNeeded(t *testing.T) {
	t.Parallel()
	for name, without := range map[string]check{"digests": digests, "signatures": signatures, "roots": roots, "covered": covered, "since": since, "instance log": instanceLog, "texts": texts} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVictim(t, 5)
			whole := v.whole(t)
			missed := 0
			for n := 0; missed == 0 && n < 3000; n++ {
				dir := filepath.Join(t.TempDir(), "export")
				found := false
				if n%2 == 0 {
					_, found = v.struck(t, dir)
				} else {
					v.tampered(t, dir, whole)
				}
				if !found && v.passes(t, dir, without) {
					missed++
				}
				if err := os.RemoveAll(dir); err != nil {
					t.Fatal(err)
				}
			}
			if missed == 0 {
				t.Error("nothing gets by without it: either it is not needed, or the changes do not try it")
			}
		})
	}
}

// whole is the history as it is, and its export is right: what is found below is found for what was changed.
func (v *victim) whole(t *testing.T) *history {
	t.Helper()
	h := newHistory("fraud", fraudEvents, "fraud")
	dir := filepath.Join(t.TempDir(), "whole")
	v.write(t, dir, h, v.kept, v.lastTie(v.kept))
	r, err := v.verify(t, dir, 0)
	if err != nil || !r.OK() || r.Since != int64(len(v.kept)) {
		t.Fatalf("what nobody changed is wrong: %v, %+v", err, r)
	}
	return h
}

// passes says whether nothing was found; what is no export any more is found too.
func (v *victim) passes(t *testing.T, dir string, without check) bool {
	t.Helper()
	r, err := v.verify(t, dir, without)
	var none *bundle.NoBundleError
	if err != nil && !errors.As(err, &none) {
		t.Fatal(err)
	}
	return err == nil && r.OK()
}

func (v *victim) verify(t *testing.T, dir string, without check) (*Report, error) {
	t.Helper()
	return Export(t.Context(), dir, Options{Keys: []checkpoint.Key{v.signer.Key()}, Since: v.kept, Workers: 1, without: without})
}
