package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/annals-io/annals/internal/pgtest"
)

// What was acknowledged survives kill -9, of the server and of PostgreSQL. Clients write each acknowledgement to a file
// before they go on; whatever was sent is sent again at the end, and everything acknowledged must be known then. A
// control run with a database that acknowledges too early must be caught by the same test.

// writers send events one by one and keep account of them.
type writers struct {
	v     *victim
	key   string
	acks  *os.File
	sent  sync.Map // id -> true
	acked atomic.Int64
	odd   sync.Map // answers that are neither success nor 503: clients would drop the event
	stop  context.CancelFunc
	done  sync.WaitGroup
}

func startWriters(v *victim, n int) *writers {
	v.t.Helper()
	key, err := readLine(filepath.Join(v.dir, firstKeyFile))
	if err != nil {
		v.t.Fatal(err)
	}
	acks, err := os.Create(filepath.Join(v.t.TempDir(), "acks"))
	if err != nil {
		v.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	w := &writers{v: v, key: key, acks: acks, stop: stop}
	for i := range n {
		w.done.Go(func() { w.write(ctx, i) })
	}
	return w
}

func (w *writers) write(ctx context.Context, writer int) {
	for n := 0; ctx.Err() == nil; n++ {
		id := fmt.Sprintf("k-%d-%d", writer, n)
		w.sent.Store(id, true)
		for ctx.Err() == nil { // until it is taken: the same event, again and again
			status, _ := w.post(ctx, "", killEvent(id))
			if status != 0 && status != http.StatusOK && status != http.StatusServiceUnavailable { // 0: nobody is there
				w.odd.Store(status, true)
			}
			if status == http.StatusOK {
				w.acked.Add(1)
				_, _ = w.acks.WriteString(id + "\n") // O_APPEND is not needed: one file, one offset
				break
			}
			pause()
		}
	}
}

func killEvent(id string) string {
	return fmt.Sprintf(`{"id":%q,"run":"run-%s","at":"2026-03-01T12:00:00Z","body":{"type":"runStarted"}}`+"\n", id, id)
}

func (w *writers) post(ctx context.Context, query, body string) (int, []byte) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.v.address()+"/v1/workspaces/default/events"+query, strings.NewReader(body))
	if err != nil {
		return 0, nil
	}
	req.Header.Set("Authorization", "Bearer "+w.key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil
	}
	return resp.StatusCode, answer
}

// await waits for so many more acknowledgements.
func (w *writers) await(more int64) {
	w.v.t.Helper()
	for began, from := time.Now(), w.acked.Load(); w.acked.Load() < from+more; pause() {
		if time.Since(began) > time.Minute {
			w.v.t.Fatalf("no %d events were acknowledged in a minute:\n%s", more, w.v.log)
		}
	}
}

// account stops writing, sends everything again, and answers which acknowledged events the server does not know. Sent a
// third time, all must be known: a retry never doubles.
func (w *writers) account() (lost []string, sent int) {
	t := w.v.t
	t.Helper()
	w.stop()
	w.done.Wait()
	w.odd.Range(func(status, _ any) bool {
		t.Errorf("an event was answered %v while the database was away, not 503", status)
		return true
	})
	acked := map[string]bool{}
	for _, id := range strings.Fields(readFile(t, w.acks.Name())) {
		acked[id] = true
	}
	w.acks.Close()
	var all bytes.Buffer
	w.sent.Range(func(id, _ any) bool {
		sent++
		all.WriteString(killEvent(id.(string)))
		return true
	})
	for round := range 2 {
		for _, r := range w.again(all.String()) {
			switch {
			case r.Outcome == "rejected":
				t.Errorf("%s is rejected: %s", r.ID, r.Message)
			case r.Outcome == "accepted" && (acked[r.ID] && round == 0):
				lost = append(lost, r.ID)
			case r.Outcome == "accepted" && round == 1:
				t.Errorf("%s was written twice", r.ID)
			}
		}
	}
	return lost, sent
}

type rowAnswer struct{ ID, Outcome, Message string }

func (w *writers) again(body string) []rowAnswer {
	t := w.v.t
	t.Helper()
	for began := time.Now(); ; pause() {
		status, answer := w.post(context.Background(), "?results=all", body)
		if status == http.StatusOK {
			var a struct{ Results []rowAnswer }
			if err := json.Unmarshal(answer, &a); err != nil {
				t.Fatal(err)
			}
			return a.Results
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("the server does not take the events again: %d %s\n%s", status, answer, w.v.log)
		}
	}
}

// kills is how often something is killed; nightly runs set more by ANNALS_TEST_KILLS.
func kills(t *testing.T, fallback int) int {
	t.Helper()
	s := os.Getenv("ANNALS_TEST_KILLS")
	if s == "" {
		return fallback
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("ANNALS_TEST_KILLS: %v", err)
	}
	return n
}

func TestKillingTheServerLosesNothing(t *testing.T) {
	t.Parallel()
	v := newVictim(t, "--database-url", pgtest.URL(t))
	v.start()
	w := startWriters(v, 8)
	for range kills(t, 10) {
		w.await(40)
		v.kill()
		v.start()
	}
	w.await(40)
	if lost, sent := w.account(); len(lost) > 0 {
		t.Errorf("%d of %d events were acknowledged and are gone: %v", len(lost), sent, lost[:min(len(lost), 5)])
	}
}

func TestKillingPostgresLosesNothing(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	v.start()
	w := startWriters(v, 8)
	for i := range kills(t, 4) {
		w.await(40)
		if i%2 == 0 {
			v.killPostgres() // the server starts it again
			continue
		}
		v.crash()
	}
	w.await(40)
	if lost, sent := w.account(); len(lost) > 0 {
		t.Errorf("%d of %d events were acknowledged and are gone: %v", len(lost), sent, lost[:min(len(lost), 5)])
	}
}

// The control: a database that acknowledges before it has written must be found out.
func TestTheKillTestFindsALiar(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	v.start()
	v.stop()
	liar := filepath.Join(v.dir, "postgres", "local.conf")
	if err := os.WriteFile(liar, []byte("synchronous_commit = off\nwal_writer_delay = 10s\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	v.start()
	w := startWriters(v, 8)
	for range 6 {
		w.await(100)
		v.crash()
	}
	w.await(10)
	if lost, sent := w.account(); len(lost) == 0 {
		t.Errorf("none of %d events is missed though the database acknowledged too early: this test proves nothing", sent)
	}
	if !strings.Contains(v.log.String(), "may lose acknowledged events") {
		t.Error("the server did not warn of it")
	}
}
