package read

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// A columnSegment is sorted by a time or span of the run itself; runs without it are not in it.
type columnSegment struct {
	column string
	there  string // that there is one
	kept   string // where column is computed: the column of runs that keeps it, for the index
}

func (columnSegment) holds(m Mark) bool { return !m.Null }

func (g columnSegment) read(ctx context.Context, s *runSearch, after *Mark, limit int) ([]Sorted[Run], error) {
	s = s.fork()
	more, kept := []string{g.there}, cmp.Or(g.kept, g.column)
	walked := []string{g.there}
	if after != nil {
		value, err := g.value(*after)
		if err != nil {
			return nil, err
		}
		beyond := ", r.key) " + s.beyond() + " (" + s.b.of(value) + ", " + s.b.of(after.Key) + "::bigint)"
		more, walked = append(more, "("+g.column+beyond), append(walked, "("+kept+beyond)
	}
	sorted := " " + s.direction() + ", r.key " + s.direction() + ` LIMIT ` + strconv.Itoa(limit)
	tail := ` ORDER BY ` + g.column + sorted
	var from string
	if _, driven := driver(s.q.Conditions); s.q.RunID != "" || driven {
		from, _ = s.collect(more...)
	} else {
		from = `(SELECT ` + columns("r", runColumns) + ` FROM read.runs r
		WHERE r.ws = $1 AND r.since <= $2 AND ` + s.keys("r.key") + ` AND ` + s.where(0, walked...) + ` ORDER BY ` + kept + sorted + `)
		UNION ALL ` + s.past(more...)
	}
	rows, _, err := s.ask(ctx, `SELECT r.*, (extract(epoch FROM `+g.column+`) * 1000000)::bigint::text AS mark, 0 AS seen FROM (`+from+`) r`+tail)
	return rows, err
}

// value is that of a mark: microseconds, since 1970 or long.
func (g columnSegment) value(m Mark) (any, error) {
	us, err := strconv.ParseInt(m.Value, 10, 64)
	if err != nil {
		return nil, invalid("the cursor is of another order")
	}
	if g.column == "r.started_at" || g.column == "r.ended_at" {
		return time.UnixMicro(us).UTC(), nil
	}
	return pgtype.Interval{Microseconds: us, Valid: true}, nil
}

// A valueSegment is sorted by a metric or an attribute; runs without it are not in it.
type valueSegment struct {
	condition Condition // that there is one
	prefix    string    // of marks, where texts and numbers are told apart
	column    string
	cast      string
	only      string // a condition on its row v
}

func (g valueSegment) holds(m Mark) bool {
	return !m.Null && (g.prefix == "" || len(m.Value) > 0 && m.Value[:1] == g.prefix)
}

// lacking is the condition on r that the run has no number to be sorted by.
func (g valueSegment) lacking(s *runSearch) string {
	table, cols := g.condition.Space.table()
	return `NOT EXISTS (SELECT FROM (` + rowAt(table, cols, g.condition.picks(&s.b, "r.key")) + `) v WHERE true` + g.only + `)`
}

func (g valueSegment) read(ctx context.Context, s *runSearch, after *Mark, limit int) ([]Sorted[Run], error) {
	_, other := s.fork().collect()
	bound := 0
	if other {
		bound = s.db.walk
	}
	rows, seen, err := g.walk(ctx, s.fork(), after, limit, bound)
	if err != nil || !other || seen >= limit {
		return rows, err
	}
	return g.collect(ctx, s.fork(), after, limit)
}

// keyset is the condition on v of what comes behind the mark.
func (g valueSegment) keyset(s *runSearch, after *Mark) (string, error) {
	if after == nil {
		return "", nil
	}
	value, err := g.value(*after)
	if err != nil {
		return "", err
	}
	return " AND (v." + g.column + ", v.entity) " + s.beyond() + " (" + s.b.of(value) + "::" + g.cast + ", " + s.b.of(after.Key) + "::bigint)", nil
}

