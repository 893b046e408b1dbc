package projections

import (
	"context"
	"time"

	"github.com/annals-io/annals/eventstore"
)

// A tenure is one lane while this process holds its lease.
type tenure struct {
	lane
	name   string
	cancel context.CancelCauseFunc
	err    error // why it ended, set before it is sent to over
}

// A rest keeps a lane that fails from being tried without pause.
type rest struct {
	until time.Time
	last  time.Duration
}

// begin projects a lane in a goroutine that says when it is over. The tenure has a context of its own: it outlives
// the round that began it.
func (k *keeper) begin(l lease, key laneKey) {
	ctx, cancel := context.WithCancelCause(context.Background())
	t := &tenure{lane: lane{e: k.e, p: key.p, index: key.index, lease: l, stop: cancel}, name: l.name, cancel: cancel}
	k.tenures[l.name] = t
	k.wg.Add(1)
	go func() {
		defer k.wg.Done()
		defer cancel(nil)
		if hook := k.e.Hooks.Lane; hook != nil {
			hook(key.p.schema, key.index, true)
			defer hook(key.p.schema, key.index, false)
		}
		t.err = t.run(ctx)
		k.over <- t
	}()
}

func (k *keeper) ended(t *tenure) {
	delete(k.tenures, t.name)
	k.e.release(t.lease)
	switch {
	case benign(t.err):
		return
	case time.Now().After(k.resting[t.name].until.Add(longRest)): // it had been well for a while
		k.resting[t.name] = rest{time.Now().Add(firstRest), firstRest}
	default:
		next := min(2*max(k.resting[t.name].last, firstRest), longRest)
		k.resting[t.name] = rest{time.Now().Add(next), next}
	}
	k.e.Log.Warn("a lane stopped and will be taken up again from what is stored", "lane", t.name, "error", t.err)
}

// checkPlaces ends the tenures whose last pages the database has lost: a server that crashes loses what it had not
// yet written of asynchronous commits, and an idle lane would not notice by itself.
func (k *keeper) checkPlaces(ctx context.Context) error {
	type held struct {
		t  *tenure
		at eventstore.Position
	}
	byModel := map[*projection][]held{}
	for _, t := range k.tenures {
		if at := t.at.Load(); at != nil {
			byModel[t.p] = append(byModel[t.p], held{t, *at})
		}
	}
	for p, lanes := range byModel {
		stored, err := p.places(ctx)
		if broken(err) {
			continue // the model was dropped just now
		}
		if err != nil {
			return err
		}
		for _, h := range lanes {
			if stored[h.t.index].Compare(h.at) < 0 {
				h.t.cancel(errMoved)
			}
		}
	}
	return nil
}
