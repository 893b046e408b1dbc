package history_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/audit/history"
	"github.com/annals-io/annals/audit/tree"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/esdb"
	"github.com/annals-io/annals/eventstore/postgres"
	"github.com/annals-io/annals/evidence"
	"github.com/annals-io/annals/internal/esdbfake"
	"github.com/annals-io/annals/internal/esdbfake/esdbtest"
	"github.com/annals-io/annals/internal/pgtest"
)

// store is a backend with all that tests do to it.
type store interface {
	eventstore.Store
	eventstore.RawReader
	eventstore.RawStreamReader
	Pool() *pgxpool.Pool
}

// homes are where a log can lie.
var homes = map[string]func(t *testing.T) store{
	"postgres": func(t *testing.T) store {
		url := pgtest.URL(t)
		if err := postgres.Migrate(t.Context(), url, ""); err != nil {
			t.Fatal(err)
		}
		s, err := postgres.Open(t.Context(), url, postgres.Options{})
		return opened(t, s, err)
	},
	"esdb": func(t *testing.T) store {
		url := pgtest.URL(t)
		if err := postgres.Migrate(t.Context(), url, ""); err != nil {
			t.Fatal(err)
		}
		s, err := esdb.Open(t.Context(), esdbtest.Start(t, esdbfake.Options{}).ConnectionString(), url, esdb.Options{})
		return opened(t, s, err)
	},
}

func opened[S store](t *testing.T, s S, err error) store {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

var (
	noon  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ada   = uuid.MustParse("0190a8f0-0000-7000-8000-00000000000a") // who owned it there
	ben   = uuid.MustParse("0190a8f0-0000-7000-8000-00000000000b") // a member there
	zoe   = uuid.MustParse("0190a8f0-0000-7000-8000-00000000000c") // who imports it
	asked = uuid.MustParse("0190a8f0-0000-7000-8000-00000000000d") // an invitation
)

// record appends facts one by one, a millisecond apart.
func record(t *testing.T, s store, stream domain.Stream, bodies []eventstore.Evidence, facts ...domain.Event) {
	t.Helper()
	for i, f := range facts {
		data, err := domain.Encode(f)
		if err != nil {
			t.Fatal(err)
		}
		at := noon.Add(time.Duration(i) * time.Millisecond)
		e := eventstore.NewEvent{Event: f, Data: data, Envelope: domain.Envelope{
			EventID: uuid.NewSHA1(uuid.Nil, fmt.Append(nil, stream, i)), Type: f.EventType(), Version: 1, Subject: f.Subject(), RecordedAt: at, OccurredAt: at.Add(-time.Hour),
			Meta: domain.Meta{Actor: domain.Actor{Kind: "key", ID: "k"}, CommandID: fmt.Sprint("c-", i)},
		}}
		sl := eventstore.Slice{Stream: stream, Expected: eventstore.Expected(i - 1), Events: []eventstore.NewEvent{e}}
		if i == 0 {
			sl.Evidence = bodies
		}
		results, err := s.Append(t.Context(), []eventstore.Slice{sl})
		if err != nil || results[0].Err != nil {
			t.Fatal(err, results)
		}
	}
}

// lab records a workspace in which much is open: members, a role, an invitation, a promotion.
func lab(t *testing.T, s store) {
	t.Helper()
	body := evidence.New([]byte("a description that is long enough to be kept apart " + string(make([]byte, 2000))))
	facts := []domain.Event{
		domain.WorkspaceCreated{Slug: "lab", Name: "Lab", Organization: "acme", Owner: ada, Description: &domain.Text{Evidence: body.Digest}},
		domain.RoleGranted{Member: domain.Person(ada), Role: domain.Owner}, domain.RoleGranted{Member: domain.Person(ben), Role: domain.Admin},
		domain.RoleDefined{Name: "releaser", Permissions: []domain.Permission{domain.ReadWorkspace}},
		domain.MemberInvited{Invitation: asked, Roles: []domain.RoleRef{domain.Admin}, ExpiresAt: noon.AddDate(1, 0, 0), Secret: domain.Digest{9}},
		domain.ArtifactVersionSent{Version: domain.VersionRef{Artifact: domain.Name{Name: "model"}, Name: "1"}, Promotion: asked},
	}
	for i := range 30 {
		facts = append(facts, domain.RunReported{Phase: domain.Started, Run: domain.RunRef{ID: fmt.Sprint("run-", i)}})
	}
	record(t, s, "workspace-lab", []eventstore.Evidence{body}, facts...)
}

// signed are checkpoints made when they are asked for. The instance's log has the last of them, and others beside it.
type signed struct {
	signer *checkpoint.Signer
	log    eventstore.RawStreamReader
	sizes  []int64
}

func (s signed) Sealed(_ context.Context, _ domain.Stream, atLeast int64) (int64, error) {
	return atLeast, nil
}

func (s signed) Notes(ctx context.Context, stream domain.Stream, size int64) (notes [][]byte, err error) {
	page, err := s.log.ReadRawStream(ctx, stream, 0, int(size))
	if err != nil {
		return nil, err
	}
	var grown tree.Frontier
	for i := range page.Events {
		grown.Add(tlog.Hash(history.Leaf(&page.Events[i])), nil)
		for _, n := range append(s.sizes, size) {
			if n != grown.Size() {
				continue
			}
			c, err := s.signer.Sign(string(stream), n, grown.Root())
			if err != nil {
				return nil, err
			}
			notes = append(notes, c.Note)
		}
	}
	return notes, nil
}

func (s signed) Instance(ctx context.Context, stream domain.Stream, size int64) ([]byte, error) {
	notes, err := s.Notes(ctx, stream, size)
	if err != nil {
		return nil, err
	}
	return tied(s.signer, notes[len(notes)-1])
}

// tied is a line of an export's instance.ndjson: a log of three checkpoints, of which the second is that one.
func tied(signer *checkpoint.Signer, note []byte) ([]byte, error) {
	var grown tree.Frontier
	var tiles []byte
	for _, leaf := range [][]byte{[]byte("one"), note, []byte("another")} {
		grown.Add(tlog.RecordHash(leaf), func(n tree.Node) { tiles = append(tiles, n.Hash[:]...) })
	}
	c, err := signer.Sign(checkpoint.InstanceLog, grown.Size(), grown.Root())
	if err != nil {
		return nil, err
	}
	p := checkpoint.Proof{Index: 1, Checkpoint: c.Note}
	p.Hashes, err = tlog.ProveRecord(c.Size, p.Index, &tree.Reader{Tiles: func(int, int64) ([]byte, error) { return tiles, nil }})
	return append(checkpoint.Tie{Checkpoint: note, Proof: p}.Line(), '\n'), err
}

func signer(t *testing.T, name string) *checkpoint.Signer {
	t.Helper()
	s, err := checkpoint.Generate(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// exported is the export of a workspace, in a directory.
func exported(t *testing.T, s store, by *checkpoint.Signer, ws domain.Slug) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "export")
	d, err := bundle.CreateDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	x := history.Exporter{Log: s, Pool: s.Pool(), Seals: signed{by, s, []int64{5, 20}}, Instance: by.Key().Name, Now: time.Now}
	if _, err := x.Export(t.Context(), d, history.Order{Workspace: ws}, nil); err != nil {
		t.Fatal(err)
	}
	if err := d.Commit(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func proven(t *testing.T, dir string, keys ...checkpoint.Key) (*history.Proven, error) {
	t.Helper()
	b, err := bundle.Open(dir)
	if err != nil {
		return nil, err
	}
	return history.Prove(t.Context(), b, keys, nil)
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
