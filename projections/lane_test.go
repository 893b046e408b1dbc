package projections

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

func TestPagesOfAnySizeMakeTheSameRows(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 7, 5000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			last := map[domain.Slug]domain.Revision{}
			for i := range 60 { // three workspaces, interleaved
				slug := domain.Slug(fmt.Sprintf("w%d", i%3))
				last[slug] = r.write(slug, 1+i%4)
			}
			e := r.engine(func(c *Config) { c.PageSize = size })
			r.run(e)
			for slug, revision := range last {
				r.waitFor(e, slug, revision)
				if got := r.rows("read_1", slug); got != all(revision) {
					t.Errorf("%s has rows %s, want %s", slug, got, all(revision))
				}
			}
		})
	}
}

func TestALaneGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	last := r.write("one", 20)
	e := r.engine()
	stop := r.run(e)
	r.waitFor(e, "one", last)
	stop()
	last = r.write("one", 20)
	e = r.engine()
	r.run(e)
	r.waitFor(e, "one", last)
	if got := r.rows("read_1", "one"); got != all(last) {
		t.Errorf("rows %s, want %s", got, all(last))
	}
}

func TestAnotherNumberOfLanesMissesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var last [6]domain.Revision
	for _, lanes := range []int{2, 5, 3, 2} {
		for i := range last {
			last[i] = r.write(domain.Slug(fmt.Sprintf("w%d", i)), 11)
		}
		e := r.engine(func(c *Config) { c.Lanes = lanes })
		stop := r.run(e)
		for i := range last {
			r.waitFor(e, domain.Slug(fmt.Sprintf("w%d", i)), last[i])
		}
		stop()
	}
	for i := range last {
		if got := r.rows("read_1", domain.Slug(fmt.Sprintf("w%d", i))); got != all(last[i]) {
			t.Errorf("w%d has rows %s, want %s", i, got, all(last[i]))
		}
	}
}

var me, them = uuid.MustParse("8d0cb0fc-0001-4c6e-9f5e-7a6f0f1f2a3b"), uuid.MustParse("8d0cb0fc-0002-4c6e-9f5e-7a6f0f1f2a3b")

// Two engines share the lanes, and one that was thought dead commits nothing more.
func TestTwoEnginesShareTheLanes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	lanes := func(c *Config) { c.Lanes = 4 }
	a, b := r.engine(lanes), r.engine(lanes)
	stop := r.run(a)
	r.run(b)
	holds := func(e *Engine) int {
		held := e.held.Load()
		if held == nil {
			return 0
		}
		return len(*held)
	}
	eventually(t, "each holds some of the five lanes", func() bool { return holds(a) >= 2 && holds(b) >= 2 && holds(a)+holds(b) == 5 })
	var last [8]domain.Revision
	write := func() {
		for range 5 {
			for i := range last {
				last[i] = r.write(domain.Slug(fmt.Sprintf("w%d", i)), 3)
			}
		}
	}
	write()
	for i := range last {
		r.waitFor(a, domain.Slug(fmt.Sprintf("w%d", i)), last[i])
		r.waitFor(b, domain.Slug(fmt.Sprintf("w%d", i)), last[i])
	}
	stop()
	write()
	eventually(t, "the other took over", func() bool { return holds(b) == 5 })
	for i := range last {
		slug := domain.Slug(fmt.Sprintf("w%d", i))
		r.waitFor(b, slug, last[i])
		if got := r.rows("read_1", slug); got != all(last[i]) {
			t.Errorf("%s has rows %s, want %s", slug, got, all(last[i]))
		}
	}
}

func TestAPageOfALostLeaseIsNotCommitted(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	last := r.write("one", 3)
	e, other := r.engine(), r.engine()
	if err := e.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := e.projected("read_1")
	mine, ok, err := e.take(t.Context(), me, "read_1/0")
	if err != nil || !ok {
		t.Fatalf("take = %v, %v", ok, err)
	}
	if _, ok, err := other.take(t.Context(), them, "read_1/0"); ok || err != nil {
		t.Fatalf("a held lease was taken: %v", err)
	}
	e.release(mine)
	theirs, ok, err := other.take(t.Context(), them, "read_1/0")
	if err != nil || !ok || theirs.term <= mine.term {
		t.Fatalf("take = %+v, %v, %v; want a higher term than %d", theirs, ok, err, mine.term)
	}
	parts := r.parts(p, "one", 0)
	if err := p.transact(t.Context(), work{parts: parts, fence: &mine}); err != errFenced && !strings.Contains(fmt.Sprint(err), errFenced.Error()) {
		t.Errorf("a page under a lost lease: %v, want %v", err, errFenced)
	}
	if got := r.rows("read_1", "one"); got != "" {
		t.Errorf("rows %s, want none", got)
	}
	if err := other.projected("read_1").transact(t.Context(), work{parts: parts, fence: &theirs}); err != nil {
		t.Errorf("a page under the lease: %v", err)
	}
	if got := r.rows("read_1", "one"); got != all(last) {
		t.Errorf("rows %s, want %s", got, all(last))
	}
}

