package fold_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/annals-io/annals/projections/fold"
)

// fill is project by a Filler, in chunks of so many bytes; where most is above zero, the Filler gives up after that many
// events and Apply goes on.
func (m *model) fill(s *story, size, chunk, most int, ev fold.Evidence) error {
	ctx := context.Background()
	var rows fold.Rows
	write := func(enough int) error {
		if rows.Size() < enough {
			return nil
		}
		load := rows.Take()
		defer rows.Reuse(load)
		return pgx.BeginFunc(ctx, m.pool, func(tx pgx.Tx) error { return load.Write(ctx, tx.Conn().PgConn(), m.schema) })
	}
	l := fold.NewFiller(s.ws, s.slug, &rows)
	for m.done[s.ws] < len(s.events) && (most == 0 || m.done[s.ws] < most) {
		to := min(m.done[s.ws]+size, len(s.events))
		if err := l.Fold(ctx, s.events[m.done[s.ws]:to], ev); err != nil {
			return fmt.Errorf("events %d to %d: %w", m.done[s.ws], to, err)
		}
		if err := write(chunk); err != nil {
			return err
		}
		m.done[s.ws] = to
	}
	if err := l.Finish(func() error { return write(chunk) }); err != nil {
		return err
	}
	if err := write(1); err != nil {
		return err
	}
	for m.done[s.ws] < len(s.events) {
		to := min(m.done[s.ws]+size, len(s.events))
		page := fold.Page{Number: s.ws, Slug: s.slug, Events: s.events[m.done[s.ws]:to]}
		if err := m.apply(ev, page); err != nil {
			return err
		}
		m.done[s.ws] = to
	}
	return nil
}

// A Filler makes the rows of Apply from the real streams, in small pages and large, and where Apply goes on from it.
func TestFillerOnRealStreams(t *testing.T) {
	t.Parallel()
	s, ev := received(t, realMessages(t))
	m := newModel(t)
	m.project(s, 5000, ev)
	want := m.digest(ws)
	for i, c := range []struct{ size, chunk, most int }{{5000, 1 << 20, 0}, {97, 1 << 12, 0}, {500, 1 << 16, len(s.events) / 2}} {
		m.fresh(fmt.Sprint("read_filled_", i))
		if err := m.fill(s, c.size, c.chunk, c.most, ev); err != nil {
			t.Fatalf("pages of %d: %v", c.size, err)
		}
		equalDigests(t, fmt.Sprintf("filled in pages of %d, given up after %d", c.size, c.most), want, m.digest(ws))
	}
}

// Stories in which everything meets: a Filler that gives up soon or never, and COPY in pages of any size, make the rows
// that single events make.
func TestFillerProperty(t *testing.T) {
	t.Parallel()
	m := newModel(t)
	var number atomic.Int32
	rapid.Check(t, func(r *rapid.T) {
		s := newStory()
		drawStory(r, s, 25)
		size, most := rapid.IntRange(1, 30).Draw(r, "page"), rapid.SampledFrom([]int{1, 12, 0}).Draw(r, "given up after")
		s.ws = number.Add(1)
		m.project(s, 1, nil)
		want := m.digest(s.ws)
		for what, write := range map[string]func(*story) error{
			"filled": func(s *story) error { return m.fill(s, size, 1<<12, most, nil) },
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
					r.Fatalf("%s in pages of %d, given up after %d: %s is %s, want %s\n%s", what, size, most, table, d, want[table], s.told())
				}
			}
		}
	})
}

// A run that gets one name after the other, some of them again, is found by each word once.
func TestFillerWritesWordsOnce(t *testing.T) {
	t.Parallel()
	s := newStory()
	for i, name := range []string{"Nightly load", "nightly LOAD", "r-1", "Weekly load", "Nightly load", "", "r-1 weekly"} {
		e := reported(native("r-1"), "progressed")
		e.Name = name
		s.says(float64(i), e)
	}
	m := newModel(t)
	m.project(s, 1, nil)
	want, words := m.digest(ws), m.rows(`SELECT word FROM read.words ORDER BY 1`)
	if !slices.Contains(words, "weekly") {
		t.Fatalf("words %v", words)
	}
	m.fresh("read_filled")
	if err := m.fill(s, 2, 1, 0, nil); err != nil {
		t.Fatal(err)
	}
	equalDigests(t, "filled", want, m.digest(ws))
}
