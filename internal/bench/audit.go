package bench

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/audit/leaf"
	"github.com/annals-io/annals/audit/seal"
	"github.com/annals-io/annals/audit/tree"
	"github.com/annals-io/annals/audit/verify"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/internal/bench/generate"
)

// audit measures sealing of a log and checking of an export.
func (m *machine) audit(ctx context.Context) error {
	if err := m.sealing(ctx); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	if err := m.verifying(ctx); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	return nil
}

// sealStreams is in how many streams the events lie that are sealed.
const sealStreams = 64

// sealing seals a log that is there, and then only reads it and hashes its leaves.
func (m *machine) sealing(ctx context.Context) error {
	url := m.pg.OwnerURL()
	if err := postgres.Migrate(ctx, url, ""); err != nil {
		return err
	}
	if err := seal.Migrate(ctx, url, ""); err != nil {
		return err
	}
	store, err := postgres.Open(ctx, url, postgres.Options{MaxConns: 4})
	if err != nil {
		return err
	}
	defer store.Close()
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	defer pool.Close()
	n := m.scaled(500_000, 50_000)
	if err := m.recorded(ctx, store, n); err != nil {
		return err
	}
	signer, err := checkpoint.Generate("bench.example")
	if err != nil {
		return err
	}
	sealed, signed := 0, 0
	s, err := seal.New(seal.Config{Pool: pool, Source: store, Signer: signer, Rest: -1, Hooks: seal.Hooks{Sealed: func(events, checkpoints int, _ time.Duration) {
		sealed, signed = sealed+events, signed+checkpoints
	}}})
	if err != nil {
		return err
	}
	began := time.Now()
	if err := s.Seal(ctx); err != nil {
		return err
	}
	took := time.Since(began)
	began = time.Now()
	var at eventstore.Position
	for caughtUp := false; !caughtUp; {
		page, err := store.ReadRaw(ctx, at, 5000)
		if err != nil {
			return err
		}
		for i := range page.Events {
			l := leaf.Of(&page.Events[i])
			_ = l.Hash()
		}
		at, caughtUp = page.Next, page.CaughtUp
	}
	floor := time.Since(began)
	each := func(d time.Duration) string { return fmt.Sprintf("%.1f us", float64(d.Microseconds())/float64(n)) }
	m.add(Row{What: "seal an event", Figure: each(took) + ", " + rate(perSecond(n, took)), Ceiling: each(floor) + " to read and hash it", Ratio: floor.Seconds() / took.Seconds(), Budget: "<= 20 us", Met: verdict(sealed == n && took <= time.Duration(n)*20*time.Microsecond),
		Note: fmt.Sprintf("%d events in %d streams, %d checkpoints signed, two cores with PostgreSQL on them", sealed, sealStreams, signed)})
	return nil
}

// recorded fills a log.
func (m *machine) recorded(ctx context.Context, store *postgres.Store, n int) error {
	g := generate.NewNative(m.Seed, 20)
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	next := map[domain.Stream]domain.Revision{}
	for done := 0; done < n; {
		var slices []eventstore.Slice
		for i := range sealStreams {
			stream := domain.WorkspaceStream(domain.Slug(fmt.Sprintf("sealed-%02d", i)))
			s := eventstore.Slice{Stream: stream, Expected: eventstore.Expected(next[stream] - 1)}
			for range min(16, n-done) {
				at := noon.Add(time.Duration(next[stream]) * time.Millisecond)
				s.Events = append(s.Events, benchEvent(stream, next[stream], at, g.Next()))
				next[stream]++
				done++
			}
			if len(s.Events) > 0 {
				slices = append(slices, s)
			}
		}
		results, err := store.Append(ctx, slices)
		if err != nil {
			return err
		}
		for _, r := range results {
			if r.Err != nil {
				return r.Err
			}
		}
	}
	return nil
}

