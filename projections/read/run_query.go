package read

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/annals-io/annals/domain"
)

// A RunQuery asks for runs. Zero fields ask nothing, save that only top-level runs are listed and deleted ones never.
type RunQuery struct {
	Statuses, ExcludeStatuses   []domain.Status
	Pipelines, ExcludePipelines []int64
	Text                        string // in the run's name, its id or its pipeline's name, whatever the case
	RunID                       string // the producer's
	Nested                      bool   // nested runs too
	Parent                      int64  // only runs nested directly in it; implies Nested
	StartedAfter, StartedBefore time.Time
	EndedAfter, EndedBefore     time.Time
	CreatedAfter, CreatedBefore time.Time        // recorded times; After means at or after
	CreatedFrom, CreatedTo      *domain.Revision // both inclusive
	Contradictory               *bool
	Conditions                  []Condition // all hold; on tags too
	Without                     []Condition // none holds: tags that are not wanted
	Order                       RunOrder
	Page                        Page
}

// A RunOrder sorts runs. The zero value is the default: newest first. Runs without the value come last either way;
// equal ones are sorted by key in the direction of the order.
type RunOrder struct {
	By        OrderBy
	Name      string    // of the parameter, metadata entry or metric
	Of        Aggregate // of the metric
	Ascending bool
}

// An OrderBy is what runs are sorted by.
type OrderBy int

// The orders.
const (
	ByCreated OrderBy = iota
	ByStarted
	ByEnded
	ByDuration
	ByParameter
	ByMetadata
	ByMetric
)

// MaxConditions is the most conditions of one query.
const MaxConditions = 40

func (q *RunQuery) validate() error {
	if n := len(q.Conditions) + len(q.Without); n > MaxConditions {
		return invalid("%d conditions; at most %d", n, MaxConditions)
	}
	for _, c := range slices.Concat(q.Conditions, q.Without) {
		if err := c.validate(); err != nil {
			return err
		}
	}
	if q.Order.By >= ByParameter && q.Order.Name == "" {
		return invalid("the order must name the parameter, metadata entry or metric")
	}
	return nil
}

// statuses are those that the query can find; nil: any.
func (q *RunQuery) statuses() []string {
	if len(q.Statuses) == 0 && len(q.ExcludeStatuses) == 0 {
		return nil
	}
	from := q.Statuses
	if len(from) == 0 {
		from = runStatuses
	}
	out := []string{}
	for _, s := range from {
		if !slices.Contains(q.ExcludeStatuses, s) && !slices.Contains(out, string(s)) {
			out = append(out, string(s))
		}
	}
	return out
}

// runStatuses are all that a run can have.
var runStatuses = []domain.Status{
	domain.StatusUnknown, domain.StatusQueued, domain.StatusInitializing, domain.StatusRunning, domain.StatusCancelling,
	domain.StatusSucceeded, domain.StatusFailed, domain.StatusCancelled, domain.StatusSkipped, domain.StatusCached,
	domain.StatusUnfinished, domain.StatusLost, domain.StatusRetrying, domain.StatusRetried,
}

// allRunStatuses is the SQL of their array.
var allRunStatuses = func() string {
	names := make([]string, len(runStatuses))
	for i, s := range runStatuses {
		names[i] = "'" + string(s) + "'"
	}
	return "ARRAY[" + strings.Join(names, ", ") + "]"
}()

// A runSearch is a query that is being put into SQL at a moment. Its conditions speak of a row r of runs.
type runSearch struct {
	db   *DB
	m    Moment
	q    RunQuery
	b    binds
	last int64    // largest key
	min  int64    // least key
	on   []string // conditions on r alone
	and  []string // conditions that look elsewhere
}

// fork is the search for one more statement: a statement binds only what it uses.
func (s *runSearch) fork() *runSearch {
	c := *s
	c.b = slices.Clone(s.b)
	return &c
}