// page reads the first rows of a query for runs with column sort.
func (g valueSegment) page(ctx context.Context, s *runSearch, with, text, seen, tail string) ([]Sorted[Run], int, error) {
	return s.ask(ctx, with+`SELECT `+columns("r", runColumns)+`, '`+g.prefix+`' || sort::text AS mark, `+seen+` AS seen FROM (`+text+`) r`+tail)
}

func (g valueSegment) tail(s *runSearch, limit int) string {
	return ` ORDER BY sort ` + s.direction() + `, key ` + s.direction() + ` LIMIT ` + strconv.Itoa(limit)
}

// collect finds the runs by the query's own conditions, and sorts them.
func (g valueSegment) collect(ctx context.Context, s *runSearch, after *Mark, limit int) ([]Sorted[Run], error) {
	keyset, err := g.keyset(s, after)
	if err != nil {
		return nil, err
	}
	from, _ := s.collect()
	table, cols := g.condition.Space.table()
	rows, _, err := g.page(ctx, s, "", `SELECT r.*, v.`+g.column+` AS sort FROM (`+from+`) r CROSS JOIN LATERAL (
		SELECT r.key AS entity, a.* FROM (`+rowAt(table, cols, g.condition.picks(&s.b, "r.key"))+`) a) v
		WHERE true`+g.only+keyset, "0", g.tail(s, limit))
	return rows, err
}

// walk reads the values in their order, and to each the run; the values that are closed by now are collected. A bound
// above 0 ends the walk after so many values; seen is how many runs it found, and only where those fill the page is
// the page right.
func (g valueSegment) walk(ctx context.Context, s *runSearch, after *Mark, limit, bound int) (rows []Sorted[Run], seen int, err error) {
	keyset, err := g.keyset(s, after)
	if err != nil {
		return nil, 0, err
	}
	name := s.b.of(s.q.Order.Name)
	only := g.only + keyset + g.same(s) + " AND " + s.keys("v.entity")
	run := ` CROSS JOIN LATERAL (` + rowAt("runs", runColumns, "x.key = v.entity") + `) r WHERE ` + s.where(0)
	table, was, space := "metrics", metricsWas("run", name)+" v WHERE true", ""
	if g.condition.Space != Metrics {
		table, space = "attributes", " AND v.space = "+strconv.Itoa(int(g.condition.Space))
		was = `read.attributes_was v WHERE v.ws = $1 AND v.kind = 'run'` + space + ` AND v.name = ` + name + ` AND v.since <= $2 AND v.until > $2`
	}
	from := `read.` + table + ` v`
	values := `v.ws = $1 AND v.kind = 'run'` + space + ` AND v.name = ` + name + ` AND v.since <= $2` + only
	order := ` ORDER BY v.` + g.column + ` ` + s.direction() + `, v.entity ` + s.direction()
	if bound > 0 {
		from = `(SELECT v.entity, v.` + g.column + ` FROM ` + from + ` WHERE ` + values + order + ` LIMIT ` + strconv.Itoa(bound) + `) v`
		values = "true"
	}
	with := `WITH now AS MATERIALIZED (SELECT r.*, v.` + g.column + ` AS sort FROM ` + from + run + ` AND ` + values + order + ` LIMIT ` + strconv.Itoa(limit) + `)
	`
	return g.page(ctx, s, with, `SELECT * FROM now UNION ALL
		SELECT r.*, v.`+g.column+` AS sort FROM (SELECT v.entity, v.`+g.column+` FROM `+was+only+`) v`+run, `(SELECT count(*) FROM now)`, g.tail(s, limit))
}

// same are the query's conditions on the very value it is sorted by: they bound the walk.
func (g valueSegment) same(s *runSearch) string {
	text := ""
	for _, c := range s.q.Conditions {
		if c.Space == g.condition.Space && c.Name == g.condition.Name && c.Of.column() == g.condition.Of.column() && c.Op != EXISTS && c.Space == Metrics {
			text += " AND " + c.compare(&s.b, "v")
		}
	}
	return text
}

func (g valueSegment) value(m Mark) (any, error) {
	text := m.Value[len(g.prefix):]
	if g.cast != "float8" {
		return text, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, invalid("the cursor is of another order")
	}
	return f, nil
}
