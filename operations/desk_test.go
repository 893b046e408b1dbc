package operations

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

func nothing(context.Context, *Op, func(string, int64, int64)) (json.RawMessage, error) {
	return json.RawMessage(`{"ok":true}`), nil
}

func TestOrders(t *testing.T) {
	t.Parallel()
	pool := migrated(t)
	refused := errors.New("no such thing")
	d := desk(t, pool, nothing, Rule{Alone: true, Check: func(_ context.Context, o Order) error {
		if o.Target == "bad" {
			return refused
		}
		return nil
	}})

	t.Run("what cannot be done is not stored", func(t *testing.T) {
		if _, err := d.Start(t.Context(), order("bad")); !errors.Is(err, refused) {
			t.Errorf("a bad order: %v", err)
		}
		if _, err := d.Start(t.Context(), Order{Kind: "other"}); !errors.Is(err, ErrUnknownKind) {
			t.Errorf("an unknown kind: %v", err)
		}
		if all, err := d.List(t.Context(), Filter{}); err != nil || len(all) != 0 {
			t.Errorf("%d operations, %v", len(all), err)
		}
	})

	first := order("here")
	first.ID = uuid.New()
	was := start(t, d, first)
	if was.State != Waiting || was.By != first.By || string(was.Params) != `{"a":1}` || was.BegunAt != nil {
		t.Fatalf("an order is %+v", was)
	}
	t.Run("an order that is sent twice is one", func(t *testing.T) {
		again := first
		again.Params = json.RawMessage(`{ "a": 1 }`)
		if got := start(t, d, again); got.ID != was.ID || !got.CreatedAt.Equal(was.CreatedAt) {
			t.Errorf("%+v", got)
		}
	})
	t.Run("an id is that of one order", func(t *testing.T) {
		var taken *TakenError
		for _, other := range []Order{
			{ID: first.ID, Kind: "work", Target: "there", Params: first.Params, By: first.By},
			{ID: first.ID, Kind: "work", Target: "here2", Params: json.RawMessage(`{"a":2}`), By: first.By},
			{ID: first.ID, Kind: "work", Target: "here3", Params: first.Params, By: domain.Actor{Kind: "key", ID: "k2"}},
		} {
			if _, err := d.Start(t.Context(), other); !errors.As(err, &taken) {
				t.Errorf("%+v: %v", other, err)
			}
		}
	})
	t.Run("one at a time about a target", func(t *testing.T) {
		var busy *UnderWayError
		if _, err := d.Start(t.Context(), order("here")); !errors.As(err, &busy) || busy.ID != was.ID {
			t.Errorf("a second one: %v", err)
		}
		there := start(t, d, order("there"))
		if all, err := d.List(t.Context(), Filter{}); err != nil || len(all) != 2 || all[0].ID != there.ID {
			t.Errorf("the list is %+v, %v", all, err)
		}
		if some, err := d.List(t.Context(), Filter{Kind: "work", Target: "here", States: []State{Waiting}}); err != nil || len(some) != 1 || some[0].ID != was.ID {
			t.Errorf("the list is %+v, %v", some, err)
		}
		if none, err := d.List(t.Context(), Filter{States: []State{Done}}); err != nil || len(none) != 0 {
			t.Errorf("the list is %+v, %v", none, err)
		}
	})
	t.Run("what waits is cancelled at once, and resumed", func(t *testing.T) {
		got, err := d.Cancel(t.Context(), was.ID)
		if err != nil || got.State != Cancelled || got.EndedAt == nil {
			t.Fatalf("%+v, %v", got, err)
		}
		var state *StateError
		if _, err := d.Cancel(t.Context(), was.ID); !errors.As(err, &state) || state.State != Cancelled {
			t.Errorf("cancelled twice: %v", err)
		}
		other := start(t, d, order("here"))
		var busy *UnderWayError
		if _, err := d.Resume(t.Context(), was.ID); !errors.As(err, &busy) || busy.ID != other.ID {
			t.Errorf("resumed beside another: %v", err)
		}
		if _, err := d.Cancel(t.Context(), other.ID); err != nil {
			t.Fatal(err)
		}
		if got, err := d.Resume(t.Context(), was.ID); err != nil || got.State != Waiting || got.EndedAt != nil {
			t.Errorf("resumed: %+v, %v", got, err)
		}
		if _, err := d.Resume(t.Context(), was.ID); !errors.As(err, &state) {
			t.Errorf("resumed twice: %v", err)
		}
	})
	t.Run("what is not there", func(t *testing.T) {
		for name, do := range map[string]func(context.Context, uuid.UUID) (Operation, error){"get": d.Get, "cancel": d.Cancel, "resume": d.Resume} {
			if _, err := do(t.Context(), uuid.New()); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
