package read

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/annals-io/annals/domain"
)

// A Bar is one attempt of a step or of a nested run, for a chart over time.
type Bar struct {
	Node
	Name      string
	Attempt   int
	Status    domain.Status
	StartedAt time.Time // zero: it never started
	EndedAt   time.Time // zero: it has not ended
	Critical  bool      // had it been quicker, the run might have been
}

// Timeline are the bars of a run's steps and of the runs nested directly in it, by start; those that never started
// come last. At most limit.
//
// The critical path is followed backwards from what ended last, each time to the part it waited for that ended last:
// a step it names as upstream, or the maker of a version it read.
func (d *DB) Timeline(ctx context.Context, m Moment, run int64, limit int) ([]Bar, error) {
	g, err := d.Dag(ctx, m, run, MaxWalkNodes)
	if err != nil {
		return nil, err
	}
	var keys []int64
	for _, n := range g.Nodes {
		if n.Kind != domain.KindArtifactVersion && n.Key != run {
			keys = append(keys, n.Key)
		}
	}
	executions, err := d.ExecutionsByKey(ctx, m, keys)
	if err != nil {
		return nil, err
	}
	parts := byKey(executions, Execution.Key)
	critical := g.critical(parts)
	var bars []Bar
	for _, n := range g.Nodes {
		e, ok := parts[n.Key]
		if !ok {
			continue
		}
		attempts, status, err := e.attempts()
		if err != nil {
			return nil, err
		}
		for i, a := range attempts {
			b := Bar{Node: n.Node, Name: n.Name, Attempt: a.Number, Status: a.Status, StartedAt: a.StartedAt, EndedAt: a.EndedAt}
			if i == len(attempts)-1 {
				b.Status, b.Critical = status, critical[n.Key]
			}
			bars = append(bars, b)
		}
		if len(attempts) == 0 {
			bars = append(bars, Bar{Node: n.Node, Name: n.Name, Attempt: 1, Status: status})
		}
	}
	slices.SortFunc(bars, func(a, b Bar) int {
		if a.StartedAt.IsZero() != b.StartedAt.IsZero() {
			if a.StartedAt.IsZero() {
				return 1
			}
			return -1
		}
		return cmp.Or(a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.Key, b.Key), a.Attempt-b.Attempt)
	})
	if len(bars) > limit {
		bars = bars[:limit]
	}
	return bars, nil
}

// attempts are those of the run or step, and its status as shown.
func (e Execution) attempts() ([]Attempt, domain.Status, error) {
	if e.Run != nil {
		all, err := e.Run.AllAttempts()
		return all, e.Run.Status, err
	}
	all, err := e.Step.AllAttempts()
	return all, e.Step.Status, err
}

// ended is when the execution ended; what runs still ends after everything else.
func (e Execution) ended() (at time.Time, started bool) {
	start, end := time.Time{}, time.Time{}
	if e.Run != nil {
		start, end = e.Run.StartedAt, e.Run.EndedAt
	} else {
		start, end = e.Step.StartedAt, e.Step.EndedAt
	}
	if end.IsZero() {
		end = time.Unix(1<<40, 0)
	}
	return end, !start.IsZero()
}

// critical are the parts on the critical path.
func (g Graph) critical(parts map[int64]Execution) map[int64]bool {
	before := map[int][]int{}
	for _, e := range g.Edges {
		before[e.To] = append(before[e.To], e.From)
	}
	path := map[int64]bool{}
	last := -1
	for i := range g.Nodes {
		last = g.later(parts, last, i)
	}
	for last >= 0 && !path[g.Nodes[last].Key] {
		path[g.Nodes[last].Key] = true
		next := -1
		for _, i := range before[last] {
			if g.Nodes[i].Kind == domain.KindArtifactVersion {
				for _, maker := range before[i] {
					if maker != last {
						next = g.later(parts, next, maker)
					}
				}
				continue
			}
			next = g.later(parts, next, i)
		}
		last = next
	}
	return path
}

// later is the node of the two that ended later; nodes that are no part or never started do not count.
func (g Graph) later(parts map[int64]Execution, a, b int) int {
	part, ok := parts[g.Nodes[b].Key]
	if !ok {
		return a
	}
	end, started := part.ended()
	if !started {
		return a
	}
	if a >= 0 {
		if other, _ := parts[g.Nodes[a].Key].ended(); !end.After(other) {
			return a
		}
	}
	return b
}
