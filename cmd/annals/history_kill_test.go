package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/history"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/evidence"
	"github.com/annals-io/annals/internal/pgtest"
)

// madeHistory is an export of a workspace that never was: runs, and descriptions with bodies.
func madeHistory(t testing.TB, owner uuid.UUID, runs, bodies int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "made")
	d, err := bundle.CreateDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	w := bundle.NewWriter(d, bundle.Manifest{Instance: "there", Workspace: "lab", Stream: "workspace-lab"}, history.Leaf)
	at := time.Now().UTC().Truncate(time.Microsecond).Add(-time.Hour)
	meta, err := eventstore.EncodeMeta(domain.Meta{Actor: domain.Actor{Kind: "account", ID: owner.String()}})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	add := func(e domain.Event) {
		data, err := domain.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		at := at.Add(time.Duration(n) * time.Microsecond)
		stored := eventstore.NewEvent{Data: data, MetaData: meta, Envelope: domain.Envelope{
			EventID: uuid.New(), Type: e.EventType(), Version: domain.CurrentVersion(e.EventType()), Subject: e.Subject(), Revision: domain.Revision(n), RecordedAt: at, OccurredAt: at,
		}}
		if err := w.Event(&stored); err != nil {
			t.Fatal(err)
		}
		n++
	}
	add(domain.WorkspaceCreated{Slug: "lab", Name: "Lab", Organization: "acme", Owner: owner})
	for i := range bodies {
		body := evidence.New(fmt.Appendf(nil, "description %d %s", i, strings.Repeat("of much ", 100)))
		if err := w.Evidence(bundle.Evidence{Stream: "workspace-lab", Digest: body.Digest, Salt: body.Salt, Bytes: body.Bytes}); err != nil {
			t.Fatal(err)
		}
		add(domain.WorkspaceDescribed{Description: &domain.Text{Evidence: body.Digest}})
	}
	for i := range runs {
		add(domain.RunReported{Phase: domain.Started, Run: domain.RunRef{ID: fmt.Sprint("run-", i)}})
	}
	if err := errors.Join(w.Close(time.Now(), nil, nil), d.Commit()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// importState is how far an import is, as the database has it.
type importState struct {
	marked, done bool
	bodies       int
	last         int64 // revision; -1: no event is there
}

const importStateSQL = `SELECT i.stream IS NOT NULL, i.done IS NOT NULL, coalesce(s.revision, -1),
(SELECT count(*) FROM log.evidence e WHERE e.stream = s.id)
FROM (SELECT 1) one LEFT JOIN log.imports i ON i.stream = $1 LEFT JOIN log.streams s ON s.name = $1`

func importStateOf(ctx context.Context, conn *pgx.Conn, slug string) (s importState, err error) {
	err = conn.QueryRow(ctx, importStateSQL, "workspace-"+slug).Scan(&s.marked, &s.done, &s.last, &s.bodies)
	return s, err
}

// A server is killed with -9 at each stage of an import, and the command that sends it ends well by itself: everything is
// there, once, and at no time could half of it be seen. Then server and command are killed while it is exported again.
func TestKilledWhileAHistoryIsCarriedOver(t *testing.T) {
	t.Parallel()
	const runs, bodies = 12_000, 4_000
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	url := pgtest.URL(t)
	v := newVictim(t, "--database-url", url, "--listen", address)
	v.start()
	key, err := readLine(filepath.Join(v.dir, firstKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	global := []string{"--url", "http://" + address, "--api-key", key}
	dir := madeHistory(t, accountOf(t, address, key), runs, bodies) // owned by who looks: nothing but the import's end is in the way
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())

	var seen atomic.Pointer[string] // how half of it could be seen
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	looked := make(chan int)
	go func() { looked <- lookForHalves(ctx, url, address, key, &seen) }()

	var said, errs bytes.Buffer
	sending := command(nil, append([]string{"import", "history", dir, "--as", "brought", "-o", "json", "--patience", "3m"}, global...)...)
	sending.Stdout, sending.Stderr = &said, &errs
	if err := sending.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- sending.Wait() }()
	caught := map[string]int{}
	for _, stage := range []struct {
		name string
		at   func(importState) bool
	}{
		{"received", func(s importState) bool { return !s.marked && inRoom(v.dir) }},
		{"bodies", func(s importState) bool { return s.bodies > 0 && s.last < 0 }},
		{"the first events", func(s importState) bool { return s.last >= 0 && s.last < bodies }},
		{"half of the events", func(s importState) bool { return s.last > runs/2 && s.last < runs+bodies }},
		{"the last events", func(s importState) bool { return s.last >= runs+bodies-2000 && !s.done }},
	} {
		for {
			s, err := importStateOf(t.Context(), conn, "brought")
			if err != nil {
				t.Fatal(err)
			}
			if stage.at(s) {
				v.kill()
				s, err := importStateOf(t.Context(), conn, "brought")
				if err != nil {
					t.Fatal(err)
				}
				if !s.done {
					caught[stage.name]++
				}
				v.start()
				break
			}
			if s.done || s.last >= runs+bodies {
				break // too late for this stage
			}
		}
	}
	if err := <-ended; err != nil {
		t.Fatalf("the import: %v %s\n%s", err, errs.String(), v.log)
	}
	stop()
	n := <-looked
	if half := seen.Load(); half != nil {
		t.Errorf("half of it could be seen: %s", *half)
	}
	if n == 0 {
		t.Error("nobody looked")
	}
	if len(caught) < 3 {
		t.Errorf("caught at %v only: this test proves little", caught)
	}
	t.Logf("killed at %v", caught)
	var result history.Imported
	if err := json.Unmarshal(said.Bytes(), &result); err != nil || result.UpTo != runs+bodies {
		t.Errorf("it says %s, %v", said.String(), err)
	}
	wholeIn(t, conn, dir, "brought", bodies)
	if inRoom(v.dir) {
		t.Error("something of the import is left in the data directory")
	}
	killedExports(t, v, dir, global)
}

// accountOf is whose a key is.
func accountOf(t *testing.T, address, key string) uuid.UUID {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/v1/whoami", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var who struct {
		Account struct{ ID uuid.UUID }
	}
	if err := json.NewDecoder(resp.Body).Decode(&who); err != nil || who.Account.ID == uuid.Nil {
		t.Fatalf("whose the key is: %+v, %v", who, err)
	}
	return who.Account.ID
}

