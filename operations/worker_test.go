package operations

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

func TestHowAnOperationEnds(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	var tries atomic.Int64
	d := desk(t, pool, func(_ context.Context, op *Op, progress func(string, int64, int64)) (json.RawMessage, error) {
		progress("counting", 3, 4)
		progress("counting", 4, 4)
		switch op.Target {
		case "differs":
			return json.RawMessage(`{"equal":false}`), &Finding{"different", "two rows differ"}
		case "fails":
			return nil, &Failure{"damaged", "the file is cut"}
		case "breaks":
			return nil, errors.New("what nobody should read")
		case "panics":
			panic("what nobody should read")
		case "passes":
			if tries.Add(1) < 2 {
				return nil, &pgconn.PgError{Code: "57P01"}
			}
		}
		return json.RawMessage(`{"equal":true}`), nil
	}, Rule{})
	runs(t, d)
	for _, test := range []struct {
		target          string
		state           State
		code, message   string
		result          string
		tries           int
		done, totalDone int64
	}{
		{"equal", Done, "", "", `{"equal":true}`, 1, 4, 4},
		{"differs", Done, "different", "two rows differ", `{"equal":false}`, 1, 4, 4},
		{"fails", Failed, "damaged", "the file is cut", "", 1, 4, 4},
		{"breaks", Failed, "internal", "the server failed; it was logged", "", 1, 4, 4},
		{"panics", Failed, "internal", "the server failed; it was logged", "", 1, 4, 4},
		{"passes", Done, "", "", `{"equal":true}`, 2, 4, 4},
	} {
		t.Run(test.target, func(t *testing.T) {
			t.Parallel()
			o := until(t, d, start(t, d, order(test.target)).ID, "over", over)
			if o.State != test.state || o.Code != test.code || o.Message != test.message || string(o.Result) != test.result || o.Tries != test.tries {
				t.Errorf("it ended as %s %s %q %s after %d tries", o.State, o.Code, o.Message, o.Result, o.Tries)
			}
			if o.Stage != "counting" || o.Done != test.done || o.Total != test.totalDone || o.EndedAt == nil || o.BegunAt == nil {
				t.Errorf("its progress is %s %d of %d", o.Stage, o.Done, o.Total)
			}
		})
	}
}

