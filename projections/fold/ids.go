package fold

import "github.com/annals-io/annals/domain"

// An id is a hash, and an event asks for the same ones again and again: naming what it names, finding rows, noting its
// subject. So do the events of a run. Those derived lately are remembered.

// lately is how many runs, and how many steps, are remembered.
const lately = 8

// mostNamed is how many pipelines or artifacts are remembered.
const mostNamed = 20_000

// derived are the ids that were derived lately.
type derived struct {
	runs struct { // in a ring
		refs [lately]domain.RunRef
		ids  [lately]domain.Entity
		next int
	}
	steps struct {
		of   [lately]domain.Execution
		ids  [lately]domain.Entity
		next int
	}
	pipelines, artifacts map[domain.Name]domain.Entity
}

func (d *derived) run(r domain.RunRef) domain.Entity {
	for i := range d.runs.ids {
		if d.runs.refs[i] == r && d.runs.ids[i].Kind != "" {
			return d.runs.ids[i]
		}
	}
	e, i := domain.RunEntity(r), d.runs.next
	d.runs.refs[i], d.runs.ids[i], d.runs.next = r, e, (i+1)%lately
	return e
}

func (d *derived) execution(x domain.Execution) domain.Entity {
	if x.Step == "" {
		return d.run(x.Run)
	}
	for i := range d.steps.ids {
		if d.steps.of[i] == x {
			return d.steps.ids[i]
		}
	}
	e, i := x.Entity(), d.steps.next
	d.steps.of[i], d.steps.ids[i], d.steps.next = x, e, (i+1)%lately
	return e
}

func (d *derived) pipeline(n domain.Name) domain.Entity {
	return remembered(&d.pipelines, n, domain.PipelineEntity)
}

func (d *derived) artifact(n domain.Name) domain.Entity {
	return remembered(&d.artifacts, n, domain.ArtifactEntity)
}

func remembered(in *map[domain.Name]domain.Entity, n domain.Name, derive func(domain.Name) domain.Entity) domain.Entity {
	e, ok := (*in)[n]
	if ok {
		return e
	}
	if e = derive(n); *in == nil || len(*in) >= mostNamed {
		*in = map[domain.Name]domain.Entity{}
	}
	(*in)[n] = e
	return e
}

// subject is what an event is about: the same as it says itself.
func (d *derived) subject(e domain.Event) domain.Entity {
	switch e := e.(type) {
	case domain.RunReported:
		return d.run(e.Run)
	case domain.RunNested:
		return d.run(e.Run)
	case domain.StepReported:
		return d.execution(e.Execution)
	case domain.MetricsLogged:
		return d.execution(e.Execution)
	case domain.ArtifactsConsumed:
		return d.execution(e.Execution)
	case domain.ArtifactsProduced:
		return d.execution(e.Execution)
	}
	return e.Subject()
}
