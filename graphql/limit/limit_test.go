package limit_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/annals-io/annals/graphql/limit"
)

var schema = gqlparser.MustLoadSchema(&ast.Source{Input: `
	type Query { a(by: By, all: [By!], deep: Deep): Query b: Int }
	input By @oneOf { id: ID name: String other: By }
	input Deep { by: By list: [By] }`})

func defaults(t *testing.T) limit.Limits {
	t.Helper()
	l, err := limit.Limits{}.Complete()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func parse(t *testing.T, query string) *ast.QueryDocument {
	t.Helper()
	doc, err := parser.ParseQuery(&ast.Source{Input: query})
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestMeasure(t *testing.T) {
	t.Parallel()
	nested := func(n int) string { return strings.Repeat("a{", n) + "b" + strings.Repeat("}", n) }
	// Each fragment spreads the next one twice: 2^40 fields out of 2 KB.
	doubling := "{...f0}"
	for i := range 40 {
		doubling += fmt.Sprintf(" fragment f%d on Query{...f%d ...f%d}", i, i+1, i+1)
	}
	doubling += " fragment f40 on Query{b}"
	// The same through fields, which stay apart in each set.
	deep := "{a{...g0}}"
	for i := range 9 {
		deep += fmt.Sprintf(" fragment g%d on Query{%s}", i, strings.Repeat(fmt.Sprintf("a{...g%d} ", i+1), 19))
	}
	deep += " fragment g9 on Query{b}"

	for name, tt := range map[string]struct {
		query string
		most  string // what there is too much of; empty: it is fine
	}{
		"small":                      {"{a{b} b}", ""},
		"depth 12":                   {"{" + nested(11) + "}", ""},
		"depth 13":                   {"{" + nested(12) + "}", "levels"},
		"deep through a fragment":    {"{a{a{a{...f}}}} fragment f on Query{" + nested(9) + "}", "levels"},
		"schema may be deep":         {"{__schema{" + nested(15) + "}}", ""},
		"schema beside data may not": {"{b __schema{" + nested(15) + "}}", "levels"},
		"500 fields":                 {"{a{" + strings.Repeat("b ", 500) + "}}", ""},
		"501 fields":                 {"{a{" + strings.Repeat("b ", 501) + "}}", "one selection set"},
		"501 through fragments":      {"{a{" + strings.Repeat("...f ", 50) + "}} fragment f on Query{" + strings.Repeat("b ", 10) + "}", "one selection set"},
		"501 in an unused fragment":  {"{b} fragment f on Query{" + strings.Repeat("b ", 501) + "}", "one selection set"},
		"20 roots":                   {"{" + strings.Repeat("b ", 20) + "}", ""},
		"21 roots":                   {"{" + strings.Repeat("b ", 21) + "}", "root"},
		"200 aliases":                {"{a{" + aliases(200) + "}}", ""},
		"201 aliases":                {"{a{" + aliases(201) + "}}", "aliases"},
		"doubling fragments":         {doubling, "fields"},
		"fragments of fields":        {deep, "fields in an operation"},
		"a fragment of itself":       {"{...f} fragment f on Query{b ...f}", ""}, // refused by validation
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := parse(t, tt.query)
			start := time.Now()
			err := defaults(t).Measure(doc)
			if took := time.Since(start); took > time.Second {
				t.Errorf("measuring took %s", took)
			}
			switch {
			case tt.most == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.most != "" && (err == nil || !strings.Contains(err.Message, tt.most) || err.Extensions["code"] != limit.CodeTooLarge):
				t.Errorf("Measure = %v; want a refusal for its %s", err, tt.most)
			}
		})
	}
}

func aliases(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "x%d:b ", i)
	}
	return b.String()
}

// TestWhatIsMeasuredIsCheapToValidate: within the limits, the quadratic rule of validation costs next to nothing.
// Alone, and by processor time: how busy the machine is says nothing about validation.
func TestWhatIsMeasuredIsCheapToValidate(t *testing.T) {
	l := defaults(t)
	for name, query := range map[string]string{
		"one field again and again": "{a{" + strings.Repeat("b ", 500) + "}}",
		"and what is below it":      "{a{" + strings.Repeat("a{a{b}} ", 500) + "}}",
		"wide below":                "{a{" + strings.Repeat("a{b b b b b b} ", 499) + "}}",
		"through fragments":         "{a{" + strings.Repeat("...f ", 20) + "}} fragment f on Query{" + strings.Repeat("a{b} ", 20) + "}",
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: query}, l.Tokens)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Measure(doc); err != nil {
				t.Fatal(err)
			}
			before := processorTime(t)
			validator.ValidateWithRules(schema, doc, rules.NewDefaultRules())
			if took := processorTime(t) - before; took > 3*time.Second { // 0.05 s on a quiet machine
				t.Errorf("validating took %s", took)
			}
		})
	}
}

