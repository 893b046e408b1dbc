package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/transfer"
	"github.com/annals-io/annals/internal/esdbfake/esdbtest"
)

var homes = []func(testing.TB) *home{inPostgres, inEventstore}

// Whatever the direction, the copy answers what the source answers, and goes on as it would have.
func TestACopyIsTheSame(t *testing.T) {
	t.Parallel()
	for _, one := range homes {
		for _, other := range homes {
			from, to := one(t), other(t)
			t.Run(from.name+" to "+to.name, func(t *testing.T) {
				t.Parallel()
				source := from.open(t)
				fill(t, source, 40)
				r := mustCopy(t, source, to.open(t))
				copied := to.open(t)
				wantSame(t, source, copied)
				if r.Written != r.Events || r.Streams != 4 || r.Keys != 1 || r.Evidence == 0 || r.Commands == 0 {
					t.Errorf("the report is %+v", r)
				}
				if again := mustCopy(t, source, copied); again.Written != 0 || again.Digest != r.Digest {
					t.Errorf("copying again: %+v, after %+v", again, r)
				}
				for _, sl := range []eventstore.Slice{commandOf(stream, eventstore.Any, "twice", 2), commandOf(stream, eventstore.Any, "gone", 1), commandOf(stream, eventstore.Any, "command-0", 1), commandOf(stream, eventstore.Any, "new", 1)} {
					here, err := source.Append(t.Context(), []eventstore.Slice{sl})
					if err != nil {
						t.Fatal(err)
					}
					there, err := copied.Append(t.Context(), []eventstore.Slice{sl})
					if err != nil || !reflect.DeepEqual(here, there) {
						t.Errorf("command %s: %+v, %v; in the source %+v", sl.CommandID, there, err, here)
					}
				}
			})
		}
	}
}

// wantSame compares all that can be read. Streams of different names have no order among each other.
func wantSame(t testing.TB, source, copied store) {
	t.Helper()
	here, rows := all(t, source)
	there, copiedRows := all(t, copied)
	byStream := func(a, b domain.Recorded) int { return strings.Compare(string(a.Stream), string(b.Stream)) }
	slices.SortStableFunc(here, byStream)
	slices.SortStableFunc(there, byStream)
	if !reflect.DeepEqual(here, there) {
		t.Errorf("%d events were copied of %d, or they are not the same", len(there), len(here))
	}
	if !slices.Equal(rows, copiedRows) {
		t.Errorf("beside the log are\n%s\nnot\n%s", strings.Join(copiedRows, "\n"), strings.Join(rows, "\n"))
	}
}

// From one event store to PostgreSQL and on to another event store, even the hashes in the metadata are the same,
// where no command was forgotten.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
	from, between, to := inEventstore(t), inPostgres(t), inEventstore(t)
	source := from.open(t)
	for i := range 20 {
		results, err := source.Append(t.Context(), []eventstore.Slice{commandOf(stream, eventstore.Expected(2*i-1), fmt.Sprint("command-", i), 2)})
		if err != nil || results[0].Err != nil {
			t.Fatalf("%v, %+v", err, results)
		}
	}
	middle := between.open(t)
	mustCopy(t, source, middle)
	mustCopy(t, middle, to.open(t))
	raw := func(h *home) (meta []string) {
		r, err := esdbtest.Client(t, h.server.ConnectionString()).ReadStream(t.Context(), string(stream), client.ReadStreamOptions{}, 100)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for range 40 {
			e, err := r.Recv()
			if err != nil {
				t.Fatal(err)
			}
			meta = append(meta, string(e.Event.UserMetadata))
		}
		return meta
	}
	if here, there := raw(from), raw(to); !slices.Equal(here, there) {
		t.Errorf("the metadata are\n%s\nnot\n%s", there[0], here[0])
	}
}

// A copy is cut off again and again, wherever it is, and goes on.
func TestACopyThatIsCutOffGoesOn(t *testing.T) {
	t.Parallel()
	for _, one := range homes {
		for _, other := range homes {
			from, to := one(t), other(t)
			t.Run(from.name+" to "+to.name, func(t *testing.T) {
				t.Parallel()
				source := from.open(t)
				fill(t, source, 40)
				random := rand.New(rand.NewPCG(1, 2))
				cut := 0
				for {
					ctx, cancel := context.WithCancelCause(t.Context())
					left, steps := 1+random.IntN(8), 1+random.IntN(40)
					target := to.open(t)
					progress := func(string, int64, int64) { // between any two steps, too
						if steps--; steps == 0 {
							cancel(errCut)
						}
					}
					_, err := transfer.Run(ctx, &cutting{store: source}, &cutting{store: target, cancel: cancel, left: &left}, transfer.Options{PageEvents: 3 + cut, Progress: progress})
					cancel(nil)
					_ = target.Close()
					if err == nil {
						break
					}
					if !errors.Is(context.Cause(ctx), errCut) {
						t.Fatalf("after %d cuts: %v", cut, err)
					}
					if cut++; cut > 500 {
						t.Fatal("it does not come to an end")
					}
				}
				if cut < 3 {
					t.Errorf("only %d cuts: the test tests nothing", cut)
				}
				wantSame(t, source, to.open(t))
			})
		}
	}
}

