package seal_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/annals-io/annals/audit/seal"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/internal/pgtest"
)

// ids are those of a stream's events.
func (h *home) ids(t testing.TB, stream domain.Stream) (ids []uuid.UUID) {
	t.Helper()
	page, err := h.store.ReadRawStream(t.Context(), stream, 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for i := range page.Events {
		ids = append(ids, page.Events[i].EventID)
	}
	return ids
}

// Whatever the pages in which events are sealed, each is found by its id at its revision, and an id of none is not.
func TestEventsAreFoundByTheirIDs(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	s := h.sealer(t, func(c *seal.Config) { c.Page = 300 })
	random := rand.New(rand.NewPCG(1, 7))
	for range 12 {
		h.append(t, fraud, 1+random.IntN(150))
		h.append(t, churn, 1)
		sealNow(t, s)
	}
	for _, stream := range []domain.Stream{fraud, churn} {
		ids := h.ids(t, stream)
		for at, id := range ids {
			p, err := h.Places(t.Context(), stream, id)
			if err != nil || !slices.Contains(p.At, domain.Revision(at)) || p.Behind != domain.Revision(len(ids)) || p.Before > 256 {
				t.Fatalf("event %d of %s: %+v %v", at, stream, p, err)
			}
		}
	}
	if p, err := h.Places(t.Context(), fraud, uuid.New()); err != nil || len(p.At) > 0 {
		t.Errorf("an id of none: %+v %v", p, err)
	}
	if p, err := h.Places(t.Context(), "workspace-none", uuid.New()); err != nil || len(p.At) > 0 || p.Before != 0 || p.Behind != 0 {
		t.Errorf("a stream that is none: %+v %v", p, err)
	}
}

// What was sealed before ids were kept is said to be unknown, and what comes behind it is found.
func TestEventsFromBeforeIDsWereKept(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	s := h.sealer(t, func(c *seal.Config) { c.Page = 1000 })
	h.append(t, fraud, 700)
	sealNow(t, s)
	pgtest.Exec(t, h.url, `DELETE FROM audit.prints`)
	if p, err := h.Places(t.Context(), fraud, h.ids(t, fraud)[699]); err != nil || p.Before != 700 || len(p.At) > 0 {
		t.Errorf("nothing is known: %+v %v", p, err)
	}
	h.append(t, fraud, 400)
	sealNow(t, s)
	for at, id := range h.ids(t, fraud) {
		p, err := h.Places(t.Context(), fraud, id)
		if err != nil || p.Before != 768 || at >= 700 != slices.Contains(p.At, domain.Revision(at)) {
			t.Fatalf("event %d: %+v %v", at, p, err)
		}
	}
}

// A million events, of which the last is asked for: what is read for it is four bytes of each.
func TestFindingCostsFourBytesAnEvent(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.append(t, fraud, 1)
	sealNow(t, h.sealer(t))
	pgtest.Exec(t, h.url, `INSERT INTO audit.prints (tree, n, prints) SELECT t.id, n, (SELECT string_agg(sha256((n * 64 + i)::text::bytea), ''::bytea) FROM generate_series(1, 32) i)
		FROM audit.trees t, generate_series(1, 3906) n WHERE t.name = 'workspace-fraud'`, `UPDATE audit.trees SET size = 1000192 WHERE name = 'workspace-fraud'`)
	var size int64
	if err := h.Pool.QueryRow(t.Context(), `SELECT pg_total_relation_size('audit.prints')`).Scan(&size); err != nil || size > 6<<20 {
		t.Errorf("a million ids take %d bytes, %v", size, err)
	}
	var last []byte
	if err := h.Pool.QueryRow(t.Context(), `SELECT substr(prints, 1021, 4) FROM audit.prints WHERE n = 3906`).Scan(&last); err != nil {
		t.Fatal(err)
	}
	var id uuid.UUID
	copy(id[:], last)
	p, err := h.Places(t.Context(), fraud, id)
	if err != nil || !slices.Contains(p.At, 1000191) || len(p.At) > 3 {
		t.Errorf("the last one: %+v %v", p, err)
	}
}
