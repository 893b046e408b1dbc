package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/history"
)

// killedExports kills the server, and then the command, while a history is exported: nothing of it has its name, and what is
// asked for again is whole.
func killedExports(t *testing.T, v *victim, was string, global []string) {
	t.Helper()
	above := t.TempDir()
	target := filepath.Join(above, "taken")
	begun := func() bool { // some of it has come
		some, _ := filepath.Glob(filepath.Join(above, ".taken.partial-*", "events-00000.ndjson")) // a pattern without faults
		return len(some) > 0
	}
	export := func() (*exec.Cmd, chan error) {
		cmd, ended := command(nil, append([]string{"export", "brought", "--output", target}, global...)...), make(chan error, 1)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		go func() { ended <- cmd.Wait() }()
		return cmd, ended
	}
	for who, kill := range map[string]func(*exec.Cmd){
		"server":  func(*exec.Cmd) { v.kill(); v.start() },
		"command": func(cmd *exec.Cmd) { _ = cmd.Process.Kill() },
	} {
		caught := false
		for try := 0; try < 10 && !caught; try++ {
			cmd, ended := export()
			for len(ended) == 0 && !begun() {
			}
			kill(cmd)
			err := <-ended
			caught = err != nil
			_, there := os.Stat(target)
			if caught != errors.Is(there, os.ErrNotExist) {
				t.Errorf("the %s is killed: %v, and under its name there is: %v", who, err, there)
			}
			if who == "server" && begun() {
				t.Error("the command left something behind")
			}
			left, _ := filepath.Glob(filepath.Join(above, ".taken.partial-*"))
			for _, dir := range append(left, target) {
				if err := os.RemoveAll(dir); err != nil {
					t.Fatal(err)
				}
			}
		}
		if !caught {
			t.Errorf("the %s was never killed in the middle: this test proves nothing", who)
		}
	}
	if _, ended := export(); <-ended != nil {
		t.Fatalf("it cannot be exported any more\n%s", v.log)
	}
	b, err := bundle.Open(target)
	if err == nil {
		err = b.Check(t.Context(), history.Leaf, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	first, err := bundle.Open(was)
	if err != nil || b.Manifest.Counts.Events != first.Manifest.Counts.Events+3 || len(b.Manifest.Origins) != 1 {
		t.Errorf("%+v, %v", b.Manifest, err)
	}
}
