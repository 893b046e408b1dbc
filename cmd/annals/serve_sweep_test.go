package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Old commands are forgotten within an hour of the start and then once a day, whatever went wrong the day before.
func TestOldCommandsAreForgottenDaily(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var swept []time.Duration
		log := &buffer{}
		s := sweeper{
			keep: 30 * 24 * time.Hour, jitter: func(below time.Duration) time.Duration { return below / 4 }, log: slog.New(slog.NewTextHandler(log, nil)),
			forget: func(_ context.Context, before time.Time) (int64, error) {
				if age := time.Since(before); age != 30*24*time.Hour {
					t.Errorf("those older than %s are forgotten", age)
				}
				swept = append(swept, time.Since(began))
				if len(swept) == 2 {
					return 0, errors.New("the database is away")
				}
				return 7, nil
			},
		}
		cleared := 0
		s.clear = func(_ context.Context, before time.Time) (int64, error) {
			if age := time.Since(before); age != leftBehind {
				t.Errorf("evidence older than %s is swept", age)
			}
			cleared++
			return 3, nil
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { s.run(ctx); close(done) }()
		passes(3 * 24 * time.Hour)
		stop()
		<-done
		want := []time.Duration{15 * time.Minute, 15*time.Minute + 23*time.Hour + 30*time.Minute, 15*time.Minute + 2*(23*time.Hour+30*time.Minute), 15*time.Minute + 3*(23*time.Hour+30*time.Minute)}
		if len(swept) != len(want) {
			t.Fatalf("swept after %v, want %v", swept, want)
		}
		for i := range want {
			if swept[i] != want[i] {
				t.Errorf("sweep %d came after %s, want %s", i, swept[i], want[i])
			}
		}
		if cleared != len(swept) || !strings.Contains(log.String(), "bodies=3") {
			t.Errorf("evidence was swept %d times, the log says %s", cleared, log)
		}
		if !strings.Contains(log.String(), "commands=7") || !strings.Contains(log.String(), "the database is away") {
			t.Errorf("the log says %s", log)
		}
	})
}

func TestTheRetentionOfCommands(t *testing.T) {
	t.Parallel()
	for keep, ok := range map[time.Duration]bool{0: true, time.Hour: true, 720 * time.Hour: true, time.Minute: false, -time.Hour: false} {
		f := serveFlags{listen: "127.0.0.1:0", commandRetention: keep}
		if err := f.check(); (err == nil) != ok {
			t.Errorf("--command-retention %s: %v", keep, err)
		}
	}
}
