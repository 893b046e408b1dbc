package seal_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/audit/seal"
	"github.com/annals-io/annals/internal/pgtest"
)

// After a restore the database knows less than a place outside. Sealing stops, an operator says why, and it goes on: with
// the stream that was cut, and what went by while it was stopped.
func TestARestoredHistoryIsSealedAgain(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.append(t, fraud, 4)
	first := h.sealer(t)
	sealNow(t, first)
	last, _, err := h.Latest(t.Context(), fraud)
	if err != nil {
		t.Fatal(err)
	}
	instance, _, err := h.Instance(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	told := outside{last.Origin: last.Checkpoint, instance.Origin: instance.Checkpoint}
	// The backup is from when there were two events and nothing was sealed.
	pgtest.Exec(t, h.url, unlock, `DELETE FROM audit.trees; DELETE FROM audit.tiles; DELETE FROM audit.checkpoints; DELETE FROM audit.instance_checkpoints;
		UPDATE audit.sealing SET commit_position = 0, last_stream = NULL, until = '-infinity'`, cut(fraud, 2))
	h.store = reopened(t, h.url)
	h.appendAs(t, fraud, 2, "after the restore")
	sealer := h.sealer(t, func(c *seal.Config) { c.Sinks = []seal.Sink{told} })
	if err := sealer.Seal(t.Context()); err == nil || !strings.Contains(err.Error(), "rewound") {
		t.Fatalf("it sealed: %v", err)
	}
	if _, err := h.Resume(t.Context(), string(churn), "account x", "restored"); !errors.Is(err, seal.ErrNotStopped) {
		t.Errorf("one that is not stopped: %v", err)
	}
	if was, err := h.Resume(t.Context(), checkpoint.InstanceLog, "account x", "restored"); err != nil || !strings.Contains(was.Reason, "rewound") {
		t.Fatal(was, err)
	}
	sealNow(t, sealer) // the instance's tree is; the stream's is not what the place outside knows either
	stops, err := h.Stopped(t.Context())
	if err != nil || len(stops) != 1 || stops[0].Tree != string(fraud) {
		t.Fatal(stops, err)
	}
	h.append(t, fraud, 9) // they go by
	sealNow(t, sealer)
	if _, err := h.Resume(t.Context(), string(fraud), "account x", "restored"); err != nil {
		t.Fatal(err)
	}
	for range 3 { // more than a page went by
		sealNow(t, sealer)
	}
	if c, ok, err := h.Latest(t.Context(), fraud); err != nil || !ok || c.Size != 13 {
		t.Errorf("it is sealed up to %d, %v", c.Size, err)
	}
	// A server that comes new asks the place outside again, and does not stop again.
	pgtest.Exec(t, h.url, `UPDATE audit.sealing SET until = '-infinity'`)
	h.append(t, fraud, 1)
	sealNow(t, h.sealer(t, func(c *seal.Config) { c.Sinks = []seal.Sink{told} }))
	if c, _, err := h.Latest(t.Context(), fraud); err != nil || c.Size != 14 {
		t.Errorf("it is sealed up to %d, %v", c.Size, err)
	}
}
