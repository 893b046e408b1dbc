package transfer_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/eventstore/transfer"
)

// A bad copier changes what it is given to write: the controls of the verification, which must find each of them.
type bad struct {
	store
	spoil func(sl []eventstore.Slice) []eventstore.Slice
}

func (b *bad) Append(ctx context.Context, sl []eventstore.Slice) ([]eventstore.SliceResult, error) {
	given := make([]eventstore.Slice, len(sl))
	for i := range sl {
		given[i] = sl[i]
		given[i].Events = append([]eventstore.NewEvent(nil), sl[i].Events...)
	}
	results, err := b.store.Append(ctx, b.spoil(given))
	if err != nil {
		return nil, err
	}
	for len(results) < len(sl) { // it says that all went well
		results = append(results, eventstore.SliceResult{})
	}
	for i := range sl {
		results[i] = eventstore.SliceResult{First: domain.Revision(sl[i].Expected) + 1, Last: domain.Revision(sl[i].Expected) + domain.Revision(len(sl[i].Events))}
	}
	return results, nil
}

// Settle is that of an event store, if it is one.
func (b *bad) Settle(ctx context.Context, of domain.Stream) error {
	return (&cutting{store: b.store}).Settle(ctx, of)
}

func TestVerificationFindsBadCopies(t *testing.T) {
	t.Parallel()
	last := func(sl []eventstore.Slice) *eventstore.NewEvent {
		s := &sl[len(sl)-1]
		return &s.Events[len(s.Events)-1]
	}
	for name, spoil := range map[string]func(sl []eventstore.Slice) []eventstore.Slice{
		"the last event of a stream is lost": func(sl []eventstore.Slice) []eventstore.Slice {
			if s := &sl[len(sl)-1]; len(s.Events) == 300 {
				s.Events = s.Events[:299]
			}
			return sl
		},
		"a whole stream is lost": func(sl []eventstore.Slice) []eventstore.Slice {
			var kept []eventstore.Slice
			for _, s := range sl {
				if s.Stream != "workspace-b" {
					kept = append(kept, s)
				}
			}
			return kept
		},
		"data are altered": func(sl []eventstore.Slice) []eventstore.Slice {
			last(sl).Data = []byte(strings.Replace(string(last(sl).Data), "train", "trian", 1))
			return sl
		},
		"metadata are altered": func(sl []eventstore.Slice) []eventstore.Slice {
			last(sl).MetaData = []byte(strings.Replace(string(last(sl).MetaData), `"k"`, `"q"`, 1))
			return sl
		},
		"times are altered": func(sl []eventstore.Slice) []eventstore.Slice {
			last(sl).RecordedAt = last(sl).RecordedAt.Add(1e3)
			return sl
		},
		"commands are forgotten": func(sl []eventstore.Slice) []eventstore.Slice {
			for i := range sl {
				sl[i].CommandID = ""
			}
			return sl
		},
		"commands are remembered for ever": func(sl []eventstore.Slice) []eventstore.Slice {
			for i := range sl {
				sl[i].Forever = true
			}
			return sl
		},
	} {
		for _, make := range homes {
			from, to := inPostgres(t), make(t)
			t.Run(name+" in "+to.name, func(t *testing.T) {
				t.Parallel()
				source := from.open(t)
				fill(t, source, 30)
				_, err := transfer.Run(t.Context(), source, &bad{to.open(t), spoil}, transfer.Options{})
				wantDifferent(t, err)
				_, err = transfer.Run(t.Context(), source, to.open(t), transfer.Options{}) // nor is it taken for sound later
				if name == "a whole stream is lost" {
					if err != nil {
						t.Errorf("what was lost is not copied by the next run: %v", err)
					}
					return
				}
				wantDifferent(t, err)
			})
		}
	}
}

func wantDifferent(t *testing.T, err error) {
	t.Helper()
	var different *transfer.DifferentError
	if !errors.As(err, &different) || different.What == "" {
		t.Errorf("got %v, want the copy found different", err)
	}
}

