package read

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/annals-io/annals/domain"
)

// A Space is where a named value lies.
type Space int

// The spaces. Parameters, metadata and tags are attributes under these numbers; metrics are numbers.
const (
	Metrics    Space = 0
	Parameters Space = 1
	Metadata   Space = 2
	Tags       Space = 3
)

// An Aggregate is which of a metric's numbers is meant.
type Aggregate string

// The aggregates. The zero value is Last.
const (
	Last Aggregate = "last"
	Min  Aggregate = "min"
	Max  Aggregate = "max"
)

// column is the column of the aggregate.
func (a Aggregate) column() string {
	if a == Min || a == Max {
		return string(a)
	}
	return "last"
}

// An Op compares a named value.
type Op string

// The operators. Values of another type than the one compared with never match, NE included; a value that is not
// there matches only a negated EXISTS. CONTAINS ignores case.
const (
	EQ       Op = "EQ"
	NE       Op = "NE"
	LT       Op = "LT"
	LTE      Op = "LTE"
	GT       Op = "GT"
	GTE      Op = "GTE"
	IN       Op = "IN"
	CONTAINS Op = "CONTAINS"
	EXISTS   Op = "EXISTS"
)

var sqlOps = map[Op]string{EQ: "=", NE: "<>", LT: "<", LTE: "<=", GT: ">", GTE: ">="}

// A Condition is one condition on a named value.
type Condition struct {
	Space  Space
	Name   string
	Of     Aggregate // of metrics
	Op     Op
	Values []domain.Value // one, or for IN up to [MaxValues]; EXISTS: none, or false for "not there"
}

// MaxValues is the most values that IN takes.
const MaxValues = 100

// validate refuses what cannot be compared, naming the condition.
func (c Condition) validate() error {
	_, known := sqlOps[c.Op]
	switch {
	case c.Name == "":
		return invalid("a condition must name a value")
	case c.Op == EXISTS:
		if len(c.Values) > 1 {
			return invalid("%s EXISTS takes true or false", c.Name)
		}
		return nil
	case c.Op == IN:
		if len(c.Values) > MaxValues {
			return invalid("%s IN takes %d values at most, not %d", c.Name, MaxValues, len(c.Values))
		}
	case !known && c.Op != CONTAINS:
		return invalid("%q is no operator", c.Op)
	case len(c.Values) != 1:
		return invalid("%s %s takes one value, not %d", c.Name, c.Op, len(c.Values))
	case c.Op == CONTAINS && (c.Space == Metrics || c.Values[0].Type() != "string"):
		return invalid("%s CONTAINS takes a text", c.Name)
	}
	for _, v := range c.Values {
		if _, number := v.Number(); c.Space == Metrics && !number {
			return invalid("the metric %s can be compared with numbers only", c.Name)
		}
		if t := v.Type(); c.Op != EQ && c.Op != NE && c.Op != IN && t != "number" && t != "string" {
			return invalid("%s %s takes a number or a text", c.Name, c.Op)
		}
	}
	return nil
}

func invalid(format string, args ...any) error {
	return &domain.Error{Code: domain.Invalid, Subject: "filter", Message: fmt.Sprintf(format, args...)}
}

// absent says whether the condition asks for things without the value.
func (c Condition) absent() bool {
	return c.Op == EXISTS && len(c.Values) == 1 && string(c.Values[0]) == "false"
}

