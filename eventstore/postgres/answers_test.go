package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/internal/pgtest"
	walls "github.com/annals-io/annals/schema/postgres"
)

const (
	reader   = "annals_reader"
	surveyor = "annals_surveyor"
)

// A walled log holds two streams of the same content, one of them foreign, behind the second wall.
type walled struct {
	store *postgres.Store
	pool  *pgxpool.Pool
}

const ownStream, foreignStream = domain.Stream("workspace-own"), domain.Stream("workspace-foreign")

// body is what a stream's evidence says, and digest goes by it.
func body(of domain.Stream) []byte { return []byte(strings.Repeat("secret of "+string(of)+" ", 60)) }

func digest(of domain.Stream) domain.Digest {
	return domain.Digest{byte(len(of))}
}

func newWalled(t testing.TB) walled {
	t.Helper()
	url := migrated(t)
	w := walled{open(t, url, postgres.Options{}), pgtest.Connect(t, url)}
	for _, name := range []domain.Stream{ownStream, foreignStream} {
		at := eventstore.NoStream
		for i := range 3 {
			s := eventstore.Slice{Stream: name, Expected: at, CommandID: fmt.Sprint("command-", i), RequestDigest: domain.Digest{1}, Events: []eventstore.NewEvent{{
				Envelope: domain.Envelope{EventID: domain.EventID(name, fmt.Sprint(i), 0), Type: "strange.thing", Version: 1, Subject: domain.WorkspaceEntity()}, Data: []byte(`{"of":"` + name + `"}`), MetaData: []byte("{}"),
			}}}
			if i == 0 {
				s.Evidence = []eventstore.Evidence{{Digest: digest(name), Salt: []byte("salt"), Bytes: body(name)}}
			}
			results, err := w.store.Append(t.Context(), []eventstore.Slice{s})
			if err != nil || results[0].Err != nil {
				t.Fatal(errors.Join(err, results[0].Err))
			}
			at = eventstore.Expected(i)
		}
	}
	w.surround(t)
	return w
}

// surround puts the wall up, as a start does.
func (w walled) surround(t testing.TB) {
	t.Helper()
	for _, script := range []string{walls.Roles, walls.Tools, walls.Places, `SELECT log.surround(t, current_user) FROM log.places()`} {
		if _, err := w.pool.Exec(t.Context(), script); err != nil {
			t.Fatalf("put the wall up: %v", err)
		}
	}
}

// answers are for somebody who may read one workspace.
func (w walled) answers(t *testing.T, most int32, own domain.Slug) *postgres.Answers {
	t.Helper()
	may := func(_ context.Context, scope domain.Slug) (bool, error) { return scope == own, nil }
	a, err := postgres.OpenAnswers(t.Context(), w.pool.Config(), most, postgres.Wall{Reader: reader, Surveyor: surveyor, May: may, MayWrite: may})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// asReader runs statements in one transaction as a role that asks, and answers the number that the last of them finds.
func (w walled) asReader(t *testing.T, role, setting, value, statement string) (n int, err error) {
	t.Helper()
	err = pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `SELECT set_config('role', $1, true), set_config($2, $3, true)`, role, setting, value); err != nil {
			return err
		}
		return tx.QueryRow(t.Context(), statement).Scan(&n)
	})
	return n, err
}

// Who asks sees the rows of the streams that the transaction names, whatever the statement says: of the tables that
// questions read, and of the others, too, once somebody gives the right to read them away.
func TestWhatTheReaderSeesOfTheLog(t *testing.T) {
	t.Parallel()
	w := newWalled(t)
	count := func(role, setting, value, table string, want int) {
		t.Helper()
		if n, err := w.asReader(t, role, setting, value, `SELECT count(*) FROM `+table); err != nil || n != want {
			t.Errorf("%s with %s = %q sees %d rows of %s, %v; want %d", role, setting, value, n, table, err, want)
		}
	}
	for table, want := range map[string]int{"log.streams": 1, "log.events": 3, "log.evidence": 1, "log.commands": 3} {
		count(reader, "annals.stream", string(ownStream), table, want)
		count(reader, "annals.stream", "", table, 0)
		count(reader, "annals.stream", "workspace-none", table, 0)
		count(reader, "annals.streams", "{"+string(ownStream)+"}", table, 0)
		count(surveyor, "annals.streams", "{"+string(ownStream)+"}", table, want)
		count(surveyor, "annals.streams", fmt.Sprintf("{%s,%s}", ownStream, foreignStream), table, 2*want)
		count(surveyor, "annals.stream", string(ownStream), table, 0)
	}
	if _, err := w.asReader(t, reader, "annals.stream", string(ownStream), `SELECT count(*) FROM log.evidence_kept`); err == nil {
		t.Error("a reader may read what no question reads")
	}
	if _, err := w.pool.Exec(t.Context(), `INSERT INTO log.evidence_kept (stream, since, digests) SELECT id, 0, '{}' FROM log.streams; GRANT SELECT ON ALL TABLES IN SCHEMA log TO annals_reader`); err != nil {
		t.Fatal(err)
	}
	count(reader, "annals.stream", string(ownStream), "log.evidence_kept", 1)
	count(reader, "annals.stream", "", "log.evidence_kept", 0)
}

