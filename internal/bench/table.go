package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// A Row is one budget: what was measured, what could be had at most, and what is asked for.
type Row struct {
	What    string
	Figure  string
	Ceiling string
	Ratio   float64 // figure to ceiling, or ceiling to figure where less is better; 0: there is none
	Budget  string
	Met     Verdict
	Note    string
}

// A Verdict says whether a budget was met. Short runs give none: their data is too small.
type Verdict string

// The verdicts.
const (
	Met    Verdict = "met"
	Missed Verdict = "MISSED"
	Unsaid Verdict = "-"
)

func verdict(ok bool) Verdict {
	if ok {
		return Met
	}
	return Missed
}

// Print writes the table.
func Print(w io.Writer, rows []Row) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "what\tfigure\tceiling\tratio\tbudget\t")
	for _, r := range rows {
		ratio := ""
		if r.Ratio > 0 {
			ratio = fmt.Sprintf("%.0f %%", 100*r.Ratio)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", r.What, r.Figure, r.Ceiling, ratio, r.Budget, r.Met)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range rows {
		if r.Note != "" {
			if _, err := fmt.Fprintf(w, "  %s: %s\n", r.What, r.Note); err != nil {
				return err
			}
		}
	}
	return nil
}

// latencies are durations of the same question asked many times.
type latencies []time.Duration

// at is the latency that a share of them, 0 to 1, does not exceed.
func (l latencies) at(share float64) time.Duration {
	if len(l) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(l))
	return s[min(len(s)-1, int(share*float64(len(s))))]
}

func ms(d time.Duration) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(d)/1e6), ".0") + " ms"
}

func perSecond(n int, d time.Duration) float64 { return float64(n) / d.Seconds() }

func rate(f float64) string {
	s := fmt.Sprintf("%.0f", f)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s + "/s"
}
