package arch_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// machinePaths finds directories of the machine somebody worked on. They work there and nowhere else. The
// pattern is put together so that it does not find itself.
var machinePaths = regexp.MustCompile(`(^|[^A-Za-z0-9._/~-])/(` + strings.Join([]string{"work", "root", "home/[a-z]+", "Users/[A-Za-z]+"}, "|") + `)/`)

// quoted are folders with other people's text, which names their machines.
var quoted = []string{"testdata"}

func TestNoFileNamesTheMachineItWasWrittenOn(t *testing.T) {
	t.Parallel()
	dir, err := root()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range committed(t) {
		if isQuoted(name) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.IndexByte(text, 0) >= 0 {
			continue // not text
		}
		for number, line := range bytes.Split(text, []byte("\n")) {
			if found := machinePaths.Find(line); found != nil {
				t.Errorf("%s:%d names %q", name, number+1, bytes.TrimSpace(found))
			}
		}
	}
}

func isQuoted(name string) bool {
	for _, part := range strings.Split(filepath.ToSlash(name), "/") {
		for _, folder := range quoted {
			if part == folder {
				return true
			}
		}
	}
	return false
}

func TestTheLicenceIsWhole(t *testing.T) {
	t.Parallel()
	dir, err := root()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "LICENSE"))
	if err != nil {
		t.Fatal(err)
	}
	for _, says := range []string{"Apache License", "Version 2.0, January 2004", "END OF TERMS AND CONDITIONS"} {
		if !bytes.Contains(text, []byte(says)) {
			t.Errorf("it does not say %q", says)
		}
	}
}
