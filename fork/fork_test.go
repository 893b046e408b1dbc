package fork

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/internal/pgtest"
)

func watch(t *testing.T, pool *pgxpool.Pool, drawn *int) *Watch {
	t.Helper()
	return &Watch{DB: pool, Log: slog.New(slog.DiscardHandler), Drawn: func(context.Context, pgx.Tx) error { *drawn++; return nil }}
}

func migrated(t *testing.T) *pgxpool.Pool {
	t.Helper()
	url := pgtest.URL(t)
	if err := postgres.Migrate(t.Context(), url, ""); err != nil {
		t.Fatal(err)
	}
	return pgtest.Connect(t, url)
}

// Given a database, its fork stays the same for every server that looks, until it finds itself at another place.
func TestAForkStaysUntilThePlaceChanges(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	drawn := 0
	first, second := watch(t, pool, &drawn), watch(t, pool, &drawn)
	for _, w := range []*Watch{first, second, first} {
		if err := w.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if first.Now().Fork != second.Now().Fork || drawn != 0 {
		t.Fatalf("two servers of one database see %v and %v, %d drawn", first.Now(), second.Now(), drawn)
	}
	was := first.Now()
	for _, place := range []string{"system", "timeline", "database"} { // each part of it tells
		parts := strings.Split(was.Place, "/")
		if len(parts) != 3 || parts[0] == "" || parts[0] == "?" {
			t.Fatalf("the place is %q", was.Place)
		}
		parts[map[string]int{"system": 0, "timeline": 1, "database": 2}[place]] = "7"
		if _, err := pool.Exec(t.Context(), `UPDATE log.instance SET place = $1`, strings.Join(parts, "/")); err != nil {
			t.Fatal(err)
		}
		before, count := first.Now(), drawn
		if err := first.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if now := first.Now(); now.Fork == before.Fork || now.Short() == before.Short() || now.Place != was.Place || drawn != count+1 {
			t.Errorf("another %s: %v after %v, drawn %d", place, now, before, drawn-count)
		}
	}
	if err := second.Look(t.Context()); err != nil || second.Now().Fork != first.Now().Fork {
		t.Errorf("the second server sees %v, %v", second.Now(), err)
	}
}

// A copy of the files is the same place: whoever makes it says so.
func TestAForkIsDrawnOnRequest(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	drawn := 0
	w := watch(t, pool, &drawn)
	if err := w.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	was := w.Now()
	if err := w.Draw(t.Context(), "copied"); err != nil {
		t.Fatal(err)
	}
	if now := w.Now(); now.Fork == was.Fork || now.Why != "copied" || drawn != 1 {
		t.Errorf("drawn %v after %v", now, was)
	}
	if err := w.Look(t.Context()); err != nil || w.Now().Why != "copied" || drawn != 1 {
		t.Errorf("looked again: %v, %v", w.Now(), err)
	}
}
