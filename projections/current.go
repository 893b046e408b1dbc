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
}

// Current says whether this process's own code made the model.
func (m ModelStatus) Current() bool { return m.MadeBy == m.Code }

// Outdated says that nobody projects into the model, nor will before it is rebuilt.
func (m ModelStatus) Outdated() bool { return !m.Current() && m.Projecting == 0 }

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
	return m, nil
}
