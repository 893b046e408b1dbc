package main

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// asOfFlag is --as-of: a revision, or a time.
type asOfFlag struct{ text string }

func (f *asOfFlag) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.text, "as-of", "", "look at an earlier `moment`: a time (2026-03-01, 2026-03-01T12:00:00Z) or a revision (4711)")
}

// input is the GraphQL value, nil where the moment is the present.
func (f *asOfFlag) input() (map[string]any, error) {
	s := f.text
	if s == "" {
		return nil, nil
	}
	if strings.Trim(s, "0123456789") == "" {
		return map[string]any{"revision": json.Number(strings.TrimLeft(s[:len(s)-1], "0") + s[len(s)-1:])}, nil
	}
	t, err := parseTime(s)
	if err != nil {
		return nil, usage("--as-of %q is neither a revision nor a time", s).with("write 4711, 2026-03-01 or 2026-03-01T12:00:00Z")
	}
	return map[string]any{"time": t.UTC().Format(time.RFC3339Nano)}, nil
}

// timeLayouts are the forms of time that are understood; without a zone it is UTC.
var timeLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"}

func parseTime(s string) (time.Time, error) {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usage("%q is no time", s).with("write 2026-03-01 or 2026-03-01T12:00:00Z; without a zone it is UTC")
}
