package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/audit/leaf"
	"github.com/annals-io/annals/audit/seal"
	"github.com/annals-io/annals/audit/tree"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/internal/pgtest"
)

const fraudEvents = 40

// A victim is a database with sealed histories, and what an auditor kept of them. Somebody who may do everything to the
// database and to exports, but has not got the key, tries to change history.
type victim struct {
	pool interface {
		BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error)
	}
	signer *checkpoint.Signer
	kept   [][]byte
	ties   map[string][]byte // by the checkpoint that the instance's log has
	rng    *rand.Rand
}

func newVictim(t *testing.T, seed uint64) *victim {
	t.Helper()
	url := pgtest.URL(t)
	if err := postgres.Migrate(t.Context(), url, ""); err != nil {
		t.Fatal(err)
	}
	if err := seal.Migrate(t.Context(), url, ""); err != nil {
		t.Fatal(err)
	}
	store, err := postgres.Open(t.Context(), url, postgres.Options{MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	pool := pgtest.Connect(t, url)
	v := &victim{pool: pool, signer: newSealed(t).signer, ties: map[string][]byte{}, rng: rand.New(rand.NewPCG(seed, 1))}
	sealer, err := seal.New(seal.Config{Pool: pool, Source: store, Signer: v.signer, Most: 7, Lease: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []*history{newHistory("churn", fraudEvents, "churn"), newHistory("fraud", fraudEvents, "fraud")} {
		s := eventstore.Slice{Stream: domain.WorkspaceStream(h.slug), Expected: eventstore.NoStream, Events: h.events}
		for _, e := range h.evidence {
			s.Evidence = append(s.Evidence, eventstore.Evidence{Digest: e.Digest, Salt: e.Salt, Bytes: e.Bytes})
		}
		results, err := store.Append(t.Context(), []eventstore.Slice{s})
		if err != nil || results[0].Err != nil {
			t.Fatal(err, results[0].Err)
		}
		if err := sealer.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	kept := seal.Store{Pool: pool}
	for c, err := range kept.Checkpoints(t.Context(), "workspace-fraud") {
		if err != nil {
			t.Fatal(err)
		}
		v.kept = append(v.kept, c.Note)
		if v.ties[string(c.Note)], err = kept.Ties(t.Context(), "workspace-fraud", c.Size); err != nil {
			t.Fatal(err)
		}
	}
	pgtest.Exec(t, url, `ALTER TABLE log.events DISABLE TRIGGER USER; ALTER TABLE log.streams DISABLE TRIGGER USER; ALTER TABLE audit.checkpoints DISABLE TRIGGER USER`)
	return v
}

// of names a stream in SQL.
func of(slug string) string {
	return "(SELECT id FROM log.streams WHERE name = 'workspace-" + slug + "')"
}

// strike is one change of the database, in the words of SQL.
func (v *victim) strike() (what string, sql string) {
	r, other, bit := v.rng.IntN(fraudEvents), v.rng.IntN(fraudEvents-1), v.rng.IntN(1<<20)
	if other >= r {
		other++
	}
	fraud := of("fraud")
	at := fmt.Sprintf("WHERE stream = %s AND revision = %d", fraud, r)
	set := func(change string) string { return "UPDATE log.events SET " + change + " " + at }
	flip := func(column string) string {
		return set(fmt.Sprintf("%[1]s = set_bit(%[1]s, (%[2]d %% (8 * length(%[1]s)))::bigint, 1 - get_bit(%[1]s, (%[2]d %% (8 * length(%[1]s)))::bigint))", column, bit))
	}
	shift := func(from, by int) string { // the revisions from there on, one up or down
		return fmt.Sprintf("UPDATE log.events SET revision = -1000 - revision - (%d) WHERE stream = %s AND revision >= %d; UPDATE log.events SET revision = -1000 - revision WHERE stream = %s AND revision < -500", by, fraud, from, fraud)
	}
	forged := func(from, n int) string {
		return fmt.Sprintf(`INSERT INTO log.events (position, stream, revision, recorded_at, occurred_at, version, event_id, subject, kind, type, data, meta)
SELECT 1000000 + n, %s, n, now(), now(), 1, gen_random_uuid(), gen_random_uuid(), 'run', 'run.started', '{"forged":true}', '{}' FROM generate_series(%d, %d) n`, fraud, from, from+n-1)
	}
	remove := func(where string) string { return "DELETE FROM log.events WHERE stream = " + fraud + " AND " + where }
	swap := func(streamA string, a int, streamB string, b int) string {
		return fmt.Sprintf(`UPDATE log.events e SET (type, version, event_id, subject, kind, data, meta, recorded_at, occurred_at) = (o.type, o.version, o.event_id, o.subject, o.kind, o.data, o.meta, o.recorded_at, o.occurred_at)
FROM log.events o WHERE (e.stream = %[1]s AND e.revision = %[2]d AND o.stream = %[3]s AND o.revision = %[4]d) OR (e.stream = %[3]s AND e.revision = %[4]d AND o.stream = %[1]s AND o.revision = %[2]d)`, streamA, a, streamB, b)
	}
	forget := func(above int) string {
		return fmt.Sprintf("DELETE FROM audit.checkpoints WHERE name = 'workspace-fraud' AND size > %d", above)
	}
	all := []struct{ what, sql string }{
		{"flip data", flip("data")}, {"flip data", flip("data")}, {"flip meta", flip("meta")},
		{"another type", set("type = type || 'x'")}, {"another version", set("version = version + 1")}, {"another id", set("event_id = gen_random_uuid()")},
		{"another subject", set("subject = gen_random_uuid()")}, {"another kind", set("kind = 'step'")},
		{"another time", set("recorded_at = recorded_at + interval '1 microsecond'")}, {"another time of happening", set("occurred_at = occurred_at - interval '1 day'")},
		{"drop", remove(fmt.Sprintf("revision = %d", r))}, {"drop and close up", remove(fmt.Sprintf("revision = %d", r)) + ";" + shift(r+1, -1)},
		{"insert", shift(r, 1) + ";" + forged(r, 1)}, {"append", forged(fraudEvents, 1+r)},
		{"reorder", swap(fraud, r, fraud, other)}, {"swap with another workspace", swap(fraud, r, of("churn"), other)},
		{"swap workspaces", "UPDATE log.streams SET name = 'workspace-x' WHERE name = 'workspace-fraud'; UPDATE log.streams SET name = 'workspace-fraud' WHERE name = 'workspace-churn'; UPDATE log.streams SET name = 'workspace-churn' WHERE name = 'workspace-x'"},
		{"truncate", remove(fmt.Sprintf("revision >= %d", r))}, {"truncate, checkpoints too", remove(fmt.Sprintf("revision >= %d", r)) + ";" + forget(r)},
		{"truncate to a checkpoint", remove(fmt.Sprintf("revision >= %d", 7*(r%5+1))) + ";" + forget(7*(r%5+1))},
		{"fork", remove(fmt.Sprintf("revision >= %d", r)) + ";" + forged(r, fraudEvents-r)},
		{"fork, checkpoints too", remove(fmt.Sprintf("revision >= %d", r)) + ";" + forged(r, fraudEvents-r) + ";" + forget(r)},
		{"flip a checkpoint", fmt.Sprintf("UPDATE audit.checkpoints SET note = set_bit(note, (%d %% (8 * length(note)))::bigint, 1 - get_bit(note, (%[1]d %% (8 * length(note)))::bigint)) WHERE name = 'workspace-fraud' AND number = (SELECT max(number) - %d FROM audit.checkpoints WHERE name = 'workspace-fraud')", bit, r%5)},
		{"checkpoints of another workspace", "UPDATE audit.checkpoints c SET note = o.note FROM audit.checkpoints o WHERE c.name = 'workspace-fraud' AND o.name = 'workspace-churn' AND o.size = c.size"},
		{"a text flipped", fmt.Sprintf("UPDATE log.evidence SET bytes = set_bit(bytes, (%d %% (8 * length(bytes)))::bigint, 1 - get_bit(bytes, (%[1]d %% (8 * length(bytes)))::bigint)) WHERE stream = %s AND digest = (SELECT digest FROM log.evidence WHERE stream = %[2]s ORDER BY digest OFFSET %d LIMIT 1)", bit, fraud, r)},
		{"a text of another", fmt.Sprintf("UPDATE log.evidence e SET bytes = o.bytes, salt = o.salt, encoding = o.encoding FROM log.evidence o WHERE e.stream = %s AND o.stream = %s AND e.digest = (SELECT digest FROM log.evidence WHERE stream = %[1]s ORDER BY digest OFFSET %[3]d LIMIT 1) AND o.digest = (SELECT digest FROM log.evidence WHERE stream = %[2]s ORDER BY digest LIMIT 1)", fraud, of("churn"), r)},
	}
	one := all[v.rng.IntN(len(all))]
	return one.what, one.sql
}

// struck is the export of a database in which something was changed. The change is taken back.
func (v *victim) struck(t *testing.T, dir string) (what string, found bool) {
	t.Helper()
	what, sql := v.strike()
	tx, err := v.pool.BeginTx(t.Context(), pgx.TxOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.WithoutCancel(t.Context())) //nolint:errcheck // that is what it is for
	if _, err := tx.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatalf("%s: %v\n%s", what, err, sql)
	}
	h := &history{slug: "fraud"}
	var e eventstore.NewEvent
	var id, subject uuid.UUID
	rows, _ := tx.Query(t.Context(), "SELECT revision, recorded_at, occurred_at, version, event_id, subject, kind, type, data, meta FROM log.events WHERE stream = "+of("fraud")+" ORDER BY revision")
	_, err = pgx.ForEachRow(rows, []any{&e.Revision, &e.RecordedAt, &e.OccurredAt, &e.Version, &id, &subject, &e.Subject.Kind, &e.Type, &e.Data, &e.MetaData}, func() error {
		one := e
		one.Stream, one.EventID, one.Subject.ID = "workspace-fraud", id, subject
		one.RecordedAt, one.OccurredAt = e.RecordedAt.UTC(), e.OccurredAt.UTC()
		h.events = append(h.events, one)
		e = eventstore.NewEvent{}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range h.events {
		if int(h.events[i].Revision) != i {
			return what, true // the event store says it itself, and no export is made
		}
	}
	rows, _ = tx.Query(t.Context(), "SELECT digest, salt, bytes FROM log.evidence WHERE stream = "+of("fraud")+" ORDER BY digest")
	var d []byte
	var b bundle.Evidence
	_, err = pgx.ForEachRow(rows, []any{&d, &b.Salt, &b.Bytes}, func() error {
		h.evidence = append(h.evidence, bundle.Evidence{Stream: "workspace-fraud", Digest: domain.Digest(d), Salt: b.Salt, Bytes: b.Bytes})
		b = bundle.Evidence{}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	rows, _ = tx.Query(t.Context(), "SELECT note FROM audit.checkpoints WHERE name = 'workspace-fraud' ORDER BY size")
	notes, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		t.Fatal(err)
	}
	v.write(t, dir, h, notes, v.lastTie(notes))
	return what, false
}

// lastTie is what ties the last of some checkpoints to the instance's log, as an export of that time had it.
func (v *victim) lastTie(notes [][]byte) []byte {
	if len(notes) == 0 {
		return nil
	}
	return v.ties[string(notes[len(notes)-1])]
}

// write writes an export of whatever there is.
func (v *victim) write(t *testing.T, dir string, h *history, notes [][]byte, tie []byte) {
	t.Helper()
	w := bundle.NewWriter(plainDir(dir), bundle.Manifest{Instance: v.signer.Key().Name, Workspace: h.slug, Stream: domain.WorkspaceStream(h.slug)}, hashOf)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range h.events {
		if err := w.Event(&h.events[i]); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range h.evidence {
		if err := w.Evidence(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(noon, notes, tie); err != nil {
		t.Fatal(err)
	}
}

// plainDir takes files without flushing them: ten thousand exports are written.
type plainDir string

func (d plainDir) Put(name string, content []byte) error {
	return os.WriteFile(filepath.Join(string(d), name), content, 0o644)
}

// tampered is an export that somebody changed afterwards: a bit of any file, or a whole file, with or without a manifest to
// match; or events with checkpoints to match, which he cannot sign.
func (v *victim) tampered(t *testing.T, dir string, h *history) (what string) {
	t.Helper()
	switch v.rng.IntN(6) {
	case 0:
		v.write(t, dir, h, v.kept, [][]byte{nil, v.ties[string(v.kept[0])]}[v.rng.IntN(2)])
		return "not tied to the instance's log"
	case 1:
		changed := &history{slug: h.slug, evidence: h.evidence}
		changed.events = append(changed.events, h.events...)
		i := v.rng.IntN(fraudEvents)
		changed.events[i].Data = []byte(`{"forged":true}`)
		forged := v.forge(t, changed)
		v.write(t, dir, changed, forged, v.lastTie(v.kept))
		return "checkpoints forged to match"
	}
	v.write(t, dir, h, v.kept, v.lastTie(v.kept))
	var m bundle.Manifest
	if err := json.Unmarshal(read(t, filepath.Join(dir, bundle.ManifestFile)), &m); err != nil {
		t.Fatal(err)
	}
	f := &m.Files[v.rng.IntN(len(m.Files))]
	path := filepath.Join(dir, f.Name)
	switch v.rng.IntN(5) {
	case 0:
		path = filepath.Join(dir, bundle.ManifestFile)
		b := read(t, path)
		i := v.rng.IntN(len(b))
		b[i] ^= 1 << v.rng.IntN(8)
		write(t, path, b)
		return fmt.Sprintf("bit of the manifest at %d", i)
	case 1:
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		return f.Name + " removed"
	case 2:
		b := read(t, path)
		write(t, path, b[:v.rng.IntN(len(b))])
		return f.Name + " cut"
	case 3:
		b := read(t, path)
		lines := bytes.SplitAfter(b, []byte("\n"))
		lines = append(lines, bytes.Clone(lines[v.rng.IntN(len(lines)-1)]))
		write(t, path, bytes.Join(lines, nil))
		return f.Name + " with a line twice"
	default:
		b := read(t, path)
		i := v.rng.IntN(len(b))
		b[i] ^= 1 << v.rng.IntN(8)
		write(t, path, b)
		return fmt.Sprintf("bit of %s at %d", f.Name, i)
	}
}

// forge makes checkpoints that fit events, with the signatures of those that do not.
func (v *victim) forge(t *testing.T, h *history) (notes [][]byte) {
	t.Helper()
	var grown tree.Frontier
	next := 0
	for i := range h.events {
		l := leaf.Of(&h.events[i])
		grown.Add(l.Hash(), nil)
		c, err := checkpoint.Read(v.kept[next])
		if err != nil {
			t.Fatal(err)
		}
		if c.Size != grown.Size() {
			continue
		}
		notes = append(notes, bytes.Replace(v.kept[next], []byte(c.Root.String()), []byte(grown.Root().String()), 1))
		next++
	}
	return notes
}
