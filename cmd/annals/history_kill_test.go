package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/audit/history"
	"github.com/annals-io/annals/internal/pgtest"
)

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
