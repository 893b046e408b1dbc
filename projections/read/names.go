package read

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
)

// A NameQuery asks for named things: pipelines or artifacts. Zero fields ask nothing; deleted ones are never listed.
type NameQuery struct {
	Text            string          // in the name, whatever the case
	Namespaces      []string        // one of these
	Types           []string        // one of these; of artifacts
	LastRunStatuses []domain.Status // one of these; of pipelines
	Conditions      []Condition     // all hold: tags and metadata
	Without         []Condition     // none holds
	Order           NameOrder
	Descending      bool
	Page            Page
}

// A NameOrder is what named things are sorted by; equal ones by key, in the same direction.
type NameOrder int

// The orders. Things without a newest run or version come last either way.
const (
	ByName   NameOrder = iota // namespace, then name, of each the first 200 characters
	ByNaming                  // when it was first named
	ByLatest                  // when its newest run or version was first named
)

// A nameList is how one kind of named things is listed. k is a thing's current row, r the one of the moment, l the
// newest of what belongs to it.
type nameList struct {
	kind    domain.Kind
	table   string
	columns string
	latest  string // a query for the newest that belongs to k: column key and more
	more    string // columns of l behind its key
	recent  string // a query for (thing, key) of the newest that belongs to things, up to a key (%[1]s): so many (%[2]d), perhaps more
	joins   string // what of k recent's thing is
	next    string // a query for the least thing behind one (%[1]s) that anything belongs to
}

// where are the conditions on a thing.
func (n nameList) where(q NameQuery, b *binds, m Moment) (string, error) {
	all := []string{"k.ws = $1", "k.key <= " + b.of(lastKey(m.Revision)), "NOT r.deleted"}
	if q.Text != "" {
		all = append(all, lower(q.Text).within(b, "k.name"))
	}
	if len(q.Namespaces) > 0 {
		all = append(all, "k.namespace = ANY("+b.of(q.Namespaces)+")")
	}
	if len(q.Types) > 0 && n.kind == domain.KindArtifact {
		all = append(all, "r.type = ANY("+b.of(q.Types)+")")
	}
	if len(q.LastRunStatuses) > 0 && n.kind == domain.KindPipeline {
		all = append(all, "(SELECT s.status FROM ("+rowAt("runs", "status", "x.key = l.key")+") s) = ANY("+b.of(q.LastRunStatuses)+")")
	}
	for _, c := range q.Conditions {
		if err := c.validate(); err != nil {
			return "", err
		}
		if c.rank() < 0 {
			all = append(all, c.holds(b, "k.key"))
			continue
		}
		all = append(all, "k.key IN ("+c.entities(b, n.kind)+")")
	}
	for _, c := range q.Without {
		if err := c.validate(); err != nil {
			return "", err
		}
		all = append(all, "NOT "+c.holds(b, "k.key"))
	}
	return strings.Join(all, "\n\tAND "), nil
}

// from are k, r and l.
func (n nameList) from() string {
	return `read.` + n.table + ` k` + n.joined("LEFT JOIN LATERAL", " ON true")
}

func (n nameList) joined(join, on string) string {
	return `
	CROSS JOIN LATERAL (` + rowAt(n.table, n.columns, "x.key = k.key") + `) r
	` + join + ` (` + n.latest + `) l` + on
}

// A nameMark is where a thing is in the list.
func nameMark(o NameOrder, key, latest int64, namespace, name string) Mark {
	switch o {
	case ByNaming:
		return Mark{Key: key}
	case ByLatest:
		return Mark{Key: key, Null: latest == 0, Value: strconv.FormatInt(latest, 10)}
	}
	return Mark{Key: key, Value: first(namespace, 200) + "\x00" + first(name, 200)}
}

