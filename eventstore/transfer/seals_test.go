package transfer_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/audit/leaf"
	"github.com/annals-io/annals/audit/seal"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/transfer"
	"github.com/annals-io/annals/internal/pgtest"
)

// sealing is the sealer of a home, which has the tables for it then.
func (h *home) sealing(t testing.TB, s store, signer *checkpoint.Signer) *seal.Sealer {
	t.Helper()
	if err := seal.Migrate(t.Context(), h.database, ""); err != nil {
		t.Fatal(err)
	}
	log, ok := s.(seal.Log)
	if !ok {
		t.Fatalf("%s cannot be sealed", h.name)
	}
	sealer, err := seal.New(seal.Config{Pool: s.Pool(), Source: log, Signer: signer, Most: 5, Page: 30, Rest: -1, Lease: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, h.database, `UPDATE audit.sealing SET until = '-infinity'`) // of whoever sealed before
	return sealer
}

func sealNow(t testing.TB, s *seal.Sealer) {
	t.Helper()
	if err := s.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if stops := s.State().Stopped; len(stops) > 0 {
		t.Fatalf("stopped: %v", stops)
	}
}

// seals are what was signed of a home, in words.
func seals(t testing.TB, s store) (all []string) {
	t.Helper()
	for _, sql := range []string{
		`SELECT 'tree ' || name || ' ' || size || ' ' || encode(frontier, 'hex') FROM audit.trees ORDER BY name`,
		`SELECT 'tile ' || t.name || ' ' || level || ' ' || n || ' ' || encode(hashes, 'hex') FROM audit.tiles i JOIN audit.trees t ON t.id = i.tree ORDER BY t.name, level, n`,
		`SELECT 'prints ' || t.name || ' ' || n || ' ' || encode(prints, 'hex') FROM audit.prints i JOIN audit.trees t ON t.id = i.tree ORDER BY t.name, n`,
		`SELECT 'checkpoint ' || number || ' ' || name || ' ' || size || ' ' || at || encode(note, 'hex') FROM audit.checkpoints ORDER BY number`,
		`SELECT 'instance ' || size || ' ' || at || encode(note, 'hex') FROM audit.instance_checkpoints ORDER BY size`,
		`SELECT 'resumed ' || at || tree || by || reason || stopped FROM audit.resumed ORDER BY at`,
		`SELECT 'sink ' || name || delivered || ' ' || instance FROM audit.sinks ORDER BY name`,
		`SELECT 'imported ' || i::text FROM log.imports i ORDER BY stream`,
		`SELECT 'erased ' || e::text FROM log.erasures e ORDER BY id`,
	} {
		rows, _ := s.Pool().Query(t.Context(), sql)
		some, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, some...)
	}
	return all
}

// provable says that each event of a home has a receipt by its last checkpoint.
func provable(t testing.TB, s store, kept seal.Store, key checkpoint.Key) {
	t.Helper()
	var at eventstore.Position
	for {
		p, err := s.ReadRaw(t.Context(), at, 100)
		if err != nil {
			t.Fatal(err)
		}
		for i := range p.Events {
			e := &p.Events[i]
			l := leaf.Of(e)
			proof, err := kept.Prove(t.Context(), e.Stream, e.Revision)
			if err == nil {
				_, err = proof.Check(l.Hash(), key)
			}
			if err != nil {
				t.Fatalf("revision %d of %s: %v", e.Revision, e.Stream, err)
			}
			if places, err := kept.Places(t.Context(), e.Stream, e.EventID); err != nil || !slices.Contains(places.At, e.Revision) {
				t.Fatalf("revision %d of %s by its id: %+v %v", e.Revision, e.Stream, places, err)
			}
		}
		if at = p.Next; p.CaughtUp {
			return
		}
	}
}

