package fold

import (
	"cmp"
	"context"
	"fmt"
	"math/bits"
	"slices"
	"strings"

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
	workspaces                  wanted[workspaceKey]
	pipelineVersions            wanted[pipelineVersionWord]
	runsUp, runsDown, runsMaybe wanted[int64]
	runDetails, steps, stepsOf  wanted[int64]
	pipelines, declared         wanted[int64]
	executions                  wanted[int64]
	artifacts                   wanted[int64] // with all their other names
	aliases                     wanted[aliasKey]
	attributes                  wanted[int64] // of an entity
	metrics                     wanted[metricKey]
	versionDetails              wanted[int64]
	counters                    wanted[counterKey]
	lastSaid                    wanted[lastSaidKey]
	columns                     wanted[targetOf]
	named                       wanted[namedVersion]
	outside                     wanted[int64] // of a class: its version without a name
	united                      wanted[int64] // classes whose names become one
	unitedFacts                 wanted[int64] // of their artifacts: the executions
	pipelinesOf                 map[place[int64]][]int64
}

type namedVersion struct {
	class int64
	name  string
}

// load reads everything that the pages touch. What is found names more: rounds go on until nothing more is wanted.
func (f *fold) load(ctx context.Context, ev Evidence) error {
	if err := f.readEvidence(ctx, ev); err != nil {
		return err
	}
	for i := range f.events {
		if e := &f.events[i]; e.Event != nil {
			e.names = f.namesIn(e.Event)
		}
	}
	f.trip.ask(plansSQL, nil, func(v [][]byte) {
		var size int64
		readValue(tInt8, nil, v[0], &size)
		f.trip.epoch = bits.Len64(uint64(size/8192)) / 2
	})
	if err := f.trip.run(ctx); err != nil {
		return fmt.Errorf("prepare to load: %w", err)
	}
	f.askNames()
	if err := f.trip.run(ctx); err != nil {
		return fmt.Errorf("load keys: %w", err)
	}
	var w wants
	f.wantNamed(&w)
	if err := f.rounds(ctx, &w); err != nil {
		return err
	}
	f.wantClasses(&w)
	if err := f.rounds(ctx, &w); err != nil {
		return err
	}
	f.timesOfPage()
	for {
		f.timesOfExecutions(&w)
		if more, err := f.loadWindows(ctx, &w); err != nil || !more {
			if err != nil {
				return err
			}
			return f.gather()
		}
		if err := f.rounds(ctx, &w); err != nil {
			return err
		}
	}
}

func (f *fold) rounds(ctx context.Context, w *wants) error {
	for {
		f.ask(w)
		if len(f.trip.queued) == 0 {
			return nil
		}
		if err := f.trip.run(ctx); err != nil {
			return fmt.Errorf("load rows: %w", err)
		}
		f.follow(w)
	}
}

// wantNamed wants what the events name and what they say of it changes.
func (f *fold) wantNamed(w *wants) {
	w.pipelinesOf = map[place[int64]][]int64{}
	for i := range f.events {
		e := &f.events[i]
		f.ws = e.ws
		if e.Event == nil {
			continue
		}
		if e.Event.Subject().Kind == domain.KindWorkspace {
			w.workspaces.want(e.ws, workspaceKey{})
		}
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
		if key := f.key(x.Entity()); key != 0 {
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
			}
		}
		if n, ok := x.PipelineName(); ok {
			pipeline := f.pipelineKey(n)
			f.pagePipelines[x.Run] = append(f.pagePipelines[x.Run], pipeline)
			if x.Version != "" && pipeline != 0 {
				w.pipelineVersions.want(e.ws, pipelineVersionWord{pipeline, keyText(x.Version)})
			}
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
			w.counters.want(e.ws, counterKey{key, "version"})
			w.pipelineVersions.want(e.ws, pipelineVersionWord{key, keyText(x.Hash)})
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
	}
}

