package promotion_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/eventstore/memory"
	"github.com/annals-io/annals/internal/pgtest"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/projections/read"
	"github.com/annals-io/annals/promotion"
)

// A yard is a log in memory, projected into a database, with two workspaces: staging has a model, production has nothing.
type yard struct {
	*testing.T
	store    *memory.Store
	commands *eventstore.Executor
	engine   *projections.Engine
	read     *read.DB
	pool     *pgxpool.Pool
}

const (
	staging    domain.Slug = "vega-staging"
	production domain.Slug = "altair-production"
)

var model = domain.Name{Namespace: "s3", Name: "models/fraud"}

func newYard(t *testing.T) *yard {
	t.Helper()
	y := &yard{T: t, store: memory.New(), pool: pgtest.Pool(t)}
	if err := projections.Migrate(t.Context(), y.pool); err != nil {
		t.Fatal(err)
	}
	var err error
	if y.engine, err = projections.New(projections.Config{Store: y.store, Pool: y.pool, StatesLinger: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	y.commands, y.read = eventstore.New(y.store, eventstore.Config{}), read.New(y.pool)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- y.engine.Run(ctx) }()
	t.Cleanup(func() {
		_ = y.commands.Close(context.Background())
		cancel()
		<-done
		_ = y.store.Close()
	})
	<-y.engine.Ready()
	for _, slug := range []domain.Slug{staging, production} {
		y.do(slug, domain.CreateWorkspace{Slug: slug, Name: string(slug), Organization: "acme"})
	}
	size := int64(42)
	x := domain.Execution{Run: domain.RunRef{ID: "r-1"}}
	y.do(staging, domain.Record{Events: []domain.Event{
		domain.RunReported{Phase: domain.Started, Run: x.Run},
		domain.ArtifactsProduced{Execution: x, Phase: domain.Succeeded, Outputs: []domain.IO{{Artifact: model, Version: "v7", URI: "s3://b/v7", Digest: "sha256:07", SizeBytes: &size, Schema: []domain.Field{{Name: "x", Type: "int"}}}}},
		domain.RunReported{Phase: domain.Succeeded, Run: x.Run},
	}})
	return y
}

func (y *yard) do(slug domain.Slug, c domain.Command) {
	y.Helper()
	if _, err := y.commands.Execute(y.Context(), eventstore.Request{Stream: domain.WorkspaceStream(slug), Command: c}); err != nil {
		y.Fatal(err)
	}
}

// now waits until a workspace is projected as far as it goes.
func (y *yard) now(slug domain.Slug) read.Moment {
	y.Helper()
	info, err := y.store.Info(y.Context(), domain.WorkspaceStream(slug))
	if err != nil {
		y.Fatal(err)
	}
	head := int64(info.Last)
	m, err := y.engine.Open(y.Context(), slug, projections.AsOf{}, &head, time.Minute)
	if err != nil {
		y.Fatal(err)
	}
	return m
}

// version is the key of the model's version in staging.
func (y *yard) version() int64 {
	y.Helper()
	m := y.now(staging)
	artifacts, err := y.read.ArtifactsNamed(y.Context(), m, []read.NameRef{{Namespace: &model.Namespace, Name: model.Name}}, 1)
	if err != nil || len(artifacts) != 1 {
		y.Fatalf("artifacts %v, %v", artifacts, err)
	}
	v, ok, err := y.read.VersionNamed(y.Context(), m, artifacts[0].Key, 0, "v7")
	if err != nil || !ok {
		y.Fatalf("version %v, %v", ok, err)
	}
	return v.Key
}

func (y *yard) desk(c eventstore.Commander) *promotion.Desk {
	return &promotion.Desk{Commands: c, Log: y.store, Moments: y.engine, Begun: y.engine, Read: y.read}
}

func (y *yard) order() promotion.Order {
	return promotion.Order{From: staging, To: production, Version: y.version(), Reason: "it passed", Actor: domain.Actor{Kind: "account", ID: "ann"}}
}

// everywhere is somebody who may promote in every workspace.
func everywhere(context.Context, domain.Slug) (domain.PermissionSet, error) {
	return domain.SetOf(domain.ReadWorkspace, domain.PromoteArtifacts), nil
}

// events are those of a workspace, of some types.
func (y *yard) events(slug domain.Slug, types ...string) (found []domain.Recorded) {
	y.Helper()
	page, err := y.store.ReadStream(y.Context(), domain.WorkspaceStream(slug), 0, eventstore.Forward, 1000)
	if err != nil {
		y.Fatal(err)
	}
	for _, e := range page.Events {
		for _, typ := range types {
			if e.Type == typ {
				found = append(found, e)
			}
		}
	}
	return found
}

// story is what happened to the promotion on both sides.
func (y *yard) story() string {
	var words []string
	for _, e := range y.events(staging, "artifact_version.sent", "artifact_version.promoted", "artifact_version.promotion_refused") {
		words = append(words, strings.TrimPrefix(e.Type, "artifact_version."))
	}
	for range y.events(production, "artifact_version.received") {
		words = append(words, "received")
	}
	return strings.Join(words, " ")
}

func TestPromote(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	out, err := y.desk(y.commands).Promote(t.Context(), everywhere, y.order())
	if err != nil || out.State != promotion.Received || out.Duplicate {
		t.Fatalf("got %+v, %v", out, err)
	}
	if got := y.story(); got != "sent promoted received" {
		t.Fatalf("what happened: %s", got)
	}
	came := y.events(production, "artifact_version.received")[0]
	e := came.Event.(domain.ArtifactVersionReceived)
	if e.Artifact != model || e.Version != "v7" || e.URI != "s3://b/v7" || e.Digest != "sha256:07" || *e.SizeBytes != 42 || len(e.Schema) != 1 || came.Meta.Reason != "it passed" || came.Meta.Actor.ID != "ann" {
		t.Errorf("received %+v, %+v", e, came.Meta)
	}
	bodies, err := y.store.Evidence(t.Context(), domain.WorkspaceStream(production), []domain.Digest{e.Origin.Evidence})
	if err != nil {
		t.Fatal(err)
	}
	var origin promotion.Origin
	if err := json.Unmarshal(bodies[e.Origin.Evidence], &origin); err != nil || origin.Workspace != staging || origin.Run.Run.ID != "r-1" || origin.Name != "v7" || origin.Number != 1 {
		t.Errorf("its origin is %+v, %v", origin, err)
	}
	// Neither stream names the other workspace.
	for slug, other := range map[domain.Slug]domain.Slug{staging: production, production: staging} {
		for _, e := range y.events(slug, "artifact_version.sent", "artifact_version.promoted", "artifact_version.received") {
			meta, err := json.Marshal(e.Meta)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(append(meta, e.Data...), []byte(other)) {
				t.Errorf("%s of %s names %s: %s %s", e.Type, slug, other, e.Data, meta)
			}
		}
	}
	m := y.now(production)
	list, err := y.read.Promotions(t.Context(), m, nil, read.Page{})
	if err != nil || len(list.Rows) != 1 || !list.Rows[0].Row.Received || list.Rows[0].Row.Reason != "it passed" {
		t.Fatalf("promotions of production: %+v, %v", list, err)
	}
	y.now(staging)
	others, err := y.read.Counterparts(t.Context(), m, []uuid.UUID{out.Promotion})
	if err != nil || others[out.Promotion].Workspace != staging || others[out.Promotion].Version != y.version() {
		t.Errorf("its other side: %v, %v", others, err)
	}
}

// The same order again, by its key or without one, begins no second promotion; the same key elsewhere is a conflict.
func TestPromoteTwice(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.do("third-place", domain.CreateWorkspace{Slug: "third-place", Name: "x", Organization: "acme"})
	d, o := y.desk(y.commands), y.order()
	o.CommandID = "g1:ann:key"
	first, err := d.Promote(t.Context(), everywhere, o)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		again, err := d.Promote(t.Context(), everywhere, o)
		if err != nil || again.Promotion != first.Promotion || !again.Duplicate || again.State != promotion.Received {
			t.Fatalf("got %+v, %v after %+v", again, err, first)
		}
		o.CommandID = ""
	}
	o.CommandID, o.To = "g1:ann:key", "third-place"
	if out, err := d.Promote(t.Context(), everywhere, o); !errors.Is(err, domain.Conflict) {
		t.Fatalf("the same key elsewhere: %+v, %v", out, err)
	}
	if got := y.story(); got != "sent promoted received" {
		t.Errorf("what happened: %s", got)
	}
}

