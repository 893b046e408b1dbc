package projections

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

// The keeper holds the leases of this process: it renews them, takes what is free up to this process's share, and
// gives back what is more than that, so that processes that come and go share the lanes evenly.
type keeper struct {
	e       *Engine
	id      uuid.UUID
	self    lease
	renewed time.Time          // when the leases were known to be ours
	tenures map[string]*tenure // by name of the lease
	resting map[string]rest    // lanes that failed: not before
	only    *projection        // nil: everything; else this alone, and no share of the rest
	told    string             // of which live model it was said that it is not projected
	over    chan *tenure
	wg      sync.WaitGroup
}

const (
	firstRest = 50 * time.Millisecond
	longRest  = 5 * time.Second
)

// keep projects until ctx ends: everything, or one projection alone.
func (e *Engine) keep(ctx context.Context, only *projection) error {
	id, err := uuid.NewRandom()
	if err != nil {
		return fmt.Errorf("name a holder of leases: %w", err)
	}
	k := &keeper{
		e: e, id: id, only: only, renewed: time.Now(),
		tenures: map[string]*tenure{}, resting: map[string]rest{}, over: make(chan *tenure),
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-e.nudged:
		case t := <-k.over:
			k.ended(t)
		case <-ctx.Done():
			k.stop(ctx)
			return nil
		}
		if err := k.look(ctx); err != nil && ctx.Err() == nil {
			e.Log.Warn("looking after the leases failed; trying again", "error", err)
			k.letGoUnheard()
		}
		k.publish()
		timer.Reset(k.pause())
	}
}

// look does one round.
func (k *keeper) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, max(k.e.Lease/2, time.Second))
	defer cancel()
	if err := k.renew(ctx); err != nil {
		return err
	}
	if k.self.name == "" && k.only == nil {
		self, _, err := k.e.take(ctx, k.id, k.e.engines()+k.id.String())
		if err != nil {
			return err
		}
		k.self = self
		if _, err := k.e.Pool.Exec(ctx, sweepSQL); err != nil {
			return err
		}
	}
	wanted, err := k.lanes(ctx)
	if err != nil {
		return err
	}
	var engines int
	if err := k.e.Pool.QueryRow(ctx, enginesSQL, k.e.engines()).Scan(&engines); err != nil {
		return fmt.Errorf("count the processes that project: %w", err)
	}
	if err := k.checkPlaces(ctx); err != nil {
		return err
	}
	if k.only != nil {
		return k.takeFree(ctx, wanted, len(wanted))
	}
	share := (len(wanted) + max(engines, 1) - 1) / max(engines, 1)
	k.giveBack(wanted, share)
	if err := k.takeFree(ctx, wanted, share); err != nil {
		return err
	}
	return k.e.retire(ctx)
}

// engines is how the leases of processes begin that project the same models as this one: lanes are shared with these.
func (e *Engine) engines() string { return enginesOf(e.version) }

// enginesOf is how the leases of the processes begin whose folding code has that version.
func enginesOf(version string) string { return "engine/" + version + "/" }

func (k *keeper) renew(ctx context.Context) error {
	leases := []lease{}
	if k.self.name != "" {
		leases = append(leases, k.self)
	}
	for _, t := range k.tenures {
		leases = append(leases, t.lease)
	}
	at := time.Now()
	kept, err := k.e.renew(ctx, k.id, leases)
	if err != nil {
		return err
	}
	k.renewed = at
	if !kept[k.self.name] {
		k.self = lease{}
	}
	for name, t := range k.tenures {
		if !kept[name] {
			t.cancel(errFenced)
		}
	}
	return nil
}

// letGoUnheard ends the tenures when the leases may have ended: the fence would refuse their pages anyway.
func (k *keeper) letGoUnheard() {
	if time.Since(k.renewed) < k.e.Lease {
		return
	}
	for _, t := range k.tenures {
		t.cancel(errFenced)
	}
}

// A laneKey is a lane of a projection.
type laneKey struct {
	p     *projection
	index int
}

func (l laneKey) String() string { return fmt.Sprintf("%s/%d", l.p.schema, l.index) }

// lanes are all lanes there are to project, decision states first.
func (k *keeper) lanes(ctx context.Context) (map[string]laneKey, error) {
	models, err := k.e.listModels(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the models: %w", err)
	}
	wanted := map[string]laneKey{}
	add := func(p *projection) {
		if k.only != nil && k.only != p {
			return
		}
		for i := range p.lanes {
			l := laneKey{p, i}
			wanted[l.String()] = l
		}
	}
	add(k.e.states)
	for _, m := range models {
		if m.State == live {
			k.e.saw(&m)
		}
		if k.e.projectable(m) {
			add(k.e.projected(m.Schema))
		} else if m.State == live && k.told != m.Schema {
			k.told = m.Schema
			k.e.Log.Warn("the live model is not projected by this process", "error", &OtherCodeError{m.Schema, m.Version, k.e.version})
		}
	}
	return wanted, nil
}

func (k *keeper) giveBack(wanted map[string]laneKey, share int) {
	names := make([]string, 0, len(k.tenures))
	for name, t := range k.tenures {
		if _, ok := wanted[name]; !ok {
			t.cancel(errUnwanted)
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		if i >= share {
			k.tenures[name].cancel(errShared)
			k.resting[name] = rest{time.Now().Add(k.e.Lease), 0} // leave it to the others first
		}
	}
}

func (k *keeper) takeFree(ctx context.Context, wanted map[string]laneKey, share int) error {
	names := make([]string, 0, len(wanted))
	for name := range wanted {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if len(k.tenures) >= share {
			return nil
		}
		if k.tenures[name] != nil || time.Now().Before(k.resting[name].until) {
			continue
		}
		l, ok, err := k.e.take(ctx, k.id, name)
		if err != nil {
			return err
		}
		if ok {
			k.begin(l, wanted[name])
		}
	}
	return nil
}

// pause is how long the keeper may wait: a third of a lease, or until a lane has rested.
func (k *keeper) pause() time.Duration {
	wait := k.e.Lease / 3
	for name, r := range k.resting {
		left := time.Until(r.until)
		if left <= 0 {
			if left < -longRest {
				delete(k.resting, name)
			}
			continue
		}
		wait = min(wait, left)
	}
	return max(wait, time.Millisecond)
}

// publish tells the rest of the process which lanes it projects.
func (k *keeper) publish() {
	if k.only != nil {
		return
	}
	held := map[string]bool{}
	for name := range k.tenures {
		held[name] = true
	}
	k.e.held.Store(&held)
}

// stop ends all tenures and gives their leases up.
func (k *keeper) stop(ctx context.Context) {
	for _, t := range k.tenures {
		t.cancel(context.Cause(ctx))
	}
	go func() {
		k.wg.Wait()
		close(k.over)
	}()
	for t := range k.over {
		k.e.release(t.lease)
	}
	if k.self.name != "" {
		k.e.release(k.self)
	}
	if k.only == nil {
		k.e.held.Store(nil)
	}
}
