package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/projections"
)

// What a server rebuilds unasked is an operation that operators see, with who ordered it.
func TestAServersOwnRebuildIsAnOperation(t *testing.T) {
	t.Parallel()
	o := newOutdated(t)
	o.start("auto")
	defer func() { o.stop() }()
	o.record("after")
	o.runs("before", "after")
	o.becomes(modelCurrent)
	out, errs, exit := o.annals("", "operation", "list", "--kind", "projection.rebuild", "-o", "json")
	var all struct {
		Items []operationView
	}
	decode(t, out, &all)
	if exit != 0 || len(all.Items) != 1 {
		t.Fatalf("operation list exits %d: %s%s", exit, out, errs)
	}
	op := all.Items[0]
	if op.State != "done" || op.By != (operationActor{"system", "serve"}) || op.Done == 0 || op.Done != op.Total {
		t.Errorf("the operation is %+v", op)
	}
	var shown struct{ Result rebuildReport }
	out, errs, exit = o.annals("", "operation", "show", op.ID, "-o", "json")
	decode(t, out, &shown)
	if exit != 0 || !shown.Result.Swapped || shown.Result.From != "read_1" {
		t.Errorf("operation show exits %d: %s%s", exit, out, errs)
	}
}

// Who cancels it has the last word until the server starts again.
func TestACancelledRebuildIsLeftToPeople(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		engine := &fakeModel{status: projections.ModelStatus{Schema: "read_1", MadeBy: "old", Code: "new"}, err: &cancelledError{uuid.UUID{1}}}
		k, log, stop := keeping(t, engine, rebuildAuto)
		passes(24 * time.Hour)
		if r := k.report(); len(engine.rebuilds) != 1 || r.State != modelOutdated || r.Do != rebuildByHand || !strings.Contains(log.String(), "was cancelled") {
			t.Errorf("%+v after %d rebuilds:\n%s", r, len(engine.rebuilds), log)
		}
		stop()
		engine.err = nil
		k, _, stop = keeping(t, engine, rebuildAuto)
		defer stop()
		passes(time.Minute)
		if r := k.report(); len(engine.rebuilds) != 2 || r.State != modelCurrent {
			t.Errorf("started again: %+v after %d rebuilds", r, len(engine.rebuilds))
		}
	})
}
