package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/annals-io/annals/projections"
)

// A modelKeeper sees to it that the live read model is one that this program projects into. After an upgrade that
// folds events in another way it is not: the old model goes on answering, and gets old, until it has been built anew
// beside it. The keeper says so wherever operators look, builds it, and switches where the two are equal; where they
// differ the new one waits for a person, also over restarts. While servers of the earlier version still run, they keep
// their model up, and nothing is done: the last of them to go leaves it to us.
type modelKeeper struct {
	engine  modelEngine
	log     *slog.Logger
	metrics *metrics
	mode    string // of --rebuild

	mu       sync.Mutex
	seen     modelReport
	told     string // what was logged last: once is enough
	held     bool   // somebody cancelled what it had rebuilt: it is left to people until the server starts again
	failures int
}

// modelEngine is what it needs of the projections.
type modelEngine interface {
	Model(ctx context.Context) (projections.ModelStatus, error)
	Waiting(ctx context.Context) (projections.Waiting, error)
	Rebuild(ctx context.Context, o projections.RebuildOptions, progress func(done, total int64, rate float64)) (projections.Report, error)
	Swap(ctx context.Context, accept bool, keepOld time.Duration) (projections.Waiting, error)
}

// What --rebuild can say; automatic is the default.
const (
	rebuildAuto   = "auto"   // build it anew, and take what is equal
	rebuildAccept = "accept" // build it anew, and take it whatever differs
	rebuildManual = "manual" // leave it to a person
)

// A deed is what is to be done about the read model.
type deed int

const (
	doNothing deed = iota
	doRebuild
	doSwap // to what was built anew before
)

// How often it looks, and how long it rests after what failed.
const (
	lookAtModel = 10 * time.Second
	restAtFirst = time.Minute
	restAtMost  = 30 * time.Minute
)

// glance looks, and does nothing about it yet.
func (k *modelKeeper) glance(ctx context.Context) error {
	_, err := k.look(ctx)
	return err
}

// look sees how the read model stands, says so, and answers what is to be done.
func (k *modelKeeper) look(ctx context.Context) (deed, error) {
	m, err := k.engine.Model(ctx)
	if err != nil {
		return doNothing, err
	}
	var beside *projections.Waiting
	if m.Outdated() {
		w, err := k.engine.Waiting(ctx)
		if err != nil && !errors.Is(err, projections.ErrNoModel) {
			return doNothing, err
		}
		if err == nil {
			beside = &w
		}
	}
	r, do := judge(k.how(), m, beside)
	if do == doNothing || k.failures == 0 { // else the cause of the failure stands there
		k.set(r)
	}
	return do, nil
}

// how is --rebuild, until somebody cancels what the keeper ordered.
func (k *modelKeeper) how() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.held {
		return rebuildManual
	}
	return k.mode
}

// judge says how a read model stands, and what is to be done about it; beside is the one that a rebuild left, nil where
// there is none.
func judge(mode string, m projections.ModelStatus, beside *projections.Waiting) (modelReport, deed) {
	r := modelReport{Schema: m.Schema, MadeBy: m.MadeBy, Code: m.Code, Outdated: m.Outdated()}
	switch {
	case m.Current():
		r.State = modelCurrent
		return r, doNothing
	case !m.Outdated():
		r.State = modelElsewhere
		r.Detail = fmt.Sprintf("read model %s is kept up by %d other servers, of the version that made it; it is rebuilt when they are gone", m.Schema, m.Projecting)
		return r, doNothing
	case beside != nil && beside.Complete && beside.MadeBy == m.Code && mode != rebuildManual && (mode == rebuildAccept || !beside.Differs()):
		r.State, r.Detail = modelRebuilding, outdated(m.Schema, "; %s, built anew beside it, takes its place now", beside.Schema)
		return r, doSwap
	case beside != nil && beside.Complete && (beside.MadeBy == m.Code || beside.Projecting > 0): // else nobody can go on with it
		r.State, r.Waiting = modelWaiting, waits(beside)
		r.Detail, r.Do = outdated(m.Schema, "; %s, built anew beside it, %s and waits for somebody to look", beside.Schema, r.Waiting.finding()), doAboutWaiting
		return r, doNothing
	case m.Discarded:
		r.State, r.Detail, r.Do = modelOutdated, outdated(m.Schema, "; the one that was built anew was discarded"), rebuildByHand
		return r, doNothing
	case mode == rebuildManual:
		r.State, r.Detail, r.Do = modelOutdated, outdated(m.Schema, ""), rebuildByHand
		return r, doNothing
	}
	r.State, r.Detail = modelRebuilding, underWay(m.Schema)
	return r, doRebuild
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
	do, err := k.look(ctx)
	switch {
	case err != nil:
		k.log.Debug("look at the read model", "err", err) // whoever projects says it louder
		return lookAtModel
	case do == doRebuild:
		report, err := k.engine.Rebuild(ctx, projections.RebuildOptions{AcceptDifferences: k.mode == rebuildAccept, Gentle: true}, k.progress)
		return k.did(ctx, report, err)
	case do == doSwap:
		w, err := k.engine.Swap(ctx, k.mode == rebuildAccept, 0)
		report := projections.Report{From: k.report().Schema, To: w.Schema}
		if w.Report != nil {
			report = *w.Report
		}
		return k.did(ctx, report, err)
	}
	k.failures = 0
	return lookAtModel
}

// did says what became of a rebuild or a swap, and answers when to look again.
func (k *modelKeeper) did(ctx context.Context, report projections.Report, err error) time.Duration {
	var different *projections.DifferentError
	var cancelled *cancelledError
	switch {
	case ctx.Err() != nil:
		return 0
	case errors.As(err, &cancelled):
		k.mu.Lock()
		k.held = true
		k.mu.Unlock()
		k.log.Warn("rebuilding the read model was cancelled: it is left to people until this server starts again", "operation", cancelled.operation)
	case errors.Is(err, projections.ErrRebuilding):
		r := k.report()
		r.State, r.Detail, r.Do = modelRebuilding, outdated(r.Schema, ", which another server or a person does"), ""
		k.set(r)
		return lookAtModel
	case errors.As(err, &different):
		k.log.Warn("the read model was built anew, and differs from the old one", "from", report.From, "to", report.To, "events", report.Events, "took", report.Took, "tablesThatDiffer", different.Tables)
	case err != nil:
		rest := min(restAtFirst<<min(k.failures, 10), restAtMost)
		k.failures++
		k.log.Error("the read model could not be rebuilt; trying again", "err", err, "in", rest)
		r := k.report()
		r.State = modelOutdated
		r.Detail, r.Do = outdated(r.Schema, "; rebuilding it failed (%v), and the next try comes within %s", err, rest), "look at the server's log, mend the cause, and "+rebuildByHand
		k.set(r)
		return rest
	default:
		k.log.Info("the read model was rebuilt and took the old one's place", "from", report.From, "to", report.To, "events", report.Events, "took", report.Took, "tablesThatDiffer", report.Tables)
	}
	k.failures = 0
	if err := k.glance(ctx); err != nil {
		k.log.Debug("look at the read model", "err", err)
	}
	return lookAtModel
}

func (k *modelKeeper) progress(done, total int64, _ float64) {
	k.mu.Lock()
	if k.seen.State != modelRebuilding { // a try after one that failed
		k.seen.State, k.seen.Do, k.seen.Detail = modelRebuilding, "", underWay(k.seen.Schema)
	}
	k.seen.Done, k.seen.Total = done, total
	k.mu.Unlock()
	if total > 0 {
		k.metrics.rebuilt.Set(float64(done) / float64(total))
	}
}