// inRoom says whether an export lies in a server's data directory to be imported.
func inRoom(data string) bool {
	rooms, _ := os.ReadDir(roomsIn(data)) // none: nothing does
	return len(rooms) > 0
}

// lookForHalves asks several doors for the workspace again and again, and says how often: what is answered before the
// import is done is half of it.
func lookForHalves(ctx context.Context, url, address, key string, seen *atomic.Pointer[string]) (n int) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return 0
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for ; ctx.Err() == nil; pause() {
		for path, shows := range map[string]string{"/v1/workspaces/brought": `"slug":"brought"`, "/v1/workspaces/brought/replay?until=0": "workspace.created", "/v1/workspaces": `"brought"`} {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
			if err != nil {
				return n
			}
			req.Header.Set("Authorization", "Bearer "+key)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				continue // it was killed
			}
			var answer bytes.Buffer
			_, err = answer.ReadFrom(resp.Body)
			resp.Body.Close()
			if n++; err != nil || !strings.Contains(answer.String(), shows) {
				continue
			}
			if s, err := importStateOf(ctx, conn, "brought"); err == nil && !s.done {
				half := fmt.Sprintf("%s answers %.200s while it is %+v", path, answer.String(), s)
				seen.CompareAndSwap(nil, &half)
			}
		}
	}
	return n
}

const storedSQL = `SELECT e.revision, e.event_id, e.type, e.data, e.meta, e.recorded_at FROM log.events e JOIN log.streams s ON s.id = e.stream WHERE s.name = $1 ORDER BY e.revision`

