package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"
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

// Append writes slices. See [eventstore.Appender].
func (s *Store) Append(ctx context.Context, sl []eventstore.Slice) ([]eventstore.SliceResult, error) {
	if len(sl) == 0 {
		return nil, nil
	}
	results, err := s.guess(ctx, sl)
	if err == nil && results != nil {
		return results, nil
	}
	lookUp := errors.Is(err, errKnownCommand)
	if err != nil && !lookUp && !errors.Is(err, errMoved) && !errors.Is(err, errStrayEvent) && !contended(err) {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		results, err := s.attempt(ctx, sl, lookUp)
		switch {
		case err == nil:
			return results, nil
		case attempt == maxAttempts:
		case errors.Is(err, errKnownCommand):
			lookUp = true
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
}

// locked is the row of a stream, held to the end of the transaction.
type locked struct {
	id       int32
	revision domain.Revision
}

func (s *Store) attempt(ctx context.Context, sl []eventstore.Slice, lookUp bool) ([]eventstore.SliceResult, error) {
	conn, err := s.appends.Acquire(ctx)
	if err != nil {
		return nil, translate(err)
	}
	defer conn.Release()
	a := &attempt{store: s, conn: conn, slices: sl}
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

// Rows are locked in the order of ids, so that two appends cannot wait for each other. A row that is waited for comes
// back as it is then.
const (
	lockSQL = `SELECT id, name, revision FROM log.streams WHERE id = ANY($1::int[]) ORDER BY id FOR UPDATE`

	lockNamedSQL = `SELECT id, name, revision FROM log.streams WHERE name = ANY($1::text[]) ORDER BY id FOR UPDATE`

	// New rows come before any lock is taken, in the order of names. Nobody who waits for one of them holds a lock that
	// its creator could want.
	createSQL = `INSERT INTO log.streams (name, revision, recorded_at)
SELECT name, -1, 'epoch' FROM unnest($1::text[]) AS n (name) ORDER BY name
ON CONFLICT (name) DO NOTHING`

	// A statement of its own: its snapshot is taken when the locks are held, and sees the events of whoever held them.
	checkSQL = `SELECT id, (SELECT max(revision) FROM log.events e WHERE e.stream = s.id),
    (SELECT min(revision) FROM log.events e WHERE e.stream = s.id)
FROM log.streams s WHERE name = ANY($1::text[])`
)

// lock begins the transaction and locks the streams of the call. The ones that this process never touched are
// looked up by name, created where a slice may, and checked.
func (a *attempt) lock(ctx context.Context) (*eventstore.Plan, error) {
	names := streamsOf(a.slices)
	ids, cold := make([]int32, 0, len(names)), false
	for _, n := range names {
		id, ok := a.store.streams.id(n)
		cold = cold || !ok
		ids = append(ids, id)
	}
	a.streams = make(map[domain.Stream]*locked, len(names))
	plan := &eventstore.Plan{
		At:      make(map[domain.Stream]domain.Revision, len(names)),
		Damaged: map[domain.Stream]*eventstore.DamagedError{},
	}
	b := &pgx.Batch{}
	b.Queue(`BEGIN`)
	if !cold {
		b.Queue(lockSQL, ids).Query(a.scanLocked)
	} else {
		if create := a.creatable(names); len(create) > 0 {
			b.Queue(createSQL, create)
		}
		b.Queue(lockNamedSQL, names).Query(a.scanLocked)
		b.Queue(checkSQL, names).Query(func(rows pgx.Rows) error {
			return a.check(rows, plan.Damaged)
		})
	}
	if err := a.conn.SendBatch(ctx, b).Close(); err != nil {
		return nil, err
	}
	for _, name := range names {
		st := a.streams[name]
		_, was := a.store.streams.id(name)
		switch {
		case st == nil && was:
			plan.Damaged[name] = &eventstore.DamagedError{Stream: name, Reason: "it was there and is gone"}
		case st != nil && st.revision != domain.NoRevision:
			plan.At[name] = st.revision
		}
	}
	return plan, nil
}

// creatable are the streams that a slice may begin.
func (a *attempt) creatable(names []domain.Stream) []domain.Stream {
	var create []domain.Stream
	for _, n := range names {
		if _, ok := a.store.streams.id(n); ok {
			continue
		}
		may := slices.ContainsFunc(a.slices, func(s eventstore.Slice) bool {
			return s.Stream == n && s.Expected.Fits(domain.NoRevision) && s.Prepare() == nil
		})
		if may {
			create = append(create, n)
		}
	}
	return create
}

func (a *attempt) scanLocked(rows pgx.Rows) error {
	var name domain.Stream
	var st locked
	_, err := pgx.ForEachRow(rows, []any{&st.id, &name, &st.revision}, func() error {
		a.streams[name] = &locked{st.id, st.revision}
		return nil
	})
	return err
}

// check compares where streams should end with where they do.
func (a *attempt) check(rows pgx.Rows, damaged map[domain.Stream]*eventstore.DamagedError) error {
	byID := make(map[int32]domain.Stream, len(a.streams))
	for name, st := range a.streams {
		byID[st.id] = name
	}
	var id int32
	var last, first *domain.Revision
	_, err := pgx.ForEachRow(rows, []any{&id, &last, &first}, func() error {
		name, ok := byID[id]
		if !ok {
			return nil
		}
		if reason := damage(a.streams[name].revision, first, last); reason != "" {
			damaged[name] = &eventstore.DamagedError{Stream: name, Reason: reason}
		}
		return nil
	})
	return err
}

// damage says what is wrong with the ends of a stream whose row says that it goes to want.
func damage(want domain.Revision, first, last *domain.Revision) string {
	switch {
	case last == nil && want == domain.NoRevision:
		return ""
	case last == nil:
		return fmt.Sprintf("it went to revision %d and has no events", want)
	case *last != want:
		return fmt.Sprintf("it went to revision %d and ends at %d", want, *last)
	case *first != 0:
		return fmt.Sprintf("it begins at revision %d", *first)
	}
	return ""
}

const knownSQL = `SELECT c.stream, c.id, c.digest, c.first, c.last
FROM unnest($1::int[], $2::text[]) AS k (stream, id)
JOIN log.commands c ON c.stream = k.stream AND c.id = k.id`

// known looks up which commands of the call appended before.
func (a *attempt) known(ctx context.Context) (map[eventstore.CommandKey]eventstore.KnownCommand, error) {
	var streams []int32
	var ids []string
	byID := map[int32]domain.Stream{}
	for i := range a.slices {
		sl := &a.slices[i]
		if st := a.streams[sl.Stream]; st != nil && sl.CommandID != "" {
			streams, ids = append(streams, st.id), append(ids, sl.CommandID)
			byID[st.id] = sl.Stream
		}
	}
	known := map[eventstore.CommandKey]eventstore.KnownCommand{}
	rows, _ := a.conn.Query(ctx, knownSQL, streams, ids)
	var stream int32
	var k eventstore.KnownCommand
	var digest []byte
	_, err := pgx.ForEachRow(rows, []any{&stream, &k.ID, &digest, &k.First, &k.Last}, func() error {
		copy(k.RequestDigest[:], digest)
		known[eventstore.CommandKey{Stream: byID[stream], ID: k.ID}] = k
		return nil
	})
	return known, err
}

const eventIDsSQL = `SELECT event_id FROM log.events WHERE stream = $1 AND revision >= $2 AND revision <= $3 ORDER BY revision`

// compare turns a conflict into a duplicate where the very same events lie right after what the slice expected.
func (a *attempt) compare(ctx context.Context) error {
	for i := range a.slices {
		sl := &a.slices[i]
		if !eventstore.MayBeRepeated(sl, a.results[i]) {
			continue
		}
		first := domain.Revision(sl.Expected) + 1
		last := first + domain.Revision(len(sl.Events)) - 1
		rows, _ := a.conn.Query(ctx, eventIDsSQL, a.streams[sl.Stream].id, first, last)
		ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil {
			return err
		}
		same := slices.EqualFunc(ids, sl.Events, func(id uuid.UUID, e eventstore.NewEvent) bool { return id == e.EventID })
		if same {
			a.results[i] = eventstore.SliceResult{First: first, Last: last, Duplicate: true}
		}
	}
	return nil
}

// streamsOf are the streams of the slices, each once, in order. Names that no stream can have are left out: they
// would fail the statement, and Judge refuses them anyway.
func streamsOf(sl []eventstore.Slice) []domain.Stream {
	names := make([]domain.Stream, 0, len(sl))
	for i := range sl {
		if eventstore.CheckStream(sl[i].Stream) == nil {
			names = append(names, sl[i].Stream)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
