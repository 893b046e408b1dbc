package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/internal/esdbfake"
	"github.com/annals-io/annals/internal/esdbfake/esdbtest"
	"github.com/annals-io/annals/internal/pgtest"
)

// Whatever is wrong with an event store, `annals serve` ends in time, names it, says the way out, and repeats no
// password.
func TestServingWhatCannotBeServed(t *testing.T) {
	t.Parallel()
	users := map[string]string{"admin": "changeit", "guest": "changeit"}
	fake := esdbtest.Start(t, esdbfake.Options{CertDir: t.TempDir(), Users: users})
	gone := esdbtest.Start(t, esdbfake.Options{})
	gone.Stop()
	half := esdbtest.Start(t, esdbfake.Options{})
	half.Fail(esdbfake.Fault{On: esdbfake.OpGossip, Kind: esdbfake.NotReady, Times: 1 << 20})
	mute := esdbtest.Start(t, esdbfake.Options{})
	mute.Fail(esdbfake.Fault{On: esdbfake.OpRead, Kind: esdbfake.HangBefore, Times: 1 << 20})
	taken := esdbtest.Start(t, esdbfake.Options{})
	taken.Put("organization-personal", "order-placed", `{"by":"somebody else"}`)
	quick := "&defaultDeadline=200&maxDiscoverAttempts=2&discoveryInterval=10"
	for name, tt := range map[string]struct {
		connection string
		exit       int
		says, hint string
	}{
		"a typo":                 {"esdb://admin:changeit@localhost:2113?tsl=false", exitUsage, `"tsl"`, "PostgreSQL"},
		"a wrong password":       {strings.Replace(fake.ConnectionString(), "changeit", "wrong", 1), exitAuth, fake.Address(), "password"},
		"a user without rights":  {strings.Replace(fake.ConnectionString(), "admin", "guest", 1), exitAuth, fake.Address(), "rights"},
		"unreachable":            {gone.ConnectionString() + quick, exitFailed, gone.Address(), "reached"},
		"a half-started cluster": {strings.Replace(half.ConnectionString(), "?", ","+gone.Address()+"?", 1) + quick, exitFailed, half.Address(), "runs"},
		"one name of it":         {strings.Replace(half.ConnectionString(), "esdb:", "esdb+discover:", 1) + quick, exitFailed, half.Address(), "runs"},
		"a server that is mute":  {mute.ConnectionString() + quick, exitFailed, mute.Address(), "runs"},
		"without the TLS it has": {strings.Split(fake.ConnectionString(), "?")[0] + "?tls=false" + quick, exitFailed, fake.Address(), "`tls`"},
		"a foreign stream":       {taken.ConnectionString(), exitUnverified, "organization-personal", "--eventstore-prefix"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			began := time.Now()
			a, out, errs := quiet("text")
			err := a.serve(ctx, serveFlags{listen: "127.0.0.1:0", data: pgtest.Dir(t), databaseURL: pgtest.URL(t), eventstore: tt.connection, logLevel: "info", logFormat: "json"})
			if err == nil {
				t.Fatal("it serves")
			}
			f := failureOf(err)
			if f.Exit != tt.exit || !strings.Contains(f.Message, tt.says) || !strings.Contains(f.Hint, tt.hint) {
				t.Errorf("exits %d: %s; %s\nwant %d, %q and %q", f.Exit, f.Message, f.Hint, tt.exit, tt.says, tt.hint)
			}
			if strings.Contains(f.Message+f.Hint+out.String()+errs.String(), "changeit") {
				t.Error("the password is told")
			}
			if took := time.Since(began); took > openEventstoreTimeout+30*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// The event store is restarted again and again while events come in: nothing is lost, nothing is doubled, and nobody
// has to send anything again by hand.
func TestImportingWhileTheEventStoreRestarts(t *testing.T) {
	t.Parallel()
	fake := esdbtest.Start(t, esdbfake.Options{})
	database := pgtest.URL(t)
	s := startServerIn(t, pgtest.Dir(t), database, func(stop func()) { t.Cleanup(stop) }, func(f *serveFlags) {
		f.eventstore = fake.ConnectionString() + "&defaultDeadline=1000"
	})
	const runs = 3000
	var events strings.Builder
	for i := range runs {
		fmt.Fprintln(&events, strings.ReplaceAll(oneRun, "%", fmt.Sprint("run-", i)))
	}
	pool, err := pgxpool.New(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	last := func() (n int) {
		_ = pool.QueryRow(t.Context(), `SELECT revision FROM log.streams WHERE name = 'workspace-default'`).Scan(&n) // 0: not yet
		return n
	}
	done := make(chan struct{})
	restarts := 0
	go func() {
		defer close(done)
		for _, after := range []int{200, 600, 1000, 1500, 2000} {
			for began := time.Now(); last() < after; pause() {
				if time.Since(began) > time.Minute {
					return
				}
			}
			if err := fake.Restart(); err != nil {
				t.Error(err)
			}
			restarts++
		}
	}()
	out, errs, exit := s.annals(events.String(), "import", "events", "-", "--patience", "1m", "-o", "json")
	<-done
	var sum imported
	decode(t, out, &sum)
	if exit != 0 || sum.Accepted+sum.Duplicates != runs || restarts != 5 {
		t.Fatalf("after %d restarts the import exits %d: %+v %s", restarts, exit, sum, errs)
	}
	s.readable(t, sum.Revision)
	log, errs, exit := s.annals("", "log", "default", "-o", "ndjson", "--limit", "0")
	if lines := strings.Count(log, "run.started"); exit != 0 || lines != runs {
		t.Errorf("the log has %d runs that started, of %d; exits %d: %s", lines, runs, exit, errs)
	}
	list, errs, exit := s.annals("", "run", "list", "-o", "ndjson", "--limit", "0")
	if lines := strings.Count(list, "\n"); exit != 0 || lines != runs {
		t.Errorf("%d runs are listed, of %d; exits %d: %s", lines, runs, exit, errs)
	}
}