func TestPromoteAtOnce(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	d, o := y.desk(y.commands), y.order()
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if out, err := d.Promote(t.Context(), everywhere, o); err != nil {
				t.Errorf("got %+v, %v", out, err)
			}
		})
	}
	wait.Wait()
	if got := y.story(); got != "sent promoted received" {
		t.Errorf("what happened: %s", got)
	}
}

func TestPromotionsThatAreRefusedChangeNothing(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.do("shelved", domain.CreateWorkspace{Slug: "shelved", Name: "x", Organization: "acme"})
	y.do("shelved", domain.ArchiveWorkspace{})
	y.do("ended-it", domain.CreateWorkspace{Slug: "ended-it", Name: "x", Organization: "acme"})
	y.do("ended-it", domain.DeleteWorkspace{})
	may := func(where map[domain.Slug]domain.PermissionSet) promotion.Holds {
		return func(_ context.Context, ws domain.Slug) (domain.PermissionSet, error) { return where[ws], nil }
	}
	promote, see := domain.SetOf(domain.ReadWorkspace, domain.PromoteArtifacts), domain.SetOf(domain.ReadWorkspace)
	good := y.order()
	for name, tt := range map[string]struct {
		holds   promotion.Holds
		change  func(*promotion.Order)
		code    domain.Code
		subject string
	}{
		"to itself":                {everywhere, func(o *promotion.Order) { o.To = o.From }, domain.Invalid, "to"},
		"for no reason":            {everywhere, func(o *promotion.Order) { o.Reason = "" }, domain.Required, "reason"},
		"a long reason":            {everywhere, func(o *promotion.Order) { o.Reason = strings.Repeat("x", 2001) }, domain.TooLong, "reason"},
		"nothing":                  {everywhere, func(o *promotion.Order) { o.Version = 12345 }, domain.NotFound, "version"},
		"nowhere":                  {everywhere, func(o *promotion.Order) { o.To = "never-was" }, domain.NotFound, "to"},
		"into an archive":          {everywhere, func(o *promotion.Order) { o.To = "shelved" }, domain.Archived, "to"},
		"into what is gone":        {everywhere, func(o *promotion.Order) { o.To = "ended-it" }, domain.Gone, "to"},
		"as what is no name":       {everywhere, func(o *promotion.Order) { o.Artifact = domain.Name{Name: "a\x00b"} }, domain.Invalid, "artifact"},
		"as what is no word":       {everywhere, func(o *promotion.Order) { o.Name = "a\x00b" }, domain.Invalid, "name"},
		"out of what is not seen":  {may(map[domain.Slug]domain.PermissionSet{production: promote}), nil, domain.NotFound, "from"},
		"into what is not seen":    {may(map[domain.Slug]domain.PermissionSet{staging: promote}), nil, domain.NotFound, "to"},
		"out of what is only seen": {may(map[domain.Slug]domain.PermissionSet{staging: see, production: promote}), nil, domain.Forbidden, "from"},
		"into what is only seen":   {may(map[domain.Slug]domain.PermissionSet{staging: promote, production: see}), nil, domain.Forbidden, "to"},
	} {
		t.Run(name, func(t *testing.T) {
			o := good
			if tt.change != nil {
				tt.change(&o)
			}
			out, err := y.desk(y.commands).Promote(t.Context(), tt.holds, o)
			var refused *domain.Error
			if !errors.As(err, &refused) || refused.Code != tt.code || refused.Subject != tt.subject {
				t.Fatalf("got %+v, %v; want %s of %s", out, err, tt.code, tt.subject)
			}
		})
	}
	if got := y.story(); got != "" {
		t.Errorf("what happened: %s", got)
	}
}

