package read

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/annals-io/annals/domain"
)

// A Where is what somebody typed as a condition on runs: a query, and the words for pipelines, which a moment
// resolves ([DB.Resolve]).
type Where struct {
	Query        RunQuery
	Pipelines    []string
	NotPipelines []string
}

// ParseWhere reads conditions on runs, joined by "and":
//
//	metrics.rmse < 0.2 and params.lr >= 0.1 and status = failed and pipeline = "x"
//	status in (failed, cancelled) and tags.team = ml and started >= 2026-01-01 and metadata."git branch" contains main
//	max(metrics.accuracy) > 0.9 and params.seed exists and tags.draft not exists
//
// Fields are status, pipeline, id, text, nested, contradictory, started, ended, created, and NAME of params, metadata,
// tags and metrics. Operators are = != < <= > >= in, not in, contains (or ~), exists and not exists. Its errors are
// *WhereError.
func ParseWhere(text string) (Where, error) {
	p, err := parse(text, 0)
	if err != nil {
		return Where{}, err
	}
	if p.now.kind == endOfText {
		return Where{}, p.fail(p.now.at, "there is no condition")
	}
	for {
		if err := p.condition(); err != nil {
			return Where{}, err
		}
		if p.now.kind == endOfText {
			return p.where, nil
		}
		if !p.keyword("and") {
			return Where{}, p.fail(p.now.at, "expected \"and\" or the end")
		}
		if err := p.advance(); err != nil {
			return Where{}, err
		}
	}
}

type whereParser struct {
	scanner
	now   token
	where Where
	said  map[string]bool
}

// maxWhere is the longest condition, in bytes.
const maxWhere = 16 << 10

// parse is a parser at the first token behind a position.
func parse(text string, from int) (*whereParser, error) {
	p := &whereParser{scanner: scanner{text: text, pos: from}, said: map[string]bool{}}
	switch {
	case len(text) > maxWhere:
		return nil, &WhereError{Text: "", Column: 1, Message: "the text is longer than 16 KiB"}
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return nil, &WhereError{Text: "", Column: 1, Message: "the text is not valid UTF-8, or holds a NUL"}
	}
	return p, p.advance()
}

func (p *whereParser) advance() (err error) {
	p.now, err = p.next()
	return err
}

func (p *whereParser) keyword(w string) bool {
	return p.now.kind == word && strings.EqualFold(p.now.text, w)
}

// A comparison is one condition as it was typed.
type comparison struct {
	field  token
	space  Space
	name   string // of a named value
	of     Aggregate
	op     Op
	opAt   int
	not    bool // of in and exists
	values []token
}

var spaces = map[string]Space{
	"param": Parameters, "params": Parameters, "parameter": Parameters, "parameters": Parameters,
	"meta": Metadata, "metadata": Metadata, "tag": Tags, "tags": Tags, "metric": Metrics, "metrics": Metrics,
}

// plainFields are the fields that are no named values.
var plainFields = []string{"status", "pipeline", "id", "text", "nested", "contradictory", "started", "ended", "created"}

func (p *whereParser) condition() error {
	c, err := p.comparison()
	if err != nil {
		return err
	}
	if c.name != "" {
		return p.named(c)
	}
	return p.plain(c)
}

func (p *whereParser) comparison() (c comparison, err error) {
	if p.now.kind != word {
		return c, p.fail(p.now.at, "expected a field, such as status or metrics.NAME")
	}
	c.field = p.now
	if of := Aggregate(strings.ToLower(p.now.text)); of == Min || of == Max || of == Last {
		if c.field, err = p.inBrackets(); err != nil {
			return c, err
		}
		c.of = of
	}
	if space, name, ok := strings.Cut(c.field.text, "."); ok {
		if c.space, ok = spaces[strings.ToLower(space)]; !ok {
			return c, p.fail(c.field.at, "%q holds no values: params, metadata, tags and metrics do", space)
		}
		if c.name = name; name == "" {
			return c, p.fail(c.field.at, "name the value behind the dot")
		}
	}
	if c.of != "" && (c.name == "" || c.space != Metrics) {
		return c, p.fail(c.field.at, "only metrics have a %s", c.of)
	}
	if err := p.advance(); err != nil {
		return c, err
	}
	return c, p.operator(&c)
}

