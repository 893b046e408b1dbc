package arch_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// largest is the most a file of ours has, in bytes: generated code is the largest there is. A program that was built into
// the tree and added with it stays in the history for good.
const largest = 2 << 20

func TestWhatIsKeptIsSource(t *testing.T) {
	t.Parallel()
	dir, err := root()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("git", "-C", dir, "ls-files", "-z").Output()
	if err != nil {
		t.Fatalf("list the files that are kept: %v", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err == nil && info.Size() > largest {
			t.Errorf("%s has %d bytes: it is no source; take it out of the commit (git rm --cached) before anybody has it", name, info.Size())
		}
	}
}