// What happens to a finished copy is found when it is compared again.
func TestVerificationFindsDamage(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		damage func(t *testing.T, to *home)
		mended bool // what is missing is copied again
	}{
		"evidence is altered": {damage: exec(`UPDATE log.evidence SET bytes = 'x' WHERE digest = (SELECT digest FROM log.evidence ORDER BY digest LIMIT 1)`)},
		"evidence is lost":    {damage: exec(`DELETE FROM log.evidence WHERE digest = (SELECT digest FROM log.evidence ORDER BY digest LIMIT 1)`), mended: true},
		"a command is gone":   {damage: exec(`DELETE FROM log.commands WHERE id = 'command-0'`)},
		"a command more": {damage: exec(`INSERT INTO log.commands (first, last, at, stream, forever, digest, id)
			SELECT first, last, at, stream, forever, digest, 'more' FROM log.commands WHERE id = 'command-0'`), mended: true},
		"a person is altered":    {damage: exec(`UPDATE log.accounts SET name = 'Eve'`), mended: true},
		"an identity is altered": {damage: exec(`UPDATE log.identities SET linked_at = linked_at - interval '1 day'`), mended: true},
		"a key is altered":       {damage: exec(`UPDATE log.api_keys SET scopes = '{read}'`), mended: true},
		"an event is altered": {damage: func(t *testing.T, to *home) {
			if to.server != nil {
				to.server.Alter("workspace-b", 3, `{"altered":true}`)
				return
			}
			exec(`ALTER TABLE log.events DISABLE TRIGGER USER`)(t, to)
			exec(`UPDATE log.events SET data = '{"altered":true}' WHERE revision = 3`)(t, to)
		}},
	} {
		for _, make := range homes {
			from, to := inPostgres(t), make(t)
			t.Run(name+" in "+to.name, func(t *testing.T) {
				t.Parallel()
				source := from.open(t)
				fill(t, source, 30)
				target := to.open(t)
				mustCopy(t, source, target)
				_ = target.Close()
				tt.damage(t, to)
				_, err := transfer.Run(t.Context(), source, to.open(t), transfer.Options{})
				var damaged *eventstore.DamagedError
				if tt.mended {
					if err != nil {
						t.Error(err)
					}
					wantSame(t, source, to.open(t))
				} else if !errors.As(err, &damaged) {
					wantDifferent(t, err)
				}
			})
		}
	}
}

func exec(sql string) func(t *testing.T, to *home) {
	return func(t *testing.T, to *home) {
		t.Helper()
		pool, err := pgxpool.New(t.Context(), to.database)
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		if tag, err := pool.Exec(t.Context(), sql); err != nil || strings.HasPrefix(tag.String(), "UPDATE 0") || strings.HasPrefix(tag.String(), "DELETE 0") {
			t.Fatalf("%s: %v, %s", sql, err, tag)
		}
	}
}

// A server on either side, another copy, or one database for both: refused, with the side that is in use.
func TestSidesInUse(t *testing.T) {
	t.Parallel()
	from, to := inPostgres(t), inEventstore(t)
	source, target := from.open(t), to.open(t)
	fill(t, source, 5)
	var busy *transfer.BusyError
	for side, database := range map[string]string{"source": from.database, "target": to.database} {
		server, err := postgres.Open(t.Context(), database, postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := transfer.Run(t.Context(), source, target, transfer.Options{}); !errors.As(err, &busy) || busy.Side != side {
			t.Errorf("with a server on the %s: %v", side, err)
		}
		_ = server.Close()
	}
	if _, err := transfer.Run(t.Context(), source, from.open(t), transfer.Options{}); !errors.As(err, &busy) {
		t.Errorf("into itself: %v", err)
	}
	asked := false
	_, err := transfer.Run(t.Context(), source, target, transfer.Options{Progress: func(string, int64, int64) {
		if !asked {
			asked = true
			if _, err := transfer.Run(t.Context(), from.open(t), to.open(t), transfer.Options{}); !errors.As(err, &busy) {
				t.Errorf("two at once: %v", err)
			}
		}
	}})
	if err != nil {
		t.Error(err)
	}
}

// A source that is written to meanwhile, by whom nobody saw, is found out, and copied on by the next run.
func TestASourceThatMoves(t *testing.T) {
	t.Parallel()
	for _, one := range homes {
		from, to := one(t), inPostgres(t)
		t.Run(from.name, func(t *testing.T) {
			t.Parallel()
			source, target := from.open(t), to.open(t)
			fill(t, source, 5)
			done := false
			_, err := transfer.Run(t.Context(), source, target, transfer.Options{Progress: func(phase string, _, _ int64) {
				if phase == transfer.PhaseVerify && !done {
					done = true
					appendTo(t, source, commandOf(stream, eventstore.Any, "late", 1))
				}
			}})
			var moved *transfer.MovedError
			if !errors.As(err, &moved) || moved.Found != moved.Copied+1 {
				var different *transfer.DifferentError // its command was seen first
				if !errors.As(err, &different) {
					t.Errorf("got %v, want it noticed", err)
				}
			}
			if r := mustCopy(t, source, target); r.Written != 1 {
				t.Errorf("%+v, want the one event that was missing", r)
			}
		})
	}
}