// search prepares a query.
func (d *DB) search(ctx context.Context, m Moment, q RunQuery) (*runSearch, error) {
	if err := q.validate(); err != nil {
		return nil, err
	}
	s := &runSearch{db: d, m: m, q: q, b: bindsOf(m), last: lastKey(m.Revision)}
	if err := s.created(ctx); err != nil {
		return nil, err
	}
	s.columns()
	for _, c := range q.Without {
		s.and = append(s.and, "NOT "+c.holds(&s.b, "r.key"))
	}
	if q.Text != "" {
		text := lower(q.Text)
		s.and = append(s.and, `(`+text.within(&s.b, "r.run_id")+`
			OR EXISTS (SELECT FROM read.pipelines p WHERE p.ws = $1 AND p.key = r.pipeline AND `+text.within(&s.b, "p.name")+`)
			OR EXISTS (SELECT FROM (`+rowAt("run_details", "name", "x.key = r.key")+`) a WHERE `+text.within(&s.b, "a.name")+`))`)
	}
	return s, nil
}

// created turns times of creation into a range of keys.
func (s *runSearch) created(ctx context.Context) error {
	if !s.q.CreatedAfter.IsZero() {
		key, err := s.db.keyAt(ctx, s.m, s.q.CreatedAfter)
		if err != nil {
			return err
		}
		s.min = max(s.min, key)
	}
	if !s.q.CreatedBefore.IsZero() {
		key, err := s.db.keyAt(ctx, s.m, s.q.CreatedBefore)
		if err != nil {
			return err
		}
		s.last = min(s.last, key-1)
	}
	if s.q.CreatedFrom != nil {
		s.min = max(s.min, int64(*s.q.CreatedFrom)*keysPerRevision)
	}
	if s.q.CreatedTo != nil {
		s.last = min(s.last, lastKey(*s.q.CreatedTo))
	}
	return nil
}

// columns are the conditions on the columns of runs.
func (s *runSearch) columns() {
	add := func(text string) { s.on = append(s.on, text) }
	add("NOT r.deleted")
	if len(s.q.ExcludePipelines) > 0 {
		add("(r.pipeline <> ALL(" + s.b.of(s.q.ExcludePipelines) + ") OR r.pipeline IS NULL)")
	}
	if s.q.RunID != "" {
		add("r.run_id = " + s.b.of(s.q.RunID))
	}
	switch {
	case s.q.Parent != 0:
		add("r.parent = " + s.b.of(s.q.Parent))
	case !s.q.Nested:
		add("r.parent IS NULL")
	}
	for _, t := range []struct {
		at        time.Time
		condition string
	}{
		{s.q.StartedAfter, "r.started_at >= "}, {s.q.StartedBefore, "r.started_at < "},
		{s.q.EndedAfter, "r.ended_at >= "}, {s.q.EndedBefore, "r.ended_at < "},
	} {
		if !t.at.IsZero() {
			add(t.condition + s.b.of(t.at))
		}
	}
	if s.q.Contradictory != nil {
		add("r.contradictory = " + s.b.of(*s.q.Contradictory))
	}
}

// A given names conditions that a statement fulfils by the way it finds the rows. To say them again would spoil the
// order of the index.
type given int

const (
	givenStatus given = 1 << iota
	givenPipeline
	givenDriver // the condition that drives
)

// where is all of the conditions but those that are given, with what a list adds.
func (s *runSearch) where(g given, more ...string) string {
	all := slices.Concat(s.on, s.and, more)
	for i, c := range s.q.Conditions {
		if g&givenDriver == 0 || i != driving(s.q.Conditions) {
			all = append(all, c.holds(&s.b, "r.key"))
		}
	}
	if st := s.q.statuses(); st != nil && g&givenStatus == 0 {
		all = append(all, "r.status = ANY("+s.b.of(st)+")")
	}
	if len(s.q.Pipelines) > 0 && g&givenPipeline == 0 {
		all = append(all, "r.pipeline = ANY("+s.b.of(s.q.Pipelines)+")")
	}
	return strings.Join(all, "\n\tAND ")
}
