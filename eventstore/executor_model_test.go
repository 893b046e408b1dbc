package eventstore_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"testing"

	"pgregory.net/rapid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/eventstoretest"
	"github.com/annals-io/annals/eventstore/memory"
)

// A model carries out commands as plainly as can be: all states of all workspaces in maps, one command at a time.
type model struct {
	last   map[domain.Stream]domain.Revision
	states map[domain.Stream]domain.States
	known  map[eventstore.CommandKey]known
}

type known struct {
	digest domain.Digest
	result eventstore.Result
}

func newModel() *model {
	return &model{last: map[domain.Stream]domain.Revision{}, states: map[domain.Stream]domain.States{}, known: map[eventstore.CommandKey]known{}}
}

// execute answers what the executor must answer.
func (m *model) execute(t rapid.TB, r eventstore.Request) (eventstore.Result, error) {
	key := eventstore.CommandKey{Stream: r.Stream, ID: r.CommandID}
	if k, ok := m.known[key]; ok && r.CommandID != "" {
		if k.digest != r.Digest {
			return eventstore.Result{}, domain.Conflict
		}
		k.result.Duplicate = true
		return k.result, nil
	}
	states, ok := m.states[r.Stream]
	if !ok {
		states, m.last[r.Stream] = domain.States{}, domain.NoRevision
		m.states[r.Stream] = states
	}
	last := m.last[r.Stream]
	refused := eventstore.Result{First: -1, Last: -1, Revision: last}
	if since := r.IfUnchangedSince; since != nil && states.Of(r.Command.Needs()[0]).Changed > *since {
		return refused, domain.RevisionConflict
	}
	events, err := r.Command.Decide(states)
	if err != nil {
		return refused, err
	}
	if len(events) == 0 {
		return eventstore.Result{First: -1, Last: -1, Unchanged: true, Revision: last}, nil
	}
	res := eventstore.Result{First: last + 1, Last: last + domain.Revision(len(events)), Events: len(events), Revision: last + domain.Revision(len(events))}
	for i, e := range events {
		rec := &domain.Recorded{Event: e}
		rec.Revision, rec.OccurredAt, rec.Meta.RequestDigest = res.First+domain.Revision(i), r.OccurredAt, r.Digest
		state := states.Of(e.Subject())
		if err := state.Apply(rec); err != nil {
			t.Fatalf("the model: %v", err)
		}
		states[e.Subject()] = state
	}
	m.last[r.Stream] = res.Last
	if r.CommandID != "" {
		m.known[key] = known{r.Digest, res}
	}
	return res, nil
}

var phases = []domain.Phase{domain.Started, domain.Succeeded, domain.Failed, domain.Progressed, domain.Cancelling}

func requests() *rapid.Generator[eventstore.Request] {
	return rapid.Custom(func(t *rapid.T) eventstore.Request {
		slug := rapid.SampledFrom([]domain.Slug{"w-a", "w-b", "w-c", "w-d", "w-e"}).Draw(t, "workspace")
		run := rapid.SampledFrom([]string{"r1", "r2", "r3", "r4", "r5", "r6"}).Draw(t, "run")
		phase := rapid.SampledFrom(phases).Draw(t, "phase")
		kind := rapid.IntRange(0, 9).Draw(t, "kind")
		var c domain.Command
		switch kind {
		case 0, 1:
			c = domain.CreateWorkspace{Slug: slug, Name: "W", Organization: "personal"}
		case 2:
			c = domain.RenameWorkspace{Name: rapid.SampledFrom([]string{"A", "B"}).Draw(t, "name")}
		case 3:
			c = domain.LabelWorkspace{Set: map[string]string{"team": rapid.SampledFrom([]string{"x", "y"}).Draw(t, "label")}}
		case 4:
			c = domain.Delete{Event: domain.RunDeleted{Run: domain.RunRef{ID: run}}}
		case 5, 6:
			c = domain.Record{Events: []domain.Event{
				domain.RunReported{Phase: phase, Run: domain.RunRef{ID: run}},
				domain.RunNested{Run: domain.RunRef{ID: run}, Parent: domain.RunRef{ID: "parent"}},
			}}
		default:
			c = move(run, phase)
		}
		r := eventstore.Request{Stream: domain.WorkspaceStream(slug), Command: c, OccurredAt: noon}
		if n := rapid.IntRange(0, 12).Draw(t, "id"); n > 4 { // the same few ids again and again
			r.CommandID = fmt.Sprintf("%T-%d", c, n)
		}
		r.Digest = sha256.Sum256([]byte(fmt.Sprintf("%T %s %s", c, phase, run))) // other requests have other digests
		if kind > 6 && rapid.IntRange(0, 5).Draw(t, "locked") == 0 {
			since := domain.Revision(rapid.IntRange(0, 12).Draw(t, "since"))
			r.IfUnchangedSince = &since
		}
		return r
	})
}