// A forgotten first wall: whoever may read nothing is answered as about a stream that never was, and statements without
// their stream find that of the transaction alone. In the open the same statements find the foreign rows: the control.
func TestForgettingTheFirstWallBeforeTheLog(t *testing.T) {
	t.Parallel()
	w := newWalled(t)
	a := w.answers(t, 2, "own")
	page, err := a.ReadStream(t.Context(), ownStream, "own", 0, eventstore.Forward, 10)
	if err != nil || len(page.Events) != 3 {
		t.Fatalf("%d events, %v", len(page.Events), err)
	}
	var none *eventstore.NotFoundError
	for _, stream := range []domain.Stream{foreignStream, "workspace-none"} {
		if page, err := a.ReadStream(t.Context(), stream, "foreign", 0, eventstore.Forward, 10); !errors.As(err, &none) || len(page.Events) > 0 {
			t.Errorf("%s: %d events, %v", stream, len(page.Events), err)
		}
		if known, err := a.Commands(t.Context(), stream, "foreign", []string{"command-0"}); err != nil || len(known) > 0 {
			t.Errorf("%s: commands %v, %v", stream, known, err)
		}
	}
	if known, err := a.Commands(t.Context(), ownStream, "own", []string{"command-0", "none"}); err != nil || len(known) != 1 {
		t.Errorf("commands %v, %v", known, err)
	}
	all := []domain.Digest{digest(ownStream), digest(foreignStream)}
	found, err := a.Evidence(t.Context(), []postgres.Glance{{ownStream, "own", all}, {foreignStream, "foreign", all}})
	if err != nil || len(found[0]) != 1 || string(found[0][digest(ownStream)]) != string(body(ownStream)) || len(found[1]) != 0 {
		t.Errorf("evidence of one's own and a foreign stream: %d and %d bodies, %v", len(found[0]), len(found[1]), err)
	}
	may := func(context.Context, domain.Slug) (bool, error) { return true, nil }
	everything, err := postgres.OpenAnswers(t.Context(), w.pool.Config(), 2, postgres.Wall{Reader: reader, Surveyor: surveyor, May: may, MayWrite: may})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(everything.Close)
	if found, err = everything.Evidence(t.Context(), []postgres.Glance{{ownStream, "own", all}, {foreignStream, "foreign", all}}); err != nil || len(found[0]) != 1 || len(found[1]) != 1 {
		t.Errorf("who may read both sees %d and %d bodies, %v", len(found[0]), len(found[1]), err)
	}
	// The stream is forgotten in the WHERE.
	for statement, want := range map[string][2]int{
		`SELECT count(*) FROM log.events WHERE revision >= 0`:                                              {3, 6},
		`SELECT count(*) FROM log.evidence WHERE octet_length(bytes) > 0`:                                  {1, 2},
		`SELECT count(*) FROM log.events e JOIN log.streams s ON s.id = e.stream WHERE e.data IS NOT NULL`: {3, 6},
	} {
		if n, err := w.asReader(t, reader, "annals.stream", string(ownStream), statement); err != nil || n != want[0] {
			t.Errorf("behind the wall %s finds %d, %v; want %d", statement, n, err, want[0])
		}
		var open int
		if err := w.pool.QueryRow(t.Context(), statement).Scan(&open); err != nil || open != want[1] {
			t.Errorf("in the open %s finds %d, %v: this test says nothing", statement, open, err)
		}
	}
}

