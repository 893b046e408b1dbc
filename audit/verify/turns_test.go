package verify

import (
	"bytes"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/domain"
)

// rotated goes on with another key, and answers the first one, as somebody else may have it still.
func (s *sealed) rotated(t testing.TB) (former *checkpoint.Signer) {
	t.Helper()
	next, err := s.signer.Rotated()
	if err != nil {
		t.Fatal(err)
	}
	former, s.signer = s.signer, next
	return former
}

// What was signed before a rotation and after it is checked by the keys that the instance gives out.
func TestBothKeysOfARotationAreChecked(t *testing.T) {
	t.Parallel()
	s, h := newSealed(t), newHistory("fraud", 20, "whole")
	s.seal(t, &history{slug: h.slug, events: h.events[:10]}, 5)
	former := s.rotated(t)
	before := s.notes["fraud"]
	s.notes["fraud"] = nil
	s.seal(t, h, 20)
	s.notes["fraud"] = append(before, s.notes["fraud"]...)
	dir := filepath.Join(t.TempDir(), "export")
	s.export(t, dir, h)
	keys := func(keys ...checkpoint.Key) func(*Options) { return func(o *Options) { o.Keys = keys } }
	if r := verified(t, dir, s, keys(s.signer.Keys()...), func(o *Options) { o.Since = before }); !r.OK() || r.Checkpoints != 3 || r.Since != 2 {
		t.Errorf("by both: %+v", r)
	}
	for name, c := range map[string]struct {
		key  checkpoint.Key
		says string
	}{"the former one alone": {former.Key(), "is not signed by this key"}, "the new one alone": {s.signer.Key(), "is not signed by this key"}} {
		if r := verified(t, dir, s, keys(c.key)); r.OK() || !strings.Contains(r.Failures[0].Reason, c.says) {
			t.Errorf("by %s: %+v", name, r)
		}
	}
	if r := verified(t, dir, s, keys(former.Key(), s.signer.Key())); r.OK() || !strings.Contains(r.Failures[0].Reason, "the newest first") {
		t.Errorf("the keys the other way round: %+v", r)
	}
}

// A theft is an export in which somebody has signed more events by a former key, and what the auditor kept.
type theft struct {
	dir  string
	kept [][]byte
}

// thefts are exports of an instance that has rotated its key, by somebody who has come by the former one.
func thefts(t testing.TB) (*sealed, map[string]theft) {
	t.Helper()
	h, s := newHistory("fraud", 30, "whole"), newSealed(t)
	s.seal(t, &history{slug: h.slug, events: h.events[:10]}, 10)
	former, instance, tiles := s.rotated(t), s.instance.Clone(), maps.Clone(s.tiles)
	old := s.notes["fraud"]
	s.notes["fraud"] = nil
	s.seal(t, &history{slug: h.slug, events: h.events[:20]}, 20)
	byNew := s.notes["fraud"]
	all := map[string]theft{}
	for name, c := range map[string]struct {
		left [][]byte // of what was signed, which the forger leaves in the export
		kept [][]byte
	}{
		"behind the new key's":                     {append(append([][]byte{}, old...), byNew...), old},
		"in their place, and one of them was kept": {old, byNew},
	} {
		thief := &sealed{signer: former, notes: map[domain.Slug][][]byte{}, tiles: map[[2]int64][]byte{}, numbers: map[domain.Slug]int64{}, instance: instance.Clone()}
		for at, hashes := range tiles {
			thief.tiles[at] = bytes.Clone(hashes)
		}
		thief.seal(t, h, 30)
		thief.notes["fraud"] = append(append([][]byte{}, c.left...), thief.notes["fraud"]...)
		dir := filepath.Join(t.TempDir(), "export")
		thief.export(t, dir, h)
		all[name] = theft{dir, c.kept}
	}
	return s, all
}

// Whoever has come by a former key signs nothing that is believed: neither behind what the new one has signed, nor in its
// place where the auditor kept a checkpoint by it.
func TestAFormerKeySignsNoMore(t *testing.T) {
	t.Parallel()
	s, all := thefts(t)
	for name, c := range all {
		with := func(o *Options) { o.Keys, o.Since = s.signer.Keys(), c.kept }
		if r := verified(t, c.dir, s, with); r.OK() || !strings.Contains(r.Failures[0].Reason, "signed by a former key") {
			t.Errorf("%s: %+v", name, r)
		}
		if r := verified(t, c.dir, s, with, func(o *Options) { o.without = turns }); !r.OK() { // nothing else finds it
			t.Errorf("%s, without the check: %+v", name, r)
		}
	}
}
