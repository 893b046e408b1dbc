package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/annals-io/annals/projections"
)

// A modelKeeper sees to it that the live read model is one that this program projects into. After an upgrade that
// folds events in another way it is not: the old model goes on answering, and gets old, until it has been built anew
// beside it. The keeper says so wherever operators look, builds it, and switches. While servers of the earlier version
// still run, they keep their model up, and nothing is done: the last of them to go leaves it to us.
type modelKeeper struct {
	engine  modelEngine
	log     *slog.Logger
	metrics *metrics
	manual  bool // leave the rebuild to a person

	mu       sync.Mutex
	seen     modelReport
	told     string // what was logged last: once is enough
	failures int
}

// modelEngine is what it needs of the projections.
type modelEngine interface {
	Model(ctx context.Context) (projections.ModelStatus, error)
	Rebuild(ctx context.Context, o projections.RebuildOptions, progress func(done, total int64, rate float64)) (projections.Report, error)
}

// modelReport is how the read model stands, as operators see it.
type modelReport struct {
	Schema   string `json:"schema"`
	MadeBy   string `json:"madeBy"` // version of the code that folded it
	Code     string `json:"code"`   // of this server's
	State    string `json:"state"`  // current, elsewhere, rebuilding or outdated
	Outdated bool   `json:"outdated"`
	Done     int64  `json:"done"` // events folded by the rebuild under way
	Total    int64  `json:"total"`
	Detail   string `json:"detail"`
	Do       string `json:"do,omitempty"` // the way out, where it takes a person
}

// The states of the read model.
const (
	modelCurrent    = "current"    // our code made it, and projects into it
	modelElsewhere  = "elsewhere"  // other servers' code did, and does
	modelRebuilding = "rebuilding" // nobody projects into it: another one is being built
	modelOutdated   = "outdated"   // nobody projects into it, and nothing is done about it now
)

// How often it looks, and how long it rests after a rebuild that failed.
const (
	lookAtModel   = 10 * time.Second
	restAtFirst   = time.Minute
	restAtMost    = 30 * time.Minute
	rebuildByHand = "run `annals projection rebuild --accept-differences`"
)

// report is how the read model stood at the last look.
func (k *modelKeeper) report() modelReport {
	k.mu.Lock()
	defer k.mu.Unlock()
	r := k.seen
	if r.State == modelRebuilding && r.Total > 0 {
		r.Detail += fmt.Sprintf(", %s of %s events", grouped(int(r.Done)), grouped(int(r.Total)))
	}
	return r
}

// set notes a state, and logs it when it is news.
func (k *modelKeeper) set(m projections.ModelStatus, state, detail, do string) {
	k.mu.Lock()
	k.seen = modelReport{Schema: m.Schema, MadeBy: m.MadeBy, Code: m.Code, State: state, Outdated: m.Outdated(), Detail: detail, Do: do}
	news := k.told != m.Schema+state+detail
	k.told = m.Schema + state + detail
	k.mu.Unlock()
	k.metrics.rebuilt.Set(1)
	k.metrics.model.Set(1)
	if m.Outdated() {
		k.metrics.model.Set(0)
	}
	switch {
	case !news || state == modelCurrent:
	case state == modelOutdated:
		k.log.Error(detail, "model", m.Schema, "madeBy", m.MadeBy, "code", m.Code, "do", do)
	default:
		k.log.Warn(detail, "model", m.Schema, "madeBy", m.MadeBy, "code", m.Code)
	}
}

// glance looks, and does nothing about it yet.
func (k *modelKeeper) glance(ctx context.Context) error {
	_, err := k.look(ctx)
	return err
}

func (k *modelKeeper) look(ctx context.Context) (projections.ModelStatus, error) {
	m, err := k.engine.Model(ctx)
	if err != nil {
		return m, err
	}
	old := fmt.Sprintf("read model %s was made by another version of this program: reads stay as they were until it is rebuilt", m.Schema)
	switch {
	case m.Current():
		k.set(m, modelCurrent, "", "")
	case !m.Outdated():
		k.set(m, modelElsewhere, fmt.Sprintf("read model %s is kept up by %d other servers, of the version that made it; it is rebuilt when they are gone", m.Schema, m.Projecting), "")
	case k.manual:
		k.set(m, modelOutdated, old, rebuildByHand)
	case k.report().State != modelOutdated: // else the cause of the failure stands there
		k.set(m, modelRebuilding, old+", which is under way", "")
	}
	return m, nil
}

// run looks now and then until ctx ends.
func (k *modelKeeper) run(ctx context.Context) {
	for {
		if sleep(ctx, k.step(ctx)) != nil {
			return
		}
	}
}

// step looks, does what is to do, and answers when to look again.
func (k *modelKeeper) step(ctx context.Context) time.Duration {
	m, err := k.look(ctx)
	if err != nil {
		k.log.Debug("look at the read model", "err", err) // whoever projects says it louder
		return lookAtModel
	}
	if !m.Outdated() || k.manual {
		k.failures = 0
		return lookAtModel
	}
	return k.rebuild(ctx, m)
}

func (k *modelKeeper) rebuild(ctx context.Context, m projections.ModelStatus) time.Duration {
	report, err := k.engine.Rebuild(ctx, projections.RebuildOptions{AcceptDifferences: true}, k.progress)
	switch {
	case ctx.Err() != nil:
		return 0
	case errors.Is(err, projections.ErrRebuilding):
		k.set(m, modelRebuilding, fmt.Sprintf("read model %s was made by another version of this program: reads stay as they were until it is rebuilt, which another server or a person does", m.Schema), "")
		return lookAtModel
	case err != nil:
		rest := min(restAtFirst<<min(k.failures, 10), restAtMost)
		k.failures++
		k.log.Error("the read model could not be rebuilt; trying again", "err", err, "in", rest)
		k.set(m, modelOutdated, fmt.Sprintf("read model %s was made by another version of this program, and rebuilding it failed (%v): reads stay as they were; the next try comes within %s", m.Schema, err, rest),
			"look at the server's log, mend the cause, and "+rebuildByHand)
		return rest
	}
	k.failures = 0
	k.log.Info("the read model was rebuilt and took the old one's place", "from", report.From, "to", report.To, "events", report.Events, "took", report.Took, "tablesThatDiffer", len(report.Differences))
	if _, err := k.look(ctx); err != nil {
		k.log.Debug("look at the read model", "err", err)
	}
	return lookAtModel
}

func (k *modelKeeper) progress(done, total int64, _ float64) {
	k.mu.Lock()
	if k.seen.State != modelRebuilding { // a try after one that failed
		k.seen.State, k.seen.Do = modelRebuilding, ""
		k.seen.Detail = fmt.Sprintf("read model %s was made by another version of this program: reads stay as they were until it is rebuilt, which is under way", k.seen.Schema)
	}
	k.seen.Done, k.seen.Total = done, total
	k.mu.Unlock()
	if total > 0 {
		k.metrics.rebuilt.Set(float64(done) / float64(total))
	}
}

// modelHeader tells a caller that what he reads is getting old.
const modelHeader = "Annals-Read-Model"

// marked adds modelHeader to answers that were read from an outdated model.
func (k *modelKeeper) marked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m := k.report(); m.Outdated {
			w.Header().Set(modelHeader, "outdated; "+m.State)
		}
		next.ServeHTTP(w, r)
	})
}