// One connection serves everybody in turn, with plans that it keeps: nothing of one answer is seen by the next.
func TestAPooledConnectionKeepsNoStream(t *testing.T) {
	t.Parallel()
	w := newWalled(t)
	a := w.answers(t, 1, "own")
	for i := range 12 { // more than it takes Postgres to keep one plan for all values
		own, err := a.ReadStream(t.Context(), ownStream, "own", 0, eventstore.Backward, 1)
		if i == 0 {
			own, err = a.ReadStream(t.Context(), ownStream, "own", 0, eventstore.Forward, 10)
		}
		if err != nil || len(own.Events) == 0 {
			t.Fatalf("time %d: %d events, %v", i, len(own.Events), err)
		}
		bodies, err := a.Evidence(t.Context(), []postgres.Glance{{ownStream, "own", []domain.Digest{digest(ownStream)}}, {ownStream, "own", []domain.Digest{digest(foreignStream)}}})
		if err != nil || len(bodies[0]) != 1 || len(bodies[1]) != 0 {
			t.Fatalf("time %d: bodies %d and %d, %v", i, len(bodies[0]), len(bodies[1]), err)
		}
		var none *eventstore.NotFoundError
		if _, err := a.ReadStream(t.Context(), foreignStream, "foreign", 0, eventstore.Forward, 10); !errors.As(err, &none) {
			t.Fatalf("time %d: %v", i, err)
		}
		// The very stream that was just read, by the rights of somebody who may not.
		if _, err := a.ReadStream(t.Context(), ownStream, "foreign", 0, eventstore.Forward, 10); !errors.As(err, &none) {
			t.Fatalf("time %d: what was named before is named still: %v", i, err)
		}
		if bodies, err = a.Evidence(t.Context(), []postgres.Glance{{foreignStream, "foreign", []domain.Digest{digest(foreignStream)}}}); err != nil || len(bodies[0]) != 0 {
			t.Fatalf("time %d: foreign bodies %d, %v", i, len(bodies[0]), err)
		}
	}
}

// A function that tells what it is given in its errors is not given foreign rows.
func TestAFunctionThatLeaksEvidenceByError(t *testing.T) {
	t.Parallel()
	w := newWalled(t)
	if _, err := w.pool.Exec(t.Context(), `CREATE FUNCTION public.tell(said bytea) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE EXCEPTION 'it says %', convert_from(said, 'UTF8'); END $$`); err != nil {
		t.Fatal(err)
	}
	const statement = `SELECT count(*) FROM log.events WHERE public.tell(data)`
	if _, err := w.asReader(t, reader, "annals.stream", string(ownStream), statement); err == nil || !strings.Contains(err.Error(), "workspace-own") {
		t.Errorf("of one's own it tells %v", err)
	}
	for _, stream := range []string{"", "workspace-none"} {
		if n, err := w.asReader(t, reader, "annals.stream", stream, statement); err != nil || n != 0 {
			t.Errorf("of stream %q it tells %d, %v", stream, n, err)
		}
	}
}

// Nobody who asks can write, and whoever is given the right finds no policy that lets them.
func TestNobodyWhoAsksWritesTheLog(t *testing.T) {
	t.Parallel()
	w := newWalled(t)
	const write = `WITH made AS (INSERT INTO log.evidence (stream, encoding, digest, salt, bytes) SELECT id, 0, '\x99', '', '' FROM log.streams RETURNING 1) SELECT count(*) FROM made`
	if _, err := w.asReader(t, reader, "annals.stream", string(ownStream), write); err == nil {
		t.Error("a reader writes")
	}
	if _, err := w.pool.Exec(t.Context(), `GRANT INSERT, DELETE ON log.evidence TO annals_reader`); err != nil {
		t.Fatal(err)
	}
	if _, err := w.asReader(t, reader, "annals.stream", string(ownStream), write); err == nil {
		t.Error("a reader who was given the right writes")
	}
	if n, err := w.asReader(t, reader, "annals.stream", string(ownStream), `WITH gone AS (DELETE FROM log.evidence RETURNING 1) SELECT count(*) FROM gone`); err != nil || n != 0 {
		t.Errorf("%d rows were deleted, %v", n, err)
	}
}
