package fold_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/internal/pgtest"
	"github.com/annals-io/annals/projections/fold"
	"github.com/annals-io/annals/schema/postgres"
)

// slug and ws are the workspace of most tests.
const (
	slug domain.Slug = "acme"
	ws   int32       = 7
)

// noon is when most things of the tests happen.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// at is a time some seconds after noon.
func at(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }

// A story is a stream being written.
type story struct {
	ws     int32
	slug   domain.Slug
	events []domain.Recorded
}

func newStory() *story {
	s := &story{ws: ws, slug: slug}
	s.says(0, domain.WorkspaceCreated{Slug: slug, Name: "Acme", Organization: "personal", Labels: map[string]string{"team": "ml"}})
	return s
}

// says adds facts of one message that happened some seconds after noon. Equal messages have equal digests.
func (s *story) says(seconds float64, events ...domain.Event) {
	h := sha256.New()
	for _, e := range events {
		data, err := domain.Encode(e)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(h, "%s %s %v\n", e.EventType(), data, seconds)
	}
	s.add(at(seconds), domain.Digest(h.Sum(nil)), "", events...)
}

// because adds facts that an actor gave a reason for.
func (s *story) because(seconds float64, reason string, e domain.Event) {
	s.add(at(seconds), domain.Digest{}, reason, e)
}

func (s *story) add(occurred time.Time, digest domain.Digest, reason string, events ...domain.Event) {
	for _, e := range events {
		r := domain.Revision(len(s.events))
		s.events = append(s.events, domain.Recorded{
			Envelope: domain.Envelope{
				EventID: uuid.NewSHA1(uuid.Nil, fmt.Append(nil, r)), Type: e.EventType(), Version: 1, Stream: domain.WorkspaceStream(s.slug),
				Revision: r, RecordedAt: noon.Add(time.Hour + time.Duration(r)*time.Microsecond), OccurredAt: occurred, Subject: e.Subject(),
				Meta: domain.Meta{Actor: domain.Actor{Kind: "key", ID: "k1"}, RequestDigest: digest, Reason: reason},
			},
			Event: e,
		})
	}
}

// readBack is the same stream as it comes back from a log: decoded from its bytes.
func (s *story) readBack(t testing.TB) *story {
	t.Helper()
	out := *s
	out.events = slices.Clone(s.events)
	for i := range out.events {
		e := &out.events[i]
		data, err := domain.Encode(e.Event)
		if err != nil {
			t.Fatal(err)
		}
		if e.Event, err = domain.Decode(e.Type, e.Version, data); err != nil {
			t.Fatal(err)
		}
	}
	return &out
}

// A model is a read model in a database of its own.
type model struct {
	t      testing.TB
	pool   *pgxpool.Pool
	schema string
	done   map[int32]int
}

func newModel(t testing.TB) *model {
	t.Helper()
	m := &model{t: t, pool: pgtest.Pool(t)}
	m.fresh("read_1")
	return m
}

// fresh goes on with an empty model in the same database.
func (m *model) fresh(schema string) {
	m.t.Helper()
	m.schema, m.done = schema, map[int32]int{}
	for _, sql := range []string{postgres.ReadTables, postgres.FoldIndexes, postgres.Indexes} {
		sql = strings.ReplaceAll(strings.ReplaceAll(sql, "read.", schema+"."), "CREATE SCHEMA read;", "CREATE SCHEMA "+schema+";")
		if _, err := m.pool.Exec(context.Background(), sql); err != nil {
			m.t.Fatalf("create the model: %v", err)
		}
	}
}

// project applies what the story has more than the model, in pages of size events.
func (m *model) project(s *story, size int, ev fold.Evidence) {
	m.t.Helper()
	for m.done[s.ws] < len(s.events) {
		to := min(m.done[s.ws]+size, len(s.events))
		page := fold.Page{Number: s.ws, Slug: s.slug, Events: s.events[m.done[s.ws]:to]}
		if err := m.apply(ev, page); err != nil {
			m.t.Fatalf("apply events %d to %d: %v", m.done[s.ws], to, err)
		}
		m.done[s.ws] = to
	}
}

func (m *model) apply(ev fold.Evidence, pages ...fold.Page) error {
	ctx := context.Background()
	return pgx.BeginFunc(ctx, m.pool, func(tx pgx.Tx) error { return fold.Apply(ctx, tx, m.schema, pages, ev) })
}

func (m *model) digest(number int32) map[string]string {
	m.t.Helper()
	d, err := fold.Digest(context.Background(), m.pool, m.schema, number)
	if err != nil {
		m.t.Fatal(err)
	}
	return d
}

// rows are the rows of a query as text, sorted.
func (m *model) rows(sql string, args ...any) []string {
	m.t.Helper()
	rows, _ := m.pool.Query(context.Background(), strings.ReplaceAll(sql, "read.", m.schema+"."), args...)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		values, err := row.Values()
		parts := make([]string, len(values))
		for i, v := range values {
			switch v := v.(type) {
			case nil:
				parts[i] = "-"
			case time.Time:
				parts[i] = fmt.Sprint(v.UTC().Sub(noon).Seconds())
			default:
				parts[i] = fmt.Sprint(v)
			}
		}
		return strings.Join(parts, " "), err
	})
	if err != nil {
		m.t.Fatalf("%s: %v", sql, err)
	}
	slices.Sort(list)
	return list
}

// want compares the rows of a query.
func (m *model) want(what, sql string, want ...string) {
	m.t.Helper()
	if got := m.rows(sql); !slices.Equal(got, want) {
		m.t.Errorf("%s:\n got  %s\n want %s", what, strings.Join(got, "\n      "), strings.Join(want, "\n      "))
	}
}

// equal compares two models of one story table by table.
func equalDigests(t testing.TB, what string, a, b map[string]string) {
	t.Helper()
	for _, table := range slices.Sorted(maps.Keys(a)) {
		if a[table] != b[table] {
			t.Errorf("%s: table %s differs: %s and %s", what, table, a[table], b[table])
		}
	}
}

// The words of most tests.
func job(name string) domain.Name { return domain.Name{Namespace: "jobs", Name: name} }

func run(id, name string) domain.RunRef { return domain.RunRef{ID: id, Job: job(name)} }

func native(id string) domain.RunRef { return domain.RunRef{ID: id} }

func data(name string) domain.Name { return domain.Name{Namespace: "db", Name: name} }

func io(name string) domain.IO { return domain.IO{Artifact: data(name)} }

func reported(r domain.RunRef, p domain.Phase) domain.RunReported {
	return domain.RunReported{Phase: p, Run: r}
}

func consumed(r domain.RunRef, p domain.Phase, ios ...domain.IO) domain.ArtifactsConsumed {
	return domain.ArtifactsConsumed{Execution: domain.Execution{Run: r}, Phase: p, Inputs: ios}
}

func produced(r domain.RunRef, p domain.Phase, ios ...domain.IO) domain.ArtifactsProduced {
	return domain.ArtifactsProduced{Execution: domain.Execution{Run: r}, Phase: p, Outputs: ios}
}

// writes is a run that starts, writes and ends well.
func (s *story) writes(r domain.RunRef, from, to float64, outs ...domain.IO) {
	s.says(from, reported(r, domain.Started))
	s.says(to, reported(r, domain.Succeeded), produced(r, domain.Succeeded, outs...))
}

// reads is a run that starts, reads and ends well.
func (s *story) reads(r domain.RunRef, from, to float64, ins ...domain.IO) {
	s.says(from, reported(r, domain.Started), consumed(r, domain.Started, ins...))
	s.says(to, reported(r, domain.Succeeded))
}
