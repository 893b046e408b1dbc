package fold

import (
	"slices"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// A wanted is a set of keys to be loaded, each once.
type wanted[K comparable] struct {
	asked map[place[K]]bool
	next  []place[K]
}

func (w *wanted[K]) want(ws int32, k K) {
	if w.asked == nil {
		w.asked = map[place[K]]bool{}
	}
	if p := (place[K]{ws, k}); !w.asked[p] {
		w.asked[p] = true
		w.next = append(w.next, p)
	}
}

func (w *wanted[K]) take() []place[K] {
	next := w.next
	w.next = nil
	return next
}

// wants are what the page needs of the database.
type wants struct {
	workspaces, totals          wanted[workspaceKey]
	pipelineVersions            wanted[pipelineVersionWord]
	registered                  wanted[registration]
	runsUp, runsDown, runsMaybe wanted[int64]
	runDetails, steps, stepsOf  wanted[int64]
	pipelines, declared         wanted[int64]
	executions                  wanted[int64]
	artifacts                   wanted[int64] // with all their other names
	aliases                     wanted[aliasKey]
	says                        wanted[uuid.UUID]
	attributes                  wanted[int64] // of an entity
	metrics                     wanted[metricKey]
	versionDetails              wanted[int64]
	counters                    wanted[counterKey]
	lastSaid                    wanted[lastSaidKey]
	columns                     wanted[targetOf] // of a class
	ownColumns                  wanted[int64]    // of a speaker
	named                       wanted[namedVersion]
	outside                     wanted[int64]      // of a class: its version without a name
	united                      wanted[int64]      // classes whose names become one
	unitedFacts                 wanted[unitedName] // executions that used more than one of them
	pipelinesOf                 map[place[int64]][]int64
	movers                      map[place[int64]]bool    // runs whose pipeline the page names; true: one that is new
	contentsAt                  map[place[targetOf]]bool // of a class: contents of words are wanted
	moving                      map[movingRun]bool       // movers, and runs that the page begins and gives a pipeline
	people                      peopleWants
	promotions                  wanted[uuid.UUID]
	received                    wanted[uuid.UUID] // versions, by the promotion that they came with
}

type movingRun struct {
	ws  int32
	run domain.RunRef
}

type namedVersion struct {
	class int64
	name  string
}

// wantNamed wants what the events name and what they say of it changes.
func (f *fold) wantNamed(w *wants) {
	w.pipelinesOf, w.movers, w.contentsAt = map[place[int64]][]int64{}, map[place[int64]]bool{}, map[place[targetOf]]bool{}
	w.moving = map[movingRun]bool{}
	for i := range f.events {
		e := &f.events[i]
		f.ws = e.ws
		if e.Event == nil {
			continue
		}
		w.totals.want(e.ws, workspaceKey{})
		if e.Event.Subject().Kind == domain.KindWorkspace {
			w.workspaces.want(e.ws, workspaceKey{})
		}
		w.people.want(e.ws, e.Event)
		for _, n := range e.names {
			key := f.key(n.Entity)
			if key == 0 {
				continue
			}
			switch n.Kind {
			case domain.KindRun:
				w.runsUp.want(e.ws, key)
			case domain.KindStep:
				w.steps.want(e.ws, key)
			case domain.KindPipeline:
				w.pipelines.want(e.ws, key)
				w.counters.want(e.ws, counterKey{key, "run"})
			case domain.KindArtifact:
				w.artifacts.want(e.ws, key)
			}
		}
		f.wantSaid(w, e)
	}
}

// wantSaid wants what one event changes besides the rows of what it names.
func (f *fold) wantSaid(w *wants, e *happening) {
	attributes := func(key int64, has bool) {
		if has && key != 0 {
			w.attributes.want(e.ws, key)
		}
	}
	execution := func(x domain.Execution) {
		if key := f.key(f.derived.execution(x)); key != 0 {
			w.executions.want(e.ws, key)
		}
		if run := f.runKey(x.Run); run != 0 {
			w.runsUp.want(e.ws, run)
		}
	}
	alias := func(artifact, other domain.Name) {
		if a, b := f.artifactKey(artifact), f.artifactKey(other); a != 0 && b != 0 {
			w.aliases.want(e.ws, aliasKey{a, b})
		}
	}
	ios := func(list []domain.IO) {
		for i := range list {
			io := &list[i]
			for _, a := range io.Aliases {
				alias(io.Artifact, a.Name)
			}
			attributes(f.artifactKey(io.Artifact), len(io.Metadata)+len(io.Tags) > 0 || slices.Contains(io.Deleted, "tags"))
		}
	}
	if s := e.Event.Subject(); s.Kind == domain.KindRun && len(e.Meta.Warnings) > 0 {
		if key := f.key(s); key != 0 {
			w.runDetails.want(e.ws, key)
		}
	}
	switch x := e.Event.(type) {
	case domain.RunReported:
		key := f.runKey(x.Run)
		execution(domain.Execution{Run: x.Run})
		attributes(key, len(x.Parameters)+len(x.Metadata)+len(x.Tags) > 0)
		if key != 0 {
			w.runDetails.want(e.ws, key)
			switch {
			case x.Phase.Terminal():
				w.runsDown.want(e.ws, key)
			case x.Phase == domain.Started || x.Attempt > 0:
				w.runsMaybe.want(e.ws, key)
			}
			if x.Pipeline != nil {
				w.stepsOf.want(e.ws, key)
				w.ownColumns.want(e.ws, key)
				p := place[int64]{e.ws, key}
				w.movers[p] = w.movers[p] || f.pipelineKey(*x.Pipeline) == 0
			}
		}
		if x.Pipeline != nil {
			w.moving[movingRun{e.ws, x.Run}] = true
		}
		if x.Version != "" {
			f.pageWords[x.Run] = append(f.pageWords[x.Run], keyText(x.Version))
		}
		if n, ok := x.PipelineName(); ok {
			pipeline := f.pipelineKey(n)
			f.pagePipelines[x.Run] = append(f.pagePipelines[x.Run], pipeline)
			attributes(pipeline, x.Job != nil && len(x.Job.Tags) > 0)
			if key != 0 && pipeline != 0 {
				p := place[int64]{e.ws, key}
				w.pipelinesOf[p] = append(w.pipelinesOf[p], pipeline)
			}
		}
	case domain.RunNested:
		if key := f.runKey(x.Run); key != 0 {
			w.runsDown.want(e.ws, key)
		}
	case domain.StepReported:
		execution(x.Execution)
		attributes(f.key(x.Subject()), len(x.Parameters)+len(x.Metadata)+len(x.Tags) > 0)
	case domain.MetricsLogged:
		if key := f.key(x.Subject()); key != 0 {
			for _, p := range x.Points {
				w.metrics.want(e.ws, metricKey{key, keyText(p.Name)})
			}
		}
	case domain.ArtifactsConsumed:
		execution(x.Execution)
		ios(x.Inputs)
	case domain.ArtifactsProduced:
		execution(x.Execution)
		ios(x.Outputs)
	case domain.PipelineDeclared:
		if key := f.pipelineKey(x.Pipeline); key != 0 {
			w.declared.want(e.ws, key)
			w.lastSaid.want(e.ws, lastSaidKey{key, saidDeclared, 0})
			attributes(key, x.Job != nil && len(x.Job.Tags) > 0)
		}
		ios(x.Inputs)
		ios(x.Outputs)
	case domain.PipelineRegistered:
		attributes(f.pipelineKey(x.Pipeline), len(x.Tags) > 0)
	case domain.PipelineTagged:
		attributes(f.pipelineKey(x.Pipeline), true)
	case domain.PipelineVersionRegistered:
		if key := f.pipelineKey(x.Pipeline); key != 0 {
			f.wantRegistered(w, e, key, x)
		}
	case domain.ArtifactObserved:
		ios([]domain.IO{x.IO})
	case domain.ArtifactAliased:
		alias(x.Artifact, x.Alias.Name)
	case domain.ArtifactTagged:
		attributes(f.artifactKey(x.Artifact), true)
	case domain.ArtifactVersionAnnotated:
		if x.Version.Producer != nil {
			execution(*x.Version.Producer)
		}
	case domain.ArtifactVersionDeleted:
		if x.Version.Producer != nil {
			execution(*x.Version.Producer)
		}
	case domain.ArtifactVersionReceived:
		ios([]domain.IO{x.IO})
	case domain.ArtifactVersionSent:
		if x.Version.Producer != nil {
			execution(*x.Version.Producer)
		}
	case domain.ArtifactVersionPromoted:
		if x.Version.Producer != nil {
			execution(*x.Version.Producer)
		}
	case domain.ArtifactVersionPromotionRefused:
		if x.Version.Producer != nil {
			execution(*x.Version.Producer)
		}
	}
}