// Taking a lease over waits for the page that is being committed under it; renewing does not.
func TestALeaseIsTakenAfterThePageThatCheckedIt(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.write("one", 3)
	e, other := r.engine(), r.engine()
	if err := e.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	mine, _, err := e.take(t.Context(), me, "read_1/0")
	if err != nil {
		t.Fatal(err)
	}
	inside, goOn := make(chan struct{}), make(chan struct{})
	r.fold.after = func(context.Context, pgx.Tx, string, []part) error {
		close(inside)
		<-goOn
		return nil
	}
	p := e.projected("read_1")
	page := make(chan error, 1)
	go func() { page <- p.transact(context.Background(), work{parts: r.parts(p, "one", 0), fence: &mine}) }()
	<-inside
	if kept, err := e.renew(t.Context(), me, []lease{mine}); err != nil || !kept[mine.name] {
		t.Errorf("renewing during a page: %v, %v", kept, err)
	}
	e.release(mine)
	took := make(chan error, 1)
	go func() {
		_, _, err := other.take(context.Background(), them, "read_1/0")
		took <- err
	}()
	eventually(t, "the taker waits for the page", func() bool {
		var waiting int
		err := r.pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting)
		return err == nil && waiting == 1
	})
	close(goOn)
	if err := <-page; err != nil {
		t.Errorf("the page: %v", err)
	}
	if err := <-took; err != nil {
		t.Errorf("the taker: %v", err)
	}
}

// parts are a workspace's events from a revision on, as a page has them.
func (r *rig) parts(p *projection, slug domain.Slug, from domain.Revision) []part {
	r.t.Helper()
	stream := domain.WorkspaceStream(slug)
	name, _ := p.name(stream)
	if err := p.numbers.learn(context.Background(), []string{name}); err != nil {
		r.t.Fatal(err)
	}
	number, _ := p.numbers.get(name)
	page, err := r.store.ReadStream(context.Background(), stream, from, 0, 100_000)
	if err != nil {
		r.t.Fatal(err)
	}
	return []part{{number: number, name: name, stream: stream, events: page.Events}}
}

func TestAGapIsReadFromTheStore(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	last := r.write("one", 30)
	e := r.engine(func(c *Config) { c.PageSize = 4 })
	if err := e.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := e.projected("read_1")
	l := &lane{e: e, p: p, index: 0}
	var err error
	if l.lease, _, err = e.take(t.Context(), me, "read_1/0"); err != nil {
		t.Fatal(err)
	}
	at, err := l.from(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	to := at
	to.Commit, to.Prepare = 99, 99
	if err := l.handle(t.Context(), &batch{parts: r.parts(p, "one", 20), from: at, to: to}); err != nil {
		t.Fatal(err)
	}
	if got := r.rows("read_1", "one"); got != all(last) {
		t.Errorf("rows %s, want %s", got, all(last))
	}
	// A page that comes again changes nothing, and a lane that was moved by somebody else is noticed.
	if err := l.handle(t.Context(), &batch{parts: r.parts(p, "one", 5), from: at, to: to}); err == nil || !restarts(err) {
		t.Errorf("a page from a place where the lane is not: %v", err)
	}
	if err := l.handle(t.Context(), &batch{parts: r.parts(p, "one", 5), from: to, to: to}); err != nil {
		t.Error(err)
	}
	if got := r.rows("read_1", "one"); got != all(last) {
		t.Errorf("rows %s, want %s", got, all(last))
	}
}

// Whatever is read at a moment while projecting goes on is what the revision it states says.
func TestAnswersAreWhatTheirRevisionSays(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.write("one", 1)
	e := r.engine(func(c *Config) { c.PageSize = 3 })
	r.run(e)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 150 {
			r.write("one", 2)
		}
		cancel()
	})
	asked := 0
	for ctx.Err() == nil {
		m, err := e.Open(t.Context(), "one", AsOf{}, nil, 20*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		var n int
		const sql = `SELECT count(*) FROM read.audit_entries WHERE ws = $1 AND revision <= $2`
		if err := r.pool.QueryRow(t.Context(), inSchema(sql, m.Schema), m.Number, m.Revision).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n != int(m.Revision)+1 {
			t.Fatalf("%d rows as of revision %d", n, m.Revision)
		}
		asked++
	}
	wg.Wait()
	if asked == 0 {
		t.Error("nothing was asked while writing went on")
	}
}