// A mortal carries out commands until it dies: before or after one of them.
type mortal struct {
	eventstore.Commander
	dies  int // at which command, from 1
	after bool
	then  func() // what somebody else does in that moment

	mu    sync.Mutex
	calls int
}

var errDead = errors.New("the process is dead")

func (m *mortal) Execute(ctx context.Context, r eventstore.Request) (eventstore.Result, error) {
	m.mu.Lock()
	m.calls++
	n := m.calls
	m.mu.Unlock()
	if n == m.dies && m.then != nil {
		m.then()
		return m.Commander.Execute(ctx, r)
	}
	if m.then == nil && (n > m.dies || n == m.dies && !m.after) {
		return eventstore.Result{}, errDead
	}
	result, err := m.Commander.Execute(ctx, r)
	if m.then == nil && n == m.dies {
		return eventstore.Result{}, errDead
	}
	return result, err
}

// Wherever a process dies, either nothing happened, or another one carries the promotion to its end, once.
func TestPromotionIsCarriedOnAfterADeath(t *testing.T) {
	t.Parallel()
	const steps = 4 // the target is asked, sent, received, told
	for dies := 1; dies <= steps; dies++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("command %d, after %v", dies, after), func(t *testing.T) {
				t.Parallel()
				y := newYard(t)
				o := y.order()
				o.CommandID = "g1:ann:key"
				_, _ = y.desk(&mortal{Commander: y.commands, dies: dies, after: after}).Promote(t.Context(), everywhere, o)
				begun := dies > 2 || dies == 2 && after
				want := map[bool]string{false: "", true: "sent promoted received"}[begun]
				y.now(staging)
				var wait sync.WaitGroup
				for range 3 { // several processes find it
					wait.Go(func() {
						if _, err := y.desk(y.commands).Finish(t.Context()); err != nil {
							t.Error(err)
						}
					})
				}
				wait.Wait()
				if got := y.story(); got != want {
					t.Fatalf("what happened: %q, want %q", got, want)
				}
				y.now(staging)
				if open, err := y.engine.OpenPromotions(t.Context(), 10); err != nil || len(open) > 0 {
					t.Fatalf("still open: %v, %v", open, err)
				}
				// Whoever sent the order and heard nothing sends it again.
				out, err := y.desk(y.commands).Promote(t.Context(), everywhere, o)
				if err != nil || out.State != promotion.Received || out.Duplicate != begun {
					t.Fatalf("sent again: %+v, %v", out, err)
				}
				if got := y.story(); got != "sent promoted received" {
					t.Fatalf("what happened in the end: %q", got)
				}
			})
		}
	}
}

