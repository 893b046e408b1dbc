package seal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A Log is what is sealed: the log as it is stored, and its end.
type Log interface {
	eventstore.RawReader
	eventstore.RawStreamReader
	Head(ctx context.Context) (eventstore.Position, error)
}

// Config says what is sealed and how. Pool, Source and Signer are needed; a field left zero has its default.
type Config struct {
	Pool   *pgxpool.Pool // of the database with the audit tables
	Source Log
	Signer *checkpoint.Signer
	Every  time.Duration // how often the log is looked at; default 1 s
	Most   int           // events between two checkpoints of a stream, at most; default 1,000
	Page   int           // events sealed in one transaction, at most; default 5,000
	Rest   float64       // how long to rest after a page where more is to be sealed, as a multiple of what it took; default 1, none below 0
	Lease  time.Duration // how long sealing stays with a server that is not heard of; default 10 s
	Sinks  []Sink        // who outside is told each checkpoint
	// Origin is the stream that an event was first written to, where that is another one: of a history that was imported.
	// Nil: every event was first written where it lies.
	Origin func(ctx context.Context, stream domain.Stream, at domain.Revision) (domain.Stream, error)
	// KeyFile is where the signer's key lies: where it is rotated, the new one is taken up. Empty: it stays as it is.
	KeyFile string
	Logger  *slog.Logger
	Hooks   Hooks
}

// Hooks are told what happens; each may be nil.
type Hooks struct {
	Sealed    func(events, checkpoints int, took time.Duration) // a transaction
	Looked    func(State)                                       // at the log, whatever came of it
	Alarm     func(Stop)                                        // a tree was stopped
	Delivered func(sink string, checkpoints int, err error)
}

// A State is how sealing stands, as this server sees it.
type State struct {
	Sealing bool   `json:"sealing"` // this server seals; else another one does, or nobody
	Stopped []Stop `json:"stopped"` // trees that are sealed no more
	Fault   string `json:"fault"`   // why this server does not seal at all; empty: it would
	Behind  bool   `json:"behind"`  // the last look found more than a page
}

// A Sealer seals the log. Run it once.
type Sealer struct {
	Config
	lease   lease
	known   map[string]checkpoint.Checkpoint // the last checkpoint of a tree that this process has seen
	without check                            // of tests: what is not checked
	thinned time.Time                        // when checkpoints were last thinned
	stuck   string                           // why the key file was no use at the last look

	mu    sync.Mutex
	state State
	told  told            // what is still to be held against trees
	asked map[string]bool // the places that have said what they know
}

// maxKnown bounds what a sealer remembers of trees.
const maxKnown = 100_000

// New completes a configuration.
func New(c Config) (*Sealer, error) {
	if c.Pool == nil || c.Source == nil || c.Signer == nil {
		return nil, errors.New("a sealer needs a pool, a log and a signer")
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return nil, fmt.Errorf("name the sealer: %w", err)
	}
	c.Every, c.Lease = cmp.Or(c.Every, time.Second), cmp.Or(c.Lease, 10*time.Second)
	c.Rest = max(0, cmp.Or(c.Rest, 1))
	c.Most, c.Page = cmp.Or(c.Most, 1000), cmp.Or(c.Page, 5000)
	c.Logger = cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	return &Sealer{Config: c, lease: lease{holder: id}, known: map[string]checkpoint.Checkpoint{}}, nil
}

// Kept is what is sealed.
func (s *Sealer) Kept() Store { return Store{s.Pool} }

// State is how sealing stood at the last look.
func (s *Sealer) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// Run seals until ctx ends, then gives the lease up. Failures are logged and tried again: they never reach who appends.
func (s *Sealer) Run(ctx context.Context) {
	var places sync.WaitGroup
	for _, sink := range s.Sinks {
		places.Go(func() { s.tell(ctx, sink) })
	}
	defer places.Wait()
	defer s.release()
	tick := time.NewTicker(s.Every)
	defer tick.Stop()
	failing := ""
	for {
		err := s.Seal(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			failing = ""
			s.thinSometimes(ctx)
		case err.Error() != failing: // the same failure every second is told once
			failing = err.Error()
			s.Logger.Error("sealing failed; trying again", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Seal seals what there is now, if the lease can be had. It is what [Sealer.Run] does once a second.
func (s *Sealer) Seal(ctx context.Context) error {
	state := State{}
	err := s.once(ctx, &state)
	if err != nil && state.Fault == "" {
		state.Fault = err.Error()
	}
	if stops, failed := s.Kept().Stopped(ctx); failed == nil {
		state.Stopped = stops
	}
	s.mu.Lock()
	s.state = state
	s.mu.Unlock()
	if s.Hooks.Looked != nil {
		s.Hooks.Looked(state)
	}
	return err
}

func (s *Sealer) once(ctx context.Context, state *State) error {
	if err := s.checkKey(ctx); err != nil {
		return err
	}
	if err := s.take(ctx); err != nil || s.lease.term == 0 {
		return err
	}
	state.Sealing = true
	if s.lease.fresh {
		s.ask(ctx)
		s.lease.fresh = false
	}
	return s.pages(ctx, state)
}

// pages seals the log from where it is sealed to its end.
func (s *Sealer) pages(ctx context.Context, state *State) error {
	at, err := s.position(ctx)
	if err != nil {
		return err
	}
	head, err := s.Source.Head(ctx)
	if err != nil {
		return fmt.Errorf("look at the end of the log: %w", err)
	}
	if head.Compare(at) < 0 && s.checks(ending) {
		return fmt.Errorf("the log ends at %s and was sealed up to %s: it was cut, or an older copy of it was restored", head, at)
	}
	for at.Compare(head) < 0 {
		began := time.Now()
		page, err := s.Source.ReadRaw(ctx, at, s.Page)
		if err != nil {
			return fmt.Errorf("read the log to seal it: %w", err)
		}
		if err := s.page(ctx, at, page); err != nil {
			return fmt.Errorf("seal the log after %s: %w", at, err)
		}
		if at = page.Next; page.CaughtUp {
			break
		}
		state.Behind = true
		if err := s.take(ctx); err != nil || s.lease.term == 0 {
			return err
		}
		if err := rest(ctx, time.Duration(s.Rest*float64(time.Since(began)))); err != nil { // whoever answers people comes first
			return err
		}
	}
	if err := s.level(ctx, at); err != nil {
		return err
	}
	return s.confront(ctx, at)
}

// position is how far the log is sealed.
func (s *Sealer) position(ctx context.Context) (at eventstore.Position, err error) {
	tx, err := s.Pool.Begin(ctx)
	if err != nil {
		return at, fmt.Errorf("look how far the log is sealed: %w", err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // nothing was written
	now, err := s.fence(ctx, tx)
	return now.Position, err
}

func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
