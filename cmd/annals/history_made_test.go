package main

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/history"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/evidence"
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
