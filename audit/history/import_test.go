package history_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/history"
	"github.com/annals-io/annals/audit/tree"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

var bringing = history.Bringing{As: "brought", Organization: "ours", Owner: zoe, Actor: domain.Actor{Kind: "account", ID: zoe.String()}}

func importer(s store) *history.Importer {
	return &history.Importer{Log: s, Pool: s.Pool(), Now: time.Now}
}

func TestAnImportIsWhatWasExported(t *testing.T) {
	t.Parallel()
	for name, home := range homes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to, by := home(t), home(t), signer(t, "there")
			lab(t, from)
			dir := exported(t, from, by, "lab")
			p := must(proven(t, dir, by.Key()))(t)
			got, err := importer(to).Import(t.Context(), p, bringing, nil)
			if err != nil {
				t.Fatal(err)
			}
			was := must(from.ReadRawStream(t.Context(), "workspace-lab", 0, 1000))(t).Events
			is := must(to.ReadRawStream(t.Context(), "workspace-brought", 0, 1000))(t).Events
			if got.UpTo != 35 || int(got.Revision) != len(is)-1 || got.Events != int64(len(is)) || got.Already {
				t.Errorf("%+v of %d events", got, len(is))
			}
			for i, e := range was {
				g := is[i]
				if g.Revision != e.Revision || g.EventID != e.EventID || g.Type != e.Type || g.Version != e.Version || !g.RecordedAt.Equal(e.RecordedAt) || !g.OccurredAt.Equal(e.OccurredAt) ||
					g.Subject != e.Subject || !bytes.Equal(g.Data, e.Data) || !bytes.Equal(g.MetaData, e.MetaData) {
					t.Fatalf("revision %d came as %+v, and was %+v", i, g, e)
				}
			}
			if is[36].Type != "history.imported" {
				t.Errorf("behind it comes %s", is[36].Type)
			}
			place, roster, invitation := &domain.State{}, &domain.State{}, &domain.State{}
			for i := range is {
				e, err := domain.Decode(is[i].Type, is[i].Version, is[i].Data)
				if err != nil {
					t.Fatal(err)
				}
				for of, s := range map[domain.Entity]*domain.State{domain.WorkspaceEntity(): place, domain.RosterEntity(): roster, domain.InvitationEntity(asked): invitation} {
					if e.Subject() == of {
						if err := s.Apply(&domain.Recorded{Envelope: is[i].Envelope, Event: e}); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			r := domain.RosterOf(place, roster)
			if len(r.Members) != 1 || len(r.Members[domain.Person(zoe).String()]) != 1 || len(r.Roles) != 0 || !invitation.Invitation.Revoked || place.Organization != "ours" {
				t.Errorf("rights that were there hold here: %+v, %+v, %+v", r, invitation.Invitation, place)
			}
			if is[len(is)-1].Type != "artifact_version.promotion_refused" {
				t.Errorf("the open promotion goes on: the last is %s", is[len(is)-1].Type)
			}
			again, err := importer(to).Import(t.Context(), p, bringing, nil)
			if err != nil || !again.Already || again.Events != 0 || again.Revision != got.Revision {
				t.Errorf("imported again: %+v, %v", again, err)
			}
			var has int
			if err := to.Pool().QueryRow(t.Context(), `SELECT count(*) FROM log.evidence`).Scan(&has); err != nil || has != 1 {
				t.Errorf("%d pieces of evidence, %v", has, err)
			}
		})
	}
}

// What was brought here and exported again has the old leaves and checkpoints, and new ones behind them.
func TestAnImportIsExportedAgain(t *testing.T) {
	t.Parallel()
	from, to, third := homes["postgres"](t), homes["postgres"](t), homes["postgres"](t)
	there := signer(t, "there")
	lab(t, from)
	first := must(proven(t, exported(t, from, there, "lab"), there.Key()))(t)
	if _, err := importer(to).Import(t.Context(), first, bringing, nil); err != nil {
		t.Fatal(err)
	}
	origins := history.NewOrigins(to.Pool())
	for revision, want := range map[domain.Revision]domain.Stream{0: "workspace-lab", 35: "workspace-lab", 36: "workspace-brought"} {
		if got, err := origins.Of(t.Context(), "workspace-brought", revision); got != want || err != nil {
			t.Errorf("revision %d goes by %s, %v; want %s", revision, got, err, want)
		}
	}
	notes := must(history.Notes(t.Context(), to.Pool(), "workspace-brought"))(t)
	if want := must(first.Checkpoints())(t); len(notes) != len(want) || !bytes.Equal(bytes.Join(notes, nil), bytes.Join(want, nil)) {
		t.Errorf("%d checkpoints came along of %d", len(notes), len(want))
	}
	dir := filepath.Join(t.TempDir(), "again")
	d := must(bundle.CreateDir(dir))(t)
	x := history.Exporter{Log: to, Pool: to.Pool(), Instance: "here", Now: time.Now}
	if _, err := x.Export(t.Context(), d, history.Order{Workspace: "brought"}, nil); err != nil {
		t.Fatal(err)
	}
	if err := d.Commit(); err != nil {
		t.Fatal(err)
	}
	second := must(proven(t, dir))(t)
	if len(second.Manifest.Origins) != 1 || second.Manifest.Origins[0].UpTo != 35 || second.Manifest.Origins[0].Instance != "there" {
		t.Errorf("origins: %+v", second.Manifest.Origins)
	}
	golden, grown := first.Manifest.Root, tree.Frontier{}
	for e, err := range second.Events(0) {
		if err != nil {
			t.Fatal(err)
		}
		if grown.Add(tlog.Hash(history.Leaf(e)), nil); grown.Size() == 36 && bundle.Hash(grown.Root()) != golden {
			t.Error("the imported part has another root than where it comes from")
		}
	}
	if _, err := importer(third).Import(t.Context(), second, history.Bringing{As: "third", Organization: "o", Owner: ben}, nil); err != nil {
		t.Fatal(err)
	}
	if got := must(history.Origins(t.Context(), third.Pool(), "workspace-third"))(t); len(got) != 2 || got[1].Stream != "workspace-brought" {
		t.Errorf("origins of the third: %+v", got)
	}
}

