package fidelity_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var built = sync.OnceValues(func() (string, error) {
	dir, err := work()
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "esdbfake")
	_, err = run("../../..", "go", "build", "-o", bin, "./internal/esdbfake/cmd/esdbfake")
	return bin, err
})

// start runs the fake until the test ends, and answers what it printed: where each server listens, by kind.
func start(t *testing.T, lie string, args ...string) map[string][]string {
	t.Helper()
	bin, err := built()
	if err != nil {
		t.Fatal(err)
	}
	if lie != "" {
		args = append(args, "--lie", lie)
	}
	c := exec.Command(bin, args...)
	var errs bytes.Buffer
	c.Stderr = &errs
	in, err := c.StdinPipe() // it ends when this does, however the test ends
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = c.Wait()
	})
	listens := map[string][]string{}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		kind, address, _ := strings.Cut(lines.Text(), " ")
		if kind == "ready" {
			return listens
		}
		listens[kind] = append(listens[kind], address)
	}
	_ = c.Wait()
	t.Fatalf("the fake did not start: %s", errs.Bytes())
	return nil
}

// startForSuite runs the servers that the suite knows: at fixed ports, with the authority where it looks for it.
func startForSuite(t *testing.T, f foreign, lie string) {
	t.Helper()
	certs := filepath.Join(f.dir, "certs")
	start(t, lie, "--plain", "127.0.0.1:2114", "--tls", "127.0.0.1:2115", "--cluster", "127.0.0.1:2111,127.0.0.1:2112,127.0.0.1:2113",
		"--certs", filepath.Join(certs, "ca"), "--version", "25.1.0")
	stranger(t, filepath.Join(certs, "untrusted-ca", "ca.crt"))
}

// stranger writes the certificate of an authority that signed nothing.
func stranger(t *testing.T, file string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	raw, err := x509.CreateCertificate(rand.Reader, ca, ca, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600); err != nil {
		t.Fatal(err)
	}
}
