package fold_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/annals-io/annals/projections/fold"
)

// fill is project by a Filler.
func (m *model) fill(l *fold.Filler, s *story, size int, ev fold.Evidence) error {
	ctx := context.Background()
	for m.done[s.ws] < len(s.events) {
		to := min(m.done[s.ws]+size, len(s.events))
		page := fold.Page{Number: s.ws, Slug: s.slug, Events: s.events[m.done[s.ws]:to]}
		if err := pgx.BeginFunc(ctx, m.pool, func(tx pgx.Tx) error { return l.Apply(ctx, tx, []fold.Page{page}, ev) }); err != nil {
			return fmt.Errorf("events %d to %d: %w", m.done[s.ws], to, err)
		}
		m.done[s.ws] = to
	}
	return nil
}

// A Filler makes the rows of Apply from the real streams, in small pages and large, and where it forgets on the way.
func TestFillerOnRealStreams(t *testing.T) {
	t.Parallel()
	s, ev := received(t, realMessages(t))
	m := newModel(t)
	m.project(s, 5000, ev)
	want := m.digest(ws)
	for i, c := range []struct{ size, most int }{{5000, 0}, {97, 0}, {7, 3000}} {
		m.fresh(fmt.Sprint("read_filled_", i))
		if err := m.fill(fold.FillerCopying(m.schema, c.most), s, c.size, ev); err != nil {
			t.Fatalf("pages of %d: %v", c.size, err)
		}
		equalDigests(t, fmt.Sprintf("filled in pages of %d, at most %d rows kept", c.size, c.most), want, m.digest(ws))
	}
}

// Stories in which everything meets: a Filler with little memory or much, and COPY in pages of any size, make the rows
// that single events make.
func TestFillerProperty(t *testing.T) {
	t.Parallel()
	m := newModel(t)
	var number atomic.Int32
	rapid.Check(t, func(r *rapid.T) {
		s := newStory()
		drawStory(r, s, 25)
		size, most := rapid.IntRange(1, 30).Draw(r, "page"), rapid.SampledFrom([]int{1, 40, 0}).Draw(r, "kept")
		s.ws = number.Add(1)
		m.project(s, 1, nil)
		want := m.digest(s.ws)
		for what, write := range map[string]func(*story) error{
			"filled": func(s *story) error { return m.fill(fold.FillerCopying(m.schema, most), s, size, nil) },
			"copied": func(s *story) error {
				for at := 0; at < len(s.events); at += size {
					page := fold.Page{Number: s.ws, Slug: s.slug, Events: s.events[at:min(at+size, len(s.events))]}
					err := pgx.BeginFunc(context.Background(), m.pool, func(tx pgx.Tx) error {
						return fold.ApplyCopying(context.Background(), tx, m.schema, []fold.Page{page}, nil)
					})
					if err != nil {
						return err
					}
				}
				return nil
			},
		} {
			// The same workspace again, so that its rows are the same to the last byte.
			for _, table := range m.rows(`SELECT tablename FROM pg_tables WHERE schemaname = 'read_1' AND tablename NOT IN ('progress', 'lanes', 'parked')`) {
				if _, err := m.pool.Exec(context.Background(), "DELETE FROM read_1."+table+" WHERE ws = $1", s.ws); err != nil {
					t.Fatal(err)
				}
			}
			m.done[s.ws] = 0
			if err := write(s); err != nil {
				r.Fatalf("%s in pages of %d: %v\n%s", what, size, err, s.told())
			}
			for table, d := range m.digest(s.ws) {
				if want[table] != d {
					r.Fatalf("%s in pages of %d, %d kept: %s is %s, want %s\n%s", what, size, most, table, d, want[table], s.told())
				}
			}
		}
	})
}

// A page that is rolled back comes again: what the Filler had made of it is forgotten.
func TestFillerAfterRollback(t *testing.T) {
	t.Parallel()
	s := newStory()
	for i := range 6 {
		s.writes(native(fmt.Sprint("w", i)), float64(10*i), float64(10*i+5), io("x"))
		s.reads(native(fmt.Sprint("r", i)), float64(10*i+6), float64(10*i+7), io("x"))
	}
	m := newModel(t)
	m.project(s, 3, nil)
	want := m.digest(ws)
	m.fresh("read_again")
	l := fold.FillerCopying(m.schema, 0)
	whole := s.events
	for at := 0; at < len(whole); at += 5 {
		page := fold.Page{Number: s.ws, Slug: s.slug, Events: whole[at:min(at+5, len(whole))]}
		lost := errors.New("the connection was lost")
		for _, fate := range []error{lost, nil} {
			err := pgx.BeginFunc(t.Context(), m.pool, func(tx pgx.Tx) error {
				if err := l.Apply(t.Context(), tx, []fold.Page{page}, nil); err != nil {
					return err
				}
				return fate
			})
			if !errors.Is(err, fate) {
				t.Fatalf("events from %d: %v, want %v", at, err, fate)
			}
		}
	}
	equalDigests(t, "every page came twice", want, m.digest(ws))
}
