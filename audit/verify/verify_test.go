package verify

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/checkpoint"
)

func TestAWholeExportIsWhole(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 999, 1000, 2500} {
		dir, s, _ := whole(t, n, 700)
		r := verified(t, dir, s, func(o *Options) { o.Since = s.notes["fraud"][:1] })
		if !r.OK() || r.Events != int64(n) || r.Sealed != int64(n) || r.Since != 1 || r.Checkpoints != int64(len(s.notes["fraud"])) || r.Evidence != int64(n) || r.Erased != 0 || r.Instances != s.instance.Size() {
			t.Errorf("%d events: %+v", n, r)
		}
	}
}

// What was erased is told, and is nothing wrong.
func TestWhatWasErasedIsNoFailure(t *testing.T) {
	t.Parallel()
	_, s, h := whole(t, 20, 10)
	h.evidence = h.evidence[3:]
	dir := filepath.Join(t.TempDir(), "erased")
	s.export(t, dir, h)
	if r := verified(t, dir, s); !r.OK() || r.Erased != 3 || r.Evidence != 17 {
		t.Errorf("%+v", r)
	}
}

// Each failure says what is wrong and where.
func TestFailuresAreTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		damage func(t *testing.T, dir string, s *sealed, h *history)
		with   func(s *sealed, o *Options)
		says   []string
	}{
		"an event of another content": {damage: func(t *testing.T, dir string, s *sealed, h *history) {
			h.events[12].Data = []byte(`{"n":13}`)
			again(t, dir, s, h)
		}, says: []string{"workspace-fraud, revision 10 (events-*): the events from revision 10 to 19 are not those that were sealed"}},
		"an event less at the end": {damage: func(t *testing.T, dir string, s *sealed, h *history) {
			h.events = h.events[:24]
			again(t, dir, s, h)
		}, says: []string{"workspace-fraud, revision 24: the last checkpoint is of 25 events, and there are 24: the others were dropped"}},
		"an event more at the end": {damage: func(t *testing.T, dir string, s *sealed, h *history) {
			h.events = append(h.events, newHistory("fraud", 26, "more").events[25])
			again(t, dir, s, h)
		}, says: []string{"workspace-fraud, revision 25: nobody has signed the events from revision 25 to 25"}},
		"cut back to an earlier checkpoint": {damage: func(t *testing.T, dir string, s *sealed, h *history) {
			h.events, h.evidence, s.notes["fraud"] = h.events[:10], h.evidence[:10], s.notes["fraud"][:1]
			s.numbers["fraud"] = 3
			again(t, dir, s, h)
		}, with: keptAll, says: []string{"revision 10: a checkpoint of 25 events was kept, and the export has 10: history was cut back"}},
		"signed by somebody else": {damage: func(t *testing.T, dir string, s *sealed, h *history) {
			other := newSealed(t)
			other.seal(t, h, 10)
			again(t, dir, other, h)
		}, says: []string{"is not signed by this key", "nothing is proven"}},
		"of another instance": {damage: func(t *testing.T, dir string, s *sealed, h *history) {
			m := read(t, filepath.Join(dir, bundle.ManifestFile))
			write(t, filepath.Join(dir, bundle.ManifestFile), bytes.Replace(m, []byte(`"annals.example"`), []byte(`"annals.elsewhere"`), 1))
		}, says: []string{"a checkpoint is of annals.example/workspace-fraud, and this is annals.elsewhere/workspace-fraud"}},
		"a forked history, signed": {damage: func(t *testing.T, dir string, s *sealed, h *history) {
			forked := newHistory("fraud", 25, "forked")
			kept := s.notes["fraud"]
			s.notes["fraud"] = nil
			s.seal(t, forked, 10)
			again(t, dir, s, forked)
			s.notes["fraud"] = kept
		}, with: keptAll, says: []string{"the checkpoint of 10 events that was kept has another root: history was changed since, between revision 0 and 9"}},
		"a line cut": {damage: func(t *testing.T, dir string, s *sealed, h *history) {
			path := filepath.Join(dir, "events-00000.ndjson")
			b := read(t, path)
			write(t, path, b[:len(b)-10])
		}, says: []string{"revision 24 (events-00000.ndjson, line 25): the line is not as an export has it", "its content is not what the manifest says"}},
		"lines swapped": {damage: func(t *testing.T, dir string, s *sealed, h *history) {
			path := filepath.Join(dir, "events-00000.ndjson")
			lines := bytes.SplitAfter(read(t, path), []byte("\n"))
			lines[3], lines[4] = lines[4], lines[3]
			write(t, path, bytes.Join(lines, nil))
		}, says: []string{"revision 3 (events-00000.ndjson, line 4): revision 4 stands in its place"}},
		"a file missing": {damage: func(t *testing.T, dir string, s *sealed, h *history) {
			if err := os.Remove(filepath.Join(dir, "events-00000.ndjson")); err != nil {
				t.Fatal(err)
			}
		}, says: []string{"(events-00000.ndjson): it is missing"}},
		"no checkpoints": {damage: func(t *testing.T, dir string, s *sealed, h *history) {
			s.notes["fraud"] = s.notes["fraud"][:1]
			notes := s.notes["fraud"]
			_ = notes
			again(t, dir, s, h)
			write(t, filepath.Join(dir, bundle.CheckpointsFile), nil)
		}, says: []string{"no checkpoint of annals.example/workspace-fraud is signed by this key"}},
		"a text that is another": {damage: func(t *testing.T, dir string, s *sealed, h *history) {
			h.evidence[2].Bytes = []byte("forged")
			again(t, dir, s, h)
		}, says: []string{"(evidence-00000.ndjson, line 3): the evidence is not what its digest says"}},
		"no tie": {damage: func(t *testing.T, dir string, s *sealed, h *history) {
			write(t, filepath.Join(dir, bundle.InstanceFile), nil)
		}, says: []string{"nothing shows that the instance's log has the last checkpoint, of 25 events"}},
		"a file too many": {damage: func(t *testing.T, dir string, s *sealed, h *history) {
			write(t, filepath.Join(dir, "events-00001.ndjson"), nil)
		}, says: []string{"(events-00001.ndjson): it is not of this export"}},
		"nothing kept of it": {damage: func(*testing.T, string, *sealed, *history) {}, with: func(s *sealed, o *Options) { o.Since = s.notes["churn"] },
			says: []string{"none of the checkpoints that were kept is of annals.example/workspace-fraud"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, s, h := whole(t, 25, 10)
			kept := slices.Clone(s.notes["fraud"])
			c.damage(t, dir, s, h)
			s.notes["fraud"] = kept
			r := verified(t, dir, s, func(o *Options) {
				if c.with != nil {
					c.with(s, o)
				}
			})
			var said strings.Builder
			for _, f := range r.Failures {
				said.WriteString(f.String() + "\n")
			}
			for _, want := range c.says {
				if !strings.Contains(said.String(), want) {
					t.Errorf("it says\n%swant %s", &said, want)
				}
			}
		})
	}
}

// again writes an export anew.
func again(t *testing.T, dir string, s *sealed, h *history) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	s.export(t, dir, h)
}

func keptAll(s *sealed, o *Options) { o.Since = s.notes["fraud"] }

func TestWhatIsNoExportIsAnError(t *testing.T) {
	t.Parallel()
	s := newSealed(t)
	keys := []checkpoint.Key{s.signer.Key()}
	var none *bundle.NoBundleError
	if _, err := Export(t.Context(), filepath.Join(t.TempDir(), "nothing"), Options{Keys: keys}); !errors.As(err, &none) {
		t.Errorf("a directory that is not there: %v", err)
	}
	if _, err := Export(t.Context(), t.TempDir(), Options{Keys: keys}); !errors.As(err, &none) {
		t.Errorf("an empty directory: %v", err)
	}
	dir, _, _ := whole(t, 1, 1)
	if _, err := Export(t.Context(), dir, Options{}); err == nil {
		t.Error("without a key something was verified")
	}
}
