package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/internal/esdbfake"
	"github.com/annals-io/annals/internal/esdbfake/esdbtest"
	"github.com/annals-io/annals/internal/pgtest"
)

// A copy is killed with -9 at random moments, in both directions, and goes on; what comes out is whole.
func TestKillingACopy(t *testing.T) {
	t.Parallel()
	fake := esdbtest.Start(t, esdbfake.Options{})
	source, beside, last := pgtest.URL(t), pgtest.URL(t), pgtest.URL(t)
	startAndStop(t, source)
	fillLog(t, source, 6000)
	random := rand.New(rand.NewPCG(3, 4))
	there := killed(t, random, beside, "--from", source, "--to", fake.ConnectionString(), "--to-database", beside)
	back := killed(t, random, last, "--from", fake.ConnectionString(), "--from-database", beside, "--to", last)
	if there.Events < 6000 || there.Digest != back.Digest {
		t.Errorf("there %+v, and back %+v", there, back)
	}
}

// killed runs a copy that is killed each time when it has come a random way further, until it is done.
func killed(t *testing.T, random *rand.Rand, target string, args ...string) (c copied) {
	t.Helper()
	args = append([]string{"eventstore", "copy", "-o", "json"}, args...)
	pool, err := pgxpool.New(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	kills := 0
	for goal := 1; ; goal += 500 + random.IntN(1000) {
		var out, errs buffer
		cmd := command(nil, args...)
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		for running := true; running; pause() {
			select {
			case err := <-done:
				if err != nil {
					t.Fatalf("%v: %s", err, errs.String())
				}
				if kills < 3 {
					t.Errorf("it was done after %d kills: the test tests nothing", kills)
				}
				decode(t, out.String(), &c)
				t.Logf("killed %d times; the last run wrote %d of %d events", kills, c.Written, c.Events)
				return c
			default:
			}
			n := 0
			_ = pool.QueryRow(t.Context(), `SELECT coalesce(sum(revision + 1), 0)::int FROM log.streams`).Scan(&n) // not there yet
			if n >= goal {
				_ = cmd.Process.Kill()
				<-done
				kills++
				running = false
			}
		}
	}
}

// startAndStop makes an instance in a database.
func startAndStop(t *testing.T, database string) {
	t.Helper()
	var stop func()
	startServerIn(t, pgtest.Dir(t), database, func(f func()) { stop = f })
	stop()
}

// fillLog appends n events to a log, ten at a time.
func fillLog(t *testing.T, database string, n int) {
	t.Helper()
	store, err := postgres.Open(t.Context(), database, postgres.Options{PollOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for from := 0; from < n; from += 10 {
		sl := eventstore.Slice{Stream: domain.Stream(fmt.Sprint("workspace-", from/10%7)), Expected: eventstore.Any, CommandID: fmt.Sprint(from)}
		for i := range 10 {
			e := domain.RunReported{Phase: domain.Started, Run: domain.RunRef{ID: fmt.Sprint(from + i)}, Pipeline: &domain.Name{Name: "train"}}
			data, err := domain.Encode(e)
			if err != nil {
				t.Fatal(err)
			}
			sl.Events = append(sl.Events, eventstore.NewEvent{Event: e, Data: data, Envelope: domain.Envelope{
				EventID: uuid.New(), Type: e.EventType(), Version: 1, RecordedAt: time.Now(), OccurredAt: time.Now(), Subject: e.Subject(),
				Meta: domain.Meta{Actor: domain.Actor{Kind: "key", ID: "k"}, CommandID: sl.CommandID},
			}})
		}
		if results, err := store.Append(t.Context(), []eventstore.Slice{sl}); err != nil || results[0].Err != nil {
			t.Fatalf("%v, %+v", err, results)
		}
	}
}

// From a data directory to an event store with a new data directory beside it, as a user without a database does it.
func TestSwitchingDataDirectories(t *testing.T) {
	t.Parallel()
	fake := esdbtest.Start(t, esdbfake.Options{})
	v := newVictim(t)
	v.start()
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	ask := func(dir string, args ...string) string {
		t.Helper()
		out, err := command([]string{"ANNALS_DATA=" + dir}, args...).Output()
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return string(out)
	}
	ask(v.dir, "import", "events", filepath.Join(root, "examples", "training.ndjson"))
	want := ask(v.dir, "log", "-o", "json")
	beside := filepath.Join(pgtest.Dir(t), "beside")
	args := []string{"eventstore", "copy", "--from", v.dir, "--to", fake.ConnectionString(), "--to-database", beside, "-o", "json"}
	if bin := os.Getenv(pgtest.BinEnv); bin != "" {
		args = append(args, "--postgres-bin", bin)
	}
	out, err := command(nil, args...).CombinedOutput()
	if exitCode(err) != exitConflict || !strings.Contains(string(out), "a server runs on the data in") {
		t.Errorf("beside its server the copy exits with %v: %s", err, out)
	}
	v.stop()
	if out, err = command(nil, args...).CombinedOutput(); err != nil || !strings.Contains(string(out), "serve it by `annals serve --data "+beside) {
		t.Fatalf("the copy exits with %v: %s", err, out)
	}
	w := newVictim(t, "--eventstore", fake.ConnectionString())
	w.dir, w.args[4] = beside, beside
	w.start()
	if got := ask(beside, "log", "-o", "json"); took.ReplaceAllString(got, "…") != took.ReplaceAllString(want, "…") {
		t.Errorf("the log is\n%s\nnot\n%s", got, want)
	}
	w.stop()
}
