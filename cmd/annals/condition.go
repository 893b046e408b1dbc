package main

import (
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// condition is one --where: what is compared, how, and with what.
type condition struct {
	of        string // "metrics", "parameters" or "metadata"
	name      string
	aggregate string // of metrics: LAST, MIN or MAX
	op        string
	values    []any
}

// The shape: KIND.NAME[:AGGREGATE] OPERATOR VALUE. Names hold anything but white space and the operators; others are
// written in double quotes, as JSON.
var conditionShape = regexp.MustCompile(`^\s*(metrics?|param(?:eter)?s?|metadata)\.("(?:[^"\\]|\\.)*"|[^\s=<>!"]+?)(?::(last|min|max))?\s*(<=|>=|!=|==|=|<|>|(?i:\s(?:in|contains|exists)\b))\s*(.*?)\s*$`)

var operators = map[string]string{
	"=": "EQ", "==": "EQ", "!=": "NE", "<": "LT", "<=": "LTE", ">": "GT", ">=": "GTE", "in": "IN", "contains": "CONTAINS", "exists": "EXISTS",
}

func parseCondition(text string) (condition, error) {
	bad := func(why string) error {
		return usage("--where %q: %s", text, why).with("write 'metrics.rmse < 0.2', 'parameters.optimizer = adam' or 'metadata.note exists'")
	}
	m := conditionShape.FindStringSubmatch(text)
	if m == nil {
		return condition{}, bad("this is no condition")
	}
	c := condition{of: kindOf(m[1]), op: operators[strings.ToLower(strings.TrimSpace(m[4]))]}
	var err error
	if c.name, err = unquoted(m[2]); err != nil {
		return condition{}, bad("the name is not well quoted")
	}
	if m[3] != "" && c.of != "metrics" {
		return condition{}, bad("only metrics have :last, :min and :max")
	}
	if c.of == "metrics" && c.name == m[2] && strings.Contains(c.name, ":") {
		return condition{}, bad("a metric has :last, :min and :max; quote a name that holds a colon")
	}
	if c.of == "metrics" {
		c.aggregate = strings.ToUpper(m[3])
		if c.aggregate == "" {
			c.aggregate = "LAST"
		}
	}
	switch c.op {
	case "EXISTS":
		if m[5] != "" && m[5] != "true" && m[5] != "false" {
			return condition{}, bad("exists takes nothing, true or false")
		}
		c.values = []any{m[5] != "false"}
	case "IN":
		inside, ok := strings.CutPrefix(m[5], "(")
		inside, ok2 := strings.CutSuffix(inside, ")")
		if !ok || !ok2 || strings.TrimSpace(inside) == "" {
			return condition{}, bad("in takes a list: in (a, b)")
		}
		for _, one := range strings.Split(inside, ",") {
			c.values = append(c.values, literal(strings.TrimSpace(one)))
		}
	default:
		if m[5] == "" {
			return condition{}, bad("the value to compare with is missing")
		}
		c.values = []any{literal(m[5])}
	}
	if c.of == "metrics" && c.op == "CONTAINS" {
		return condition{}, bad("metrics are numbers and contain nothing")
	}
	if c.of == "metrics" && c.op != "EXISTS" {
		for _, v := range c.values {
			if n, ok := v.(json.Number); !ok || !finite(n) {
				return condition{}, bad("metrics are compared with numbers")
			}
		}
	}
	return c, nil
}

func finite(n json.Number) bool {
	f, err := n.Float64()
	return err == nil && !math.IsInf(f, 0) && !math.IsNaN(f)
}

func kindOf(word string) string {
	switch {
	case strings.HasPrefix(word, "metric"):
		return "metrics"
	case strings.HasPrefix(word, "param"):
		return "parameters"
	}
	return "metadata"
}

func unquoted(s string) (string, error) {
	if !strings.HasPrefix(s, `"`) {
		return s, nil
	}
	var out string
	err := json.Unmarshal([]byte(s), &out)
	return out, err
}

// literal is a value as JSON has it; a bare word is a string.
func literal(s string) any {
	switch s {
	case "true":
		return true
	case "false":
		return false
	}
	if json.Valid([]byte(s)) {
		if strings.HasPrefix(s, `"`) {
			if text, err := unquoted(s); err == nil {
				return text
			}
		}
		if _, err := strconv.ParseFloat(s, 64); err == nil {
			return json.Number(s)
		}
	}
	return strings.Trim(s, `'`)
}

// input is the condition as GraphQL takes it.
func (c condition) input() map[string]any {
	in := map[string]any{"name": c.name, "op": c.op}
	if c.of == "metrics" {
		in["of"] = c.aggregate
	}
	switch {
	case c.op == "IN":
		in["values"] = c.values
	case c.op == "EXISTS" && c.of == "metrics":
		in["exists"] = c.values[0]
	default:
		in["value"] = c.values[0]
	}
	return in
}

// runOrder reads --sort of runs.
func runOrder(sort string) (map[string]any, error) {
	word := strings.TrimPrefix(sort, "-")
	kind, name, dotted := strings.Cut(word, ".")
	by := map[string]string{"metrics": "METRIC", "parameters": "PARAMETER", "metadata": "METADATA"}[kind]
	if !dotted || by == "" || name == "" {
		return orderOf(sort, map[string]string{"created": "CREATED", "started": "STARTED", "ended": "ENDED", "duration": "DURATION"})
	}
	order := map[string]any{"by": by, "direction": "ASC", "name": name}
	if sort != word {
		order["direction"] = "DESC"
	}
	if plain, aggregate, ok := strings.Cut(name, ":"); ok && by == "METRIC" {
		switch aggregate {
		case "last", "min", "max":
			order["name"], order["of"] = plain, strings.ToUpper(aggregate)
		default:
			return nil, usage("--sort %q: metrics have :last, :min and :max", sort)
		}
	}
	return order, nil
}