// processorTime is what this process has used of it.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// TestOneOf: exactly one member with a value, whether it comes as a literal, as a variable, or as a member that is one.
func TestOneOf(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		query, vars string
		fine        bool
	}{
		"one":                   {"query($x:By){a(by:$x){b}}", `{"x":{"id":"1"}}`, true},
		"not given":             {"query($x:By){a(by:$x){b}}", `{}`, true},
		"null":                  {"query($x:By){a(by:$x){b}}", `{"x":null}`, true},
		"two":                   {"query($x:By){a(by:$x){b}}", `{"x":{"id":"1","name":"n"}}`, false},
		"none":                  {"query($x:By){a(by:$x){b}}", `{"x":{}}`, false},
		"one that is null":      {"query($x:By){a(by:$x){b}}", `{"x":{"id":null}}`, false},
		"one and a null":        {"query($x:By){a(by:$x){b}}", `{"x":{"id":"1","name":null}}`, false},
		"nested":                {"query($x:By){a(by:$x){b}}", `{"x":{"other":{"id":"1","name":"n"}}}`, false},
		"in another input":      {"query($x:Deep){a(deep:$x){b}}", `{"x":{"by":{}}}`, false},
		"in a list":             {"query($x:[By!]){a(all:$x){b}}", `{"x":[{"id":"1"},{}]}`, false},
		"in a list of an input": {"query($x:Deep){a(deep:$x){b}}", `{"x":{"list":[null,{"id":"1","name":"n"}]}}`, false},
		"a list, all fine":      {"query($x:[By!]){a(all:$x){b}}", `{"x":[{"id":"1"},{"name":"n"}]}`, true},
		"member by variable":    {"query($x:ID!){a(by:{id:$x}){b}}", `{"x":"1"}`, true},
		"below, in a fragment":  {"query($x:By){...f} fragment f on Query{a(by:$x){b}}", `{"x":{}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc, errs := gqlparser.LoadQueryWithRules(schema, tt.query, rules.NewDefaultRules())
			if errs != nil {
				t.Fatal(errs)
			}
			var raw map[string]any
			if err := json.Unmarshal([]byte(tt.vars), &raw); err != nil {
				t.Fatal(err)
			}
			vars, err := validator.VariableValues(schema, doc.Operations[0], raw)
			if err != nil {
				t.Fatal(err)
			}
			if got := limit.CheckOneOf(schema, doc, doc.Operations[0], vars); (got == nil) != tt.fine {
				t.Errorf("CheckOneOf = %v; want fine %t", got, tt.fine)
			}
		})
	}
}

// TestOneOfMemberThatMayBeNull: validation lets a nullable variable stand for a member; it must not be null then.
func TestOneOfMemberThatMayBeNull(t *testing.T) {
	t.Parallel()
	doc := parse(t, "query($x:ID){a(by:{id:$x}){b}}")
	validator.Walk(schema, doc, &validator.Events{}) // gives literals their definitions
	for vars, fine := range map[string]bool{`{}`: false, `{"x":null}`: false, `{"x":"1"}`: true} {
		var given map[string]any
		if err := json.Unmarshal([]byte(vars), &given); err != nil {
			t.Fatal(err)
		}
		if got := limit.CheckOneOf(schema, doc, doc.Operations[0], given); (got == nil) != fine {
			t.Errorf("with %s: %v; want fine %t", vars, got, fine)
		}
	}
}

func TestNegativeLimitsAreReportedTogether(t *testing.T) {
	t.Parallel()
	_, err := limit.Limits{Depth: -1, Page: -5}.Complete()
	if err == nil || !strings.Contains(err.Error(), "Depth") || !strings.Contains(err.Error(), "Page") {
		t.Errorf("Complete = %v; want both limits named", err)
	}
}

func FuzzMeasure(f *testing.F) {
	f.Add("{a{b} b}")
	f.Add("{...f} fragment f on Query{...f}")
	f.Add("query($x:By){a(by:$x){b}}")
	l, err := limit.Limits{}.Complete()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, query string) {
		doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: query}, l.Tokens)
		if err != nil || l.Measure(doc) != nil {
			return
		}
		if errs := validator.ValidateWithRules(schema, doc, rules.NewDefaultRules()); len(errs) > 0 {
			return
		}
		for _, op := range doc.Operations {
			_ = limit.CheckOneOf(schema, doc, op, map[string]any{})
		}
	})
}
