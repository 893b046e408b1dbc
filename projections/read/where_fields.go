package read

import (
	"slices"
	"strings"
	"time"

	"github.com/annals-io/annals/domain"
)

// plain is a condition on a field of the run itself.
func (p *whereParser) plain(c comparison) error {
	name := strings.ToLower(c.field.text)
	if !slices.Contains(plainFields, name) {
		return p.fail(c.field.at, "there is no field %q: there are %s, and params.NAME, metadata.NAME, tags.NAME and metrics.NAME", c.field.text, strings.Join(plainFields, ", "))
	}
	switch name {
	case "started", "ended", "created":
		return p.time(name, c)
	}
	if p.said[name] {
		return p.fail(c.field.at, "%s is said twice: use in (...)", name)
	}
	p.said[name] = true
	q := &p.where.Query
	negated := c.op == NE || c.op == IN && c.not
	switch {
	case name == "status" && (c.op == EQ || c.op == NE || c.op == IN):
		statuses, err := p.statuses(c.values)
		if negated {
			q.ExcludeStatuses = statuses
		} else {
			q.Statuses = statuses
		}
		return err
	case name == "pipeline" && (c.op == EQ || c.op == NE || c.op == IN):
		for _, v := range c.values {
			if negated {
				p.where.NotPipelines = append(p.where.NotPipelines, v.text)
			} else {
				p.where.Pipelines = append(p.where.Pipelines, v.text)
			}
		}
		return nil
	case name == "id" && c.op == EQ:
		q.RunID = c.values[0].text
		return nil
	case name == "text" && (c.op == EQ || c.op == CONTAINS):
		q.Text = c.values[0].text
		return nil
	case (name == "nested" || name == "contradictory") && c.op == EQ:
		v := strings.ToLower(c.values[0].text)
		if v != "true" && v != "false" {
			return p.fail(c.values[0].at, "%s is true or false", name)
		}
		if yes := v == "true"; name == "nested" {
			q.Nested = yes
		} else {
			q.Contradictory = &yes
		}
		return nil
	}
	return p.fail(c.opAt, "%s cannot be compared in this way", name)
}

func (p *whereParser) statuses(values []token) ([]domain.Status, error) {
	var out []domain.Status
	for _, v := range values {
		s := domain.Status(strings.ToLower(v.text))
		if !slices.Contains(runStatuses, s) {
			return nil, p.fail(v.at, "%q is no status: there are %s", v.text, statusList())
		}
		out = append(out, s)
	}
	return out, nil
}

func statusList() string {
	var names []string
	for _, s := range runStatuses {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

// time is a bound on a time: a day, or an instant as RFC 3339 writes it; without a zone it is UTC.
func (p *whereParser) time(name string, c comparison) error {
	if c.op == EXISTS || len(c.values) != 1 {
		return p.fail(c.opAt, "%s is compared with one time", name)
	}
	var at time.Time
	err := error(nil)
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if at, err = time.ParseInLocation(layout, c.values[0].text, time.UTC); err == nil {
			break
		}
	}
	if err != nil {
		return p.fail(c.values[0].at, "%q is no time: write 2026-01-31 or 2026-01-31T12:00:00Z", c.values[0].text)
	}
	at = at.UTC()
	q := &p.where.Query
	after, before := &q.StartedAfter, &q.StartedBefore
	switch name {
	case "ended":
		after, before = &q.EndedAfter, &q.EndedBefore
	case "created":
		after, before = &q.CreatedAfter, &q.CreatedBefore
	}
	switch c.op { // After means at or after, and microseconds are the grain
	case GTE:
		return p.bound(after, at, c)
	case GT:
		return p.bound(after, at.Add(time.Microsecond), c)
	case LT:
		return p.bound(before, at, c)
	case LTE:
		return p.bound(before, at.Add(time.Microsecond), c)
	}
	return p.fail(c.opAt, "times are compared by < <= > >=")
}

func (p *whereParser) bound(b *time.Time, at time.Time, c comparison) error {
	if !b.IsZero() {
		return p.fail(c.field.at, "%s is bounded twice in the same direction", strings.ToLower(c.field.text))
	}
	*b = at
	return nil
}
