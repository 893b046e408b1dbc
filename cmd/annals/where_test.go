package main

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestConditionsAreReadBeforeTheyAreSent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		texts []string
		want  string
	}{
		{nil, ""},
		{[]string{"metrics.rmse < 0.2"}, "metrics.rmse < 0.2"},
		{[]string{"metrics.rmse < 0.2", "tags.team not in (ml, fraud) and params.seed not exists"}, "metrics.rmse < 0.2 and tags.team not in (ml, fraud) and params.seed not exists"},
	} {
		if got, err := joinWhere(tt.texts); err != nil || got != tt.want {
			t.Errorf("%q: %q, %v; want %q", tt.texts, got, err, tt.want)
		}
	}
	for _, tt := range []struct {
		texts       []string
		said, place string
	}{
		{[]string{"rmse < 0.2"}, "column 1", " >>> rmse < 0.2"},
		{[]string{"status = lost", "status = faild"}, "column 10", "status =  >>> faild"},
		{[]string{"status = lost", "status = failed"}, "twice", "status = lost and  >>> status = failed"},
		{[]string{"metrics.rmse <"}, "expected a value", "metrics.rmse < >>> "},
		{[]string{""}, "no condition", ""},
	} {
		_, err := joinWhere(tt.texts)
		var f *failure
		if !errors.As(err, &f) || f.Exit != exitUsage || f.Hint == "" || !strings.Contains(f.Message, tt.said) || f.Path != tt.place {
			t.Errorf("%q: %+v; want a usage failure that says %q at %q", tt.texts, f, tt.said, tt.place)
		}
	}
}

func TestSorting(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]map[string]any{
		"":                       nil,
		"started":                {"by": "STARTED", "direction": "ASC"},
		"-duration":              {"by": "DURATION", "direction": "DESC"},
		"-metrics.rmse":          {"by": "METRIC", "direction": "DESC", "name": "rmse"},
		"min(metrics.a.b)":       {"by": "METRIC", "direction": "ASC", "name": "a.b", "of": "MIN"},
		"params.lr":              {"by": "PARAMETER", "direction": "ASC", "name": "lr"},
		`-metadata."git branch"`: {"by": "METADATA", "direction": "DESC", "name": "git branch"},
	} {
		got, metric, err := runOrder(text)
		if err != nil || !reflect.DeepEqual(got, want) || (metric != "") != strings.Contains(text, "metrics") {
			t.Errorf("%s: %v of %q, %v; want %v", text, got, metric, err, want)
		}
	}
	for _, text := range []string{"size", "metrics.", "avg(metrics.rmse)", "--started"} {
		var f *failure
		if _, _, err := runOrder(text); !errors.As(err, &f) || f.Exit != exitUsage || f.Hint == "" {
			t.Errorf("%s: %v", text, err)
		}
	}
}
