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
