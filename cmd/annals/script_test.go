package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/annals-io/annals/internal/pgtest"
)

// TestScripts runs testdata/*.txtar: the command line as its users type it. Each script has a server on a database of
// its own, whose data directory is ./annals-data, so that the commands find it by themselves; those named serve_* start
// theirs, on the database $DATABASE.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			tb, ok := env.T().(testing.TB)
			if !ok {
				return errors.New("scripts run under a test")
			}
			root, err := repository()
			if err != nil {
				return err
			}
			database := pgtest.URL(tb)
			env.Setenv("DATABASE", database)
			env.Setenv("REAL", filepath.Join(root, "ingest", "openlineage", "testdata", "real.ndjson"))
			env.Setenv("EVENTS", filepath.Join(root, "examples", "training.ndjson"))
			if strings.Contains(filepath.Base(env.WorkDir), "script-serve_") {
				return nil
			}
			s := startServerIn(tb, filepath.Join(env.WorkDir, "annals-data"), database, env.Defer)
			env.Setenv("URL", s.URL)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"isjson": isJSON, "isndjson": isNDJSON, "waitfor": waitFor},
	})
}

// repository is the directory of go.mod.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("there is no go.mod above the test")
		}
		dir = up
	}
}

// isJSON [FIELD...] says that the last output is exactly one JSON document, with these fields at its top.
func isJSON(ts *testscript.TestScript, neg bool, args []string) {
	d := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	var doc map[string]json.RawMessage
	err := d.Decode(&doc)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("there is more than one document")
		}
	}
	if err != nil {
		if !neg {
			ts.Fatalf("%s is no JSON document: %v", args[0], err)
		}
		return
	}
	for _, name := range args[1:] {
		if _, ok := doc[name]; !ok {
			ts.Fatalf("%s has no field %s", args[0], name)
		}
	}
}

// isNDJSON FILE says that the output is one JSON object a line.
func isNDJSON(ts *testscript.TestScript, _ bool, args []string) {
	for i, line := range strings.Split(strings.TrimSuffix(ts.ReadFile(args[0]), "\n"), "\n") {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			ts.Fatalf("line %d of %s is no JSON object: %v", i+1, args[0], err)
		}
	}
}

// waitFor FILE waits until a program in the background has written it.
func waitFor(ts *testscript.TestScript, _ bool, args []string) {
	for range 6000 {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		pause()
	}
	ts.Fatalf("%s is not there after a minute", args[0])
}
