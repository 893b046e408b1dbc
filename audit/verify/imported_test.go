package verify

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/audit/leaf"
	"github.com/annals-io/annals/audit/tree"
	"github.com/annals-io/annals/domain"
)

// A history that was imported is proven by the instance that has it now, as a whole, and its old part by the one it is from
// as well, for who has that one's key.
func TestAnImportedHistory(t *testing.T) {
	t.Parallel()
	old, err := checkpoint.Generate("annals.old")
	if err != nil {
		t.Fatal(err)
	}
	s, h := newSealed(t), newHistory("fraud", 25, "imported")
	const upTo = 14
	var grown tree.Frontier
	var first [][]byte
	for i := range h.events {
		l := leaf.Of(&h.events[i])
		if i <= upTo {
			l.Stream = "workspace-elsewhere"
		}
		grown.Add(l.Hash(), nil)
		signer, name := s.signer, "workspace-fraud"
		switch {
		case i == 9:
			signer, name = old, "workspace-elsewhere"
		case i != 24:
			continue
		}
		c, err := signer.Sign(name, grown.Size(), grown.Root())
		if err != nil {
			t.Fatal(err)
		}
		first = append(first, c.Note)
		if i == 24 {
			s.numbers["fraud"] = s.instance.Size()
			s.instance.Add(hashOfNote(c.Note), func(n tree.Node) {
				s.tiles[[2]int64{int64(n.Level), 0}] = append(s.tiles[[2]int64{int64(n.Level), 0}], n.Hash[:]...)
			})
		}
	}
	s.notes["fraud"] = first
	dir := filepath.Join(t.TempDir(), "export")
	d, err := bundle.CreateDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	w := bundle.NewWriter(d, bundle.Manifest{Instance: s.signer.Key().Name, Workspace: "fraud", Stream: "workspace-fraud",
		Origins: []bundle.Origin{{Instance: "annals.old", Stream: "workspace-elsewhere", UpTo: upTo}}}, hashOf)
	for i := range h.events {
		if err := w.Event(&h.events[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(noon, first, s.tie(t, domain.Slug("fraud"))); err != nil {
		t.Fatal(err)
	}
	if err := d.Commit(); err != nil {
		t.Fatal(err)
	}
	r := verified(t, dir, s)
	if !r.OK() || r.Checkpoints != 1 || !slices.Equal(r.Foreign, []string{"annals.old/workspace-elsewhere"}) {
		t.Errorf("by the new key: %+v", r)
	}
	r = verified(t, dir, s, func(o *Options) { o.Keys, o.Since = append(o.Keys, old.Key()), first[:1] })
	if !r.OK() || r.Checkpoints != 2 || r.Since != 1 || len(r.Foreign) > 0 {
		t.Errorf("by both keys: %+v", r)
	}
	other, err := checkpoint.Generate("annals.old")
	if err != nil {
		t.Fatal(err)
	}
	r = verified(t, dir, s, func(o *Options) { o.Keys = append(o.Keys, other.Key()) })
	if r.OK() || !strings.Contains(r.Failures[0].Reason, "not signed by this key") {
		t.Errorf("by another key of the old name: %+v", r)
	}
	if r := verified(t, dir, &sealed{signer: old}); r.OK() {
		t.Errorf("by the old key alone: %+v", r)
	}
}
