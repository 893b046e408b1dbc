package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/operations"
	"github.com/annals-io/annals/projections"
)

// orderedModel is the engine of the keeper: what it has rebuilt is an operation like one that a person orders, so that
// everybody sees how far it is, and who operates the server can cancel it. Where one is under way, that one is followed.
type orderedModel struct {
	*projections.Engine
	desk *operations.Desk
}

// byServer is who orders what a server does unasked.
var byServer = domain.Actor{Kind: "system", ID: "serve"}

// A cancelledError says that somebody cancelled what the server had ordered.
type cancelledError struct{ operation uuid.UUID }

func (e *cancelledError) Error() string {
	return fmt.Sprintf("operation %s was cancelled", e.operation)
}

// followEvery is how often it is looked how far an operation is.
const followEvery = 500 * time.Millisecond

// Rebuild orders a rebuild and follows it to its end. Errors beside those of [projections.Engine.Rebuild]: *cancelledError;
// *operations.Failure.
func (m orderedModel) Rebuild(ctx context.Context, o projections.RebuildOptions, progress func(done, total int64, rate float64)) (projections.Report, error) {
	op, err := m.desk.Start(ctx, operations.Order{
		Kind: rebuilding{}.Kind(), By: byServer, Params: rawJSON(modelOrder{AcceptDifferences: o.AcceptDifferences, FullSpeed: !o.Gentle}),
	})
	var busy *operations.UnderWayError
	if errors.As(err, &busy) {
		op.ID, err = busy.ID, nil
	}
	if err != nil {
		return projections.Report{}, err
	}
	for {
		if err := sleep(ctx, followEvery); err != nil {
			return projections.Report{}, err
		}
		op, err := m.desk.Get(ctx, op.ID)
		switch {
		case err != nil:
			return projections.Report{}, err
		case op.State.Over():
			return rebuiltBy(op)
		case op.Stage == "events":
			progress(op.Done, op.Total, op.Rate())
		}
	}
}

// rebuiltBy is what an operation that is over came to.
func rebuiltBy(op operations.Operation) (r projections.Report, err error) {
	if len(op.Result) > 0 {
		var shown rebuildReport
		if err := json.Unmarshal(op.Result, &shown); err != nil {
			return r, fmt.Errorf("read what operation %s found: %w", op.ID, err)
		}
		r = shown.report()
	}
	switch {
	case op.State == operations.Cancelled:
		return r, &cancelledError{op.ID}
	case op.Code == "different":
		return r, &projections.DifferentError{Schema: r.To, SameCode: r.SameCode, Tables: r.Tables}
	case op.Code == "rebuilding":
		return r, projections.ErrRebuilding
	case op.State == operations.Failed:
		return r, &operations.Failure{Code: op.Code, Message: op.Message}
	}
	return r, nil
}

// report is the report that was shown, as far as it was.
func (r rebuildReport) report() projections.Report {
	return projections.Report{
		From: r.From, To: r.To, SameCode: r.SameCode, Workspaces: r.Workspaces, Events: r.Events, Took: time.Duration(r.Seconds * float64(time.Second)),
		Rate: r.Rate, Equal: r.Equal, Swapped: r.Swapped, Paused: r.Paused, Tables: r.Tables, Differences: r.Differences,
	}
}
