package fold

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Windows are the parts of artifacts' histories that a page can touch. A write completed at t matters to reads that
// start at t or later, up to where two other executions have written since (class.stir); a read that starts at t
// needs the writes before t down to where two executions have written. The times that matter are those of the
// page's events and of the stored ends of the executions it touches. A write that the page itself may move is among
// them, with a window of its own; bounds lie strictly outside, so that windows stay closed under all the page does.

// gap is how far apart two times of one artifact may lie and still share a window.
const gap = 10 * time.Minute

// A span is a window of a class before its bounds are known.
type span struct {
	place  place[int64]
	lo, hi time.Time
	writes bool // reads in it may mean something else
}

// spans joins times that lie near each other.
func spans(p place[int64], list []time.Time, writes bool) []span {
	slices.SortFunc(list, time.Time.Compare)
	var out []span
	for _, t := range list {
		if n := len(out); n > 0 && t.Sub(out[n-1].hi) <= gap {
			out[n-1].hi = t
			continue
		}
		out = append(out, span{p, t, t, writes})
	}
	return out
}

// boundsSQL finds, for each span, how far down and up the writes go that matter.
const boundsSQL = `
SELECT x.n, coalesce(low.at, '-infinity'), coalesce(high.at, 'infinity')
FROM unnest($1::int8[], $2::int4[], $3::int8[], $4::timestamptz[], $5::timestamptz[]) AS x (n, ws, artifact, lo, hi)
LEFT JOIN LATERAL (
    SELECT b.completed_at AS at FROM (
        SELECT producer FROM read.artifact_versions v
        WHERE v.ws = x.ws AND v.artifact = x.artifact AND v.completed_at IS NOT NULL AND v.completed_at < x.lo AND NOT v.deleted
        ORDER BY v.completed_at DESC LIMIT 1) a,
    LATERAL (
        SELECT v.completed_at FROM read.artifact_versions v
        WHERE v.ws = x.ws AND v.artifact = x.artifact AND v.completed_at IS NOT NULL AND v.completed_at < x.lo AND NOT v.deleted AND coalesce(v.producer <> a.producer, true)
        ORDER BY v.completed_at DESC LIMIT 1) b
) low ON true
LEFT JOIN LATERAL (
    SELECT b.completed_at AS at FROM (
        SELECT producer FROM read.artifact_versions v
        WHERE v.ws = x.ws AND v.artifact = x.artifact AND v.completed_at IS NOT NULL AND v.completed_at > x.hi AND NOT v.deleted
        ORDER BY v.completed_at LIMIT 1) a,
    LATERAL (
        SELECT v.completed_at FROM read.artifact_versions v
        WHERE v.ws = x.ws AND v.artifact = x.artifact AND v.completed_at IS NOT NULL AND v.completed_at > x.hi AND NOT v.deleted AND coalesce(v.producer <> a.producer, true)
        ORDER BY v.completed_at LIMIT 1) b
) high ON true`

const (
	windowVersionsSQL = `SELECT %s FROM unnest($1::int4[], $2::int8[], $3::timestamptz[], $4::timestamptz[]) AS x (ws, artifact, lo, hi)
CROSS JOIN LATERAL (SELECT * FROM read.artifact_versions v WHERE v.ws = x.ws AND v.artifact = x.artifact AND v.completed_at IS NOT NULL AND v.completed_at >= x.lo AND v.completed_at <= x.hi OFFSET 0) t`
	windowReadsSQL = `SELECT %s FROM unnest($1::int4[], $2::int8[], $3::timestamptz[], $4::timestamptz[]) AS x (ws, artifact, lo, hi)
CROSS JOIN LATERAL (SELECT * FROM read.reads r WHERE r.ws = x.ws AND r.artifact = x.artifact AND r.start >= x.lo AND r.start <= x.hi AND r.name = '' OFFSET 0) t`
)

// A window is a span with its bounds, in microseconds of Postgres.
type window struct {
	place  place[int64]
	lo, hi int64
}

// loadWindows reads the versions and reads in the windows of the times collected since it was last asked, in two
// round trips; more says that there were any.
func (f *fold) loadWindows(ctx context.Context, w *wants) (more bool, err error) {
	var list []span
	for p, t := range f.times {
		if t.all {
			continue // it is loaded whole
		}
		list = append(list, spans(p, t.writes, true)...)
		list = append(list, spans(p, t.reads, false)...)
		t.writes, t.reads = nil, nil
	}
	if len(list) == 0 {
		return len(w.named.next)+len(w.outside.next)+len(w.counters.next) > 0, nil
	}
	ns, ws, classes, los, his := &array{typ: tInt8}, &array{typ: tInt4}, &array{typ: tInt8}, &array{typ: tTime}, &array{typ: tTime}
	for i := range list {
		n := int64(i)
		ns.add(false, &n)
		ws.add(false, &list[i].place.ws)
		classes.add(false, &list[i].place.key)
		los.add(false, &list[i].lo)
		his.add(false, &list[i].hi)
	}
	var versions, reads []window
	f.trip.ask(boundsSQL, []*array{ns, ws, classes, los, his}, func(v [][]byte) {
		var n, low, high int64
		readValue(tInt8, nil, v[0], &n)
		readValue(tInt8, nil, v[1], &low)
		readValue(tInt8, nil, v[2], &high)
		s := &list[n]
		lo, hi := s.lo.UnixMicro()-epoch, s.hi.UnixMicro()-epoch
		if s.writes {
			versions = append(versions, window{s.place, low, high})
			reads = append(reads, window{s.place, lo, high})
			return
		}
		versions = append(versions, window{s.place, low, hi})
	})
	if err := f.trip.run(ctx); err != nil {
		return false, fmt.Errorf("find what the page can touch: %w", err)
	}
	f.askWindows(windowVersionsSQL, f.versions.list(), versions, f.versions.take)
	f.askWindows(windowReadsSQL, f.reads.list(), reads, f.reads.take)
	if err := f.trip.run(ctx); err != nil {
		return false, fmt.Errorf("load what the page can touch: %w", err)
	}
	f.follow(w)
	return true, nil
}

// askWindows queues the reading of rows in windows, those that overlap made one.
func (f *fold) askWindows(sql, columns string, list []window, take func([][]byte)) {
	if len(list) == 0 {
		return
	}
	slices.SortFunc(list, func(a, b window) int {
		if a.place != b.place {
			return compareInts(int64(a.place.ws), int64(b.place.ws), a.place.key, b.place.key)
		}
		return compareInts(a.lo, b.lo, a.hi, b.hi)
	})
	joined := list[:1]
	for _, w := range list[1:] {
		if last := &joined[len(joined)-1]; last.place == w.place && w.lo <= last.hi {
			last.hi = max(last.hi, w.hi)
			continue
		}
		joined = append(joined, w)
	}
	ws, classes, los, his := &array{typ: tInt4}, &array{typ: tInt8}, &array{typ: tTime}, &array{typ: tTime}
	for i := range joined {
		ws.add(false, &joined[i].place.ws)
		classes.add(false, &joined[i].place.key)
		los.add(false, &joined[i].lo)
		his.add(false, &joined[i].hi)
	}
	f.trip.ask(fmt.Sprintf(sql, columns), []*array{ws, classes, los, his}, take)
}

// compareInts compares pairs of numbers, the first pair first.
func compareInts(pairs ...int64) int {
	for i := 0; i+1 < len(pairs); i += 2 {
		switch {
		case pairs[i] < pairs[i+1]:
			return -1
		case pairs[i] > pairs[i+1]:
			return 1
		}
	}
	return 0
}