var errCut = errors.New("cut off")

// A cutting target ends a copy after some appends; the last one may have been written or not.
type cutting struct {
	store
	cancel context.CancelCauseFunc
	left   *int
}

func (c *cutting) Append(ctx context.Context, sl []eventstore.Slice) ([]eventstore.SliceResult, error) {
	if c.left == nil {
		return c.store.Append(ctx, sl)
	}
	if *c.left--; *c.left > 0 {
		return c.store.Append(ctx, sl)
	}
	if *c.left == 0 && len(sl)%2 == 0 {
		if _, err := c.store.Append(ctx, sl[:len(sl)/2]); err != nil {
			return nil, err
		}
	}
	c.cancel(errCut)
	return nil, ctx.Err()
}

// Settle is that of an event store, if it is one.
func (c *cutting) Settle(ctx context.Context, of domain.Stream) error {
	if s, ok := c.store.(interface {
		Settle(context.Context, domain.Stream) error
	}); ok {
		return s.Settle(ctx, of)
	}
	return nil
}

// What is not the source's is refused before anything is written.
func TestForeignTargets(t *testing.T) {
	t.Parallel()
	source := inPostgres(t).open(t)
	fill(t, source, 10)
	for name, spoil := range map[string]func(t *testing.T, s store){
		"another stream": func(t *testing.T, s store) { appendTo(t, s, commandOf("workspace-z", eventstore.NoStream, "z", 1)) },
		"the same stream with other events": func(t *testing.T, s store) {
			appendTo(t, s, commandOf(stream, eventstore.NoStream, "z", 1))
		},
		"a key": func(t *testing.T, s store) {
			if _, err := s.Pool().Exec(t.Context(), `INSERT INTO log.api_keys (id, kind, hash, name, scopes, account, organization, default_workspace, created_at, created_by)
				VALUES ('other', 'sa', sha256('y'), 'y', '{read}', gen_random_uuid(), 'personal', 'default', now(), 'system')`); err != nil {
				t.Fatal(err)
			}
		},
		"a person": func(t *testing.T, s store) {
			if _, err := s.Pool().Exec(t.Context(), `INSERT INTO log.accounts (account, name, state, created_at) VALUES (gen_random_uuid(), 'X', 'active', now())`); err != nil {
				t.Fatal(err)
			}
		},
		"streams of another log": func(t *testing.T, s store) {
			if _, err := s.Pool().Exec(t.Context(), `INSERT INTO log.streams (name, revision, recorded_at) VALUES ('workspace-y', 4, now())`); err != nil {
				t.Fatal(err)
			}
		},
	} {
		for _, make := range homes {
			to := make(t)
			t.Run(name+" in "+to.name, func(t *testing.T) { // one after the other: a source is copied once at a time
				spoil(t, to.open(t))
				target := to.open(t)
				before := count(t, target.Pool())
				_, err := transfer.Run(t.Context(), source, target, transfer.Options{})
				var foreign *transfer.ForeignError
				var damaged *eventstore.DamagedError // an event store that lost what is known of it
				if !errors.As(err, &foreign) && !(to.name == "esdb" && errors.As(err, &damaged)) {
					t.Errorf("got %v, want it refused", err)
				}
				if after := count(t, target.Pool()); after != before {
					t.Errorf("%d rows were written", after-before)
				}
			})
		}
	}
}

func appendTo(t *testing.T, s eventstore.Appender, sl ...eventstore.Slice) {
	t.Helper()
	if results, err := s.Append(t.Context(), sl); err != nil || results[0].Err != nil {
		t.Fatalf("%v, %+v", err, results)
	}
}

func count(t *testing.T, pool *pgxpool.Pool) (n int) {
	t.Helper()
	err := pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM log.streams) + (SELECT count(*) FROM log.events) + (SELECT count(*) FROM log.evidence) + (SELECT count(*) FROM log.api_keys)`).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