// failing is a store that is cut off behind some appends.
type failing struct {
	store
	left int
}

func (f *failing) Append(ctx context.Context, sl []eventstore.Slice) ([]eventstore.SliceResult, error) {
	if f.left--; f.left < 0 {
		return nil, errCut
	}
	return f.store.Append(ctx, sl)
}

var errCut = errors.New("the process was killed")

// An import that is killed anywhere goes on, and until its end the workspace is hidden.
func TestAnImportThatIsKilledGoesOn(t *testing.T) {
	t.Parallel()
	for name, home := range homes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to, by := home(t), home(t), signer(t, "there")
			lab(t, from)
			p := must(proven(t, exported(t, from, by, "lab"), by.Key()))(t)
			veil := history.NewVeil(to.Pool())
			rounds := 0
			for ; ; rounds++ {
				if rounds > 100 {
					t.Fatal("it never ends")
				}
				i := importer(to)
				i.Log = &failing{to, 2}
				history.InSteps(i, 3)
				got, err := i.Import(t.Context(), p, bringing, nil)
				if err == nil {
					if got.Already {
						t.Error("it says that it was there before it was")
					}
					break
				}
				if !errors.Is(err, errCut) {
					t.Fatal(err)
				}
				if hidden, err := veil.Hides(t.Context(), "brought"); err != nil || !hidden {
					t.Fatalf("after %d rounds it is there: %v", rounds, err)
				}
			}
			if hidden, err := veil.Hides(t.Context(), "brought"); err != nil || hidden {
				t.Errorf("at the end it is hidden: %v", err)
			}
			is := must(to.ReadRawStream(t.Context(), "workspace-brought", 0, 1000))(t).Events
			types := map[string]int{}
			for i, e := range is {
				if types[e.Type]++; e.Revision != domain.Revision(i) {
					t.Errorf("revision %d stands at %d", e.Revision, i)
				}
			}
			if rounds < 5 || types["history.imported"] != 1 || types["run.started"] != 30 || types["invitation.revoked"] != 1 {
				t.Errorf("%d rounds, %v", rounds, types)
			}
		})
	}
}

func TestWhatCannotBeImported(t *testing.T) {
	t.Parallel()
	from, to, by := homes["postgres"](t), homes["postgres"](t), signer(t, "there")
	lab(t, from)
	p := must(proven(t, exported(t, from, by, "lab")))(t)
	record(t, to, "workspace-taken", nil, domain.WorkspaceCreated{Slug: "taken", Name: "T", Organization: "ours", Owner: zoe})
	b := bringing
	b.As = "taken"
	var no *domain.Error
	if _, err := importer(to).Import(t.Context(), p, b, nil); !errors.As(err, &no) || no.Code != domain.AlreadyExists {
		t.Errorf("a name that is taken: %v", err)
	}
	cut := importer(to)
	cut.Log = &failing{to, 0}
	if _, err := cut.Import(t.Context(), p, bringing, nil); !errors.Is(err, errCut) {
		t.Fatal(err)
	}
	other := must(proven(t, exported(t, from, signer(t, "elsewhere"), "lab")))(t)
	if _, err := importer(to).Import(t.Context(), other, bringing, nil); !errors.As(err, &no) || no.Code != domain.Conflict {
		t.Errorf("another export under the name of one that was cut off: %v", err)
	}
	if _, err := importer(to).Import(t.Context(), p, bringing, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := importer(to).Import(t.Context(), other, bringing, nil); !errors.As(err, &no) || no.Code != domain.AlreadyExists {
		t.Errorf("another export under the name of one that is there: %v", err)
	}
}
