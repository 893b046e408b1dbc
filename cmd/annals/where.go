package main

import (
	"errors"
	"strings"

	"github.com/annals-io/annals/projections/read"
)

// The grammar of --where and --sort is that of package read, which the server speaks too. It is read here first, so
// that a slip is shown at its place and nothing is sent.

// joinWhere makes one condition of all that were given.
func joinWhere(texts []string) (string, error) {
	for _, text := range texts { // each alone, so that a place is one in what was typed
		if _, err := read.ParseWhere(text); err != nil {
			return "", slip("--where", text, err, "write 'metrics.rmse < 0.2', 'params.optimizer = adam', 'status in (failed, lost) and started > 2026-03-01'; `annals run list --help` shows more")
		}
	}
	all := strings.Join(texts, " and ")
	if all == "" {
		return "", nil
	}
	if _, err := read.ParseWhere(all); err != nil {
		return "", slip("--where", all, err, "say each field once")
	}
	return all, nil
}

// slip is a usage failure that points into what was typed.
func slip(flag, text string, err error, hint string) error {
	var wrong *read.WhereError
	if !errors.As(err, &wrong) {
		return usage("%s %q: %v", flag, text, err).with("%s", hint)
	}
	f := usage("%s, column %d: %s", flag, wrong.Column, wrong.Message).with("%s", hint)
	if typed := []rune(wrong.Text); len(typed) > 0 {
		at := min(wrong.Column-1, len(typed))
		f.Path = string(typed[:at]) + " >>> " + string(typed[at:])
	}
	return f
}

var orderWords = map[read.OrderBy]string{
	read.ByCreated: "CREATED", read.ByStarted: "STARTED", read.ByEnded: "ENDED", read.ByDuration: "DURATION",
	read.ByParameter: "PARAMETER", read.ByMetadata: "METADATA", read.ByMetric: "METRIC",
}

// runOrder reads --sort of runs, and answers it as GraphQL takes it; nil where nothing is asked. metric is the one that
// is ordered by, which people want to see.
func runOrder(sort string) (order map[string]any, metric string, err error) {
	if sort == "" {
		return nil, "", nil
	}
	o, err := read.ParseSort(sort)
	if err != nil {
		return nil, "", slip("--sort", sort, err, "write created, -started, -metrics.rmse, min(metrics.loss) or params.lr")
	}
	order = map[string]any{"by": orderWords[o.By], "direction": "DESC"}
	if o.Ascending {
		order["direction"] = "ASC"
	}
	if o.Name != "" {
		order["name"] = o.Name
	}
	if o.By == read.ByMetric {
		metric = o.Name
		if o.Of != "" {
			order["of"] = strings.ToUpper(string(o.Of))
		}
	}
	return order, metric, nil
}