// compare is the condition on a row of attributes or metrics with that alias.
func (c Condition) compare(b *binds, alias string) string {
	if c.Op == EXISTS {
		return "true"
	}
	parts := make([]string, len(c.Values))
	for i, v := range c.Values {
		if c.Space == Metrics {
			parts[i] = compareNumber(b, alias+"."+c.Of.column(), c.Op, v)
			continue
		}
		parts[i] = c.compareValue(b, alias, v)
	}
	if len(parts) == 0 {
		return "false" // IN nothing
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// compareNumber compares as numbers do: NaN, which Postgres sorts behind all others, is never greater nor unequal.
func compareNumber(b *binds, column string, op Op, v domain.Value) string {
	f, _ := v.Number()
	if op == IN {
		op = EQ
	}
	text := column + " " + sqlOps[op] + " " + b.of(f) + "::float8"
	if op == GT || op == GTE || op == NE {
		text += " AND " + column + " < 'NaN'"
	}
	return "(" + text + ")"
}

// whole is an attribute's text without the cut that the index needs.
func whole(alias string) string {
	return `(CASE WHEN octet_length(` + alias + `.text) < 200 THEN ` + alias + `.text ELSE convert_from(` + alias + `.value, 'UTF8')::json #>> '{}' END)`
}

func (c Condition) compareValue(b *binds, alias string, v domain.Value) string {
	op := c.Op
	if op == IN {
		op = EQ
	}
	typed := "(" + alias + ".num IS NULL AND " + alias + ".type = '" + v.Type() + "' AND " // num: the index has only such
	switch v.Type() {
	case "number":
		if !isInteger(v) || len(v) <= 15 || op != EQ && op != NE {
			return compareNumber(b, alias+".num", op, v)
		}
		// Ids beyond 2^53 are one number in floating point; what was written tells them apart.
		equal := "(CASE WHEN " + compareNumber(b, alias+".num", EQ, v) + " THEN " + alias + ".text::numeric = " + b.of(string(v)) + "::text::numeric ELSE false END)"
		if op == NE {
			return "(NOT " + equal + " AND " + alias + ".num IS NOT NULL)"
		}
		return equal
	case "string":
		s := v.Text()
		switch {
		case op == CONTAINS:
			return typed + lower(s).within(b, whole(alias)) + ")"
		case len(s) < 200:
			return typed + alias + ".text " + sqlOps[op] + " " + b.of(s) + ")"
		case op == EQ: // by the index, then whole
			return typed + alias + ".text = left(" + b.of(s) + ", char_length(" + alias + ".text)) AND " + whole(alias) + " = " + b.of(s) + ")"
		}
		return typed + whole(alias) + " " + sqlOps[op] + " " + b.of(s) + ")"
	case "array", "object":
		return typed + "convert_from(" + alias + ".value, 'UTF8')::jsonb " + sqlOps[op] + " " + b.of(string(v)) + "::jsonb)"
	}
	return typed + alias + ".text " + sqlOps[op] + " " + b.of(strings.TrimSpace(string(v))) + ")"
}

func isInteger(v domain.Value) bool {
	return !strings.ContainsAny(string(v), ".eE")
}

// table and columns of the space, and the condition that picks the value of one entity (SQL) there.
func (s Space) table() (table, cols string) {
	if s == Metrics {
		return "metrics", "last, min, max"
	}
	return "attributes", "type, text, num, value, gone"
}

func (c Condition) picks(b *binds, entity string) string {
	text := "x.entity = " + entity + " AND x.name = " + b.of(c.Name)
	if c.Space != Metrics {
		text += " AND x.space = " + strconv.Itoa(int(c.Space))
	}
	return text
}

// holds is the condition on the thing with that key (SQL), as of the moment; more is said of the value a.
func (c Condition) holds(b *binds, entity string, more ...string) string {
	table, cols := c.Space.table()
	text := "EXISTS (SELECT FROM (" + rowAt(table, cols, c.picks(b, entity)) + ") a WHERE " + c.compare(b, "a") + strings.Join(more, "")
	if c.Space != Metrics {
		text += " AND NOT a.gone"
	}
	if c.absent() {
		return "NOT " + text + ")"
	}
	return text + ")"
}

// rank says how well the condition finds things by an index: the smaller the better, negative not at all.
func (c Condition) rank() int {
	switch {
	case c.absent(), c.Op == NE, c.Name == "":
		return -1
	case c.Op == EQ, c.Op == IN:
		return 0
	case c.Op == EXISTS, c.Op == CONTAINS:
		return 2
	}
	return 1
}

// driving is the index of the condition that finds things best; -1 where none does.
func driving(conditions []Condition) int {
	best := -1
	for i, c := range conditions {
		if c.rank() >= 0 && (best < 0 || c.rank() < conditions[best].rank()) {
			best = i
		}
	}
	return best
}

// driver is that condition.
func driver(conditions []Condition) (c Condition, ok bool) {
	if i := driving(conditions); i >= 0 {
		return conditions[i], true
	}
	return c, false
}

// entities is a query for the keys of things of that kind for which the condition holds as of the moment.
func (c Condition) entities(b *binds, kind domain.Kind) string {
	if c.Space == Metrics {
		name := b.of(c.Name)
		compare := c.compare(b, "a")
		return `SELECT a.entity AS key FROM read.metrics a
			WHERE a.ws = $1 AND a.kind = '` + string(kind) + `' AND a.name = ` + name + ` AND a.since <= $2 AND ` + compare + `
			UNION ALL SELECT a.entity FROM ` + metricsWas(kind, name) + ` a WHERE ` + compare
	}
	now, was := c.parts(b, kind)
	text := `SELECT a.entity AS key FROM read.attributes a WHERE ` + now + `%[1]s
		UNION ALL SELECT a.entity FROM read.attributes_was a WHERE ` + was + `%[1]s`
	if c.Op != EXISTS {
		return fmt.Sprintf(text, "")
	}
	return fmt.Sprintf(text, " AND a.num IS NULL") + " UNION ALL " + fmt.Sprintf(text, " AND a.num IS NOT NULL")
}

// parts are the condition, on an attribute, as one on the current row a and as one on the closed row a.
func (c Condition) parts(b *binds, kind domain.Kind) (now, was string) {
	now = `a.ws = $1 AND a.kind = '` + string(kind) + `' AND a.space = ` + strconv.Itoa(int(c.Space)) + ` AND a.name = ` + b.of(c.Name) +
		` AND a.since <= $2 AND NOT a.gone AND ` + c.compare(b, "a")
	return now, now + ` AND a.until > $2`
}

// byKey says whether the index of the condition has what it finds in the order of keys.
func (c Condition) byKey() bool {
	if c.Space == Metrics || c.Op != EQ {
		return false
	}
	switch v := c.Values[0]; v.Type() {
	case "number":
		return len(v) <= 15
	case "string":
		return len(v) < 200
	case "bool":
		return true
	}
	return false
}

// levels are the lengths that a closed row can have: floor(log2(until - since)), from 1 to beyond all revisions that
// a stream reaches.
const levels = "generate_series(0, 41)"

// metricsWas is a query for the closed metrics of that name (SQL) that were true at the moment.
func metricsWas(kind domain.Kind, name string) string {
	return `(SELECT w.entity, w.last, w.min, w.max FROM ` + levels + ` l (level) CROSS JOIN LATERAL (
			SELECT * FROM read.metrics_was h WHERE h.ws = $1 AND h.kind = '` + string(kind) + `' AND h.name = ` + name + `
			AND h.level = l.level AND h.since <= $2 AND h.since > $2 - (2::bigint << l.level) AND h.until > $2 OFFSET 0) w)`
}
