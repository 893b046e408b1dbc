package seal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/eventstore"
)

// A Sink is a place outside the database that is told every checkpoint, in order, at least once: one that whoever rewrites
// the database cannot rewrite as well. It is told beside sealing, which never waits for it.
type Sink interface {
	// Name tells it from others, without secrets; how far it was told is remembered under it.
	Name() string
	// Tell hands over signed checkpoints, each ended by an empty line, to be kept durably.
	Tell(ctx context.Context, notes []byte) error
	// Told answers the last checkpoint of each tree that it was told, by origin, as far as it can: a checkpoint is never
	// signed that does not follow from it. It is asked when a server begins to seal.
	Told(ctx context.Context) (map[string]checkpoint.Checkpoint, error)
}

// told is what places outside know, by origin: the largest checkpoint of each tree.
type told map[string]checkpoint.Checkpoint

// askTimeout bounds a question.
const askTimeout = 5 * time.Second

// ask asks every place what it was told last. One that does not answer is no reason not to seal: it is asked again before it
// is told anything, and what it says then is held against the trees before they are signed again.
func (s *Sealer) ask(ctx context.Context) {
	s.mu.Lock()
	s.told, s.asked = told{}, map[string]bool{}
	s.mu.Unlock()
	for _, sink := range s.Sinks {
		if err := s.askOne(ctx, sink); err != nil && ctx.Err() == nil {
			s.Logger.Warn("a place outside does not say which checkpoints it has; asking again", "sink", sink.Name(), "err", err)
		}
	}
}

