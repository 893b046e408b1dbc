package read

import (
	"context"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// Runs reads a page of runs.
//
// A list is made of segments that follow each other, such as the runs with a metric and those without; each segment
// is read by the index of its order.
func (d *DB) Runs(ctx context.Context, m Moment, q RunQuery) (List[Run], error) {
	s, err := d.search(ctx, m, q)
	if err != nil {
		return List[Run]{}, err
	}
	segments := s.segments()
	if q.Page.Back {
		slices.Reverse(segments)
	}
	at := 0
	if after := q.Page.After; after != nil {
		at = max(0, slices.IndexFunc(segments, func(g segment) bool { return g.holds(*after) }))
	}
	var rows []Sorted[Run]
	want := q.Page.limit() + 1
	for i, g := range segments[at:] {
		var after *Mark
		if i == 0 {
			after = q.Page.After
		}
		found, err := g.read(ctx, s, after, want-len(rows))
		if err != nil {
			return List[Run]{}, err
		}
		if rows = append(rows, found...); len(rows) >= want {
			break
		}
	}
	return pageOf(q.Page, rows), nil
}

// A segment is a part of a sorted list.
type segment interface {
	// holds says whether a mark lies in the segment.
	holds(Mark) bool
	// read reads rows behind the mark.
	read(ctx context.Context, s *runSearch, after *Mark, limit int) ([]Sorted[Run], error)
}

// segments are those of the query's order, from the first to the last.
func (s *runSearch) segments() []segment {
	o := s.q.Order
	switch o.By {
	case ByStarted:
		return []segment{columnSegment{column: "r.started_at", there: "r.started_at IS NOT NULL"}, without("r.started_at IS NULL")}
	case ByEnded:
		return []segment{columnSegment{column: "r.ended_at", there: "r.ended_at IS NOT NULL"}, without("r.ended_at IS NULL")}
	case ByDuration:
		const d = "r.ended_at - r.started_at"
		return []segment{columnSegment{"(" + d + ")", "r.ended_at IS NOT NULL AND r.started_at IS NOT NULL", "r.duration"}, without("(" + d + ") IS NULL")}
	case ByMetric:
		v := valueSegment{condition: Condition{Space: Metrics, Name: o.Name, Of: o.Of, Op: EXISTS}, column: o.Of.column(), cast: "float8", only: " AND v." + o.Of.column() + " < 'NaN'"}
		return []segment{v, keySegment{null: true, only: v.lacking}}
	case ByParameter, ByMetadata:
		space := Parameters
		if o.By == ByMetadata {
			space = Metadata
		}
		c := Condition{Space: space, Name: o.Name, Op: EXISTS}
		numbers := valueSegment{condition: c, prefix: "n", column: "num", cast: "float8", only: " AND v.num IS NOT NULL AND NOT v.gone"}
		texts := valueSegment{condition: c, prefix: "t", column: "text", cast: "text", only: " AND v.num IS NULL AND NOT v.gone AND v.type <> 'null'"}
		none := keySegment{null: true, only: func(s *runSearch) string { return "NOT " + c.holds(&s.b, "r.key", " AND a.type <> 'null'") }}
		if o.Ascending {
			return []segment{numbers, texts, none}
		}
		return []segment{texts, numbers, none}
	}
	return []segment{keySegment{}}
}

// down says whether values are read from the largest to the smallest.
func (s *runSearch) down() bool { return s.q.Order.Ascending == s.q.Page.Back }

// direction is the SQL of that.
func (s *runSearch) direction() string {
	if s.down() {
		return "DESC"
	}
	return "ASC"
}

// beyond is the operator of what comes behind a mark.
func (s *runSearch) beyond() string {
	if s.down() {
		return "<"
	}
	return ">"
}

// A keySegment is sorted by key alone: the whole list when it is sorted by creation, or, in another order, the runs
// without the value, which only names.
type keySegment struct {
	null bool
	only func(*runSearch) string
}

func without(condition string) keySegment {
	return keySegment{null: true, only: func(*runSearch) string { return condition }}
}

func (g keySegment) holds(m Mark) bool { return m.Null == g.null }

func (g keySegment) read(ctx context.Context, s *runSearch, after *Mark, limit int) ([]Sorted[Run], error) {
	rows, err := g.rows(ctx, s, after, limit)
	for i := range rows {
		rows[i].Mark.Null = g.null
	}
	return rows, err
}

// more are the conditions beside the query's own.
func (g keySegment) more(s *runSearch, after *Mark) []string {
	var more []string
	if g.only != nil {
		more = append(more, g.only(s))
	}
	if after != nil {
		more = append(more, "r.key "+s.beyond()+" "+s.b.of(after.Key))
	}
	return more
}

// rows finds what the index of statuses or pipelines gives in order at once; else it walks, and where a condition
// could find more directly, not for long.
func (g keySegment) rows(ctx context.Context, s *runSearch, after *Mark, limit int) ([]Sorted[Run], error) {
	best, driven := driver(s.q.Conditions)
	driven = driven && s.q.RunID == "" && s.q.Parent == 0
	order := " ORDER BY r.key " + s.direction() + " LIMIT " + strconv.Itoa(limit)
	if f := s.fork(); driven && best.byKey() {
		rows, _, err := f.ask(ctx, `SELECT r.*, '' AS mark, 0 AS seen FROM (`+f.first(best, limit, g.more(f, after)...)+`) r`+order)
		return rows, err
	}
	if driven {
		rows, _, err := g.walk(ctx, s.fork(), after, limit, s.db.walk)
		if err != nil || len(rows) >= limit {
			return rows, err
		}
	}
	if !driven && s.indexed() {
		rows, past, err := g.merged(ctx, s.fork(), after, limit, order)
		if err != nil || past <= s.db.past {
			return rows, err
		}
	} else if f := s.fork(); driven {
		text, _ := f.collect(g.more(f, after)...)
		rows, _, err := f.ask(ctx, `SELECT r.*, '' AS mark, 0 AS seen FROM (`+text+`) r`+order)
		return rows, err
	}
	rows, _, err := g.walk(ctx, s.fork(), after, limit, 0)
	return rows, err
}

// walk reads the runs by key; a bound above 0 ends it after so many.
func (g keySegment) walk(ctx context.Context, s *runSearch, after *Mark, limit, bound int) ([]Sorted[Run], int, error) {
	keyset, more := "true", g.more(s, nil)
	if after != nil {
		keyset = "k.key " + s.beyond() + " " + s.b.of(after.Key)
	}
	return s.ask(ctx, s.walk(s.down(), bound, keyset, more...)+" LIMIT "+strconv.Itoa(limit))
}

// merged reads the first rows of what the index has in order and of the closed rows, which are collected; past is
// how many those were. Where they were more than the bound, the rows are not the answer.
func (g keySegment) merged(ctx context.Context, s *runSearch, after *Mark, limit int, order string) (rows []Sorted[Run], past int, err error) {
	more := g.more(s, after)
	return s.ask(ctx, `WITH p AS MATERIALIZED (`+s.past(more...)+` LIMIT `+strconv.Itoa(s.db.past+1)+`)
	SELECT r.*, '' AS mark, (SELECT count(*) FROM p) AS seen FROM (
	`+s.current("r.key "+s.direction(), limit, more...)+`
	UNION ALL SELECT * FROM p) r`+order)
}

// ask reads runs with two columns more: the value of their mark, and a count that is the same in all rows.
func (s *runSearch) ask(ctx context.Context, text string) (rows []Sorted[Run], seen int, err error) {
	rows, err = ask(ctx, s.db, s.m, "list runs", text, s.b, func(row pgx.CollectableRow) (Sorted[Run], error) {
		var r Sorted[Run]
		err := row.Scan(append(r.Row.fields(), &r.Mark.Value, &seen)...)
		r.Mark.Key = r.Row.Key
		return r, err
	})
	return rows, seen, err
}
