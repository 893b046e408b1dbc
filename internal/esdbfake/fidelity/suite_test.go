package fidelity_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// client is the module whose tests are run; go.mod has its version and go.sum what it must consist of.
const client = "github.com/kurrent-io/KurrentDB-Client-Go"

// A foreign is a copy of that module, with its tests compiled.
type foreign struct {
	dir string // of the copy
	bin string // the compiled tests
}

var work = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "annals-fidelity-") })

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := work(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

var prepared = sync.OnceValues(func() (f foreign, err error) {
	dir, err := work()
	if err != nil {
		return f, err
	}
	out, err := run("", "go", "mod", "download", "-json", client)
	if err != nil {
		return f, err
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return f, fmt.Errorf("read what go says of %s: %w", client, err)
	}
	f = foreign{dir: filepath.Join(dir, "client"), bin: filepath.Join(dir, "suite")}
	if err := os.CopyFS(f.dir, os.DirFS(module.Dir)); err != nil {
		return f, fmt.Errorf("copy %s: %w", client, err)
	}
	// Its certificates are those of its own servers, and expired.
	if err := filepath.WalkDir(f.dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			err = os.Chmod(path, 0o755)
		}
		return err
	}); err != nil {
		return f, fmt.Errorf("open the copy: %w", err)
	}
	for _, certs := range []string{"ca", "untrusted-ca"} {
		if err := os.RemoveAll(filepath.Join(f.dir, "certs", certs)); err != nil {
			return f, err
		}
		if err := os.Mkdir(filepath.Join(f.dir, "certs", certs), 0o755); err != nil {
			return f, err
		}
	}
	_, err = run(f.dir, "go", "test", "-trimpath", "-c", "-o", f.bin, "./test")
	return f, err
})

func suite(t *testing.T) foreign {
	t.Helper()
	f, err := prepared()
	if err != nil {
		t.Fatalf("prepare the suite: %v", err)
	}
	return f
}

func run(dir, name string, args ...string) ([]byte, error) {
	c := exec.Command(name, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GOWORK=off")
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, out.Bytes(), errs.Bytes())
	}
	return out.Bytes(), nil
}

// outcome finds how a test ended in what `go test -v` prints.
var outcome = regexp.MustCompile(`(?m)^\s*--- (PASS|FAIL|SKIP): (\S+)`)

// try runs some tests of the suite and answers how each ended.
func (f foreign) try(t *testing.T, within time.Duration, tests ...string) (ended map[string]string, output string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	var suites, names []string
	for _, test := range tests {
		s, name, _ := strings.Cut(test, "/")
		suites, names = append(suites, s), append(names, name)
	}
	// A suite of testify chooses among its methods by a flag of its own, other tests by what is behind the stroke.
	pattern := fmt.Sprintf("^(%s)$/^(%s)$", strings.Join(suites, "|"), strings.Join(names, "|"))
	c := exec.CommandContext(ctx, f.bin, "-test.v", "-test.run", pattern)
	c.Dir = filepath.Join(f.dir, "test")
	out, _ := c.CombinedOutput() // how each test ended says more
	ended = map[string]string{}
	for _, m := range outcome.FindAllSubmatch(out, -1) {
		ended[string(m[2])] = string(m[1])
	}
	return ended, string(out)
}

func TestTheSuitePasses(t *testing.T) {
	f, s := suite(t), readScope(t)
	startForSuite(t, f, "")
	ended, output := f.try(t, 5*time.Minute, s.in...)
	passed := 0
	for _, test := range s.in {
		if ended[test] != "PASS" {
			t.Errorf("%s: %q, want PASS", test, ended[test])
			continue
		}
		passed++
	}
	if t.Failed() {
		t.Log(output)
	}
	t.Logf("%d of %d tests of %s passed", passed, len(s.in), client)
}

// suiteControls are lies, and a test of the suite that must fail on each.
var suiteControls = map[string]string{
	"expected-revision": "TestAppendEventsSuite/TestAppendToStreamFailsOnNonExistentStream",
	"tombstone":         "TestDeleteSuite/TestDetectStreamDeleted",
	"not-found":         "TestReadStreamSuite/TestReadStreamNotFound",
	"read-from":         "TestReadAllSuite/TestReadAllEventsForwardsFromNonZeroPosition",
	"filter":            "TestSubscriptionSuite/TestAllSubscriptionWithFilterDeliversCorrectEvents",
	"password":          "TestReadStreamSuite/TestReadStreamWithCredentialsOverride",
}

func TestTheSuiteCatchesLies(t *testing.T) {
	f := suite(t)
	for lie, test := range suiteControls {
		t.Run(lie, func(t *testing.T) {
			startForSuite(t, f, lie)
			if ended, output := f.try(t, 2*time.Minute, test); ended[test] == "PASS" {
				t.Errorf("%s passed against a server that lies\n%s", test, output)
			} else if !strings.Contains(output, "=== RUN   "+test) {
				t.Errorf("%s did not run\n%s", test, output)
			}
		})
	}
}

// quoted finds the lies in what the fake says of one that it does not know.
var quoted = regexp.MustCompile(`"([a-z-]+)"`)

func TestEveryLieHasAControl(t *testing.T) {
	bin, err := built()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(bin, "--lie", "?").CombinedOutput()
	lies := quoted.FindAllSubmatch(out, -1)
	if err == nil || len(lies) == 0 {
		t.Fatalf("%v: %s", err, out)
	}
	for _, lie := range lies {
		inNode := slices.ContainsFunc(nodeControls, func(c struct{ lie, file, test string }) bool { return c.lie == string(lie[1]) })
		if suiteControls[string(lie[1])] == "" && !inNode {
			t.Errorf("no test is known to fail on the lie %q", lie[1])
		}
	}
}