// askOne asks a place, unless it has answered.
func (s *Sealer) askOne(ctx context.Context, sink Sink) error {
	s.mu.Lock()
	done := s.asked == nil || s.asked[sink.Name()]
	s.mu.Unlock()
	if done {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	all, err := sink.Told(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for origin, c := range all {
		if known, ok := s.told[origin]; !ok || known.Size < c.Size {
			s.told[origin] = c
		}
	}
	s.asked[sink.Name()] = true
	return nil
}

// checkTold holds a tree against what places outside were told of it; once is enough, since they are told what follows.
func (s *Sealer) checkTold(ctx context.Context, tx pgx.Tx, t *growing) error {
	origin := s.Signer.Key().Origin(t.name)
	s.mu.Lock()
	c, ok := s.told[origin]
	s.mu.Unlock()
	if !ok {
		return nil
	}
	if _, err := checkpoint.Open(c.Note, s.Signer.Keys()...); err != nil {
		return brokenf("a place outside was told what this key never signed: %v", err)
	}
	err := s.follows(ctx, tx, t, c, "a place outside was told")
	if c.Size > t.size && t.name != checkpoint.InstanceLog {
		err = s.foresee(ctx, t, c)
	}
	if err := against(ctx, tx, t, c, err); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told[origin].Size == c.Size {
		delete(s.told, origin)
	}
	return nil
}

// confrontMost bounds how many trees are held against places outside in one transaction.
const confrontMost = 500

// confront holds the trees that do not grow against what places outside were told of them: where a backup was restored and
// nobody has written since, that history was rewound is said all the same. A tree that is stopped is left for when an operator
// has it resumed.
func (s *Sealer) confront(ctx context.Context, at eventstore.Position) error {
	s.mu.Lock()
	open := map[string]bool{}
	for origin := range s.told {
		if name, ours := s.Signer.Key().Tree(origin); ours && name != checkpoint.InstanceLog { // that one is opened with every page
			open[name] = true
		}
	}
	s.mu.Unlock()
	if len(open) == 0 {
		return nil
	}
	stops, err := s.Kept().Stopped(ctx)
	if err != nil {
		return err
	}
	for _, stop := range stops {
		delete(open, stop.Tree)
	}
	names := slices.Collect(maps.Keys(open))
	for some := range slices.Chunk(names, confrontMost) {
		if err := s.page(ctx, at, eventstore.RawPage{Next: at}, some...); err != nil {
			return fmt.Errorf("compare with what places outside were told: %w", err)
		}
	}
	return nil
}

// foresee says whether a tree will grow into what a place outside was told of it: the audit tables were lost, and the log
// was not.
func (s *Sealer) foresee(ctx context.Context, t *growing, c checkpoint.Checkpoint) error {
	ahead := *t
	ahead.frontier = t.frontier.Clone()
	err := s.catchUp(ctx, &ahead, c.Size, func(l leafAt) error {
		ahead.frontier.Add(l.hash, nil)
		return nil
	})
	var b *broken
	switch {
	case errors.As(err, &b):
		return brokenf("a place outside was told a checkpoint of %d leaves, and %s: history was rewound", c.Size, b.reason)
	case err == nil && ahead.frontier.Root() != c.Root:
		return brokenf("a place outside was told a checkpoint of %d leaves with the root %s, and the tree does not grow into that", c.Size, c.Root)
	}
	return err
}

const (
	sinkSQL    = `INSERT INTO audit.sinks AS s (name, delivered) VALUES ($1, 0) ON CONFLICT (name) DO UPDATE SET name = s.name RETURNING delivered, instance`
	pendingSQL = `SELECT number, note FROM audit.checkpoints WHERE number >= $1 ORDER BY number LIMIT $2`
	tellSQL    = `UPDATE audit.sinks SET delivered = $2, instance = $3 WHERE name = $1`
)

// How places are told.
const (
	tellMost    = 500 // checkpoints at once
	tellTimeout = 30 * time.Second
	tellAgain   = time.Minute // the longest rest after a failure
)

// tell tells one place what it does not know yet, while this server seals. What it was told is remembered in the database,
// so that nothing is kept in memory and a place that was away for long is told all of it.
func (s *Sealer) tell(ctx context.Context, sink Sink) {
	wait := s.Every
	for rest(ctx, wait) == nil {
		if !s.State().Sealing {
			continue
		}
		n, err := 0, s.askOne(ctx, sink)
		if err == nil {
			n, err = s.tellOnce(ctx, sink)
		}
		if ctx.Err() != nil {
			return
		}
		if s.Hooks.Delivered != nil && (n > 0 || err != nil) {
			s.Hooks.Delivered(sink.Name(), n, err)
		}
		switch {
		case err != nil:
			s.Logger.Warn("a place outside could not be told of checkpoints; trying again", "sink", sink.Name(), "err", err)
			wait = min(2*wait, tellAgain)
		case n == tellMost:
			wait = 0
		default:
			wait = s.Every
		}
	}
}

// tellOnce tells a place the next checkpoints, and how many those were.
func (s *Sealer) tellOnce(ctx context.Context, sink Sink) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, tellTimeout)
	defer cancel()
	var next, instance int64
	if err := s.Pool.QueryRow(ctx, sinkSQL, sink.Name()).Scan(&next, &instance); err != nil {
		return 0, fmt.Errorf("look what it was told: %w", err)
	}
	var notes []byte
	add := func(note []byte) { notes = append(append(notes, note...), '\n') }
	rows, _ := s.Pool.Query(ctx, pendingSQL, next, tellMost)
	var number int64
	var note []byte
	_, err = pgx.ForEachRow(rows, []any{&number, &note}, func() error {
		n, next = n+1, number+1
		add(note)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("read what it is to be told: %w", err)
	}
	if n == 0 {
		return 0, nil
	}
	if c, ok, err := s.Kept().Instance(ctx); err != nil {
		return 0, err
	} else if ok && c.Size > instance && n < tellMost {
		add(c.Note)
		instance = c.Size
	}
	if err := sink.Tell(ctx, notes); err != nil {
		return 0, err
	}
	if _, err := s.Pool.Exec(ctx, tellSQL, sink.Name(), next, instance); err != nil {
		return 0, fmt.Errorf("remember what it was told: %w", err)
	}
	return n, nil
}
