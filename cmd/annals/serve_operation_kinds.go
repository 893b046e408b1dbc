package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/operations"
	"github.com/annals-io/annals/projections"
)

// openOperations makes the desk for work that outlives a request, with all kinds of it that this server does.
func (s *server) openOperations() {
	s.operations = operations.New(operations.Config{Pool: s.pool, Log: s.log})
	s.operations.Register(verifying{s.engine}, operations.Rule{Alone: true, Permit: s.byConfigurers, Check: s.checkVerify})
	s.operations.Register(rebuilding{s.engine, s.model}, operations.Rule{Alone: true, Permit: s.byOperators, Check: checkRebuild})
	s.model.engine = orderedModel{s.engine, s.operations}
}

// byOperators permits what concerns the whole server.
func (s *server) byOperators(ctx context.Context, p access.Principal, _ operations.Order) error {
	return operates(ctx, s.rights, p)
}

// rebuilding builds the read models anew: operations of kind projection.rebuild.
type rebuilding struct {
	engine modelEngine
	model  *modelKeeper
}

func (rebuilding) Kind() string { return "projection.rebuild" }

func checkRebuild(_ context.Context, o operations.Order) error {
	if o.Target != "" {
		return wrongOrder("target", "the read models of all workspaces are built anew together: leave it out")
	}
	var order modelOrder
	if err := readParams(o, &order); err != nil {
		return err
	}
	_, err := order.keepOld()
	return err
}

// readParams reads the parameters of an order, and refuses words that the kind does not know.
func readParams(o operations.Order, into any) error {
	if len(o.Params) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(o.Params))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return wrongOrder("params", "they are none of this kind: %v", err)
	}
	return nil
}

// Run rebuilds. What was built before is no use to a second try: it begins anew, and drops that.
func (b rebuilding) Run(ctx context.Context, op *operations.Op, progress func(stage string, done, total int64)) (json.RawMessage, error) {
	var order modelOrder
	if err := json.Unmarshal(op.Params, &order); err != nil {
		return nil, err
	}
	keep, err := order.keepOld()
	if err != nil {
		return nil, err
	}
	if op.By == byServer { // ordered by a server whose model it was not
		if m, err := b.engine.Model(ctx); err == nil && m.Current() {
			return nil, &operations.Failure{Code: "not_needed", Message: "the live read model is of this server's version: there is nothing to rebuild"}
		}
	}
	report, err := b.rebuild(ctx, op.Tries > 1, projections.RebuildOptions{
		AcceptDifferences: order.AcceptDifferences, Prove: order.Prove, Gentle: !order.FullSpeed, KeepOld: keep,
		Stage: func(s projections.Stage, done, total int64) { progress(string(s), done, total) },
	}, func(done, total int64, _ float64) { progress("events", done, total) })
	if err != nil && report.To == "" {
		return nil, ofOperation(err)
	}
	result := rawJSON(shownReport(report))
	if gone := b.model.glance(ctx); gone != nil && err == nil && ctx.Err() == nil {
		return result, gone
	}
	return result, ofOperation(err)
}

// patience is how long a second try waits for the lock of the first one, whose server was killed.
const patience = time.Minute

func (b rebuilding) rebuild(ctx context.Context, patient bool, o projections.RebuildOptions, progress func(done, total int64, rate float64)) (projections.Report, error) {
	for began := time.Now(); ; {
		report, err := b.engine.Rebuild(ctx, o, progress)
		if !patient || !errors.Is(err, projections.ErrRebuilding) || time.Since(began) > patience {
			return report, err
		}
		if err := sleep(ctx, time.Second); err != nil {
			return report, err
		}
	}
}

// ofOperation puts an error of projections into the words of operations.
func ofOperation(err error) error {
	if err == nil {
		return nil
	}
	no := modelRefusal(err)
	if no == nil {
		return err
	}
	if errors.As(err, new(*projections.DifferentError)) {
		return &operations.Finding{Code: no.Code, Message: no.Message}
	}
	return &operations.Failure{Code: no.Code, Message: no.Message}
}