const besideSQL = `INSERT INTO log.imports (stream, last, origins, digest, checkpoints, instance, organization, importer, done)
VALUES ('workspace-b', 3, '[{"instance":"annals.old","stream":"workspace-x","upTo":3}]', '\x01', '\x0203', '\x', 'personal', gen_random_uuid(), now());
INSERT INTO log.erasures (id, subject, plan, state, revision) VALUES (gen_random_uuid(), 'account:x', '{"digests":["ab"]}', 'erased', 7);
INSERT INTO audit.sinks (name, delivered, instance) VALUES ('file:/kept', 12, 9);
INSERT INTO audit.resumed (tree, by, reason, stopped) VALUES ('workspace-a', 'account x', 'restored', 'was rewound')`

// Whatever the direction, what was signed, imported and erased goes along. The copy's sealer goes on where the source's was,
// without looking at every event again; the source goes on too, and a second run brings the rest.
func TestSealsGoAlong(t *testing.T) {
	t.Parallel()
	for _, one := range homes {
		for _, other := range homes {
			from, to := one(t), other(t)
			t.Run(from.name+" to "+to.name, func(t *testing.T) {
				t.Parallel()
				signer, err := checkpoint.Generate("annals.example")
				if err != nil {
					t.Fatal(err)
				}
				source := from.open(t)
				fill(t, source, 40)
				here := from.sealing(t, source, signer)
				sealNow(t, here)
				pgtest.Exec(t, from.database, besideSQL)
				appendTo(t, source, commandOf(stream, eventstore.Any, "not sealed", 2))
				if err := seal.Migrate(t.Context(), to.database, ""); err != nil {
					t.Fatal(err)
				}
				copied := to.open(t)
				for range 2 { // the second time it is all there
					if r := mustCopy(t, source, copied); r.Seals < 10 {
						t.Fatalf("%+v", r)
					}
					if want, got := seals(t, source), seals(t, copied); !slices.Equal(want, got) {
						t.Fatalf("the copy has\n%s\nthe source\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
					}
				}
				appendTo(t, source, commandOf(stream, eventstore.Any, "after the copy", 3))
				sealNow(t, here)
				mustCopy(t, source, copied)
				if want, got := seals(t, source), seals(t, copied); !slices.Equal(want, got) {
					t.Fatalf("after the second run the copy has\n%s\nthe source\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
				there := to.sealing(t, copied, signer)
				looked := 0
				there.Hooks.Sealed = func(events, _ int, _ time.Duration) { looked += events }
				sealNow(t, there)
				if looked > 0 {
					t.Errorf("%d events were sealed that were sealed before", looked)
				}
				appendTo(t, copied, commandOf(stream, eventstore.Any, "in the copy", 3), commandOf("workspace-new", eventstore.NoStream, "new there", 2))
				sealNow(t, there)
				provable(t, copied, there.Kept(), signer.Key())
				if _, err := transfer.Run(t.Context(), source, copied, transfer.Options{}); !isForeign(err) {
					t.Errorf("a copy that has gone on by itself: %v", err)
				}
			})
		}
	}
}

// What the source's server had not sealed when it was stopped is sealed by the copy's.
func TestWhatWasNotSealedIsSealedInTheCopy(t *testing.T) {
	t.Parallel()
	for _, one := range homes {
		for _, other := range homes {
			from, to := one(t), other(t)
			t.Run(from.name+" to "+to.name, func(t *testing.T) {
				t.Parallel()
				signer, err := checkpoint.Generate("annals.example")
				if err != nil {
					t.Fatal(err)
				}
				source := from.open(t)
				fill(t, source, 30)
				sealNow(t, from.sealing(t, source, signer))
				for i := range 5 {
					appendTo(t, source, commandOf(stream, eventstore.Any, fmt.Sprint("late-", i), 2), commandOf("workspace-b", eventstore.Any, fmt.Sprint("later-", i), 1))
				}
				if err := seal.Migrate(t.Context(), to.database, ""); err != nil {
					t.Fatal(err)
				}
				copied := to.open(t)
				mustCopy(t, source, copied)
				there := to.sealing(t, copied, signer)
				sealNow(t, there)
				provable(t, copied, there.Kept(), signer.Key())
			})
		}
	}
}

func isForeign(err error) bool {
	var foreign *transfer.ForeignError
	return errors.As(err, &foreign)
}

// Checkpoints that were signed in the target are not overwritten, also where its events are the source's.
func TestSealsOfAnotherAreRefused(t *testing.T) {
	t.Parallel()
	from, to := inPostgres(t), inPostgres(t)
	source, copied := from.open(t), to.open(t)
	fill(t, source, 10)
	mustCopy(t, source, copied)
	for n, h := range []*home{from, to} {
		signer, err := checkpoint.Generate(fmt.Sprint("annals.", n))
		if err != nil {
			t.Fatal(err)
		}
		sealNow(t, h.sealing(t, []store{source, copied}[n], signer))
	}
	was := seals(t, copied)
	if _, err := transfer.Run(t.Context(), source, copied, transfer.Options{}); !isForeign(err) || !strings.Contains(err.Error(), "sealed") {
		t.Errorf("it was copied: %v", err)
	}
	if !slices.Equal(was, seals(t, copied)) {
		t.Error("something was changed")
	}
}

// Checkpoints that the source thins out after a copy go from the copy, too, when it is brought up to date.
func TestSealsThatWereThinnedOut(t *testing.T) {
	t.Parallel()
	from, to := inPostgres(t), inPostgres(t)
	source, copied := from.open(t), to.open(t)
	signer, err := checkpoint.Generate("annals.example")
	if err != nil {
		t.Fatal(err)
	}
	here := from.sealing(t, source, signer)
	for i := range 6 {
		appendTo(t, source, commandOf(stream, eventstore.Expected(i-1), fmt.Sprint("one-", i), 1))
		sealNow(t, here)
	}
	pgtest.Exec(t, from.database, `ALTER TABLE audit.checkpoints DISABLE TRIGGER USER`, `UPDATE audit.checkpoints SET at = '2020-01-01 00:30:00Z'`, `ALTER TABLE audit.checkpoints ENABLE TRIGGER USER`)
	if err := seal.Migrate(t.Context(), to.database, ""); err != nil {
		t.Fatal(err)
	}
	if r := mustCopy(t, source, copied); r.Seals != 6 {
		t.Fatalf("%+v", r)
	}
	pgtest.Exec(t, from.database, `DELETE FROM audit.checkpoints WHERE size < 6`)
	if r := mustCopy(t, source, copied); r.Seals != 1 {
		t.Errorf("%+v", r)
	}
}

// A table that comes new is copied, or it is said here why it is not.
func TestEveryTableIsCopiedOrHasAReason(t *testing.T) {
	t.Parallel()
	h := inPostgres(t)
	s := h.open(t)
	if err := seal.Migrate(t.Context(), h.database, ""); err != nil {
		t.Fatal(err)
	}
	known := map[string]string{
		"log.events": "by the stores", "log.streams": "by the stores", "log.head": "by the stores", "log.commands": "by the stores", "log.evidence": "as it is stored",
		"log.api_keys": "", "log.accounts": "", "log.identities": "", "log.imports": "", "log.erasures": "",
		"audit.trees": "", "audit.tiles": "", "audit.prints": "", "audit.checkpoints": "", "audit.instance_checkpoints": "", "audit.resumed": "", "audit.sinks": "",
		"audit.sealing":      "its positions are those of the target",
		"log.evidence_kept":  "appends under way: there are none",
		"log.instance":       "the copy is another course of events",
		"log.sessions":       "people sign in again",
		"log.sign_in_links":  "people sign in again",
		"log.oidc_attempts":  "people sign in again",
		"log.device_grants":  "people sign in again",
		"log.sign_in_limits": "they last minutes",
		"log.migrations":     "of each database", "log.access_migrations": "of each database", "audit.migrations": "of each database",
	}
	rows, _ := s.Pool().Query(t.Context(), `SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND n.nspname IN ('log', 'audit')`)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if _, ok := known[table]; !ok {
			t.Errorf("%s is not copied: copy it, or say why not", table)
		}
	}
	if len(tables) < 20 {
		t.Errorf("only %v", tables)
	}
}
