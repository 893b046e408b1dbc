package postgres

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// maxAttempts bounds how often one Append is made again because the server undid it or a command was known.
const maxAttempts = 6

// errKnownCommand says that a command row was there already: the attempt was rolled back and wants a look-up.
var errKnownCommand = errors.New("a command is known")

// errStrayEvent says that an event lies where the stream's row says there is none.
var errStrayEvent = errors.New("an event lies beyond the end of its stream")

// errKnownEvidence says that a piece of evidence was there already, which a COPY cannot pass over.
var errKnownEvidence = errors.New("a piece of evidence is known")

// errNoCopy says that policies hold this role: Postgres refuses them a COPY.
var errNoCopy = errors.New("row level security refuses a COPY")

// Append writes slices. See [eventstore.Appender].
func (s *Store) Append(ctx context.Context, sl []eventstore.Slice) ([]eventstore.SliceResult, error) {
	if len(sl) == 0 {
		return nil, nil
	}
	results, err := s.guess(ctx, sl)
	if err == nil && results != nil {
		return results, nil
	}
	lookUp, repeats := errors.Is(err, errKnownCommand), errors.Is(err, errKnownEvidence) || s.refusesCopy(err)
	if err != nil && !lookUp && !repeats && !errors.Is(err, errMoved) && !errors.Is(err, errStrayEvent) && !contended(err) {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		results, err := s.attempt(ctx, sl, lookUp, repeats)
		switch {
		case err == nil:
			return results, nil
		case attempt == maxAttempts:
		case errors.Is(err, errKnownCommand):
			lookUp = true
			continue
		case errors.Is(err, errKnownEvidence), s.refusesCopy(err):
			repeats = true
			continue
		case errors.Is(err, errMoved): // not while its row is locked, but let it be tried again
			continue
		case errors.Is(err, errStrayEvent):
			s.streams.suspect(streamsOf(sl))
			continue
		case contended(err):
			select {
			case <-time.After(rand.N(10 * time.Millisecond)):
				continue
			case <-ctx.Done():
			}
		}
		return nil, err
	}
}

// refusesCopy says whether an append failed for its COPY alone; from then on none is tried.
func (s *Store) refusesCopy(err error) bool {
	if !errors.Is(err, errNoCopy) {
		return false
	}
	s.noCopy.Store(true)
	return true
}

// errMoved says that a stream is not where the slices expect it.
var errMoved = errors.New("a stream has moved")

// guess is the common road: every stream is known here, every slice expects a revision and all fit together if the
// streams are where the first ones say. Then nothing has to be asked before writing: the statement that moves the
// streams fails where one of them is elsewhere. It answers nothing where that road cannot be taken.
func (s *Store) guess(ctx context.Context, sl []eventstore.Slice) ([]eventstore.SliceResult, error) {
	a := &attempt{store: s, slices: sl, streams: make(map[domain.Stream]*locked, len(sl))}
	plan := &eventstore.Plan{At: make(map[domain.Stream]domain.Revision, len(sl))}
	for i := range sl {
		name := sl[i].Stream
		if a.streams[name] != nil {
			continue
		}
		id, ok := s.streams.id(name)
		if !ok || sl[i].Expected < 0 {
			return nil, nil
		}
		a.streams[name] = &locked{id: id, revision: domain.Revision(sl[i].Expected)}
		plan.At[name] = domain.Revision(sl[i].Expected)
	}
	if a.results, a.write = plan.Judge(sl); len(a.write) < len(sl) {
		return nil, nil
	}
	conn, err := s.appends.Acquire(ctx)
	if err != nil {
		return nil, translate(err)
	}
	defer conn.Release()
	a.conn = conn
	b := &pgx.Batch{}
	b.Queue(`BEGIN`)
	if err := a.commit(ctx, b, plan.At); err != nil {
		a.rollback(ctx)
		return nil, err
	}
	a.publish()
	return a.results, nil
}

// An attempt is one transaction of an Append.
type attempt struct {
	store   *Store
	conn    *pgxpool.Conn
	slices  []eventstore.Slice
	streams map[domain.Stream]*locked
	results []eventstore.SliceResult
	write   []int // indexes of the slices to write
	head    int64 // position of the last event written
	repeats bool  // a piece of evidence may be there already
}

// locked is the row of a stream, held to the end of the transaction.
type locked struct {
	id       int32
	revision domain.Revision
}

func (s *Store) attempt(ctx context.Context, sl []eventstore.Slice, lookUp, repeats bool) ([]eventstore.SliceResult, error) {
	conn, err := s.appends.Acquire(ctx)
	if err != nil {
		return nil, translate(err)
	}
	defer conn.Release()
	a := &attempt{store: s, conn: conn, slices: sl, repeats: repeats}
	plan, err := a.lock(ctx)
	if err == nil && lookUp {
		plan.Known, err = a.known(ctx)
	}
	if err == nil {
		err = a.judge(ctx, plan, lookUp)
	}
	if err != nil {
		a.rollback(ctx)
		return nil, translate(err)
	}
	if len(a.write) == 0 {
		a.rollback(ctx)
		return a.results, nil
	}
	if err := a.commit(ctx, &pgx.Batch{}, plan.At); err != nil {
		a.rollback(ctx)
		return nil, err
	}
	for name, st := range a.streams {
		if plan.Damaged[name] == nil && st.revision != domain.NoRevision {
			s.streams.sound(name, st.id)
		}
	}
	a.publish()
	return a.results, nil
}

// judge decides what becomes of the slices. Where one does not fit, its command may be known: only then is there a
// look-up on this road.
func (a *attempt) judge(ctx context.Context, plan *eventstore.Plan, lookedUp bool) (err error) {
	at := maps.Clone(plan.At)
	a.results, a.write = plan.Judge(a.slices)
	if !lookedUp && slices.ContainsFunc(a.results, conflicting) {
		if plan.Known, err = a.known(ctx); err != nil {
			return err
		}
		if len(plan.Known) > 0 {
			plan.At = at
			a.results, a.write = plan.Judge(a.slices)
		}
	}
	return a.compare(ctx)
}

func conflicting(r eventstore.SliceResult) bool {
	var wrong *eventstore.WrongExpectedError
	return errors.As(r.Err, &wrong) && wrong.Actual != domain.NoRevision
}

// rollback gives the connection back clean; one that is broken is thrown away by the pool.
func (a *attempt) rollback(ctx context.Context) {
	if a.conn.Conn().IsClosed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, _ = a.conn.Exec(ctx, `ROLLBACK`)
}
