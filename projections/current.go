package projections

import (
	"context"
	"fmt"
)

// A ModelStatus says which read model answers, and whether anybody still projects into it.
type ModelStatus struct {
	Schema string // of the live model
	MadeBy string // version of the folding code that made it
	Code   string // version of this process's
	// Projecting is how many processes are heard of whose code made it. Where there is none, answers get old.
	Projecting int
	// Discarded says that a person dropped the model that this process's code had built anew, since the live one is live.
	Discarded bool
}

// Current says whether this process's own code made the model.
func (m ModelStatus) Current() bool { return m.MadeBy == m.Code }

// Outdated says that nobody projects into the model, nor will before it is rebuilt.
func (m ModelStatus) Outdated() bool { return !m.Current() && m.Projecting == 0 }

const discardedSQL = `
SELECT EXISTS (SELECT FROM log.models d, log.models l WHERE l.state = 'live' AND d.version = $1 AND d.discarded AND d.changed_at > l.changed_at)`

// Model is how the live read model stands. A process that was killed counts until its lease has ended.
func (e *Engine) Model(ctx context.Context) (ModelStatus, error) {
	live, err := e.liveModel(ctx)
	if err != nil {
		return ModelStatus{}, err
	}
	m := ModelStatus{Schema: live.Schema, MadeBy: live.Version, Code: e.version}
	if err := e.Pool.QueryRow(ctx, enginesSQL, enginesOf(live.Version)).Scan(&m.Projecting); err != nil {
		return m, fmt.Errorf("count the processes that project %s: %w", live.Schema, err)
	}
	if m.Current() {
		return m, nil
	}
	if err := e.Pool.QueryRow(ctx, discardedSQL, e.version).Scan(&m.Discarded); err != nil {
		return m, fmt.Errorf("read whether a model of version %s was discarded: %w", e.version, err)
	}
	return m, nil
}
