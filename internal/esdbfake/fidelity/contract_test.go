package fidelity_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// `make test-kurrentdb` is for those who have a real server. Here it meets a fake in another process, of the newer
// version, over TLS, as every connection string names it: what an operator would type works.
func TestTheContractRunsByConnectionString(t *testing.T) {
	t.Parallel()
	certs := t.TempDir()
	free := "127.0.0.1:0"
	at := start(t, "", "--plain", free, "--tls", free, "--cluster", strings.Join([]string{free, free, free}, ","), "--certs", certs, "--version", "25.1.0")
	ca := "?tlsCaFile=" + filepath.Join(certs, "ca.crt")
	for name, server := range map[string]string{
		"plain":     "esdb://" + at["plain"][0] + "?tls=false",
		"tls":       "esdb://admin:changeit@" + at["tls"][0] + ca,
		"cluster":   "esdb://admin:changeit@" + strings.Join(at["node"], ",") + ca,
		"discovery": "esdb+discover://admin:changeit@" + at["node"][2] + ca,
	} {
		out, err := run("../../..", "make", "test-kurrentdb", "KURRENTDB="+server,
			"FLAGS=-v -run 'TestContractAgainstARealServer/^(01|02|03|07|11|22|28|29|36)_'")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if n := strings.Count(string(out), "--- PASS: TestContractAgainstARealServer/"); n < 9 {
			t.Errorf("%s: %d tests ran\n%s", name, n, out)
		}
	}
}
