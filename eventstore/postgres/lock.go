package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

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
