package seal_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/audit/seal"
	"github.com/annals-io/annals/internal/pgtest"
)

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
			if err == nil && c.forger { // a sealer that asks nobody outside signs it: nothing in the database is wrong
				control := h.blind(t, told, stops)
				if len(control) > 0 {
					t.Errorf("the control finds it, too: %v", control)
				}
			}
			if err != nil || (c.says == "") != (len(stops) == 0) || c.says != "" && !strings.Contains(fmt.Sprint(stops), c.says) {
				t.Errorf("stopped: %v %v, want %q", stops, err, c.says)
			}
		})
	}
}

// blind is what is stopped where a sealer does not hold the trees against what places outside were told.
func (h *home) blind(t *testing.T, told outside, was []seal.Stop) []seal.Stop {
	t.Helper()
	for _, stop := range was {
		if _, err := h.Resume(t.Context(), stop.Tree, "account x", "the control"); err != nil {
			t.Fatal(err)
		}
	}
	pgtest.Exec(t, h.url, `ALTER TABLE audit.resumed DISABLE TRIGGER USER; DELETE FROM audit.resumed; UPDATE audit.sealing SET until = '-infinity'`)
	h.append(t, fraud, 1)
	sealNow(t, h.sealer(t, func(c *seal.Config) { c.Sinks = []seal.Sink{told} }).Without(seal.Outsiders))
	stops, err := h.Stopped(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return stops
}
