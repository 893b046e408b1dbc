package seal_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/annals-io/annals/audit/checkpoint"
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

// What was signed is never signed otherwise: sealing of the tree stops, with the reason, and of the others goes on.
func TestWhatDoesNotFollowIsNotSigned(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		damage []string
		again  int // events that are appended in the place of those that were cut
		says   string
		same   bool // the server that sealed before looks, and not one that comes new
		all    bool // nothing is sealed any more
	}{
		"another event in the place of a sealed one": {[]string{cut(fraud, 2)}, 9, "not the event that was sealed", false, false},
		"the edge of the tree is another":            {[]string{`UPDATE audit.trees SET frontier = decode(repeat('00', length(frontier)), 'hex') WHERE name = '` + string(fraud) + `'`}, 1, "its last checkpoint says", false, false},
		"the tree is set back":                       {[]string{`UPDATE audit.trees SET size = 0, frontier = '' WHERE name = '` + string(fraud) + `'`}, 1, "its last checkpoint says", false, false},
		"the last checkpoint is gone":                {[]string{`DELETE FROM audit.checkpoints WHERE name = '` + string(fraud) + `'`}, 1, "no checkpoint says so", false, false},
		"the tree is gone, and its checkpoints":      {[]string{`DELETE FROM audit.checkpoints WHERE name = '` + string(fraud) + `'`, `DELETE FROM audit.trees WHERE name = '` + string(fraud) + `'`}, 1, "nothing of that is left", true, false},
		"the tree is gone, and all it says":          {[]string{`DELETE FROM audit.checkpoints WHERE name = '` + string(fraud) + `'`, `DELETE FROM audit.trees WHERE name = '` + string(fraud) + `'`}, 1, "what was sealed of revision 3 is gone", false, false},
		"a checkpoint is forged":                     {[]string{`UPDATE audit.checkpoints SET note = overlay(note PLACING '9' FROM length('annals.example/workspace-fraud') + 2) WHERE name = '` + string(fraud) + `'`}, 1, "signed", false, false},
		"the instance's tree is another":             {[]string{`UPDATE audit.trees SET frontier = decode(repeat('00', length(frontier)), 'hex') WHERE name = 'instance'`}, 1, "its last checkpoint says", false, true},
		"the log was cut":                            {[]string{cut(fraud, 2)}, 0, "it was cut", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			first := h.sealer(t)
			h.append(t, churn, 2)
			h.append(t, fraud, 4)
			sealNow(t, first)
			before, _, err := h.Latest(t.Context(), fraud)
			if err != nil {
				t.Fatal(err)
			}
			pgtest.Exec(t, h.url, append([]string{unlock}, c.damage...)...)
			store := *h
			store.store = reopened(t, h.url)
			if c.again > 0 {
				store.appendAs(t, fraud, c.again, "others")
				store.append(t, churn, 1)
			}
			var alarms []seal.Stop
			looks := first
			if !c.same {
				pgtest.Exec(t, h.url, `UPDATE audit.sealing SET until = '-infinity'`)
				looks = store.sealer(t, func(c *seal.Config) { c.Hooks.Alarm = func(s seal.Stop) { alarms = append(alarms, s) } })
			}
			err = looks.Seal(t.Context())
			stops, failed := h.Stopped(t.Context())
			if failed != nil {
				t.Fatal(failed)
			}
			said := fmt.Sprint(err, stops, looks.State().Fault)
			if !strings.Contains(said, c.says) || c.all != (err != nil) {
				t.Errorf("it says %s, want %q", said, c.says)
			}
			if !c.all && (len(stops) != 1 || stops[0].Tree != string(fraud) || !c.same && len(alarms) != 1) {
				t.Errorf("stopped: %v, alarms %v", stops, alarms)
			}
			if after, ok, err := h.Latest(t.Context(), fraud); err != nil || ok && after.Number > before.Number {
				t.Errorf("it was sealed up to %d, %v", after.Size, err)
			}
			if other, _, err := h.Latest(t.Context(), churn); err != nil || !c.all && other.Size != 3 || c.all && other.Size != 2 {
				t.Errorf("the other one is sealed up to %d, %v", other.Size, err)
			}
			if again := looks.Seal(t.Context()); c.all != (again != nil) || c.all && looks.State().Fault == "" {
				t.Errorf("the second look: %v", again)
			}
		})
	}
}

// outside is a place that was told something.
type outside map[string]checkpoint.Checkpoint

func (outside) Name() string                                                     { return "outside" }
func (outside) Tell(context.Context, []byte) error                               { return nil }
func (o outside) Told(context.Context) (map[string]checkpoint.Checkpoint, error) { return o, nil }

// A database that was rewritten whole, checkpoints and all, is given away by what a place outside was told.
func TestAPlaceOutsideGivesARewrittenDatabaseAway(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keep, again int
		forger      bool
		quiet       bool // nobody writes after it
		says        string
	}{
		"rewound":                        {2, 0, true, false, "was rewound"},
		"rewound, and nobody writes":     {2, 0, true, true, "was rewound"},
		"gone, and nobody writes":        {0, 0, true, true, "was rewound"},
		"all there, and nobody writes":   {4, 0, true, true, ""},
		"rewound, the audit tables lost": {2, 0, false, false, "was rewound"},
		"forked, and shorter":            {2, 1, true, false, "does not grow into that"},
		"forked":                         {2, 4, true, false, "did not grow from that"},
		"forked, the audit tables lost":  {2, 4, false, false, "does not grow into that"},
		"the audit tables lost":          {4, 1, false, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			h.append(t, churn, 1)
			h.append(t, fraud, 4)
			sealNow(t, h.sealer(t))
			last, _, err := h.Latest(t.Context(), fraud)
			if err != nil {
				t.Fatal(err)
			}
			told := outside{last.Origin: last.Checkpoint}
			pgtest.Exec(t, h.url, unlock, `DELETE FROM audit.trees; DELETE FROM audit.tiles; DELETE FROM audit.checkpoints; DELETE FROM audit.instance_checkpoints;
				UPDATE audit.sealing SET commit_position = 0, last_stream = NULL, until = '-infinity'`, cut(fraud, c.keep))
			h.store = reopened(t, h.url)
			if c.again > 0 {
				h.appendAs(t, fraud, c.again, "others")
			}
			if c.forger { // with no place outside it is taken for the truth
				sealNow(t, h.sealer(t))
				pgtest.Exec(t, h.url, `UPDATE audit.sealing SET until = '-infinity'`)
			}
			if !c.quiet {
				h.append(t, fraud, 1)
			}
			sealNow(t, h.sealer(t, func(cfg *seal.Config) { cfg.Sinks = []seal.Sink{told} }))
			stops, err := h.Stopped(t.Context())
			if err != nil || (c.says == "") != (len(stops) == 0) || c.says != "" && !strings.Contains(fmt.Sprint(stops), c.says) {
				t.Errorf("stopped: %v %v, want %q", stops, err, c.says)
			}
		})
	}
}
