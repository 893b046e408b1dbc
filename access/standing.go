package access

import (
	"context"
	"fmt"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// Standing is what the log has against a key besides what its row says: its holder was disabled or deleted, its run is
// over or gone. It is asked at each look at a key, hence of the log and not of a projection that is behind it.
type Standing struct{ lens *eventstore.Lens }

// NewStanding reads from a store; stored may be nil and spares reading long histories.
func NewStanding(store eventstore.Store, stored eventstore.StateSource) *Standing {
	return &Standing{eventstore.NewLens(store, stored, freshFor)}
}

// fate is what became of whom and what a key is for.
type fate struct {
	no   *Refusal  // why it opens nothing; nil: it does
	over time.Time // when the run ended; zero: it goes on, or there is none
}

// ends is when a token ends whose run is over. A producer's clock may be ahead: then it counts from now on.
func (f fate) ends(now time.Time) time.Time {
	if now.Before(f.over) {
		return now.Add(afterRun)
	}
	return f.over.Add(afterRun)
}

func (s *Standing) of(ctx context.Context, r Record) (fate, error) {
	holder := eventstore.Sight{Stream: r.stream(), Entity: domain.AccountEntity(r.Account)}
	if r.Holder == domain.ServiceGrantee {
		holder.Entity = domain.Entity{Kind: domain.KindServiceAccount, ID: r.Account}
	}
	at := []eventstore.Sight{holder}
	if r.Run != nil && r.Workspace != nil {
		stream := domain.WorkspaceStream(domain.Slug(*r.Workspace))
		at = append(at, eventstore.Sight{Stream: stream, Entity: domain.WorkspaceEntity()}, eventstore.Sight{Stream: stream, Entity: domain.RunEntity(*r.Run)})
	}
	seen, err := s.lens.See(ctx, at...)
	if err != nil {
		return fate{}, fmt.Errorf("look at the holder of key %s: %w", r.ID, err)
	}
	if seen[0].Disabled || r.Holder == domain.ServiceGrantee && (!seen[0].Exists || seen[0].Deleted) {
		return fate{no: ErrShutOut}, nil
	}
	if len(seen) == 1 {
		return fate{}, nil
	}
	for _, gone := range seen[1:] {
		if !gone.Exists || gone.Deleted {
			return fate{no: ErrRevoked}, nil
		}
	}
	if life := seen[2].Life(); life.Status.Ended() {
		return fate{over: life.EndedAt}, nil
	}
	return fate{}, nil
}

// watching makes keys look again when something ends by which they live.
type watching struct {
	eventstore.Commander
	keys *Keys
}

// Watch is the commander through which this process ends accounts, runs and workspaces: the keys that live by them open
// nothing from then on, here at once.
func (k *Keys) Watch(c eventstore.Commander) eventstore.Commander { return watching{c, k} }

// Execute carries out a command.
func (w watching) Execute(ctx context.Context, q eventstore.Request) (eventstore.Result, error) {
	result, err := w.Commander.Execute(ctx, q)
	w.tell(q)
	return result, err
}

// ExecuteAll carries out several.
func (w watching) ExecuteAll(ctx context.Context, qs []eventstore.Request) []eventstore.Answer {
	answers := w.Commander.ExecuteAll(ctx, qs)
	for _, q := range qs {
		w.tell(q)
	}
	return answers
}

// tell forgets what was known of the stream where the command was about what keys live by, whatever became of it: also
// one whose outcome is not known may have been carried out.
func (w watching) tell(q eventstore.Request) {
	for _, e := range q.Command.Needs() {
		switch e.Kind {
		case domain.KindAccount, domain.KindServiceAccount, domain.KindWorkspace:
		case domain.KindRun:
			if _, ends := domain.Innermost(q.Command).(domain.Delete); !ends {
				continue
			}
		default:
			continue
		}
		if w.keys.Standing != nil {
			w.keys.Standing.lens.Forget(q.Stream)
		}
		w.keys.cache.forgetAll()
		return
	}
}