func benchEvent(stream domain.Stream, revision domain.Revision, at time.Time, data []byte) eventstore.NewEvent {
	e := eventstore.NewEvent{Data: data, MetaData: []byte(`{"actor":{"kind":"key","id":"kAbCdEfGhIjK"},"command":"0190a2a0-0000-7000-8000-000000000009","correlation":"c-1"}`)}
	e.Stream, e.Revision, e.EventID, e.Type, e.Version = stream, revision, uuid.New(), "run.reported", 1
	e.RecordedAt, e.OccurredAt, e.Subject = at, at, domain.Entity{Kind: domain.KindRun, ID: uuid.New()}
	return e
}

// verifying checks an export of a million events, and then only reads its files and makes their digests.
func (m *machine) verifying(ctx context.Context) error {
	n := m.scaled(1_000_000, 50_000)
	dir := filepath.Join(m.dir, "export")
	signer, err := m.exported(dir, n)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	began := time.Now()
	r, err := verify.Export(ctx, dir, verify.Options{Keys: []checkpoint.Key{signer.Key()}})
	if err != nil {
		return err
	}
	took := time.Since(began)
	if !r.OK() {
		return fmt.Errorf("it is wrong: %v", r.Failures[0])
	}
	began = time.Now()
	size, err := digested(dir)
	if err != nil {
		return err
	}
	floor := time.Since(began)
	m.add(Row{What: fmt.Sprintf("offline verify of %d events", n), Figure: fmt.Sprintf("%.2f s, %s", took.Seconds(), rate(perSecond(n, took))), Ceiling: fmt.Sprintf("%.2f s for one SHA-256 of its files", floor.Seconds()), Ratio: floor.Seconds() / took.Seconds(),
		Budget: "<= 5 s", Met: verdict(took <= 5*time.Second), Note: fmt.Sprintf("%d MB, %d checkpoints", size>>20, r.Checkpoints)})
	return nil
}

// exported writes an export with a checkpoint every 1,000 events.
func (m *machine) exported(dir string, n int) (*checkpoint.Signer, error) {
	signer, err := checkpoint.Generate("bench.example")
	if err != nil {
		return nil, err
	}
	d, err := bundle.CreateDir(dir)
	if err != nil {
		return nil, err
	}
	const slug = domain.Slug("export")
	stream := domain.WorkspaceStream(slug)
	var grown tree.Frontier
	w := bundle.NewWriter(d, bundle.Manifest{Instance: signer.Key().Name, Workspace: slug, Stream: stream}, func(e *eventstore.NewEvent) bundle.Hash {
		l := leaf.Of(e)
		h := l.Hash()
		grown.Add(h, nil)
		return bundle.Hash(h)
	})
	g := generate.NewNative(m.Seed, 20)
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var notes [][]byte
	for i := range n {
		e := benchEvent(stream, domain.Revision(i), noon.Add(time.Duration(i)*time.Millisecond), g.Next())
		if err := w.Event(&e); err != nil {
			return nil, err
		}
		if (i+1)%1000 == 0 || i+1 == n {
			c, err := signer.Sign(string(stream), grown.Size(), grown.Root())
			if err != nil {
				return nil, err
			}
			notes = append(notes, c.Note)
		}
	}
	last := notes[len(notes)-1]
	instance, err := signer.Sign(checkpoint.InstanceLog, 1, tlog.RecordHash(last))
	if err != nil {
		return nil, err
	}
	tie := checkpoint.Tie{Checkpoint: last, Proof: checkpoint.Proof{Checkpoint: instance.Note}}.Line()
	if err := w.Close(noon, notes, append(tie, '\n')); err != nil {
		return nil, err
	}
	return signer, d.Commit()
}

// digested reads all files of a directory and makes their digests.
func digested(dir string) (size int64, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, entry := range entries {
		f, err := os.Open(filepath.Join(dir, entry.Name()))
		if err != nil {
			return 0, err
		}
		n, err := io.Copy(sha256.New(), f)
		f.Close()
		if err != nil {
			return 0, err
		}
		size += n
	}
	return size, nil
}
