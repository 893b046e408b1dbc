//go:build python

package verify

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// python runs the verifier in the other language on an export.
func python(t testing.TB, args ...string) (says string, exit int) {
	t.Helper()
	script, err := filepath.Abs(filepath.Join("..", "..", "examples", "verify.py"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "python3", append([]string{script}, args...)...).CombinedOutput()
	var ended *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &ended):
		exit = ended.ExitCode()
	default:
		t.Fatalf("run examples/verify.py: %v", err)
	}
	return string(out), exit
}

// Two verifiers that share no code find the same exports whole and the same ones wrong.
func TestTheOtherVerifierFindsTheSame(t *testing.T) {
	t.Parallel()
	v := newVictim(t, 11)
	whole := v.whole(t)
	key, kept := v.signer.Key().String(), filepath.Join(t.TempDir(), "kept")
	var text []byte
	for _, note := range v.kept {
		text = append(append(text, note...), '\n')
	}
	write(t, kept, text)
	dir := filepath.Join(t.TempDir(), "whole")
	v.write(t, dir, whole, v.kept, v.lastTie(v.kept))
	if says, exit := python(t, dir, key, kept); exit != 0 || !strings.Contains(says, "40 events, 6 kept checkpoints") {
		t.Errorf("a whole one: exit code %d, %s", exit, says)
	}
	if says, exit := python(t, dir, newSealed(t).signer.Key().String()); exit != 6 || !strings.Contains(says, "not signed by this key") {
		t.Errorf("by another key: exit code %d, %s", exit, says)
	}
	for n := range 60 {
		dir := filepath.Join(t.TempDir(), "export")
		what, found := "", false
		if n%2 == 0 {
			what, found = v.struck(t, dir)
		} else {
			what = v.tampered(t, dir, whole)
		}
		if strings.Contains(what, "manifest") {
			found = true // it is read for what it lists, and is no proof of anything itself
		}
		if !found {
			if says, exit := python(t, dir, key, kept); exit != 6 {
				t.Errorf("%s: exit code %d, %s", what, exit, says)
			}
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
}

// The other verifier takes the keys that the instance prints, from a file of them too, and believes no former one behind
// a later one.
func TestTheOtherVerifierKnowsRotatedKeys(t *testing.T) {
	t.Parallel()
	s, h := newSealed(t), newHistory("fraud", 20, "whole")
	s.seal(t, &history{slug: h.slug, events: h.events[:10]}, 5)
	before := s.notes["fraud"]
	s.rotated(t)
	s.seal(t, h, 20)
	dir, keys := filepath.Join(t.TempDir(), "export"), filepath.Join(t.TempDir(), "keys")
	s.export(t, dir, h)
	kept := filepath.Join(t.TempDir(), "kept")
	write(t, kept, before[0])
	write(t, keys, []byte(lines(s)))
	for _, key := range []string{keys, lines(s)} {
		if says, exit := python(t, dir, key, kept); exit != 0 || !strings.Contains(says, "20 events, 1 kept") {
			t.Errorf("exit code %d, %s", exit, says)
		}
	}
	if says, exit := python(t, dir, s.signer.Key().String(), kept); exit != 6 || !strings.Contains(says, "not signed by this key") {
		t.Errorf("by the new key alone: exit code %d, %s", exit, says)
	}
	s, all := thefts(t)
	for name, c := range all {
		write(t, kept, c.kept[0])
		if says, exit := python(t, c.dir, lines(s), kept); exit != 6 || !strings.Contains(says, "a former key") {
			t.Errorf("%s: exit code %d, %s", name, exit, says)
		}
	}
}

// lines are the verifier keys of an instance, as it prints them.
func lines(s *sealed) (text string) {
	for _, k := range s.signer.Keys() {
		text += k.String() + "\n"
	}
	return text
}

// What cannot be compared at all is told from what is wrong.
func TestTheOtherVerifierTellsMistakesFromDamage(t *testing.T) {
	t.Parallel()
	dir, s, _ := whole(t, 10, 5)
	key := s.signer.Key().String()
	no := filepath.Join(t.TempDir(), "no")
	text := filepath.Join(t.TempDir(), "text")
	write(t, text, []byte("a text\n"))
	for name, c := range map[string]struct {
		args []string
		exit int
		says string
	}{
		"no export":                    {[]string{no, key}, 2, "is no whole export"},
		"no key":                       {[]string{dir, "nothing"}, 2, "annals audit key"},
		"a key that was cut":           {[]string{dir, key[:len(key)-4]}, 2, "damaged"},
		"a key of another name":        {[]string{dir, strings.Replace(key, "annals", "anmals", 1)}, 2, "damaged"},
		"a file that is not there":     {[]string{dir, key, no}, 2, "no file of checkpoints"},
		"a directory":                  {[]string{dir, key, dir}, 2, "no file of checkpoints"},
		"a file without checkpoints":   {[]string{dir, key, text}, 2, "holds no checkpoints"},
		"no arguments":                 {nil, 1, "verify.py EXPORT KEY"},
		"those of an earlier export":   {[]string{dir, key, filepath.Join(dir, "checkpoints")}, 0, "2 kept checkpoints"},
		"those of another workspace":   {[]string{dir, key, other(t, s)}, 6, "nothing to compare with"},
		"a manifest without its parts": {[]string{stripped(t, dir), key}, 6, "WRONG"},
	} {
		if says, exit := python(t, c.args...); exit != c.exit || !strings.Contains(says, c.says) || strings.Contains(says, "Traceback") {
			t.Errorf("%s: exit code %d, want %d and %q: %s", name, exit, c.exit, c.says, says)
		}
	}
}

// other is a file with a checkpoint of another workspace.
func other(t testing.TB, s *sealed) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "other")
	write(t, path, s.notes["churn"][0])
	return path
}

// stripped is an export whose manifest says nothing.
func stripped(t testing.TB, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "stripped")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(to, "manifest.json"), []byte("{}"))
	return to
}
