package domain

import (
	"encoding/json"
	"math"
	"strconv"
	"unicode/utf8"
)

// Most of a log is reports of runs and steps, their metrics, and what they read and write, in the form in which [Encode]
// writes them: no spaces, hardly an escape, each member once. A lean reader takes that form at a fraction of the price
// of encoding/json. Whatever it does not expect, however valid, it leaves to encoding/json, which alone says what is wrong
// with data: the two never differ on what both take (FuzzDecodeLean).
type lean struct {
	b   []byte
	i   int
	odd bool // something is not as expected
}

// leanly is decode, tried by a lean reader first.
func leanly[E Event](read func(p *lean, e *E), first func() E) func([]byte) (Event, error) {
	return func(data []byte) (Event, error) {
		p, e := lean{b: data}, first()
		if read(&p, &e); !p.odd && p.i == len(data) {
			return e, nil
		}
		e = first()
		err := json.Unmarshal(data, &e)
		return e, err
	}
}

// unset is an event of which nothing is known before its data.
func unset[E Event]() (e E) { return e }

func (p *lean) run(e *RunReported) {
	p.object(func(key []byte) int {
		switch string(key) {
		case "run":
			p.ref(&e.Run)
			return 0
		case "pipeline":
			e.Pipeline = new(Name)
			p.name(e.Pipeline)
			return 1
		case "pipelineVersion":
			e.Version = p.text()
			return 2
		case "name":
			e.Name = p.text()
			return 3
		case "attempt":
			e.Attempt = int(p.whole())
			return 4
		case "parameters":
			e.Parameters = list(p, (*lean).attribute)
			return 5
		case "metadata":
			e.Metadata = list(p, (*lean).attribute)
			return 6
		case "tags":
			e.Tags = list(p, (*lean).tag)
			return 7
		case "failure":
			p.other(&e.Failure)
			return 8
		case "code":
			p.other(&e.Code)
			return 9
		case "orchestrator":
			p.other(&e.Orchestrator)
			return 10
		case "job":
			e.Job = new(JobInfo)
			p.job(e.Job)
			return 11
		case "streaming":
			e.Streaming = p.yes()
			return 12
		}
		return unknown
	})
}

func (p *lean) job(j *JobInfo) {
	p.object(func(key []byte) int {
		switch string(key) {
		case "type":
			j.Type = p.text()
			return 0
		case "integration":
			j.Integration = p.text()
			return 1
		case "processing":
			j.Processing = p.text()
			return 2
		case "description":
			p.other(&j.Description)
			return 3
		case "sql":
			p.other(&j.SQL)
			return 4
		case "ownership":
			p.other(&j.Ownership)
			return 5
		case "source":
			p.other(&j.Source)
			return 6
		case "tags":
			j.Tags = list(p, (*lean).tag)
			return 7
		case "deleted":
			j.Deleted = list(p, func(p *lean, s *string) { *s = p.text() })
			return 8
		}
		return unknown
	})
}

func (p *lean) nested(e *RunNested) {
	p.object(func(key []byte) int {
		switch string(key) {
		case "run":
			p.ref(&e.Run)
			return 0
		case "parent":
			p.ref(&e.Parent)
			return 1
		case "root":
			e.Root = new(RunRef)
			p.ref(e.Root)
			return 2
		}
		return unknown
	})
}

func (p *lean) step(e *StepReported) {
	p.object(func(key []byte) int {
		if bit := p.execution(key, &e.Execution); bit != unknown {
			return bit
		}
		switch string(key) {
		case "attempt":
			e.Attempt = int(p.whole())
			return 2
		case "name":
			e.Name = p.text()
			return 3
		case "upstream":
			e.Upstream = list(p, func(p *lean, s *string) { *s = p.text() })
			return 4
		case "parameters":
			e.Parameters = list(p, (*lean).attribute)
			return 5
		case "metadata":
			e.Metadata = list(p, (*lean).attribute)
			return 6
		case "tags":
			e.Tags = list(p, (*lean).tag)
			return 7
		case "failure":
			p.other(&e.Failure)
			return 8
		case "code":
			p.other(&e.Code)
			return 9
		case "cacheKey":
			e.CacheKey = p.text()
			return 10
		case "cachedFrom":
			p.other(&e.CachedFrom)
			return 11
		}
		return unknown
	})
}

func (p *lean) metrics(e *MetricsLogged) {
	p.object(func(key []byte) int {
		if bit := p.execution(key, &e.Execution); bit != unknown {
			return bit
		}
		if string(key) == "points" {
			e.Points = list(p, (*lean).metric)
			return 2
		}
		return unknown
	})
}

func (p *lean) metric(m *Metric) {
	p.object(func(key []byte) int {
		switch string(key) {
		case "name":
			m.Name = p.text()
			return 0
		case "value":
			n, err := strconv.ParseFloat(string(p.number()), 64)
			p.odd = p.odd || err != nil || math.IsInf(n, 0)
			m.Value = Float(n)
			return 1
		case "step":
			m.Step = p.whole()
			return 2
		}
		return unknown
	})
}

func (p *lean) attribute(a *Attribute) {
	p.object(func(key []byte) int {
		switch string(key) {
		case "name":
			a.Name = p.text()
			return 0
		case "value":
			raw := p.value()
			if p.odd = p.odd || !json.Valid(raw) || raw[0] == 'n' || raw[0] <= ' ' || raw[len(raw)-1] <= ' '; !p.odd {
				p.odd = a.Value.UnmarshalJSON(raw) != nil
			}
			return 1
		}
		return unknown
	})
}

func (p *lean) tag(t *Tag) {
	p.object(func(key []byte) int {
		switch string(key) {
		case "key":
			t.Key = p.text()
			return 0
		case "value":
			t.Value = p.text()
			return 1
		case "source":
			t.Source = p.text()
			return 2
		}
		return unknown
	})
}

func (p *lean) name(n *Name) {
	p.object(func(key []byte) int {
		switch string(key) {
		case "namespace":
			n.Namespace = p.text()
			return 0
		case "name":
			n.Name = p.text()
			return 1
		}
		return unknown
	})
}

func (p *lean) ref(r *RunRef) {
	p.object(func(key []byte) int {
		switch string(key) {
		case "id":
			r.ID = p.text()
			return 0
		case "job":
			p.name(&r.Job)
			return 1
		}
		return unknown
	})
}

// execution reads the members of an execution, whose places among the members are the first two.
func (p *lean) execution(key []byte, x *Execution) int {
	switch string(key) {
	case "run":
		p.ref(&x.Run)
		return 0
	case "step":
		x.Step = p.text()
		return 1
	}
	return unknown
}

// other leaves a member to encoding/json.
func (p *lean) other(into any) {
	if raw := p.value(); !p.odd {
		p.odd = raw[0] == 'n' || !utf8.Valid(raw) || json.Unmarshal(raw, into) != nil
	}
}
