package history_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/audit/history"
	"github.com/annals-io/annals/eventstore"
)

// A forgery is an export made anew of another one, with digests to match.
type forgery struct {
	change   func(*eventstore.NewEvent) bool // false: the events end before that one
	notes    func([][]byte) [][]byte
	instance func([]byte) []byte
}

// forge makes one.
func forge(t *testing.T, dir string, f forgery) string {
	t.Helper()
	was := must(bundle.Open(dir))(t)
	out := filepath.Join(t.TempDir(), "forged")
	d := must(bundle.CreateDir(out))(t)
	w := bundle.NewWriter(d, was.Manifest, history.Leaf)
	for e, err := range was.Events(0) {
		if err != nil {
			t.Fatal(err)
		}
		if f.change != nil && !f.change(e) {
			break
		}
		if err := w.Event(e); err != nil {
			t.Fatal(err)
		}
	}
	for e, err := range was.Evidence() {
		if err == nil {
			err = w.Evidence(e)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	notes, instance := must(was.Checkpoints())(t), must(was.Instance())(t)
	if f.notes != nil {
		notes = f.notes(notes)
	}
	if f.instance != nil {
		instance = f.instance(instance)
	}
	if err := errors.Join(w.Close(noon, notes, instance), d.Commit()); err != nil {
		t.Fatal(err)
	}
	return out
}

// A file that was changed, with digests and roots made to match, is found by the checkpoints; without them by nothing.
func TestForgedExportsAreRefused(t *testing.T) {
	t.Parallel()
	from, by, stranger := homes["postgres"](t), signer(t, "there"), signer(t, "there")
	lab(t, from)
	dir := exported(t, from, by, "lab")
	key := []checkpoint.Key{by.Key()}
	none := func([][]byte) [][]byte { return nil }
	nothing := func([]byte) []byte { return nil }
	flip := func(e *eventstore.NewEvent) bool {
		if e.Revision == 3 {
			e.Data = bytes.Replace(e.Data, []byte("releaser"), []byte("rEleaser"), 1)
		}
		return true
	}
	cut := func(e *eventstore.NewEvent) bool { return e.Revision < 30 }
	others := func([][]byte) [][]byte {
		return must(signed{stranger, from, nil}.Notes(t.Context(), "workspace-lab", 36))(t)
	}
	another := func(by *checkpoint.Signer, of int) func([]byte) []byte { // a log that has another checkpoint
		return func([]byte) []byte {
			notes := must(signed{by, from, []int64{5}}.Notes(t.Context(), "workspace-lab", 36))(t)
			return must(tied(by, notes[of]))(t)
		}
	}
	reworded := func(old, with string) func([]byte) []byte {
		return func(line []byte) []byte { return bytes.Replace(line, []byte(old), []byte(with), 1) }
	}
	for name, tt := range map[string]struct {
		forgery
		keys    []checkpoint.Key
		refused bool
	}{
		"as it was":                                       {forgery{}, key, false},
		"as it was, without a key":                        {forgery{}, nil, false},
		"a flipped letter":                                {forgery{change: flip}, nil, true},
		"a flipped letter, by a key":                      {forgery{change: flip}, key, true},
		"cut":                                             {forgery{change: cut}, nil, true},
		"no checkpoints, by a key":                        {forgery{notes: none}, key, true},
		"signed by a stranger, by a key":                  {forgery{notes: others}, key, true},
		"of another instance, by a key":                   {forgery{}, []checkpoint.Key{signer(t, "elsewhere").Key()}, true},
		"no instance log, by a key":                       {forgery{instance: nothing}, key, true},
		"another place in the instance log":               {forgery{instance: reworded(`index 1`, `index 0`)}, nil, true},
		"another place in the instance log, by a key":     {forgery{instance: reworded(`index 1`, `index 0`)}, key, true},
		"a place behind its end":                          {forgery{instance: reworded(`index 1`, `index 7`)}, nil, true},
		"the log of another instance":                     {forgery{instance: reworded(`there/instance`, `where/instance`)}, nil, true},
		"about another workspace":                         {forgery{instance: reworded(`workspace-lab`, `workspace-lob`)}, nil, true},
		"no line of an instance log":                      {forgery{instance: func([]byte) []byte { return []byte("{}\n") }}, nil, true},
		"an instance log of a stranger, by a key":         {forgery{instance: another(stranger, 1)}, key, true},
		"an instance log with an older one, by a key":     {forgery{instance: another(by, 0)}, key, true},
		"control: a flip that nothing signed":             {forgery{change: flip, notes: none, instance: nothing}, nil, false}, // without key and checkpoints nobody can tell
		"control: a stranger's instance log, by nobody's": {forgery{notes: others, instance: another(stranger, 1)}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := proven(t, forge(t, dir, tt.forgery), tt.keys...)
			var forged *history.ForgedError
			if errors.As(err, &forged) != tt.refused || err != nil && !tt.refused {
				t.Errorf("%v", err)
			}
		})
	}
}