// ask queues the reading of what is wanted.
func (f *fold) ask(w *wants) {
	t := &f.trip
	f.workspaces.load(t, w.workspaces.take())
	if up := w.runsUp.take(); len(up) > 0 {
		t.ask(fmt.Sprintf(runsUpSQL, f.runs.list()), placesOf(up), f.runs.take)
	}
	if down, perhaps := w.runsDown.take(), w.runsMaybe.take(); len(down)+len(perhaps) > 0 {
		args := append(placesOf(append(slices.Clone(down), perhaps...)), &array{typ: tBool})
		for i := range len(down) + len(perhaps) {
			surely := i < len(down)
			args[2].add(false, &surely)
		}
		t.ask(fmt.Sprintf(runsDownSQL, f.runs.list()), args, f.runs.take)
		t.ask(fmt.Sprintf(stepsDownSQL, f.steps.list()), args, f.steps.take)
	}
	f.runDetails.load(t, w.runDetails.take())
	f.steps.load(t, w.steps.take())
	f.pipelines.load(t, w.pipelines.take())
	f.metrics.load(t, w.metrics.take())
	f.versionDetails.load(t, w.versionDetails.take())
	f.counters.load(t, w.counters.take())
	f.lastSaid.load(t, w.lastSaid.take())
	f.aliases.load(t, w.aliases.take())
	f.askPipelineVersions(w.pipelineVersions.take())
	if list := w.stepsOf.take(); len(list) > 0 {
		t.ask(latePipelineSQL, placesOf(list), func(v [][]byte) {
			var ws int32
			var key int64
			readValue(tInt4, nil, v[0], &ws)
			readValue(tInt8, nil, v[1], &key)
			f.stepsOf = append(f.stepsOf, stepOf{ws: ws, key: key})
			readValue(tInt8, nil, v[2], &f.stepsOf[len(f.stepsOf)-1].run)
			readValue(tInt8, nil, v[3], &f.stepsOf[len(f.stepsOf)-1].pipeline)
		})
	}
	if list := w.executions.take(); len(list) > 0 {
		for _, p := range list {
			f.executions[p] = &execution{ws: p.ws, key: p.key}
			w.steps.want(p.ws, p.key)
			w.runsUp.want(p.ws, p.key)
		}
		args := placesOf(list)
		t.ask(lifeFactsSQL, args, f.takeLife)
		t.ask(ioFactsSQL, args, f.takeIO)
		t.ask(fmt.Sprintf(byExecutionSQL, f.reads.list(), "reads", "execution"), args, f.reads.take)
		t.ask(fmt.Sprintf(byExecutionSQL, f.edges.list(), "lineage_edges", "execution"), args, f.edges.take)
		t.ask(fmt.Sprintf(byExecutionSQL, f.versions.list(), "artifact_versions", "producer"), args, f.versions.take)
	}
	by := func(list []place[int64], columns, table, column string, take func([][]byte)) {
		if len(list) > 0 {
			t.ask(fmt.Sprintf(byExecutionSQL, columns, table, column), placesOf(list), take)
		}
	}
	by(w.attributes.take(), f.attributes.list(), "attributes", "entity", f.attributes.take)
	by(w.declared.take(), f.declared.list(), "declared", "pipeline", f.declared.take)
	if list := w.artifacts.take(); len(list) > 0 {
		t.ask(fmt.Sprintf(artifactsSQL, f.artifacts.list()), placesOf(list), f.artifacts.take)
	}
	f.askClasses(w)
}

// placesOf are keys as two parameters.
func placesOf(places []place[int64]) []*array {
	ws, keys := &array{typ: tInt4}, &array{typ: tInt8}
	for i := range places {
		ws.add(false, &places[i].ws)
		keys.add(false, &places[i].key)
	}
	return []*array{ws, keys}
}

const (
	byExecutionSQL = `SELECT %s FROM unnest($1::int4[], $2::int8[]) AS x (ws, k) JOIN read.%s t ON t.ws = x.ws AND t.%s = x.k`

	// artifactsSQL reads artifacts with all their names.
	artifactsSQL = `
SELECT %s FROM (SELECT DISTINCT a.ws, a.canonical FROM unnest($1::int4[], $2::int8[]) AS x (ws, key) JOIN read.artifacts a ON a.ws = x.ws AND a.key = x.key) c
JOIN read.artifacts t ON t.ws = c.ws AND t.canonical = c.canonical`

	// latePipelineSQL reads the steps of runs that may be given another pipeline.
	latePipelineSQL = `
SELECT s.ws, s.key, s.run, coalesce(r.pipeline, 0) FROM unnest($1::int4[], $2::int8[]) AS x (ws, run)
JOIN read.runs r ON r.ws = x.ws AND r.key = x.run JOIN read.steps s ON s.ws = x.ws AND s.run = x.run`
)

// A stepOf is a step of a run whose pipeline an event names.
type stepOf struct {
	ws                 int32
	key, run, pipeline int64
}

