package main

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestSplitAnd(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"a = 1":                              {"a = 1"},
		"a = 1 and b = 2 AND c in (x and y)": {"a = 1", " b = 2", " c in (x and y)"},
		`a = "x and y" and b = 'p and q'`:    {`a = "x and y"`, ` b = 'p and q'`},
		"android = 1 and band = 2":           {"android = 1", " band = 2"},
	} {
		if got := splitAnd(text); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestWhere(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"status = failed":                           `{"statuses":["FAILED"]}`,
		"status in (failed, lost)":                  `{"statuses":["FAILED","LOST"]}`,
		"status != running and status != queued":    `{"excludeStatuses":["RUNNING","QUEUED"]}`,
		`pipeline = "db/daily load"`:                `{"pipelines":["db/daily load"]}`,
		"tags.team = ml and tags.draft exists":      `{"tags":["team=ml","draft"]}`,
		"tags.team != ml":                           `{"excludeTags":["team=ml"]}`,
		"id = train-3":                              `{"runId":"train-3"}`,
		"started > 2026-03-01":                      `{"startedAfter":"2026-03-01T00:00:00Z"}`,
		"ended <= 2026-03-01":                       `{"endedBefore":"2026-03-01T00:00:00.000001Z"}`,
		"metrics.rmse < 0.2 and parameters.lr >= 1": `{"metrics":[{"name":"rmse","of":"LAST","op":"LT","value":0.2}],"parameters":[{"name":"lr","op":"GTE","value":1}]}`,
	} {
		filter := map[string]any{}
		var err error
		for _, one := range splitAnd(text) {
			if e := addCondition(filter, one); e != nil {
				err = e
			}
		}
		if got, _ := json.Marshal(filter); err != nil || string(got) != want {
			t.Errorf("%s: %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"status < failed", "status exists", "pipeline != x", "started = 2026-03-01", "started > yesterday", "status in failed", "status =", "tags exists"} {
		if err := addCondition(map[string]any{}, text); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
	if err := addCondition(map[string]any{"statuses": []string{"FAILED"}}, "status = lost"); err == nil {
		t.Error("a run has two statuses")
	}
}
