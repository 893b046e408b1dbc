package seal_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/audit/leaf"
	"github.com/annals-io/annals/audit/seal"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/internal/pgtest"
)

// signedAt seals n events of a stream, a checkpoint each, and says that they were signed so many minutes apart, the last one
// so many hours ago.
func (h *home) signedAt(t *testing.T, s *seal.Sealer, stream domain.Stream, n int, hours string) {
	t.Helper()
	for range n {
		h.append(t, stream, 1)
		sealNow(t, s)
	}
	pgtest.Exec(t, h.url, `ALTER TABLE audit.checkpoints DISABLE TRIGGER USER`, `ALTER TABLE audit.instance_checkpoints DISABLE TRIGGER USER`,
		`UPDATE audit.checkpoints SET at = date_trunc('hour', now(), 'UTC') - interval '`+hours+`' + number * interval '7 minutes'`,
		`UPDATE audit.instance_checkpoints SET at = date_trunc('hour', now(), 'UTC') - interval '`+hours+`' + size * interval '7 minutes'`,
		`ALTER TABLE audit.checkpoints ENABLE TRIGGER USER`, `ALTER TABLE audit.instance_checkpoints ENABLE TRIGGER USER`)
}

// Of old checkpoints the last of each hour stays. Every receipt can still be given, every checkpoint that anybody kept is
// still one that the history grew from, and sealing goes on.
func TestOldCheckpointsAreThinnedOut(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	s := h.sealer(t)
	h.signedAt(t, s, fraud, 40, "48 hours") // 40 times 7 minutes, two days ago
	before := h.all(t, fraud)
	var kept []checkpoint.Checkpoint
	for c, err := range h.Checkpoints(t.Context(), fraud) {
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, c.Checkpoint)
	}
	gone, err := s.Thin(t.Context())
	if err != nil || len(before) != 40 || gone != 35+35 {
		t.Fatalf("%d of %d have gone, %v", gone, 2*len(before), err)
	}
	if got := h.all(t, fraud); !slices.Equal(got, []int64{9, 18, 26, 35, 40}) { // numbers 0 to 39: the last of each of five hours
		t.Errorf("left are %v", got)
	}
	if again, err := s.Thin(t.Context()); err != nil || again != 0 {
		t.Errorf("again: %d, %v", again, err)
	}
	fresh := h.sealer(t, func(c *seal.Config) { c.Sinks = []seal.Sink{outside{kept[3].Origin: kept[3]}} }) // one that has gone here
	pgtest.Exec(t, h.url, `UPDATE audit.sealing SET until = '-infinity'`)
	h.append(t, fraud, 3)
	sealNow(t, fresh)
	if stops, err := h.Stopped(t.Context()); err != nil || len(stops) > 0 {
		t.Fatalf("%v %v", stops, err)
	}
	page, err := h.store.ReadRawStream(t.Context(), fraud, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for i := range page.Events {
		l := leaf.Of(&page.Events[i])
		p, err := h.Prove(t.Context(), fraud, domain.Revision(i))
		if err == nil {
			_, err = p.Check(l.Hash(), h.signer.Key())
		}
		if err != nil {
			t.Errorf("revision %d: %v", i, err)
		}
	}
	if tie, err := h.Ties(t.Context(), fraud, 43); err != nil || len(tie) == 0 {
		t.Errorf("%q %v", tie, err)
	}
}

// What is young stays, and so does one of every thousand events.
func TestWhatIsNotThinnedOut(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	s := h.sealer(t)
	h.signedAt(t, s, fraud, 20, "20 hours")
	if gone, err := s.Thin(t.Context()); err != nil || gone != 0 {
		t.Errorf("of today's %d have gone, %v", gone, err)
	}
	other := newHome(t)
	busy := other.sealer(t, func(c *seal.Config) { c.Page, c.Most = 5000, 500 })
	for _, n := range []int{1000, 1000, 1000, 1000, 100} {
		other.append(t, fraud, n)
	}
	sealNow(t, busy)
	pgtest.Exec(t, other.url, `ALTER TABLE audit.checkpoints DISABLE TRIGGER USER`, `UPDATE audit.checkpoints SET at = '2020-01-01 00:30:00Z'`, `ALTER TABLE audit.checkpoints ENABLE TRIGGER USER`)
	if _, err := busy.Thin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := other.all(t, fraud); !slices.Equal(got, []int64{500, 1500, 2500, 3500, 4100}) {
		t.Errorf("left are %v", got)
	}
}

// Nobody can take more away than that, be it the owner of the tables.
func TestCheckpointsAreKeptByTheDatabase(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	s := h.sealer(t)
	h.signedAt(t, s, fraud, 20, "48 hours")
	for _, sql := range []string{
		`DELETE FROM audit.checkpoints WHERE size = 20`, `DELETE FROM audit.checkpoints`, `DELETE FROM audit.checkpoints WHERE size = 9`,
		`DELETE FROM audit.instance_checkpoints WHERE size = 20`, `DELETE FROM audit.instance_checkpoints`,
		`UPDATE audit.checkpoints SET at = '-infinity'`, `UPDATE audit.instance_checkpoints SET at = '-infinity'`, `TRUNCATE audit.checkpoints`, `TRUNCATE audit.instance_checkpoints`,
	} {
		_, err := h.Pool.Exec(t.Context(), sql)
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || !strings.Contains(refused.Message, "checkpoints are kept") {
			t.Errorf("%s: %v", sql, err)
		}
	}
	if got := h.all(t, fraud); len(got) != 20 {
		t.Errorf("left are %v", got)
	}
}
