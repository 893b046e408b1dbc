package seal_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/annals-io/annals/audit/seal"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/internal/pgtest"
)

// slowLog does something after a page was read.
type slowLog struct {
	seal.Log
	then func()
}

func (l *slowLog) ReadRaw(ctx context.Context, after eventstore.Position, limit int) (eventstore.RawPage, error) {
	p, err := l.Log.ReadRaw(ctx, after, limit)
	if then := l.then; then != nil {
		l.then = nil
		then()
	}
	return p, err
}

// unlock lets the owner of the database do what a superuser could.
const unlock = `ALTER TABLE log.events DISABLE TRIGGER events_immutable; ALTER TABLE log.streams DISABLE TRIGGER streams_kept;
ALTER TABLE audit.checkpoints DISABLE TRIGGER USER; ALTER TABLE audit.instance_checkpoints DISABLE TRIGGER USER`

// cut takes the last events of the log away, as if they had never been.
func cut(stream domain.Stream, keep int) string {
	return fmt.Sprintf(`DELETE FROM log.events WHERE stream = (SELECT id FROM log.streams WHERE name = '%s') AND revision >= %d;
UPDATE log.streams SET revision = %d WHERE name = '%s';
UPDATE log.head SET position = (SELECT max(position) FROM log.events)`, stream, keep, keep-1, stream)
}

// A damage is what somebody does to the database behind the sealer.
type damage struct {
	sql     []string
	again   int // events that are appended in the place of those that were cut
	says    string
	same    bool       // the server that sealed before looks, and not one that comes new
	all     bool       // nothing is sealed any more
	without seal.Check // the check that alone finds it; 0: several do, or the order of revisions does
}

// damages are all those that a sealer finds without asking anybody outside.
var damages = map[string]damage{
	"another event in the place of a sealed one": {sql: []string{cut(fraud, 2)}, again: 9, says: "not the event that was sealed", without: seal.LastEvent},
	"a sealed event is told again, and another": {sql: []string{`UPDATE log.events SET data = '{"n":77}' WHERE revision = 2`, `UPDATE audit.sealing SET commit_position = 0, last_stream = NULL`},
		again: 1, says: "not the event that was sealed", without: seal.SealedEvents},
	"the edge of the tree is another": {sql: []string{`UPDATE audit.trees SET frontier = decode(repeat('00', length(frontier)), 'hex') WHERE name = '` + string(fraud) + `'`},
		again: 1, says: "its last checkpoint says", without: seal.LastCheckpoint},
	"the edge is another, and the checkpoint says so": {sql: []string{
		`UPDATE audit.trees SET frontier = decode(repeat('00', length(frontier)), 'hex') WHERE name = '` + string(fraud) + `'`,
		`UPDATE audit.checkpoints SET note = convert_to(regexp_replace(convert_from(note, 'UTF8'), '\n[^\n]+\n\n', E'\n' || encode(decode(repeat('00', 32), 'hex'), 'base64') || E'\n\n'), 'UTF8') WHERE name = '` + string(fraud) + `'`},
		again: 1, says: "signed", without: seal.Signatures},
	"the tree is set back":        {sql: []string{`UPDATE audit.trees SET size = 0, frontier = '' WHERE name = '` + string(fraud) + `'`}, again: 1, says: "its last checkpoint says"},
	"the last checkpoint is gone": {sql: []string{`DELETE FROM audit.checkpoints WHERE name = '` + string(fraud) + `'`}, again: 1, says: "no checkpoint says so", without: seal.LastCheckpoint},
	"the tree is gone, and its checkpoints": {sql: []string{`DELETE FROM audit.checkpoints WHERE name = '` + string(fraud) + `'`, `DELETE FROM audit.trees WHERE name = '` + string(fraud) + `'`},
		again: 1, says: "nothing of that is left", same: true},
	"the tree is gone, and all it says": {sql: []string{`DELETE FROM audit.checkpoints WHERE name = '` + string(fraud) + `'`, `DELETE FROM audit.trees WHERE name = '` + string(fraud) + `'`},
		again: 1, says: "what was sealed of revision 3 is gone"},
	"a checkpoint is forged": {sql: []string{`UPDATE audit.checkpoints SET note = overlay(note PLACING '9' FROM length('annals.example/workspace-fraud') + 2) WHERE name = '` + string(fraud) + `'`},
		again: 1, says: "signed"},
	"the instance's tree is another": {sql: []string{`UPDATE audit.trees SET frontier = decode(repeat('00', length(frontier)), 'hex') WHERE name = 'instance'`},
		again: 1, says: "its last checkpoint says", all: true, without: seal.LastCheckpoint},
	"the log was cut": {sql: []string{cut(fraud, 2)}, says: "it was cut", all: true, without: seal.Ending},
}

// A struck is what became of a damage.
type struck struct {
	*home
	looks  *seal.Sealer
	before seal.Checkpoint // the last one of the stream before it
	err    error           // of the look behind it
	stops  []seal.Stop
	alarms []seal.Stop
}

