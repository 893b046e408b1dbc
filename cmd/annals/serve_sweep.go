package main

import (
	"context"
	"log/slog"
	"time"
)

// A sweeper forgets, once a day, which commands were carried out long ago. Their events stay; only a client that repeats
// one of them that late has it carried out anew. Those of ingest are remembered for ever. On PostgreSQL evidence is
// written in the transaction of the events that refer to it, and nothing can be left over; on an EventStoreDB it is
// written before them, and what an append that failed left behind is swept here, too.
type sweeper struct {
	forget func(ctx context.Context, before time.Time) (int64, error) // nil: nothing is forgotten
	clear  func(ctx context.Context, before time.Time) (int64, error) // evidence without events; nil: there is none
	keep   time.Duration
	jitter func(below time.Duration) time.Duration // a random time, from zero
	log    *slog.Logger
}

// When it sweeps: first within the hour, so that a server that is restarted every day sweeps too; then every day, give
// or take an hour, so that several servers do not for ever do it at once.
const (
	leftBehind = 24 * time.Hour // the age at which evidence without events is taken for left over
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
	s.one(ctx, s.forget, s.keep, "old commands were forgotten", "commands")
	s.one(ctx, s.clear, leftBehind, "evidence that no event refers to was swept", "bodies")
}

func (s sweeper) one(ctx context.Context, do func(context.Context, time.Time) (int64, error), age time.Duration, done, what string) {
	if do == nil {
		return
	}
	n, err := do(ctx, time.Now().Add(-age))
	switch {
	case ctx.Err() != nil:
	case err != nil:
		s.log.Warn("not all was swept; trying again tomorrow", "what", what, "err", err)
	case n > 0:
		s.log.Info(done, what, n, "olderThan", age)
	}
}
