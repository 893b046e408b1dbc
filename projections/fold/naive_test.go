package fold_test

import (
	"slices"
	"strings"
	"time"

	"github.com/annals-io/annals/domain"
)

// A naive model keeps every fact and computes everything from the bare set of them with the functions of package
// domain. It is slow and plain: what the fold must equal after every arrival.
type naive struct {
	aliases   [][2]domain.Name
	artifacts []domain.Name
	lives     map[domain.Execution][]domain.Fact
	order     []domain.Execution
	io        []said
	observed  []saidOf
	received  []came
	deleted   []gone
	parents   map[domain.RunRef]parent
	pipelines map[domain.RunRef]parent2
	declared  map[domain.Name]declaration
	plans     []plan
	words     map[domain.RunRef]word
	columns   []columnsOf
}

// columnsOf is what a run, or a pipeline by declaration, says of the columns of what it writes.
type columnsOf struct {
	run      domain.RunRef
	pipeline domain.Name // by declaration
	io       domain.IO
	order    domain.Order
}

type plan struct {
	domain.PipelineVersionRegistered
	order domain.Order
}

type word struct {
	text  string
	order domain.Order
}

type declaration struct {
	domain.PipelineDeclared
	order domain.Order
}

type said struct {
	x     domain.Execution
	write bool
	io    domain.IO
	order domain.Order
	named int
}

type saidOf struct {
	io    domain.IO
	order domain.Order
}

type came struct {
	domain.ArtifactVersionReceived
	order domain.Order
}

type gone struct {
	ref domain.VersionRef
	at  time.Time
}

type parent struct {
	of    domain.RunRef
	root  *domain.RunRef
	order domain.Order
}

type parent2 struct {
	name  domain.Name
	order domain.Order
}

func newNaive() *naive {
	return &naive{lives: map[domain.Execution][]domain.Fact{}, parents: map[domain.RunRef]parent{}, pipelines: map[domain.RunRef]parent2{}, declared: map[domain.Name]declaration{}, words: map[domain.RunRef]word{}}
}

func (n *naive) add(r *domain.Recorded) {
	o := r.Order()
	switch e := r.Event.(type) {
	case domain.RunReported:
		n.live(domain.Execution{Run: e.Run}, domain.Fact{Phase: e.Phase, Order: o, Attempt: e.Attempt, Failure: e.Failure})
		if p, ok := n.pipelines[e.Run]; e.Pipeline != nil && (!ok || p.order.Compare(o) <= 0) {
			n.pipelines[e.Run] = parent2{*e.Pipeline, o}
		}
		if w, ok := n.words[e.Run]; e.Version != "" && (!ok || w.order.Compare(o) <= 0) {
			n.words[e.Run] = word{e.Version, o}
		}
	case domain.PipelineVersionRegistered:
		n.plans = append(n.plans, plan{e, o})
	case domain.StepReported:
		n.execution(domain.Execution{Run: e.Run})
		n.live(e.Execution, domain.Fact{Phase: e.Phase, Order: o, Attempt: e.Attempt, Failure: e.Failure})
	case domain.RunNested:
		n.execution(domain.Execution{Run: e.Run})
		n.execution(domain.Execution{Run: e.Parent})
		if e.Root != nil {
			n.execution(domain.Execution{Run: *e.Root})
		}
		if p, ok := n.parents[e.Run]; (!ok || p.order.Compare(o) <= 0) && e.Run != e.Parent {
			n.parents[e.Run] = parent{e.Parent, e.Root, o}
		}
	case domain.ArtifactsConsumed:
		n.execution(e.Execution)
		for _, io := range e.Inputs {
			n.named(io)
			n.io = append(n.io, said{e.Execution, false, io, o, e.Attempt})
		}
	case domain.ArtifactsProduced:
		n.execution(e.Execution)
		for _, io := range e.Outputs {
			n.named(io)
			n.io = append(n.io, said{e.Execution, true, io, o, e.Attempt})
			n.said(columnsOf{run: e.Run, io: io, order: o})
		}
	case domain.ArtifactObserved:
		n.named(e.IO)
		if e.Version != "" {
			n.observed = append(n.observed, saidOf{e.IO, o})
		}
	case domain.ArtifactVersionReceived:
		n.named(e.IO)
		n.received = append(n.received, came{e, o})
	case domain.ArtifactAliased:
		n.artifact(e.Artifact)
		n.artifact(e.Alias.Name)
		n.aliases = append(n.aliases, [2]domain.Name{e.Artifact, e.Alias.Name})
	case domain.PipelineDeclared:
		for _, io := range append(slices.Clone(e.Inputs), e.Outputs...) {
			n.named(io)
		}
		for _, io := range e.Outputs {
			n.said(columnsOf{pipeline: e.Pipeline, io: io, order: o})
		}
		if d, ok := n.declared[e.Pipeline]; len(e.Inputs)+len(e.Outputs) > 0 && (!ok || d.order.Compare(o) <= 0) {
			n.declared[e.Pipeline] = declaration{e, o}
		}
	case domain.RunDeleted:
		n.execution(domain.Execution{Run: e.Run})
	case domain.StepDeleted:
		n.execution(e.Execution)
	case domain.ArtifactDeleted:
		n.artifact(e.Artifact)
	case domain.ArtifactVersionDeleted:
		n.artifact(e.Version.Artifact)
		if e.Version.Producer != nil {
			n.execution(*e.Version.Producer)
		}
		n.deleted = append(n.deleted, gone{e.Version, o.At})
	}
}

func (n *naive) live(x domain.Execution, f domain.Fact) {
	n.execution(x)
	n.lives[x] = append(n.lives[x], f)
}

func (n *naive) execution(x domain.Execution) {
	if x.Step != "" {
		n.execution(domain.Execution{Run: x.Run})
	}
	if !slices.Contains(n.order, x) {
		n.order = append(n.order, x)
	}
}

func (n *naive) named(io domain.IO) {
	n.artifact(io.Artifact)
	for _, a := range io.Aliases {
		n.artifact(a.Name)
		n.aliases = append(n.aliases, [2]domain.Name{io.Artifact, a.Name})
	}
	for _, from := range io.From {
		n.artifact(from)
	}
	for _, c := range io.Columns {
		n.artifact(c.From)
	}
}

func (n *naive) artifact(name domain.Name) {
	if !slices.Contains(n.artifacts, name) {
		n.artifacts = append(n.artifacts, name)
	}
}

// class is the least name among all names of an artifact.
func (n *naive) class(name domain.Name) domain.Name {
	set := []domain.Name{name}
	for grown := true; grown; {
		grown = false
		for _, a := range n.aliases {
			if slices.Contains(set, a[0]) != slices.Contains(set, a[1]) {
				grown = true
				set = append(set, a[0], a[1])
			}
		}
	}
	return slices.MinFunc(set, func(a, b domain.Name) int { return strings.Compare(a.String(), b.String()) })
}