// first are the first characters of a text, as left() has them.
func first(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// order is the order of a page, and the condition of what comes behind its mark.
func (n nameList) order(q NameQuery, b *binds) (order, keyset string, err error) {
	dir, beyond := " ASC", " > "
	if q.Descending != q.Page.Back {
		dir, beyond = " DESC", " < "
	}
	after := q.Page.After
	keyset = "true"
	switch q.Order {
	case ByNaming:
		if after != nil {
			keyset = "k.key" + beyond + b.of(after.Key)
		}
		return "k.key" + dir, keyset, nil
	case ByLatest:
		if after != nil && !after.Null {
			latest, err := strconv.ParseInt(after.Value, 10, 64)
			if err != nil {
				return "", "", invalid("the cursor is of another order")
			}
			keyset = "(l.key, k.key)" + beyond + "(" + b.of(latest) + "::bigint, " + b.of(after.Key) + "::bigint)"
		}
		return "l.key" + dir + ", k.key" + dir, keyset, nil
	}
	if after != nil {
		namespace, name, _ := strings.Cut(after.Value, "\x00")
		keyset = "(k.namespace_first, k.name_first, k.key)" + beyond + "(" + b.of(namespace) + ", " + b.of(name) + ", " + b.of(after.Key) + "::bigint)"
	}
	return "k.namespace_first" + dir + ", k.name_first" + dir + ", k.key" + dir, keyset, nil
}

// listNames reads a page of things.
func listNames[T any](ctx context.Context, d *DB, m Moment, n nameList, q NameQuery, scan pgx.RowToFunc[T], mark func(T) Mark) (List[T], error) {
	var rows []T
	for _, part := range n.parts(q) {
		for _, text := range part {
			want := q.Page.limit() + 1 - len(rows)
			b := bindsOf(m)
			statement, err := text.write(&b, m, d.bounds.walk)
			if err != nil {
				return List[T]{}, err
			}
			found, err := ask(ctx, d, m, "list "+n.table, statement+" LIMIT "+strconv.Itoa(want), b, scan)
			if err != nil {
				return List[T]{}, err
			}
			if text.whole || len(found) == want {
				rows = append(rows, found...)
				break
			}
		}
		if len(rows) > q.Page.limit() {
			break
		}
	}
	out := make([]Sorted[T], len(rows))
	for i, r := range rows {
		out[i] = Sorted[T]{Row: r, Mark: mark(r)}
	}
	return pageOf(q.Page, out), nil
}

// A nameText is a statement for a part of a list. One that is not whole counts only where it fills the page; the next
// one of the part says the same and more.
type nameText struct {
	write func(b *binds, m Moment, bound int) (string, error)
	whole bool
}

// parts are the parts of a list that follow each other, from the page's mark on. Sorted by what is newest of them,
// the things that have something come first: read from the newest runs or versions, or, where these are of few
// things, from an index that is skipped through from thing to thing.
func (n nameList) parts(q NameQuery) [][]nameText {
	if q.Order != ByLatest {
		return [][]nameText{{{n.text(q, "", n.from(), "true"), true}}}
	}
	with, without := q, q
	if after := q.Page.After; after != nil && after.Null {
		with.Page.After = nil
	} else if after != nil {
		without.Page.After = nil
	}
	without.Order = ByNaming
	some := []nameText{{n.text(with, `WITH RECURSIVE skipped (thing) AS (
		SELECT * FROM (`+n.skip("0")+`) s
		UNION ALL
		SELECT s.thing FROM skipped k CROSS JOIN LATERAL (`+n.skip("k.thing")+`) s)
	`, `skipped s JOIN read.`+n.table+` k ON k.ws = $1 AND k.`+n.joins+` = s.thing`+n.joined("CROSS JOIN LATERAL", ""), "true"), true}}
	if q.Descending && !q.Page.Back {
		some = append([]nameText{{n.recently(with), false}}, some...)
	}
	none := []nameText{{n.text(without, "", n.from(), "l.key IS NULL"), true}}
	switch after := q.Page.After; {
	case !q.Page.Back && after != nil && after.Null:
		return [][]nameText{none}
	case q.Page.Back && after != nil && !after.Null:
		return [][]nameText{some}
	case q.Page.Back:
		return [][]nameText{none, some}
	}
	return [][]nameText{some, none}
}

// skip is a query for the first thing behind one (SQL) that anything belongs to.
func (n nameList) skip(behind string) string {
	return fmt.Sprintf(n.next, behind)
}

// text writes the statement of a page from k, r and l.
func (n nameList) text(q NameQuery, with, from, only string) func(*binds, Moment, int) (string, error) {
	return func(b *binds, m Moment, _ int) (string, error) {
		where, err := n.where(q, b, m)
		if err != nil {
			return "", err
		}
		order, keyset, err := n.order(q, b)
		return with + `SELECT ` + columns("r", n.columns) + `, l.key` + n.more + ` FROM ` + from + `
	WHERE ` + where + ` AND ` + keyset + ` AND ` + only + ` ORDER BY ` + order, err
	}
}

// recently writes the page as the newest runs or versions alone tell it: those of the last bound. Things of older ones
// are not in it.
func (n nameList) recently(q NameQuery) func(*binds, Moment, int) (string, error) {
	return func(b *binds, m Moment, bound int) (string, error) {
		last := lastKey(m.Revision)
		if after := q.Page.After; after != nil {
			latest, err := strconv.ParseInt(after.Value, 10, 64)
			if err != nil {
				return "", invalid("the cursor is of another order")
			}
			last = min(last, latest)
		}
		with := `WITH walked AS MATERIALIZED (SELECT * FROM (` + fmt.Sprintf(n.recent, b.of(last), bound) + `) w ORDER BY key DESC LIMIT ` + strconv.Itoa(bound) + `)
	`
		from := `(SELECT DISTINCT thing FROM walked) w JOIN read.` + n.table + ` k ON k.ws = $1 AND k.` + n.joins + ` = w.thing` + n.joined("CROSS JOIN LATERAL", "")
		return n.text(q, with, from, "l.key >= (SELECT min(key) FROM walked)")(b, m, bound)
	}
}

// countNames counts things, most + 1 at most.
func countNames(ctx context.Context, d *DB, m Moment, n nameList, q NameQuery, most int) (int, error) {
	b := bindsOf(m)
	where, err := n.where(q, &b, m)
	if err != nil {
		return 0, err
	}
	from := n.from()
	if len(q.LastRunStatuses) == 0 {
		from = `read.` + n.table + ` k CROSS JOIN LATERAL (` + rowAt(n.table, n.columns, "x.key = k.key") + `) r`
	}
	return count(ctx, d, m, "count "+n.table, `SELECT FROM `+from+` WHERE `+where, b, most)
}
