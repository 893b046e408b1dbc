package main

import (
	"context"
	"log/slog"
	"time"
)

// A sweeper forgets, once a day, which commands were carried out long ago. Their events stay; only a client that repeats
// one of them that late has it carried out anew. Those of ingest are remembered for ever. Evidence is not swept: on
// PostgreSQL it is written in the transaction of the events that refer to it, and nothing can be left over; on an
// EventStoreDB it is written before them, and an append that fails leaves bytes behind that nothing refers to.
type sweeper struct {
	forget func(ctx context.Context, before time.Time) (int64, error)
	keep   time.Duration
	jitter func(below time.Duration) time.Duration // a random time, from zero
	log    *slog.Logger
}

// When it sweeps: first within the hour, so that a server that is restarted every day sweeps too; then every day, give
// or take an hour, so that several servers do not for ever do it at once.
const (
	firstSweep = time.Hour
	sweepEvery = 24 * time.Hour
	sweepApart = 2 * time.Hour
)

// run sweeps until ctx ends.
func (s sweeper) run(ctx context.Context) {
	wait := s.jitter(firstSweep)
	for sleep(ctx, wait) == nil {
		s.sweep(ctx)
		wait = sweepEvery - sweepApart/2 + s.jitter(sweepApart)
	}
}

func (s sweeper) sweep(ctx context.Context) {
	n, err := s.forget(ctx, time.Now().Add(-s.keep))
	switch {
	case ctx.Err() != nil:
	case err != nil:
		s.log.Warn("old commands were not forgotten; trying again tomorrow", "err", err)
	case n > 0:
		s.log.Info("old commands were forgotten", "commands", n, "olderThan", s.keep)
	}
}