// The executor answers as the model does, whatever the calls the commands come in, though it keeps next to nothing in
// memory, another executor writes the same streams, answers of the store get lost and decision states are old.
func TestExecutorIsTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := memory.New()
		var store eventstore.Store = s
		lossy := rapid.IntRange(0, 9).Draw(t, "lossy") == 0
		if lossy {
			store = &eventstoretest.Lossy{Store: s}
		}
		if rapid.Bool().Draw(t, "indexed") {
			store = indexed{store}
		}
		source := &oldStates{store: s, behind: domain.Revision(rapid.IntRange(0, 6).Draw(t, "behind"))}
		cfg := eventstore.Config{
			MaxStates:   rapid.SampledFrom([]int{1, 2, 5, 100}).Draw(t, "states"),
			MaxStreams:  rapid.SampledFrom([]int{1, 2, 100}).Draw(t, "streams"),
			MaxCommands: rapid.SampledFrom([]int{1, 3, 100}).Draw(t, "commands"),
			GroupEvents: rapid.SampledFrom([]int{1, 3, 1000}).Draw(t, "group"),
		}
		if rapid.Bool().Draw(t, "source") {
			cfg.States = source
		}
		xs := []*eventstore.Executor{eventstore.New(store, cfg), eventstore.New(store, eventstore.Config{})}
		defer func() {
			for _, x := range xs {
				if err := x.Close(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
		}()
		m := newModel()
		for range rapid.IntRange(1, 12).Draw(t, "calls") {
			batch := rapid.SliceOfN(requests(), 1, 12).Draw(t, "batch")
			answers := xs[rapid.IntRange(0, 1).Draw(t, "executor")].ExecuteAll(context.Background(), batch)
			for i, r := range batch {
				want, wantErr := m.execute(t, r)
				got := answers[i]
				denied := wantErr != nil || want.Unchanged
				if denied && got.Duplicate && sentAgain(batch, i) || denied && errors.Is(got.Err, domain.Conflict) && sentAgain(batch, i) {
					continue // it appended nothing, and was answered when its second sending had
				}
				if lossy {
					got.Duplicate = want.Duplicate // a lost answer may have been that of a duplicate
				}
				if got.Result != want || codeOf(got.Err) != codeOf(wantErr) {
					t.Fatalf("%s %s %#v:\n got %+v, %v\nwant %+v, %v", r.Stream, r.CommandID, r.Command, got.Result, got.Err, want, wantErr)
				}
			}
		}
		compareStates(t, s, m)
	})
}

// sentAgain says whether the command id stands in the batch a second time.
func sentAgain(batch []eventstore.Request, i int) bool {
	for j, r := range batch {
		if j != i && r.CommandID == batch[i].CommandID && r.Stream == batch[i].Stream && r.CommandID != "" {
			return true
		}
	}
	return false
}

func codeOf(err error) string {
	var code domain.Code
	if errors.As(err, &code) {
		return string(code)
	}
	return fmt.Sprint(err)
}

// compareStates folds what lies in the store and compares with the model.
func compareStates(t rapid.TB, s eventstore.Store, m *model) {
	p, err := s.ReadAll(context.Background(), eventstore.Position{}, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	folded := map[domain.Stream]domain.States{}
	for i := range p.Events {
		e := &p.Events[i]
		if folded[e.Stream] == nil {
			folded[e.Stream] = domain.States{}
		}
		state := folded[e.Stream].Of(e.Subject)
		if err := state.Apply(e); err != nil {
			t.Fatal(err)
		}
		folded[e.Stream][e.Subject] = state
	}
	for stream, states := range m.states {
		for e := range maps.Keys(states) {
			if got, want := fmt.Sprintf("%+v", folded[stream].Of(e)), fmt.Sprintf("%+v", states.Of(e)); got != want {
				t.Fatalf("%s of %s:\n got %s\nwant %s", e.Kind, stream, got, want)
			}
		}
	}
}

// indexed is a store that reads several entities at once.
type indexed struct{ eventstore.Store }

func (s indexed) ReadEntities(ctx context.Context, reads []eventstore.EntityRead) ([][]domain.Recorded, error) {
	found := make([][]domain.Recorded, len(reads))
	for i, r := range reads {
		events, err := s.ReadEntity(ctx, r.Stream, r.Entity, r.From)
		if err != nil {
			return nil, err
		}
		if found[i] = events; r.Limit > 0 {
			found[i] = events[:min(len(events), r.Limit)]
		}
	}
	return found, nil
}

// oldStates serves decision states as a projection does that is behind.
type oldStates struct {
	store  eventstore.Store
	behind domain.Revision
}

func (o *oldStates) State(ctx context.Context, stream domain.Stream, e domain.Entity) (*domain.State, domain.Revision, bool, error) {
	info, err := o.store.Info(ctx, stream)
	if err != nil {
		return nil, 0, false, err
	}
	asOf := info.Last - o.behind
	if asOf < 0 {
		return nil, 0, false, nil
	}
	events, err := o.store.ReadEntity(ctx, stream, e, 0)
	if err != nil {
		return nil, 0, false, err
	}
	var state *domain.State
	for i := range events {
		if events[i].Revision > asOf {
			break
		}
		if state == nil {
			state = &domain.State{Changed: domain.NoRevision}
		}
		if err := state.Apply(&events[i]); err != nil {
			return nil, 0, false, err
		}
	}
	return state, asOf, true, nil
}
