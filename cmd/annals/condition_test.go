package main

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"
)

func TestConditions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]condition{
		"metrics.rmse < 0.2":             {"metrics", "rmse", "LAST", "LT", []any{json.Number("0.2")}},
		"metrics.rmse<=-1e3":             {"metrics", "rmse", "LAST", "LTE", []any{json.Number("-1e3")}},
		" metric.val.rmse:min > 7 ":      {"metrics", "val.rmse", "MIN", "GT", []any{json.Number("7")}},
		"metrics.rmse:max >= 7":          {"metrics", "rmse", "MAX", "GTE", []any{json.Number("7")}},
		"metrics.auc exists":             {"metrics", "auc", "LAST", "EXISTS", []any{true}},
		"metrics.auc EXISTS false":       {"metrics", "auc", "LAST", "EXISTS", []any{false}},
		"parameters.optimizer = adam":    {"parameters", "optimizer", "", "EQ", []any{"adam"}},
		"params.optimizer == 'adam w'":   {"parameters", "optimizer", "", "EQ", []any{"adam w"}},
		`param.path != "a \"b\""`:        {"parameters", "path", "", "NE", []any{`a "b"`}},
		"parameters.depth in (3, 5)":     {"parameters", "depth", "", "IN", []any{json.Number("3"), json.Number("5")}},
		"parameters.shuffle = true":      {"parameters", "shuffle", "", "EQ", []any{true}},
		"metadata.note contains leak":    {"metadata", "note", "", "CONTAINS", []any{"leak"}},
		`metadata."a name" exists`:       {"metadata", "a name", "", "EXISTS", []any{true}},
		"parameters.id = 71203847590123": {"parameters", "id", "", "EQ", []any{json.Number("71203847590123")}},
		"parameters.version = 1.2.3":     {"parameters", "version", "", "EQ", []any{"1.2.3"}},
		"parameters.inf = Infinity":      {"parameters", "inf", "", "EQ", []any{"Infinity"}},
	} {
		got, err := parseCondition(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
}

func TestWhatIsNoConditionIsAUsageFailure(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "rmse < 0.2", "metrics.rmse", "metrics.rmse <", "metrics.rmse < high", "metrics.rmse < 1e999", "metrics.rmse contains 1",
		"parameters.lr:min < 1", "metrics.rmse:avg < 1", "parameters.a in 1", "parameters.a in ()", "metrics. < 1", "status ~ failed", "metrics.a exists maybe",
	} {
		_, err := parseCondition(text)
		var f *failure
		if !errors.As(err, &f) || f.Exit != exitUsage || f.Hint == "" {
			t.Errorf("%q: %v, want a usage failure with a hint", text, err)
		}
	}
}

func TestSorting(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]map[string]any{
		"":                   nil,
		"started":            {"by": "STARTED", "direction": "ASC"},
		"-duration":          {"by": "DURATION", "direction": "DESC"},
		"-metrics.rmse":      {"by": "METRIC", "direction": "DESC", "name": "rmse"},
		"metrics.a.b:min":    {"by": "METRIC", "direction": "ASC", "name": "a.b", "of": "MIN"},
		"parameters.lr:unit": {"by": "PARAMETER", "direction": "ASC", "name": "lr:unit"},
	} {
		got, err := runOrder(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"size", "metrics.", "metrics.rmse:avg", "--started"} {
		if _, err := runOrder(text); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}

// Whatever is typed is refused or understood, and what is understood can be sent as JSON.
func FuzzCondition(f *testing.F) {
	f.Add("metrics.rmse < 0.2")
	f.Add(`metadata."a \u0000" in (1, "b", c)`)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCondition(text)
		if err != nil {
			return
		}
		if _, err := json.Marshal(c.input()); err != nil || c.op == "" || c.of == "" || len(c.values) == 0 {
			t.Fatalf("%q is understood as %+v: %v", text, c, err)
		}
	})
}
