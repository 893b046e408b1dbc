package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/annals-io/annals/internal/pgtest"
)

// transit is a Vault with one key, which can be away.
type transit struct {
	*httptest.Server
	away atomic.Bool
}

func newTransit(t *testing.T) *transit {
	t.Helper()
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	key, err := aead.New(h)
	if err != nil {
		t.Fatal(err)
	}
	v := &transit{}
	v.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Plaintext  []byte `json:"plaintext"`
			Ciphertext string `json:"ciphertext"`
			Data       []byte `json:"associated_data"`
		}
		err := json.NewDecoder(r.Body).Decode(&in)
		out := map[string]any{}
		switch {
		case err != nil || v.away.Load():
			http.Error(w, `{"errors":["sealed"]}`, http.StatusForbidden)
			return
		case strings.Contains(r.URL.Path, "/encrypt/"):
			c, _ := key.Encrypt(in.Plaintext, in.Data)
			out["ciphertext"] = "vault:v1:" + base64.StdEncoding.EncodeToString(c)
		default:
			c, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(in.Ciphertext, "vault:v1:"))
			if out["plaintext"], err = key.Decrypt(c, in.Data); err != nil {
				http.Error(w, `{"errors":["refused"]}`, http.StatusBadRequest)
				return
			}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"data": out})
	}))
	t.Cleanup(v.Close)
	return v
}

// Given a server whose names are sealed under a file, when Vault is to wrap its keys, then it goes on reading names while
// they are wrapped anew; without Vault the next start is sealed, says so, and answers all else; and it goes on by itself.
func TestKeysGoToAServiceAndBack(t *testing.T) {
	v := newTransit(t)
	t.Setenv("VAULT_ADDR", v.URL)
	t.Setenv("VAULT_TOKEN", "hvs.test")
	u, err := url.Parse(v.URL)
	if err != nil {
		t.Fatal(err)
	}
	kek := "hcvault://" + u.Host + "/transit/keys/annals"
	dir, database := pgtest.Dir(t), pgtest.URL(t)
	names := func(s *testServer) string {
		t.Helper()
		_, said, _ := s.call(t, "POST", "/graphql", s.Key, `{"query":"{ workspace(slug: \"default\") { members { nodes { name erased } } } }"}`, "Content-Type", "application/json")
		return said
	}
	var stop func()
	s := startServerIn(t, dir, database, func(f func()) { stop = f })
	before := names(s)
	if !strings.Contains(before, `"name":"`) {
		t.Fatalf("nobody is named: %s", before)
	}
	if out, errs, exit := s.annals("", "vault", "rotate", "--kek", kek, "--data", dir, "-o", "json"); exit != 0 || !strings.Contains(out, kek) {
		t.Fatalf("rotate: %d %s%s", exit, out, errs)
	}
	if now := names(s); now != before {
		t.Errorf("while it runs names are %s, and were %s", now, before)
	}
	stop()

	v.away.Store(true)
	s = startServerIn(t, dir, database, func(f func()) { stop = f }, func(f *serveFlags) { f.kek = kek })
	if status, said, _ := s.call(t, "GET", "/readyz", "", ""); status != http.StatusServiceUnavailable || !strings.Contains(said, "sealed") {
		t.Errorf("without Vault: %d %s", status, said)
	}
	if status, _, _ := s.call(t, "GET", "/healthz", "", ""); status != http.StatusOK {
		t.Errorf("without Vault it is not healthy: %d", status)
	}
	if said := names(s); !strings.Contains(said, `"name":null`) || !strings.Contains(said, `"erased":false`) || strings.Contains(said, `"errors"`) {
		t.Errorf("without Vault names are %s", said)
	}
	v.away.Store(false)
	for end := time.Now().Add(20 * time.Second); names(s) != before; pause() {
		if time.Now().After(end) {
			t.Fatalf("with Vault again names are %s", names(s))
		}
	}
	if status, said, _ := s.call(t, "GET", "/readyz", "", ""); status != http.StatusOK {
		t.Errorf("with Vault again: %d %s", status, said)
	}
	stop()
	out, errs, exit := s.annals("", "vault", "rotate", "--kek", "file", "--data", dir)
	if exit != 0 {
		t.Errorf("back to a file: %d %s%s", exit, out, errs)
	}
	s = startServerIn(t, dir, database, func(f func()) { t.Cleanup(f) }, func(f *serveFlags) { f.kek = "file" })
	if now := names(s); now != before {
		t.Errorf("from the file names are %s, and were %s", now, before)
	}
}
