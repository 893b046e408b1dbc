package seal_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/audit/leaf"
	"github.com/annals-io/annals/audit/seal"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/internal/pgtest"
)

const (
	fraud = domain.Stream("workspace-fraud")
	churn = domain.Stream("workspace-churn")
)

func TestEveryEventHasAReceipt(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	s := h.sealer(t)
	sealNow(t, s) // nothing is there yet
	h.append(t, fraud, 12)
	h.append(t, churn, 3)
	sealNow(t, s)
	h.append(t, fraud, 1)
	sealNow(t, s)
	sealNow(t, s) // nothing new: no checkpoint

	if got := h.all(t, fraud); !slices.Equal(got, []int64{5, 7, 12, 13}) { // every 5 events, and at the end of a page of 7
		t.Errorf("checkpoints of %s at %v", fraud, got)
	}
	for stream, n := range map[domain.Stream]int64{fraud: 13, churn: 3} {
		page, err := h.store.ReadRawStream(t.Context(), stream, 0, 100)
		if err != nil || int64(len(page.Events)) != n {
			t.Fatalf("%d events of %s, %v", len(page.Events), stream, err)
		}
		for i := range page.Events {
			l := leaf.Of(&page.Events[i])
			p, err := h.Prove(t.Context(), stream, domain.Revision(i))
			if err != nil {
				t.Fatal(err)
			}
			c, err := p.Check(l.Hash(), h.signer.Key())
			if err != nil || c.Size != n || c.Origin != "annals.example/"+string(stream) {
				t.Errorf("revision %d of %s: %v, %+v", i, stream, err, c)
			}
			l.Data = append(l.Data, ' ')
			if _, err := p.Check(l.Hash(), h.signer.Key()); err == nil {
				t.Errorf("revision %d of %s: the receipt is of another event as well", i, stream)
			}
		}
		c, ok, err := h.Latest(t.Context(), stream)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		p, err := h.ProveCheckpoint(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Check(tlog.RecordHash(c.Note), h.signer.Key()); err != nil {
			t.Errorf("the last checkpoint of %s: %v", stream, err)
		}
	}
	if _, err := h.Prove(t.Context(), fraud, 13); !errors.Is(err, seal.ErrNotSealed) {
		t.Errorf("a revision that is none: %v", err)
	}
	if _, err := h.Prove(t.Context(), "workspace-none", 0); !errors.Is(err, seal.ErrNotSealed) {
		t.Errorf("a stream that is none: %v", err)
	}
}

// Of several servers one seals; one that comes back after its time stores nothing.
func TestOneSealsAndAnOldOneIsFencedOff(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	first, second := h.sealer(t), h.sealer(t)
	h.append(t, fraud, 3)
	sealNow(t, first)
	h.append(t, fraud, 3)
	sealNow(t, second)
	if got := h.all(t, fraud); !slices.Equal(got, []int64{3}) || second.State().Sealing {
		t.Fatalf("the second sealed too: %v", got)
	}
	// The first is cut off in the middle of its work: somebody else takes over while it reads the log.
	h.append(t, fraud, 3)
	slow := h.sealer(t, func(c *seal.Config) {
		c.Source = &slowLog{Log: h.store, then: func() {
			pgtest.Exec(t, h.url, `UPDATE audit.sealing SET until = '-infinity'`)
			sealNow(t, second)
		}}
	})
	pgtest.Exec(t, h.url, `UPDATE audit.sealing SET until = '-infinity'`)
	if err := slow.Seal(t.Context()); err == nil || !strings.Contains(err.Error(), "another server") {
		t.Errorf("a server whose lease had gone sealed: %v", err)
	}
	if got := h.all(t, fraud); !slices.Equal(got, []int64{3, 5, 9}) && !slices.Equal(got, []int64{3, 8, 9}) {
		t.Errorf("checkpoints at %v", got)
	}
	if stops, err := h.Stopped(t.Context()); err != nil || len(stops) > 0 {
		t.Errorf("%v %v", stops, err)
	}
}

// Signatures by two keys could not be compared: a server with another key seals nothing.
func TestAnotherKeySealsNothing(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	first := h.sealer(t)
	h.append(t, fraud, 3)
	sealNow(t, first)
	pgtest.Exec(t, h.url, `UPDATE audit.sealing SET until = '-infinity'`)
	other, err := checkpoint.Generate("annals.example")
	if err != nil {
		t.Fatal(err)
	}
	h.append(t, fraud, 3)
	stranger := h.sealer(t, func(c *seal.Config) { c.Signer = other })
	if err := stranger.Seal(t.Context()); err == nil || !strings.Contains(err.Error(), "audit.key") || stranger.State().Fault == "" {
		t.Errorf("it sealed: %v", err)
	}
	// A key that knows the former one goes on.
	next, err := h.signer.Rotated()
	if err != nil {
		t.Fatal(err)
	}
	back, err := checkpoint.ParseSigner(next.File())
	if err != nil {
		t.Fatal(err)
	}
	sealNow(t, h.sealer(t, func(c *seal.Config) { c.Signer = back }))
	c, _, err := h.Latest(t.Context(), fraud)
	if err != nil || c.Size != 6 {
		t.Fatal(c.Size, err)
	}
	if _, err := checkpoint.Open(c.Note, next.Key()); err != nil {
		t.Error(err)
	}
}

// Two servers that read one key file go on when it is rotated, whoever of them seals; a file that holds something else
// changes nothing.
func TestAKeyThatIsRotatedIsTakenUp(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	path := filepath.Join(t.TempDir(), "audit.key")
	open := func() *seal.Sealer {
		t.Helper()
		signer, _, err := checkpoint.Ensure(path, "annals.example")
		if err != nil {
			t.Fatal(err)
		}
		return h.sealer(t, func(c *seal.Config) { c.Signer, c.KeyFile = signer, path })
	}
	first, second := open(), open()
	old := first.Signer.Key()
	h.append(t, fraud, 3)
	sealNow(t, first)
	next, err := checkpoint.Rotate(path)
	if err != nil {
		t.Fatal(err)
	}
	h.append(t, fraud, 1)
	sealNow(t, first)
	pgtest.Exec(t, h.url, `UPDATE audit.sealing SET until = '-infinity'`)
	h.append(t, fraud, 1)
	sealNow(t, second) // its first look behind the rotation: the other one has sealed by a key that it does not know yet
	if second.State().Fault != "" || second.Signer.Key().String() != next.Key().String() {
		t.Errorf("%+v, by %s", second.State(), second.Signer.Key())
	}
	var by []string
	for c, err := range h.Checkpoints(t.Context(), fraud) {
		if err != nil {
			t.Fatal(err)
		}
		switch _, ofOld := checkpoint.Open(c.Note, old); {
		case ofOld == nil:
			by = append(by, "old")
		default:
			_, err := checkpoint.Open(c.Note, next.Key())
			by = append(by, fmt.Sprint("new ", err))
		}
	}
	if !slices.Equal(by, []string{"old", "new <nil>", "new <nil>"}) {
		t.Errorf("signed by %v", by)
	}
	other, err := checkpoint.Generate("annals.example")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, other.File(), 0o600); err != nil {
		t.Fatal(err)
	}
	h.append(t, fraud, 1)
	sealNow(t, second)
	if c, _, err := h.Latest(t.Context(), fraud); err != nil || c.Size != 6 || second.Signer.Key().String() != next.Key().String() {
		t.Errorf("with another key in the file it sealed %d, %v", c.Size, err)
	}
}
