package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/internal/pgtest"
)

// The key that seals history is changed under a running server, twice. What each of the keys signed goes on being proven by
// what the command prints, in receipts and in an export, and by nothing less.
func TestTheAuditKeyIsRotated(t *testing.T) {
	t.Parallel()
	s := startServerIn(t, pgtest.Dir(t), pgtest.URL(t), t.Cleanup)
	dir := t.TempDir()
	receipts := []string{s.receiptOf(t, dir, "default@0")}
	first, _, _ := s.annals("", "audit", "key")
	keys := first
	for n := range 2 {
		printed, errs, exit := s.annals("", "audit", "key", "rotate")
		if exit != 0 || !strings.Contains(errs, "back up") || strings.Count(printed, "\n") != n+2 || !strings.HasSuffix(printed, keys) {
			t.Fatalf("%d %s\n%s", exit, errs, printed)
		}
		keys = printed
		newest, err := checkpoint.ParseKey(strings.SplitN(keys, "\n", 2)[0])
		if err != nil {
			t.Fatal(err)
		}
		for until := time.Now().Add(time.Minute); ; { // the server takes it up by itself
			said, _, _ := s.annals("", "audit", "key", "--data", dir, "--url", s.URL, "--api-key", s.Key)
			if said == keys {
				break
			}
			if time.Now().After(until) || sleep(t.Context(), 50*time.Millisecond) != nil {
				t.Fatalf("the server says\n%s\nand the file\n%s\n%s", said, keys, s.Log)
			}
		}
		event := `{"id":"rotated-` + string(rune('a'+n)) + `","run":"r1","pipeline":{"name":"train"},"at":"2026-03-01T12:00:00Z","body":{"type":"runStarted"}}` + "\n"
		status, answer, _ := s.call(t, "POST", "/v1/workspaces/default/events", s.Key, event)
		if status != 200 {
			t.Fatalf("%d %s", status, answer)
		}
		var kept struct{ Revision int64 }
		decode(t, answer, &kept)
		receipt := s.receiptOf(t, dir, fmt.Sprint("default@", kept.Revision))
		receipts = append(receipts, receipt)
		if p, err := checkpoint.ParseProof([]byte(readFile(t, receipt))); err != nil {
			t.Error(err)
		} else if _, err := checkpoint.Open(p.Checkpoint, newest); err != nil {
			t.Errorf("rotation %d: what was recorded behind it is not signed by the new key: %v", n, err)
		}
	}
	file := filepath.Join(dir, "instance.key")
	if err := os.WriteFile(file, []byte(keys), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, receipt := range receipts {
		if _, errs, exit := s.annals("", "audit", "verify", receipt, "--key", file); exit != 0 {
			t.Errorf("%s: %s", receipt, errs)
		}
	}
	if _, errs, exit := s.annals("", "audit", "verify", receipts[1], "--key", strings.TrimSpace(first)); exit != exitUnverified {
		t.Errorf("by the first key alone: %d %s", exit, errs)
	}
	taken := filepath.Join(dir, "history")
	if _, errs, exit := s.annals("", "export", "default", "-o", taken); exit != 0 {
		t.Fatal(errs)
	}
	if out, errs, exit := s.annals("", "audit", "verify", taken, "--key", file, "--since", receipts[0]); exit != 0 || !strings.Contains(out, "all 1 checkpoints that you kept") {
		t.Errorf("%s%s", out, errs)
	}
	if strings.Contains(s.Log.String(), "ALARM") {
		t.Error(s.Log)
	}
}

// receiptOf is the file of an event's receipt.
func (s *testServer) receiptOf(t *testing.T, dir, event string) string {
	t.Helper()
	file := filepath.Join(dir, strings.ReplaceAll(event, "@", "-")+".tlog-proof")
	if _, errs, exit := s.annals("", "audit", "prove", event, "--file", file); exit != 0 {
		t.Fatal(errs)
	}
	return file
}
