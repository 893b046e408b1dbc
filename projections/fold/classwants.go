package fold

import (
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// wantClasses wants, of each artifact that the page reads or writes, what is found without a window.
func (f *fold) wantClasses(w *wants) {
	f.times = map[place[int64]]*times{}
	f.wantUnited(w)
	f.wantLoops(w)
	for i := range f.events {
		e := &f.events[i]
		f.ws = e.ws
		switch x := e.Event.(type) {
		case domain.RunReported:
			if x.Version != "" || x.Pipeline != nil {
				f.wantMeant(w, e, x.Run)
			}
		case domain.ArtifactsConsumed:
			f.wantIOs(w, e, x.Execution, x.Inputs, nil)
		case domain.ArtifactsProduced:
			f.wantIOs(w, e, x.Execution, nil, x.Outputs)
		case domain.ArtifactObserved:
			f.wantVersion(w, e, domain.VersionRef{Artifact: x.Artifact, Name: x.Version})
		case domain.ArtifactVersionAnnotated:
			f.wantVersion(w, e, x.Version)
		case domain.ArtifactVersionDeleted:
			f.wantVersion(w, e, x.Version)
		case domain.ArtifactVersionReceived:
			f.wantPromotion(w, e, x.Promotion, domain.VersionRef{Artifact: x.Artifact, Name: x.Version})
		case domain.ArtifactVersionSent:
			f.wantPromotion(w, e, x.Promotion, x.Version)
		case domain.ArtifactVersionPromoted:
			f.wantPromotion(w, e, x.Promotion, x.Version)
		case domain.ArtifactVersionPromotionRefused:
			f.wantPromotion(w, e, x.Promotion, x.Version)
		case domain.PipelineDeclared:
			for i := range x.Outputs {
				pipeline := f.pipelineKey(x.Pipeline)
				f.wantColumns(w, e, pipeline, pipeline, &x.Outputs[i], false)
			}
		}
	}
	for p, v := range f.versions.rows {
		w.counters.want(p.ws, counterKey{v.now.artifact, "artifact_version"})
		if v.now.name != "" {
			w.named.want(p.ws, namedVersion{v.now.artifact, v.now.name})
		}
	}
}

func (f *fold) wantIOs(w *wants, e *happening, x domain.Execution, inputs, outputs []domain.IO) {
	key := f.key(f.derived.execution(x))
	p := place[int64]{e.ws, key}
	touch := func(n domain.Name, name string, write bool) {
		class := f.stored(n)
		if class == 0 {
			return
		}
		w.outside.want(e.ws, class)
		w.counters.want(e.ws, counterKey{class, "artifact_version"})
		if name != "" {
			w.named.want(e.ws, namedVersion{class, keyText(name)})
		}
		if key == 0 { // an execution that is new: its times are those of the page
			f.newUses = append(f.newUses, newUse{x, e.ws, class, write})
		} else {
			f.pageUses[p] = append(f.pageUses[p], pageUse{class, write})
		}
	}
	for i := range inputs {
		touch(inputs[i].Artifact, inputs[i].Version, false)
	}
	for i := range outputs {
		io := &outputs[i]
		touch(io.Artifact, io.Version, true)
		columns, _ := f.columnsOf(io)
		for _, from := range io.From {
			touch(from, "", false)
		}
		for _, c := range columns {
			touch(c.From, "", false)
		}
		pipelines := append([]int64{0}, w.pipelinesOf[place[int64]{e.ws, f.runKey(x.Run)}]...)
		if r := f.runs.get(f.runKey(x.Run)); r != nil {
			pipelines = append(pipelines, r.pipeline)
		}
		if x.Run.Job != (domain.Name{}) {
			pipelines = append(pipelines, f.pipelineKey(x.Run.Job))
		}
		pipelines = append(pipelines, f.pagePipelines[x.Run]...)
		slices.Sort(pipelines)
		for _, pipeline := range slices.Compact(pipelines) {
			f.wantColumns(w, e, f.runKey(x.Run), pipeline, io, w.moving[movingRun{e.ws, x.Run}])
		}
	}
}

func (f *fold) wantVersion(w *wants, e *happening, ref domain.VersionRef) {
	class := f.stored(ref.Artifact)
	if class == 0 {
		return
	}
	w.counters.want(e.ws, counterKey{class, "artifact_version"})
	if ref.Promotion != uuid.Nil {
		w.received.want(e.ws, ref.Promotion)
		w.outside.want(e.ws, class) // what reads mean that do not mean it any more
		return
	}
	if ref.Name == "" {
		w.outside.want(e.ws, class)
		return
	}
	w.named.want(e.ws, namedVersion{class, keyText(ref.Name)})
}

// These look into indexes that hold a few rows of their table. A planner that has not seen the table yet takes such an
// index for empty and reads it whole before it looks at the list: OFFSET 0 keeps it from turning the two round.
const (
	namedVersionsSQL = `SELECT %s FROM unnest($1::int4[], $2::int8[], $3::text[]) AS x (ws, artifact, name)
CROSS JOIN LATERAL (SELECT * FROM read.artifact_versions v WHERE v.ws = x.ws AND v.artifact = x.artifact AND v.name_hash = hashtextextended(x.name, 0) AND v.name = x.name OFFSET 0) t`
	namedReadsSQL = `SELECT %s FROM unnest($1::int4[], $2::int8[], $3::text[]) AS x (ws, artifact, name)
CROSS JOIN LATERAL (SELECT * FROM read.reads r WHERE r.ws = x.ws AND r.artifact = x.artifact AND r.name = x.name AND r.name <> '' OFFSET 0) t`
	outsideSQL = `SELECT %s FROM unnest($1::int4[], $2::int8[]) AS x (ws, artifact)
CROSS JOIN LATERAL (SELECT * FROM read.artifact_versions v WHERE v.ws = x.ws AND v.artifact = x.artifact AND v.producer IS NULL AND v.name IS NULL OFFSET 0) t`
	unitedFactsSQL = `SELECT t.ws, t.execution FROM unnest($1::int4[], $2::int8[], $3::int8[], $4::int8[]) AS x (ws, least, class, artifact)
JOIN read.io_facts t ON t.ws = x.ws AND t.artifact = x.artifact GROUP BY t.ws, t.execution, x.least HAVING count(DISTINCT x.class) > 1`
	declaredOfSQL = `SELECT DISTINCT t.ws, t.pipeline FROM unnest($1::int4[], $2::int8[]) AS x (ws, artifact)
JOIN read.declared t ON t.ws = x.ws AND t.artifact = x.artifact`
)

// askClasses queues the reading of what is found without a window.
func (f *fold) askClasses(w *wants) {
	t := &f.trip
	if list := w.named.take(); len(list) > 0 {
		ws, classes, names := &array{typ: tInt4}, &array{typ: tInt8}, &array{typ: tText}
		for i := range list {
			ws.add(false, &list[i].ws)
			classes.add(false, &list[i].key.class)
			names.add(false, &list[i].key.name)
		}
		args := []*array{ws, classes, names}
		t.ask(fmt.Sprintf(namedVersionsSQL, f.versions.list()), args, f.versions.take)
		t.ask(fmt.Sprintf(namedReadsSQL, f.reads.list()), args, f.reads.take)
	}
	f.askColumns(w)
	if list := w.outside.take(); len(list) > 0 {
		t.ask(fmt.Sprintf(outsideSQL, f.versions.list()), placesOf(list), f.versions.take)
	}
	pairs := func(take func(ws int32, key int64)) func([][]byte) {
		return func(v [][]byte) {
			var ws int32
			var key int64
			readValue(tInt4, nil, v[0], &ws)
			readValue(tInt8, nil, v[1], &key)
			take(ws, key)
		}
	}
	if list := w.unitedFacts.take(); len(list) > 0 {
		args := []*array{{typ: tInt4}, {typ: tInt8}, {typ: tInt8}, {typ: tInt8}}
		for i := range list {
			for j, p := range [...]any{&list[i].ws, &list[i].key.least, &list[i].key.class, &list[i].key.artifact} {
				args[j].add(false, p)
			}
		}
		t.ask(unitedFactsSQL, args, pairs(func(ws int32, key int64) { w.executions.want(ws, key) }))
	}
	if list := w.united.take(); len(list) > 0 {
		args := placesOf(list)
		t.ask(fmt.Sprintf(byExecutionSQL, f.versions.list(), "artifact_versions", "artifact"), args, f.versions.take)
		t.ask(fmt.Sprintf(byExecutionSQL, f.reads.list(), "reads", "artifact"), args, f.reads.take)
		f.askUnitedColumns(w, args)
		t.ask(declaredOfSQL, args, pairs(func(ws int32, key int64) { w.declared.want(ws, key) }))
	}
}

// A pageUse is a class that an event of the page says an execution reads or writes.
type pageUse struct {
	class int64
	write bool
}

// A newUse is the same of an execution that the page itself begins.
type newUse struct {
	execution domain.Execution
	ws        int32
	class     int64
	write     bool
}
