package eventstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/annals-io/annals/domain"
)

// Config says how commands are carried out. A field left zero has its default.
type Config struct {
	Clock       func() time.Time // default time.Now
	Mailbox     int              // most commands waiting for one stream; default 2,000
	MaxStates   int              // most decision states in memory, over all streams; default 50,000
	MaxStreams  int              // most actors in memory; default 10,000
	MaxCommands int              // most command ids remembered in memory, over all streams; default 50,000
	GroupEvents int              // most events in one commit; default 1,000
	GroupBytes  int              // most data and evidence in one commit; default 4 MiB
	Retries     int              // how often an append that failed is tried again; default 8
	Conflicts   int              // how often a decision is made again because others wrote; default 40
	States      StateSource      // where cold decision states come from; nil: from the events alone
	Logger      *slog.Logger     // nil: silence
	Observe     Observer
}

// A StateSource has decision states that were stored before, so that a cold decision reads only the tail after
// them. A projection serves it; a state that is behind costs a longer tail, never a wrong decision. It is asked for
// entities with a long history, and for all where the backend has no index of entities ([EntitiesReader]).
type StateSource interface {
	// State is the state of an entity as of a revision. A nil state says that no fact up to asOf is about it; ok is
	// false where the source cannot tell.
	State(ctx context.Context, stream domain.Stream, entity domain.Entity) (state *domain.State, asOf domain.Revision, ok bool, err error)
}

// An Observer is told what the executor does; a nil function is not called. The functions are called while work
// waits: they count, they do not wait.
type Observer struct {
	Append  func(took time.Duration, slices, events int, err error) // each group commit
	Mailbox func(waiting int)                                       // each command that was taken: how many wait with it
	Redone  func(commands int)                                      // commands decided again after a conflict
}

func (c Config) complete() (Config, error) {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Mailbox = cmp.Or(c.Mailbox, 2_000)
	c.MaxStates = cmp.Or(c.MaxStates, 50_000)
	c.MaxStreams = cmp.Or(c.MaxStreams, 10_000)
	c.MaxCommands = cmp.Or(c.MaxCommands, 50_000)
	c.GroupEvents = cmp.Or(c.GroupEvents, 1_000)
	c.GroupBytes = cmp.Or(c.GroupBytes, 4<<20)
	c.Retries = cmp.Or(c.Retries, 8)
	c.Conflicts = cmp.Or(c.Conflicts, 40)
	return c, errors.Join(
		positive("Mailbox", c.Mailbox),
		positive("MaxStates", c.MaxStates),
		positive("MaxStreams", c.MaxStreams),
		positive("MaxCommands", c.MaxCommands),
		positive("GroupEvents", c.GroupEvents),
		positive("GroupBytes", c.GroupBytes),
		positive("Retries", c.Retries),
		positive("Conflicts", c.Conflicts))
}

func positive(field string, n int) error {
	if n > 0 {
		return nil
	}
	return fmt.Errorf("%s is %d: it must be positive", field, n)
}
