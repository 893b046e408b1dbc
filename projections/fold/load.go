package fold

import (
	"context"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/google/uuid"
)

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
		var held bool
		if readValue(tBool, nil, v[1], &held); held {
			f.trip.worth = math.MaxInt
		}
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

// ask queues the reading of what is wanted.
func (f *fold) ask(w *wants) {
	t := &f.trip
	f.workspaces.load(t, w.workspaces.take())
	f.totals.load(t, w.totals.take())
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
	f.askSays(w.says.take())
	f.askLinkable(w)
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
	f.askPromotions(w)
	f.askPeople(&w.people)
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
	f.wantMovers(w)
	for p, ex := range f.executions {
		for i := range ex.io {
			if ex.io[i].says != uuid.Nil {
				w.says.want(p.ws, ex.io[i].says)
			}
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
		if ours || r.now.promotion != uuid.Nil || w.named.asked[place[namedVersion]{p.ws, namedVersion{r.now.artifact, r.now.name}}] {
			w.versionDetails.want(p.ws, p.key)
			w.attributes.want(p.ws, p.key)
		}
	}
}