// counting goes on from its checkpoint, a step whenever the test says so.
func counting(steps <-chan struct{}, until int64) func(context.Context, *Op, func(string, int64, int64)) (json.RawMessage, error) {
	return func(ctx context.Context, op *Op, progress func(string, int64, int64)) (json.RawMessage, error) {
		n, _ := strconv.ParseInt(string(op.Checkpoint), 10, 64) // none: 0
		for ; n < until; n++ {
			progress("counting", n, until)
			select {
			case <-steps:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			if err := op.Keep(ctx, json.RawMessage(strconv.FormatInt(n+1, 10))); err != nil {
				return nil, err
			}
		}
		return json.RawMessage(strconv.FormatInt(n, 10)), nil
	}
}

func TestCancelledAndResumed(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	steps := make(chan struct{})
	d := desk(t, pool, counting(steps, 5), Rule{Alone: true})
	runs(t, d)
	id := start(t, d, order("here")).ID
	steps <- struct{}{}
	until(t, d, id, "a step on", func(o Operation) bool { return o.Done == 1 })
	steps <- struct{}{}
	o := until(t, d, id, "two steps on", func(o Operation) bool { return o.Done == 2 })
	if o.State != Running || o.Total != 5 || o.Stage != "counting" {
		t.Fatalf("it is %+v", o)
	}
	if left, ok := o.ETA(); !ok || left <= 0 || o.Rate() <= 0 {
		t.Errorf("two steps of five, and it takes %s, %v, at %f", left, ok, o.Rate())
	}
	if got, err := d.Cancel(t.Context(), id); err != nil || !got.Cancelling && got.State != Cancelled {
		t.Fatalf("cancelling: %+v, %v", got, err)
	}
	if o := until(t, d, id, "over", over); o.State != Cancelled || o.Cancelling || o.Code != "cancelled" {
		t.Fatalf("it ended as %+v", o)
	}
	if _, err := d.Resume(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	for range 3 { // not five
		steps <- struct{}{}
	}
	if o := until(t, d, id, "over", over); o.State != Done || string(o.Result) != "5" || o.Tries != 2 {
		t.Errorf("it ended as %+v", o)
	}
}

func TestAServerThatStopsGivesBack(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	steps := make(chan struct{})
	first, second := desk(t, pool, counting(steps, 3), Rule{}), desk(t, pool, counting(steps, 3), Rule{})
	first.Lease = time.Hour // nobody waits for that
	stop := runs(t, first)
	id := start(t, first, order("here")).ID
	steps <- struct{}{}
	until(t, first, id, "a step on", func(o Operation) bool { return o.Done == 1 })
	stop()
	if o, err := second.Get(t.Context(), id); err != nil || o.State != Waiting {
		t.Fatalf("it is %+v, %v", o, err)
	}
	runs(t, second)
	steps <- struct{}{}
	steps <- struct{}{}
	if o := until(t, second, id, "over", over); o.State != Done || o.Tries != 2 || string(o.Result) != "3" {
		t.Errorf("it ended as %+v", o)
	}
}

// A server that was thought dead and only slept changes nothing: neither by what it keeps, nor in a transaction, nor by
// its result. The control is the same without anybody who took over.
func TestAServerThatSleptIsFenced(t *testing.T) {
	t.Parallel()
	for _, takenOver := range []bool{true, false} {
		t.Run(map[bool]string{true: "taken over", false: "control"}[takenOver], func(t *testing.T) {
			t.Parallel()
			pool := migrated(t)
			asleep, awake := make(chan struct{}), make(chan struct{})
			var kept, fenced error
			first := desk(t, pool, func(_ context.Context, op *Op, _ func(string, int64, int64)) (json.RawMessage, error) {
				close(asleep)
				<-awake
				kept = op.Keep(context.Background(), json.RawMessage(`"late"`))
				fenced = pgx.BeginFunc(context.Background(), pool, func(tx pgx.Tx) error { return op.Fence(context.Background(), tx) })
				return json.RawMessage(`"late"`), nil
			}, Rule{})
			first.Beat, first.Parallel = time.Hour, 1 // it does not prolong its tenure, nor take another one
			var stopped sync.WaitGroup
			ctx, cancel := context.WithCancel(context.Background())
			stopped.Go(func() { first.Run(ctx) })
			id := start(t, first, order("here")).ID
			<-asleep
			if takenOver {
				second := desk(t, pool, func(context.Context, *Op, func(string, int64, int64)) (json.RawMessage, error) {
					return json.RawMessage(`"in time"`), nil
				}, Rule{})
				runs(t, second)
				until(t, second, id, "over", over)
			}
			close(awake)
			if !takenOver {
				until(t, first, id, "over", over)
			}
			cancel()
			stopped.Wait()
			o, err := first.Get(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if takenOver && (string(o.Result) != `"in time"` || !errors.Is(kept, ErrFenced) || !errors.Is(fenced, ErrFenced) || o.Tries != 2) {
				t.Errorf("it ended as %s after %d tries; keeping: %v, in a transaction: %v", o.Result, o.Tries, kept, fenced)
			}
			if !takenOver && (string(o.Result) != `"late"` || kept != nil || fenced != nil) {
				t.Errorf("it ended as %s; keeping: %v, in a transaction: %v", o.Result, kept, fenced)
			}
		})
	}
}

// Many servers, many orders: each is done once.
func TestEachIsDoneOnce(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	var mu sync.Mutex
	did := map[string]int{}
	work := func(_ context.Context, op *Op, _ func(string, int64, int64)) (json.RawMessage, error) {
		mu.Lock()
		defer mu.Unlock()
		did[op.Target]++
		return nil, nil
	}
	var d *Desk
	for range 3 {
		d = desk(t, pool, work, Rule{})
		d.Lease = time.Minute
		runs(t, d)
	}
	const orders = 30
	for i := range orders {
		start(t, d, order(strconv.Itoa(i)))
	}
	for _, o := range must(d.List(t.Context(), Filter{})) {
		if o := until(t, d, o.ID, "over", over); o.State != Done || o.Result != nil || o.Tries != 1 {
			t.Errorf("it ended as %+v", o)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(did) != orders {
		t.Errorf("%d of %d were done", len(did), orders)
	}
	for target, times := range did {
		if times != 1 {
			t.Errorf("%s was done %d times", target, times)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