// strike damages a sealed log, and has it looked at.
func (c damage) strike(t *testing.T, without seal.Check) (s struck) {
	t.Helper()
	h := newHome(t)
	first := h.sealer(t)
	h.append(t, churn, 2)
	h.append(t, fraud, 4)
	sealNow(t, first)
	var err error
	if s.before, _, err = h.Latest(t.Context(), fraud); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, h.url, append([]string{unlock}, c.sql...)...)
	store := *h
	store.store = reopened(t, h.url)
	if c.again > 0 {
		store.appendAs(t, fraud, c.again, "others")
		store.append(t, churn, 1)
	}
	if s.home, s.looks = &store, first; !c.same {
		pgtest.Exec(t, h.url, `UPDATE audit.sealing SET until = '-infinity'`)
		s.looks = store.sealer(t, func(c *seal.Config) { c.Hooks.Alarm = func(stop seal.Stop) { s.alarms = append(s.alarms, stop) } })
	}
	s.err = s.looks.Without(without).Seal(t.Context())
	if s.stops, err = h.Stopped(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// What was signed is never signed otherwise: sealing of the tree stops, with the reason, and of the others goes on.
func TestWhatDoesNotFollowIsNotSigned(t *testing.T) {
	t.Parallel()
	for name, c := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := c.strike(t, 0)
			said := fmt.Sprint(s.err, s.stops, s.looks.State().Fault)
			if !strings.Contains(said, c.says) || c.all != (s.err != nil) {
				t.Errorf("it says %s, want %q", said, c.says)
			}
			if !c.all && (len(s.stops) != 1 || s.stops[0].Tree != string(fraud) || !c.same && len(s.alarms) != 1) {
				t.Errorf("stopped: %v, alarms %v", s.stops, s.alarms)
			}
			if after, ok, err := s.Latest(t.Context(), fraud); err != nil || ok && after.Number > s.before.Number {
				t.Errorf("it was sealed up to %d, %v", after.Size, err)
			}
			if other, _, err := s.Latest(t.Context(), churn); err != nil || !c.all && other.Size != 3 || c.all && other.Size != 2 {
				t.Errorf("the other one is sealed up to %d, %v", other.Size, err)
			}
			if again := s.looks.Seal(t.Context()); c.all != (again != nil) || c.all && s.looks.State().Fault == "" {
				t.Errorf("the second look: %v", again)
			}
		})
	}
}

// The control: a sealer that lacks one check signs what another one refuses, and says nothing of it.
func TestASealerWithoutACheckSignsWhatDoesNotFollow(t *testing.T) {
	t.Parallel()
	for name, c := range damages {
		if c.without == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := c.strike(t, c.without)
			if s.err != nil || len(s.stops) > 0 {
				t.Fatalf("it is found all the same: %v %v", s.err, s.stops)
			}
			if after, _, err := s.Latest(t.Context(), fraud); err != nil || c.again > 0 && after.Size <= 4 {
				t.Errorf("nothing was signed: %d, %v", after.Size, err)
			}
		})
	}
}

// A fault of the moment says nothing of a tree.
func TestAFaultOfTheMomentStopsNothing(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	away := true
	s := h.sealer(t, func(c *seal.Config) {
		c.Origin = func(_ context.Context, stream domain.Stream, at domain.Revision) (domain.Stream, error) {
			if away && at == 3 {
				return "", errors.New("the database is away")
			}
			return stream, nil
		}
	})
	h.append(t, fraud, 3)
	sealNow(t, s)
	h.append(t, fraud, 1)
	if err := s.Seal(t.Context()); err == nil || !strings.Contains(err.Error(), "away") {
		t.Errorf("it sealed: %v", err)
	}
	away = false
	sealNow(t, s)
	away = true // now it is the last event that was sealed which cannot be looked at
	h.append(t, fraud, 1)
	if err := s.Seal(t.Context()); err == nil || !strings.Contains(err.Error(), "away") {
		t.Errorf("it sealed: %v", err)
	}
	if stops, err := h.Stopped(t.Context()); err != nil || len(stops) > 0 {
		t.Errorf("stopped: %v %v", stops, err)
	}
	away = false
	sealNow(t, s)
	if c, _, err := h.Latest(t.Context(), fraud); err != nil || c.Size != 5 {
		t.Errorf("%d %v", c.Size, err)
	}
}

// A server that runs while an older state of the database is brought back remembers what it has signed; one that does not
// goes on as if nothing had been.
func TestARunningServerRemembersWhatItSigned(t *testing.T) {
	t.Parallel()
	for name, without := range map[string]seal.Check{"remembers": 0, "forgets": seal.Memory} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			h.append(t, fraud, 4)
			running := h.sealer(t)
			sealNow(t, running)
			pgtest.Exec(t, h.url, unlock, `DELETE FROM audit.trees; DELETE FROM audit.tiles; DELETE FROM audit.prints; DELETE FROM audit.checkpoints; DELETE FROM audit.instance_checkpoints;
				UPDATE audit.sealing SET commit_position = 0, last_stream = NULL, until = '-infinity'`, cut(fraud, 2))
			h.store = reopened(t, h.url)
			h.appendAs(t, fraud, 1, "others")
			sealNow(t, h.sealer(t)) // as the state that was brought back had it
			pgtest.Exec(t, h.url, `UPDATE audit.sealing SET until = '-infinity'`)
			h.appendAs(t, fraud, 1, "others")
			running.Source = h.store
			err := running.Without(without).Seal(t.Context())
			stops, failed := h.Stopped(t.Context())
			if failed != nil {
				t.Fatal(failed)
			}
			c, _, failed := h.Latest(t.Context(), fraud)
			said := fmt.Sprint(err, stops)
			if failed != nil || without == 0 && (!strings.Contains(said, "this server has seen") || c.Size != 3) || without != 0 && (err != nil || len(stops) > 0 || c.Size != 4) {
				t.Errorf("sealed up to %d, %v; it says %s", c.Size, failed, said)
			}
		})
	}
}
