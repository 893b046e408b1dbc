package main

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/annals-io/annals/audit/history"
	"github.com/annals-io/annals/eventstore/esdb"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/promotion"
)

// background runs what goes on beside requests, until stop.
func (s *server) background(ctx context.Context, f serveFlags) {
	s.work.Go(func() { tuneGC(ctx) })
	s.work.Go(func() { s.project(ctx) })
	if f.past.bundle == nil { // else it was sealed where it comes from
		s.work.Go(func() { s.history.Run(ctx) })
	}
	s.work.Go(func() {
		s.keys.Run(ctx, func(err error) { s.log.Warn("keys", "err", err) })
	})
	sweep := sweeper{keep: f.commandRetention, jitter: rand.N[time.Duration], log: s.log}
	if f.commandRetention > 0 {
		sweep.forget = s.store.ForgetCommands
	}
	if besides, ok := s.store.(*esdb.Store); ok {
		sweep.clear = besides.SweepEvidence
	}
	s.work.Go(func() { sweep.run(ctx) })
	promotions := &promotion.Desk{Commands: s.rights.Watch(s.commander()), Log: s.store, Begun: s.begun, Logger: s.log}
	s.work.Go(func() {
		select {
		case <-s.engine.Ready(): // before, nobody can say which ones are open
			if f.past.bundle == nil { // what an export leaves open is open where it comes from
				promotions.Run(ctx)
			}
		case <-ctx.Done():
		}
	})
	s.work.Go(func() {
		select {
		case <-s.engine.Ready():
			s.operations.Run(ctx)
		case <-ctx.Done():
		}
	})
	if s.database != nil {
		s.work.Go(func() { s.keepDatabase(ctx) })
	}
}

// project runs the projections. They are only given up when that is asked for: what is read gets old, and nothing is
// lost.
func (s *server) project(ctx context.Context) {
	for {
		err := s.engine.Run(ctx)
		if ctx.Err() != nil {
			return
		}
		s.log.Error("projections could not start; trying again", "err", err)
		if sleep(ctx, time.Second) != nil {
			return
		}
	}
}

// unveiled lists promotions of workspaces that are there: those of a history that is being imported were another
// instance's, and end with the import.
type unveiled struct {
	promotion.Lister
	veil *history.Veil
}

// OpenPromotions leaves out those of workspaces that are hidden.
func (u unveiled) OpenPromotions(ctx context.Context, limit int) ([]projections.OpenPromotion, error) {
	all, err := u.Lister.OpenPromotions(ctx, limit)
	if err != nil {
		return nil, err
	}
	there := all[:0]
	for _, p := range all {
		hidden, err := u.veil.Hides(ctx, p.Source)
		if err != nil {
			return nil, err
		}
		if !hidden {
			there = append(there, p)
		}
	}
	return there, nil
}
