package postgres_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/eventstoretest"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/internal/pgtest"
)

// migrated is the connection string of an empty log.
func migrated(t testing.TB) string {
	t.Helper()
	url := pgtest.URL(t)
	if err := postgres.Migrate(t.Context(), url, ""); err != nil {
		t.Fatal(err)
	}
	return url
}

func open(t testing.TB, url string, opts postgres.Options) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), url, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestContract(t *testing.T) {
	t.Parallel()
	eventstoretest.Run(t, backend(postgres.Options{}))
}

func TestContractByPollingAlone(t *testing.T) {
	t.Parallel()
	eventstoretest.Run(t, backend(postgres.Options{PollOnly: true, MaxConns: 4}))
}

// Whatever the size of an append, it is written by COPY.
func TestContractByCopy(t *testing.T) {
	t.Parallel()
	b := backend(postgres.Options{})
	open, reopen := b.Open, b.Reopen
	always := func(s eventstore.Store) eventstore.Store {
		s.(*postgres.Store).CopyFrom(1)
		return s
	}
	b.Open = func(t testing.TB) eventstore.Store { return always(open(t)) }
	b.Reopen = func(t testing.TB, s eventstore.Store) eventstore.Store { return always(reopen(t, s)) }
	eventstoretest.Run(t, b)
}

// What a COPY cannot pass over, the statement does: evidence that lies there already.
func TestKnownEvidenceIsPassedOver(t *testing.T) {
	t.Parallel()
	s := open(t, migrated(t), postgres.Options{})
	s.CopyFrom(1)
	body := eventstore.Evidence{Digest: domain.Digest{1}, Bytes: []byte("body")}
	for i, command := range []string{"first", "second"} {
		sl := one(eventstore.Expected(i-1), command)
		sl.Evidence = []eventstore.Evidence{body}
		mustAppend(t, s, sl)
	}
	if n := len(read(t, s)); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
	found, err := s.Evidence(t.Context(), ws, []domain.Digest{body.Digest})
	if err != nil || string(found[body.Digest]) != "body" {
		t.Errorf("evidence: %q, %v", found, err)
	}
}

func backend(opts postgres.Options) eventstoretest.Backend {
	return eventstoretest.Backend{
		Open: func(t testing.TB) eventstore.Store { return open(t, migrated(t), opts) },
		Reopen: func(t testing.TB, s eventstore.Store) eventstore.Store {
			return open(t, urlOf(s), opts)
		},
		Damage: damage,
		Stall:  stall,
	}
}

func urlOf(s eventstore.Store) string { return s.(*postgres.Store).Pool().Config().ConnString() }

// damaged are the events that are gone, in SQL.
var damaged = map[eventstoretest.Damage]string{
	eventstoretest.CutTail:    "revision = 5",
	eventstoretest.CutHead:    "revision = 0",
	eventstoretest.Pierced:    "revision = 2",
	eventstoretest.RemovedAll: "true",
}

// damage is what the owner of the tables can do when he means to.
func damage(t testing.TB, s eventstore.Store, stream domain.Stream, kind eventstoretest.Damage) {
	t.Helper()
	damageIn(t, s.(*postgres.Store).Pool(), stream, damaged[kind])
}

// damageIn removes events of a stream, as the owner of the tables.
func damageIn(t testing.TB, owner *pgxpool.Pool, stream domain.Stream, which string) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), owner, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `ALTER TABLE log.events DISABLE TRIGGER events_immutable`); err != nil {
			return err
		}
		_, err := tx.Exec(t.Context(), `DELETE FROM log.events WHERE stream = (SELECT id FROM log.streams WHERE name = $1) AND `+which, stream)
		if err != nil {
			return err
		}
		_, err = tx.Exec(t.Context(), `ALTER TABLE log.events ENABLE TRIGGER events_immutable`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// stall has a trigger wait while events are inserted: after positions were taken and before the commit.
func stall(t testing.TB, s eventstore.Store) {
	t.Helper()
	_, err := s.(*postgres.Store).Pool().Exec(t.Context(), `
CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF random() < 0.2 THEN PERFORM pg_sleep(random() * 0.02); END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER stall AFTER INSERT ON log.events FOR EACH STATEMENT EXECUTE FUNCTION stall();`)
	if err != nil {
		t.Fatal(err)
	}
}