// inBrackets is the field inside min( ).
func (p *whereParser) inBrackets() (field token, err error) {
	for i := range 3 {
		if err := p.advance(); err != nil {
			return field, err
		}
		switch {
		case i == 1 && p.now.kind == word:
			field = p.now
		case i == 1:
			return field, p.fail(p.now.at, "expected metrics.NAME")
		case p.now.kind != sign || p.now.text != string("(?)"[i]):
			return field, p.fail(p.now.at, "expected %c", "(?)"[i])
		}
	}
	return field, nil
}

var typedOps = map[string]Op{"=": EQ, "==": EQ, "!=": NE, "<>": NE, "<": LT, "<=": LTE, ">": GT, ">=": GTE, "~": CONTAINS}

// operator reads the operator and what it compares with.
func (p *whereParser) operator(c *comparison) error {
	c.opAt = p.now.at
	if p.keyword("not") {
		c.not = true
		if err := p.advance(); err != nil {
			return err
		}
	}
	switch {
	case p.keyword("in"):
		c.op = IN
		return p.list(c)
	case p.keyword("exists"):
		c.op = EXISTS
		return p.advance()
	case c.not:
		return p.fail(p.now.at, "expected in or exists behind not")
	case p.keyword("contains"):
		c.op = CONTAINS
	case p.now.kind == sign && typedOps[p.now.text] != "":
		c.op = typedOps[p.now.text]
	default:
		return p.fail(p.now.at, "expected an operator: = != < <= > >= in, contains or exists")
	}
	if err := p.advance(); err != nil {
		return err
	}
	return p.value(c)
}

func (p *whereParser) value(c *comparison) error {
	if p.now.kind != word && p.now.kind != quoted {
		return p.fail(p.now.at, "expected a value")
	}
	c.values = append(c.values, p.now)
	return p.advance()
}

// list reads (a, b, c).
func (p *whereParser) list(c *comparison) error {
	for want := "("; ; want = "," {
		if err := p.advance(); err != nil {
			return err
		}
		if want == "(" {
			if p.now.kind != sign || p.now.text != "(" {
				return p.fail(p.now.at, "expected ( behind in")
			}
			if err := p.advance(); err != nil {
				return err
			}
		}
		if len(c.values) == MaxValues {
			return p.fail(p.now.at, "more than %d values", MaxValues)
		}
		if err := p.value(c); err != nil {
			return err
		}
		if p.now.kind == sign && p.now.text == ")" {
			return p.advance()
		}
		if p.now.kind != sign || p.now.text != "," {
			return p.fail(p.now.at, "expected , or )")
		}
	}
}

// named is a condition on a parameter, an entry of metadata, a tag or a metric.
func (p *whereParser) named(c comparison) error {
	q := &p.where.Query
	if len(q.Conditions)+len(q.Without) == MaxConditions {
		return p.fail(c.field.at, "more than %d conditions", MaxConditions)
	}
	out := Condition{Space: c.space, Name: c.name, Of: c.of, Op: c.op}
	for _, v := range c.values {
		out.Values = append(out.Values, typedValue(v, c.space, c.op))
	}
	if c.op == EXISTS && c.not {
		out.Values = []domain.Value{domain.BoolValue(false)}
	}
	if err := out.validate(); err != nil {
		at := c.opAt
		if len(c.values) > 0 {
			at = c.values[0].at
		}
		return p.fail(at, "%s", err.(*domain.Error).Message)
	}
	if c.op == IN && c.not {
		q.Without = append(q.Without, out)
		return nil
	}
	q.Conditions = append(q.Conditions, out)
	return nil
}

// typedValue is a number or a bool where a word looks like one; tags are texts, and so is what is quoted.
func typedValue(t token, s Space, op Op) domain.Value {
	if t.kind == word && s != Tags && op != CONTAINS && (t.text == "true" || t.text == "false" || isNumber(t.text)) {
		return domain.Value(t.text)
	}
	return domain.StringValue(t.text)
}

// isNumber says whether the text is a number as JSON writes it.
func isNumber(s string) bool {
	var n json.Number
	return s != "" && s[0] != '"' && json.Unmarshal([]byte(s), &n) == nil && n != ""
}