// A target that was archived in between refuses, and the source says so; once it is restored, the version goes there.
func TestPromotionIntoWhatWasArchivedMeanwhile(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	o := y.order()
	shelve := &mortal{Commander: y.commands, dies: 3, then: func() { y.do(production, domain.ArchiveWorkspace{}) }}
	out, err := y.desk(shelve).Promote(t.Context(), everywhere, o)
	if err != nil || out.State != promotion.Refused || out.Code != domain.Archived || out.There != domain.NoRevision {
		t.Fatalf("got %+v, %v", out, err)
	}
	if got := y.story(); got != "sent promotion_refused" {
		t.Fatalf("what happened: %s", got)
	}
	y.do(production, domain.RestoreWorkspace{})
	out, err = y.desk(y.commands).Promote(t.Context(), everywhere, o)
	if err != nil || out.State != promotion.Received || out.Duplicate {
		t.Fatalf("after it was restored: %+v, %v", out, err)
	}
	if got := y.story(); got != "sent promotion_refused sent promoted received" {
		t.Errorf("what happened: %s", got)
	}
}

// Run carries on what is open, without being asked.
func TestRunCarriesOn(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	_, _ = y.desk(&mortal{Commander: y.commands, dies: 3}).Promote(t.Context(), everywhere, y.order())
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		y.desk(y.commands).Run(ctx)
	}()
	least := int64(5) // created, three facts, sent; then the end
	if _, err := y.engine.Open(t.Context(), staging, projections.AsOf{}, &least, time.Minute); err != nil {
		t.Error(err)
	}
	stop()
	<-done
	if got := y.story(); got != "sent promoted received" {
		t.Errorf("what happened: %s", got)
	}
}