// follow wants what the loaded rows name.
func (f *fold) follow(w *wants) {
	for _, s := range f.stepsOf {
		if slices.ContainsFunc(w.pipelinesOf[place[int64]{s.ws, s.run}], func(p int64) bool { return p != s.pipeline }) || len(w.pipelinesOf[place[int64]{s.ws, s.run}]) == 0 {
			w.executions.want(s.ws, s.key)
		}
	}
	f.stepsOf = nil
	for p, ex := range f.executions {
		for i := range ex.io {
			w.artifacts.want(p.ws, ex.io[i].artifact)
			for _, s := range ex.io[i].sources {
				w.artifacts.want(p.ws, s)
			}
		}
	}
	for p, s := range f.steps.rows {
		w.runsUp.want(p.ws, s.now.run)
	}
	for p, r := range f.reads.rows {
		if r.now.twin {
			w.executions.want(p.ws, p.key.execution)
		}
	}
	for p, r := range f.declared.rows {
		w.artifacts.want(p.ws, p.key.artifact)
		for _, s := range readInts(r.now.sources) {
			w.artifacts.want(p.ws, s)
		}
	}
	for p := range f.columnLineage.rows {
		w.artifacts.want(p.ws, p.key.target)
	}
	for p, r := range f.versions.rows {
		w.artifacts.want(p.ws, r.now.artifact)
		_, ours := f.executions[place[int64]{p.ws, r.now.producer}]
		if ours || w.named.asked[place[namedVersion]{p.ws, namedVersion{r.now.artifact, r.now.name}}] {
			w.versionDetails.want(p.ws, p.key)
			w.attributes.want(p.ws, p.key)
		}
	}
}

// gather puts the loaded rows together into what the fold works on.
func (f *fold) gather() error {
	f.gatherFamilies()
	f.gatherColumns()
	for p, a := range f.artifacts.rows {
		c := place[int64]{p.ws, a.now.canonical}
		f.members[c] = append(f.members[c], p.key)
	}
	for p := range f.members {
		slices.Sort(f.members[p])
	}
	for p := range f.declared.rows {
		at := place[int64]{p.ws, p.key.pipeline}
		f.declaredAt[at] = append(f.declaredAt[at], p.key)
	}
	for p := range f.declaredAt {
		f.ws = p.ws
		f.declarations[p] = f.declaredSupports(p.key)
	}
	f.gatherVersions()
	if err := f.gatherReads(); err != nil {
		return err
	}
	for p, ex := range f.executions {
		f.ws = p.ws
		if s := f.steps.get(p.key); s != nil {
			ex.run = s.run
		}
		f.joinRun(ex)
		ex.life = domain.FoldLife(ex.facts)
		if len(ex.io) > 0 {
			ex.uses = f.derive(ex)
		}
	}
	for p := range f.edges.rows {
		if ex := f.executions[place[int64]{p.ws, p.key.execution}]; ex != nil {
			ex.edges = append(ex.edges, p.key)
		}
	}
	return nil
}

func (f *fold) gatherVersions() {
	type loaded struct {
		place[int64]
		row *versionRow
	}
	var list []loaded
	for p, r := range f.versions.rows {
		list = append(list, loaded{p, &r.now})
	}
	slices.SortFunc(list, func(a, b loaded) int {
		return cmp.Or(cmp.Compare(a.ws, b.ws), a.row.completedAt.Compare(b.row.completedAt), cmp.Compare(a.key, b.key))
	})
	for _, v := range list {
		f.ws = v.ws
		f.gatherVersion(v.key, v.row)
	}
}

func (f *fold) gatherReads() error {
	type loaded struct {
		place[readKey]
		row *readRow
	}
	var list []loaded
	for p, r := range f.reads.rows {
		list = append(list, loaded{p, &r.now})
	}
	slices.SortFunc(list, func(a, b loaded) int {
		return cmp.Or(cmp.Compare(a.ws, b.ws), a.row.start.Compare(b.row.start), cmp.Compare(a.key.execution, b.key.execution), strings.Compare(a.key.name, b.key.name))
	})
	for _, l := range list {
		f.ws = l.ws
		c := f.class(l.key.artifact)
		r := &read{execution: l.key.execution, name: l.key.name, start: l.row.start}
		c.addRead(r)
		if r.version = c.meant(r, f.scratch); r.version == nil {
			r.version = c.slots[slot{name: r.name}]
		}
		if r.version == nil {
			return fmt.Errorf("workspace %d: execution %d reads artifact %d, and the version it means is not there", l.ws, l.key.execution, l.key.artifact)
		}
	}
	return nil
}
