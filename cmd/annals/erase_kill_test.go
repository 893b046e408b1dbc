package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/internal/embedded"
	"github.com/annals-io/annals/internal/pgtest"
)

// erasing is a server that erases and is killed on the way, and what holds it up there.
type erasing struct {
	*victim
	t        *testing.T
	database *embedded.Server
	closes   []func() // what lets go of what is held
}

// holds takes a lock in the database, which holds up whoever needs another one.
func (e *erasing) holds(sql string) {
	e.t.Helper()
	conn, err := pgx.Connect(e.t.Context(), e.database.AllURL())
	if err != nil {
		e.t.Fatal(err)
	}
	e.closes = append(e.closes, func() { _ = conn.Close(context.Background()) })
	for _, s := range []string{"BEGIN", sql} {
		if _, err := conn.Exec(e.t.Context(), s); err != nil {
			e.t.Fatalf("%s: %v", s, err)
		}
	}
}

// holdsKeys takes the lock of the keys' directory.
func (e *erasing) holdsKeys() {
	e.t.Helper()
	f, err := os.OpenFile(filepath.Join(e.dir, "vault", "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		e.t.Fatal(err)
	}
	e.closes = append(e.closes, func() { _ = f.Close() })
}

func (e *erasing) lets() {
	for _, let := range e.closes {
		let()
	}
	e.closes = nil
}

// is waits until a question about the database is answered so.
func (e *erasing) is(want, sql string) {
	e.t.Helper()
	got := ""
	for began := time.Now(); time.Since(began) < 2*time.Minute; pause() {
		if got = textOf(e.t, e.database.AllURL(), sql); got == want {
			return
		}
	}
	e.t.Fatalf("%s is %q, want %q\n%s", sql, got, want, e.log)
}

// post sends a request as the first owner.
func (e *erasing) post(path, body string) (status int, answer string) {
	key, err := readLine(filepath.Join(e.dir, firstKeyFile))
	if err != nil {
		return 0, err.Error()
	}
	w := &writers{v: e.victim, key: key}
	return w.send(path, body)
}

// send sends JSON; status 0: nobody is there any more.
func (w *writers) send(path, body string) (int, string) {
	req, err := http.NewRequest(http.MethodPost, w.v.address()+path, strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	req.Header.Set("Authorization", "Bearer "+w.key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	var text strings.Builder
	_, _ = fmt.Fprint(&text, resp.Status)
	b := make([]byte, 64<<10)
	n, _ := resp.Body.Read(b)
	return resp.StatusCode, text.String() + " " + string(b[:n])
}

// where says in which tables and files of the database a value lies.
func (e *erasing) where(value string) (found []string) {
	e.t.Helper()
	pgtest.Exec(e.t, e.database.AdminURL(), "CHECKPOINT")
	err := filepath.WalkDir(e.database.Dir(), func(path string, entry os.DirEntry, err error) error {
		switch {
		case err != nil && !os.IsNotExist(err):
			return err
		case err != nil, entry.IsDir() && entry.Name() != "pg_wal":
			return nil
		case entry.IsDir():
			return filepath.SkipDir
		}
		if b, err := os.ReadFile(path); err == nil && strings.Contains(string(b), value) { // a file may go meanwhile
			found = append(found, strings.TrimPrefix(path, e.database.Dir()))
		}
		return nil
	})
	if err != nil {
		e.t.Fatal(err)
	}
	return found
}

const openErasures = `SELECT coalesce(string_agg(state, ',' ORDER BY asked_at), '') FROM log.erasures WHERE state <> 'done'`

// waitingFor says whether a session waits for a lock that another one has.
const waitingFor = `SELECT CASE WHEN count(*) > 0 THEN 'waits' ELSE 'not' END FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE NOT l.granted AND c.oid = '%s'::regclass`

// Given a server that is killed, by kill -9, while it is at one step of an erasure after the other, when it is started again,
// then each erasure is carried to its end, once: nothing of what was to go is left in any table or file.
func TestKilledWhileErasing(t *testing.T) {
	t.Parallel()
	database := pgtest.Private(t, nil)
	e := &erasing{victim: newVictim(t, "--database-url", database.URL(), "--database-owner-url", database.OwnerURL()), t: t, database: database}
	t.Cleanup(e.lets)
	e.start()
	for n, step := range []struct {
		name string
		hold func()
		at   func() // returns when it is there
	}{
		{"the events", func() { e.holds("LOCK TABLE log.events IN SHARE MODE") }, func() { e.is("open", openErasures); e.is("waits", fmt.Sprintf(waitingFor, "log.events")) }},
		{"the keys", e.holdsKeys, func() { e.is("open", openErasures); e.is("1", toldSQL(1)) }},
		{"the rows", func() { e.holds("LOCK TABLE log.evidence IN SHARE MODE") }, func() { e.is("open", openErasures); e.is("waits", fmt.Sprintf(waitingFor, "log.evidence")) }},
		{"the files", func() { e.holds("LOCK TABLE log.evidence IN ACCESS SHARE MODE") }, func() { e.is("erased", openErasures) }},
	} {
		value := fmt.Sprintf("zq%dxkwvjqkill", n)
		subject, word := "run", fmt.Sprintf("run:k-%d", n)
		if step.name == "the keys" {
			subject = "invitation"
			status, said := e.post("/graphql", string(rawJSON(map[string]any{"query": fmt.Sprintf(`mutation { it: inviteMember(input: {workspace: "default", roles: ["viewer"], invited: %q}) { userErrors { message } } }`, value)})))
			if status != 200 || !strings.Contains(said, `"userErrors":[]`) {
				t.Fatalf("invite: %s", said)
			}
			word = "invitation:" + textOf(t, database.AllURL(), `SELECT convert_from(data, 'UTF8')::json->>'invitation' FROM log.events WHERE type = 'member.invited'`)
		} else if status, said := e.post("/v1/workspaces/default/events", fmt.Sprintf(`{"id":"k-%[1]d-a","run":"k-%[1]d","at":"2026-03-01T12:00:00Z","body":{"type":"runFailed","failure":{"type":"E","message":%[2]q}}}`+"\n", n, value)); status != 200 {
			t.Fatalf("an event: %s", said)
		}
		if subject == "run" {
			e.is("1", fmt.Sprintf(`SELECT count(*)::text FROM %s.runs WHERE run_id = 'k-%d'`, textOf(t, database.AllURL(), `SELECT schema FROM log.models WHERE state = 'live'`), n))
			if in := e.where(value); len(in) == 0 {
				t.Fatalf("the search finds nothing of %s before", word)
			}
		}
		before := textOf(t, database.AllURL(), `SELECT count(*)::text FROM log.erasures`)
		keys := e.keyFiles()
		step.hold()
		answered := make(chan string, 1)
		go func() {
			_, said := e.post("/v1/workspaces/default/erasures", string(rawJSON(map[string]any{"subject": word, "confirm": word, "reason": "asked for"})))
			answered <- said
		}()
		step.at()
		e.kill()
		<-answered
		// The control: a server that carried nothing on would leave it like this.
		if left := textOf(t, database.AllURL(), openErasures); left == "" || subject == "run" && len(e.where(value)) == 0 {
			t.Errorf("killed at %s, nothing was left to do (%q): it was killed too late to prove anything", step.name, left)
		}
		e.lets()
		e.start()
		e.is("", openErasures)
		if in := e.where(value); len(in) > 0 {
			t.Errorf("killed at %s, %s is still in %v", step.name, word, in)
		}
		if want := keys - 1; subject == "invitation" && e.keyFiles() != want {
			t.Errorf("killed at %s, %d keys are there, want %d", step.name, e.keyFiles(), want)
		}
		e.is(fmt.Sprint(n+1), `SELECT count(*)::text FROM log.events WHERE type = 'subject.erased'`)
		if after := textOf(t, database.AllURL(), `SELECT count(*)::text FROM log.erasures`); after == before {
			t.Errorf("killed at %s, no erasure was noted", step.name)
		}
		status, said := e.post("/v1/workspaces/default/erasures", string(rawJSON(map[string]any{"subject": word, "dryRun": true})))
		if status != 200 || !strings.Contains(said, `"state":"already"`) {
			t.Errorf("killed at %s, and asked again: %s", step.name, said)
		}
	}
}

func toldSQL(n int) string {
	return fmt.Sprintf(`SELECT CASE WHEN count(*) > %d THEN '1' ELSE '0' END FROM log.events WHERE type = 'subject.erased'`, n-1)
}

// keyFiles counts the keys of names.
func (e *erasing) keyFiles() int {
	all, err := os.ReadDir(filepath.Join(e.dir, "vault", "subjects"))
	if err != nil {
		e.t.Fatal(err)
	}
	return len(all)
}
