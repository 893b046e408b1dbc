package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/internal/pgtest"
)

// A receipt of an event stands by itself: whoever has the key can check it, and no other file passes for one.
func TestReceipts(t *testing.T) {
	t.Parallel()
	database := pgtest.URL(t)
	s := startServerIn(t, pgtest.Dir(t), database, t.Cleanup)
	key, errs, exit := s.annals("", "audit", "key")
	if exit != 0 {
		t.Fatal(errs)
	}
	if _, err := checkpoint.ParseKey(key); err != nil {
		t.Fatalf("%q: %v", key, err)
	}
	key = strings.TrimSpace(key)
	remote, errs, exit := s.annals("", "audit", "key", "--data", t.TempDir(), "--url", s.URL, "--api-key", s.Key)
	if exit != 0 || strings.TrimSpace(remote) != key {
		t.Errorf("the server says %q %s, the file %q", remote, errs, key)
	}
	file := filepath.Join(t.TempDir(), "first.tlog-proof")
	if _, errs, exit := s.annals("", "audit", "prove", "default@0", "--file", file); exit != 0 {
		t.Fatal(errs)
	}
	out, errs, exit := s.annals("", "audit", "verify", file, "--key", key, "-o", "json")
	var shown struct {
		Event, Type, Origin string
		Revision            int64
	}
	if exit != 0 {
		t.Fatal(errs)
	}
	decode(t, out, &shown)
	if shown.Type != "workspace.created" || shown.Revision != 0 || !strings.HasSuffix(shown.Origin, "/workspace-default") {
		t.Errorf("it shows %s", out)
	}
	byID, errs, exit := s.annals("", "audit", "prove", shown.Event)
	if exit != 0 {
		t.Fatal(errs)
	}
	if p, err := checkpoint.ParseProof([]byte(byID)); err != nil || p.Index != 0 {
		t.Errorf("by its id: %v\n%s", err, byID)
	}
	receipt, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	other, err := checkpoint.Generate("annals.example")
	if err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(t.TempDir(), "broken.tlog-proof")
	if err := os.WriteFile(broken, []byte(strings.Replace(string(receipt), "index 0", "index 1", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		exit int
		says string
	}{
		{[]string{"audit", "prove", "default@9999"}, exitNotFound, "no such event"},
		{[]string{"audit", "prove", "default@-1"}, exitNotFound, "no such event"},
		{[]string{"audit", "prove", "default@x"}, exitNotFound, "no such event"},
		{[]string{"audit", "prove", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"}, exitNotFound, "no such event"},
		{[]string{"audit", "prove", "nowhere@0"}, exitNotFound, "no such workspace"},
		{[]string{"audit", "verify", file}, exitUsage, "--key is missing"},
		{[]string{"audit", "verify", file, "--key", "nothing"}, exitUsage, "neither a verifier key nor a file"},
		{[]string{"audit", "verify", file, "--key", key[:len(key)-2]}, exitUsage, "no verifier key"},
		{[]string{"audit", "verify", file, "--key", strings.Replace(key, "annals", "anmals", 1)}, exitUsage, "damaged"},
		{[]string{"audit", "verify", file, "--key", other.Key().String()}, exitUnverified, "not signed by this key"},
		{[]string{"audit", "verify", broken, "--key", key}, exitUnverified, "proves nothing"},
		{[]string{"audit", "verify", filepath.Join(s.Dir, addressFile), "--key", key}, exitUnverified, "no receipt"},
		{[]string{"audit", "verify", filepath.Join(s.Dir, "nothing"), "--key", key}, exitNotFound, "there is no"},
		{[]string{"audit", "verify", t.TempDir(), "--key", key}, exitUsage, "no whole export"},
		{[]string{"audit", "verify", t.TempDir(), "--key", key, "--since", filepath.Join(s.Dir, "nothing")}, exitNotFound, "--since: there is no"},
		{[]string{"audit", "verify", t.TempDir(), "--key", key, "--since", filepath.Join(s.Dir, addressFile)}, exitUsage, "holds no checkpoints"},
	} {
		if out, errs, exit := s.annals("", c.args...); exit != c.exit || !strings.Contains(errs, c.says) {
			t.Errorf("annals %s: exit code %d, want %d; it says %s%s, want %q", strings.Join(c.args, " "), exit, c.exit, out, errs, c.says)
		}
	}
	// An event that is not the one that was sealed gets no receipt, and the server says so.
	pgtest.Exec(t, database, `ALTER TABLE log.events DISABLE TRIGGER events_immutable`,
		`UPDATE log.events SET data = data || ' ' WHERE revision = 0 AND type = 'workspace.created'`)
	if _, errs, exit := s.annals("", "audit", "prove", "default@0"); exit != exitConflict || !strings.Contains(errs, "not the one that was sealed") {
		t.Errorf("an event that was changed: exit code %d, %s", exit, errs)
	}
	if !strings.Contains(s.Log.String(), "ALARM") {
		t.Error("the log says nothing of it")
	}
}