// wholeIn compares what an import left with the export, byte for byte.
func wholeIn(t *testing.T, conn *pgx.Conn, dir, slug string, bodies int) {
	t.Helper()
	b, err := bundle.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(t.Context(), storedSQL, "workspace-"+slug)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for want, err := range b.Events(0) {
		var revision int64
		var id uuid.UUID
		var typ string
		var data, meta []byte
		var at time.Time
		if err != nil || !rows.Next() {
			t.Fatalf("revision %d is missing: %v, %v", want.Revision, err, rows.Err())
		}
		if err := rows.Scan(&revision, &id, &typ, &data, &meta, &at); err != nil {
			t.Fatal(err)
		}
		if revision != int64(want.Revision) || id != want.EventID || typ != want.Type || !bytes.Equal(data, want.Data) || !bytes.Equal(meta, want.MetaData) || !at.Equal(want.RecordedAt) {
			t.Fatalf("revision %d is %d %s %s", want.Revision, revision, typ, data)
		}
	}
	behind := map[string]int{}
	for rows.Next() {
		var typ string
		if err := rows.Scan(nil, nil, &typ, nil, nil, nil); err != nil {
			t.Fatal(err)
		}
		behind[typ]++
	}
	if fmt.Sprint(behind) != "map[history.imported:1 member.removed:1 role.granted:1]" {
		t.Errorf("behind it: %v", behind)
	}
	s, err := importStateOf(t.Context(), conn, slug)
	if err != nil || s.bodies != bodies || !s.done {
		t.Errorf("%+v, %v", s, err)
	}
}

// killedExports kills the server, and then the command, while a history is exported: nothing of it has its name, and what is
// asked for again is whole.
func killedExports(t *testing.T, v *victim, was string, global []string) {
	t.Helper()
	above := t.TempDir()
	target := filepath.Join(above, "taken")
	begun := func() bool { // some of it has come
		some, _ := filepath.Glob(filepath.Join(above, ".taken.partial-*", "events-00000.ndjson")) // a pattern without faults
		return len(some) > 0
	}
	export := func() (*exec.Cmd, chan error) {
		cmd, ended := command(nil, append([]string{"export", "brought", "--output", target}, global...)...), make(chan error, 1)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		go func() { ended <- cmd.Wait() }()
		return cmd, ended
	}
	for who, kill := range map[string]func(*exec.Cmd){
		"server":  func(*exec.Cmd) { v.kill(); v.start() },
		"command": func(cmd *exec.Cmd) { _ = cmd.Process.Kill() },
	} {
		caught := false
		for try := 0; try < 10 && !caught; try++ {
			cmd, ended := export()
			for len(ended) == 0 && !begun() {
			}
			kill(cmd)
			err := <-ended
			caught = err != nil
			_, there := os.Stat(target)
			if caught != errors.Is(there, os.ErrNotExist) {
				t.Errorf("the %s is killed: %v, and under its name there is: %v", who, err, there)
			}
			if who == "server" && begun() {
				t.Error("the command left something behind")
			}
			left, _ := filepath.Glob(filepath.Join(above, ".taken.partial-*"))
			for _, dir := range append(left, target) {
				if err := os.RemoveAll(dir); err != nil {
					t.Fatal(err)
				}
			}
		}
		if !caught {
			t.Errorf("the %s was never killed in the middle: this test proves nothing", who)
		}
	}
	if _, ended := export(); <-ended != nil {
		t.Fatalf("it cannot be exported any more\n%s", v.log)
	}
	b, err := bundle.Open(target)
	if err == nil {
		err = b.Check(t.Context(), history.Leaf, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	first, err := bundle.Open(was)
	if err != nil || b.Manifest.Counts.Events != first.Manifest.Counts.Events+3 || len(b.Manifest.Origins) != 1 {
		t.Errorf("%+v, %v", b.Manifest, err)
	}
}
