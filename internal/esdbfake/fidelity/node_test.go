package fidelity_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// installed is the client for Node, in the version of package-lock.json.
var installed = sync.OnceValue(func() error {
	_, err := run("node", "npm", "ci", "--silent")
	return err
})

// drive runs tests of the client for Node against servers of their own, those of a file that match a pattern, or all.
func drive(t *testing.T, lie string, patience time.Duration, file, pattern string) (output string, err error) {
	t.Helper()
	if err := installed(); err != nil {
		t.Fatalf("install the client for Node: %v", err)
	}
	certs, err := os.MkdirTemp("", "annals-fidelity-certs-") // the name of a test may hold what a connection string cannot
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(certs) })
	free := "127.0.0.1:0"
	at := start(t, lie, "--plain", free, "--tls", free, "--cluster", strings.Join([]string{free, free, free}, ","), "--certs", certs, "--version", "25.1.0")
	args := []string{"--no-deprecation", "--test", "--test-force-exit", "--test-reporter=tap"}
	if pattern != "" {
		args = append(args, "--test-name-pattern=^"+regexp.QuoteMeta(pattern)+"$")
	}
	if file != "" {
		args = append(args, file)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "node", args...)
	c.Dir = "node"
	c.Env = append(os.Environ(), "PLAIN="+at["plain"][0], "TLS="+at["tls"][0], "NODES="+strings.Join(at["node"], ","),
		"CA="+filepath.Join(certs, "ca.crt"), fmt.Sprintf("PATIENCE=%d", patience.Milliseconds()))
	out, err := c.CombinedOutput()
	return string(out), err
}

// summary are the last words of the runner.
var summary = regexp.MustCompile(`(?m)^# (tests|pass|fail|cancelled|skipped|todo) (\d+)$`)

func TestTheClientForNodePasses(t *testing.T) {
	t.Parallel()
	output, err := drive(t, "", 20*time.Second, "", "")
	count := map[string]string{}
	for _, m := range summary.FindAllStringSubmatch(output, -1) {
		count[m[1]] = m[2]
	}
	if err != nil || count["tests"] == "" || count["tests"] == "0" || count["pass"] != count["tests"] {
		t.Fatalf("%v: %v\n%s", err, count, output)
	}
	t.Logf("%s of %s tests with the client for Node passed", count["pass"], count["tests"])
}

// nodeControls are lies, and tests that must fail on them.
var nodeControls = []struct{ lie, file, test string }{
	{"expected-revision", "append", "append by batches, plain: every expectation, met and not"},
	{"expected-revision", "append", "append by calls, secure: every expectation, met and not"},
	{"idempotence", "append", "append by batches, secure: an append sent again is written once"},
	{"caught-up", "subscribe", "subscribe to a stream: what is there, then what comes, without gap or repetition, secure"},
	{"checkpoint", "subscribe", "filtered: checkpoints lead past what does not match, and on from there nothing is missed, secure"},
	{"access", "access", "access lists say who may read, write, delete and see the metadata"},
}

func TestTheClientForNodeCatchesLies(t *testing.T) {
	t.Parallel()
	for _, tt := range nodeControls {
		t.Run(tt.lie+" in "+tt.file, func(t *testing.T) {
			output, err := drive(t, tt.lie, time.Second, tt.file+".test.mjs", tt.test)
			if err == nil {
				t.Errorf("%s passed against a server that lies\n%s", tt.test, output)
			} else if !strings.Contains(output, " - "+tt.test) {
				t.Errorf("%s did not run: %v\n%s", tt.test, err, output)
			}
		})
	}
}
