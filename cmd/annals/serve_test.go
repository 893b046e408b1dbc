package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestATakenPortIsNamed(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	f := serveFlags{listen: taken.Addr().String()}
	_, err = f.bind(t.Context())
	var no *failure
	if _, port, _ := net.SplitHostPort(f.listen); !errors.As(err, &no) || no.Code != "port_taken" || !strings.Contains(no.Message, port) {
		t.Errorf("bind = %v, want a failure that names port %s", err, port)
	}
	f.portFallback = true
	next, err := f.bind(t.Context())
	if err != nil {
		t.Fatalf("with --port-fallback: %v", err)
	}
	defer next.Close()
	if next.Addr().String() == taken.Addr().String() {
		t.Error("the taken port was taken again")
	}
}

func TestOnlyThisMachineWithoutEncryption(t *testing.T) {
	t.Parallel()
	cert, key := newCertificate(t, t.TempDir(), 1, time.Now())
	for name, tt := range map[string]struct {
		given serveFlags
		ok    bool
	}{
		"loopback":            {serveFlags{listen: "127.0.0.1:1"}, true},
		"loopback by name":    {serveFlags{listen: "localhost:1"}, true},
		"loopback of IPv6":    {serveFlags{listen: "[::1]:1"}, true},
		"everywhere":          {serveFlags{listen: ":1"}, false},
		"everywhere of IPv4":  {serveFlags{listen: "0.0.0.0:1"}, false},
		"an address":          {serveFlags{listen: "192.0.2.1:1"}, false},
		"a name":              {serveFlags{listen: "annals.example:1"}, false},
		"with TLS":            {serveFlags{listen: ":1", tlsCert: cert, tlsKey: key}, true},
		"behind a proxy":      {serveFlags{listen: ":1", trustedProxies: []string{"10.0.0.0/8"}}, true},
		"as it was asked for": {serveFlags{listen: ":1", insecure: true}, true},
	} {
		if err := tt.given.check(); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhoAsksBehindProxies(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for name, tt := range map[string]struct{ remote, forwarded, want string }{
		"no proxy":               {"192.0.2.1:5", "", "192.0.2.1"},
		"a stranger's word":      {"192.0.2.1:5", "203.0.113.9", "192.0.2.1"},
		"a proxy's word":         {"10.0.0.1:5", "203.0.113.9", "203.0.113.9"},
		"two proxies":            {"10.0.0.1:5", "203.0.113.9, 10.0.0.2", "203.0.113.9"},
		"a lie before the proxy": {"10.0.0.1:5", "198.51.100.1, 203.0.113.9", "203.0.113.9"},
		"nonsense":               {"10.0.0.1:5", "nobody", "10.0.0.1"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = tt.remote
		if tt.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tt.forwarded)
		}
		if got := callerIP(r, proxies); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// newCertificate writes a certificate of that serial number and the key of it.
func newCertificate(t *testing.T, dir string, serial int64, at time.Time) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "annals"}, NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "EC PRIVATE KEY", Bytes: private}} {
		if err := errors.Join(os.WriteFile(name, pem.EncodeToMemory(block), 0o600), os.Chtimes(name, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

func TestTheCertificateIsReadAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	noon := time.Now().Add(-time.Hour)
	certFile, keyFile := newCertificate(t, dir, 1, noon)
	c := &certificate{certFile: certFile, keyFile: keyFile, log: slog.New(slog.DiscardHandler)}
	serial := func() int64 {
		t.Helper()
		c.looked = time.Time{} // as if the time between two looks had passed
		got, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return serialOf(t, got)
	}
	if got := serial(); got != 1 {
		t.Fatalf("serial %d, want 1", got)
	}
	newCertificate(t, dir, 2, noon.Add(time.Minute))
	if got := serial(); got != 2 {
		t.Errorf("after a change: serial %d, want 2", got)
	}
	if err := os.WriteFile(certFile, []byte("half a fi"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != 2 {
		t.Errorf("while it is broken: serial %d, want the last good one, 2", got)
	}
	if _, err := (&certificate{certFile: "none", keyFile: "none"}).get(nil); err == nil {
		t.Error("a server starts without its certificate")
	}
}

func serialOf(t *testing.T, c *tls.Certificate) int64 {
	t.Helper()
	parsed, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return parsed.SerialNumber.Int64()
}

func TestTheGateSendsRequestsAway(t *testing.T) {
	t.Parallel()
	var g gate
	h := g.guard(http.HandlerFunc(healthy))
	ask := func(path string) int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code == 503 && w.Header().Get("Retry-After") != "1" {
			t.Errorf("%s: 503 without Retry-After: 1", path)
		}
		return w.Code
	}
	if got := [2]int{ask("/v1/keys"), ask("/healthz")}; got != [2]int{503, 200} {
		t.Errorf("shut: %v", got)
	}
	g.open()
	if got := ask("/v1/keys"); got != 200 {
		t.Errorf("open: %d", got)
	}
}

// When the server stops, a request under way is finished and a subscription is cut; who comes then is told to come
// again, and balancers are told to look elsewhere.
func TestDraining(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	entered := make(chan struct{}, 2)
	s := &server{log: slog.New(slog.DiscardHandler), up: &gate{}}
	s.up.open()
	mux := http.NewServeMux()
	release := make(chan struct{})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, _ *http.Request) {
		entered <- struct{}{}
		<-release
		plain(w, 200, "done")
	})
	mux.HandleFunc("/endless", func(_ http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		<-r.Context().Done()
	})
	mux.HandleFunc("/healthz", healthy)
	mux.HandleFunc("/readyz", s.ready)
	served := make(chan error, 1)
	go func() { served <- s.run(ctx, &http.Server{Handler: s.up.guard(mux)}, listener, 20*time.Second) }()
	ask := func(path string) (int, string) {
		resp, err := http.Get("http://" + listener.Addr().String() + path)
		if err != nil {
			return 0, err.Error()
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body) // compared below
		return resp.StatusCode, string(text)
	}
	status := make(chan int, 2)
	for _, path := range []string{"/slow", "/endless"} {
		go func() {
			got, _ := ask(path)
			status <- got
		}()
	}
	<-entered
	<-entered
	stop()
	for !s.up.stopping() {
		pause()
	}
	if got, text := ask("/readyz"); got != 503 || !strings.Contains(text, "draining") {
		t.Errorf("/readyz while it drains: %d %q", got, text)
	}
	if got, _ := ask("/healthz"); got != 200 {
		t.Errorf("/healthz while it drains: %d", got)
	}
	if got, text := ask("/slow"); got != 503 || !strings.Contains(text, "stopping") {
		t.Errorf("a request that comes while it drains: %d %q", got, text)
	}
	close(release)
	if a, b := <-status, <-status; a != 200 || b != 200 {
		t.Errorf("answered %d and %d; want both to be finished", a, b)
	}
	if err := <-served; err != nil {
		t.Errorf("run: %v", err)
	}
	if _, err := net.Dial("tcp", listener.Addr().String()); err == nil {
		t.Error("it still takes connections")
	}
}
