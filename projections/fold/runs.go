package fold

import (
	"time"

	"github.com/annals-io/annals/domain"
)

type runRow struct {
	runID              string
	foreign            bool
	pipeline           int64
	number             int32
	status, own        string
	startedAt, endedAt time.Time
	firstAt            time.Time
	attempt            int32
	contradictory      bool
	streaming          bool
	parent, root       int64
	refused            int64 // the parent that was named, where that closes a loop
	refusedRoot        int64 // and the root with it
	deleted            bool
	reason             string
	attempts, failure  string
	said               marks
}

var runsTable = table[int64, runRow]{
	name: "runs", keys: 1,
	of:      func(k *int64, _ *runRow) int64 { return *k },
	counted: func(r *runRow) bool { return !r.deleted },
	columns: []column{
		{name: "key", typ: tInt8}, {name: "run_id", typ: tText}, {name: "foreign_run", typ: tBool}, {name: "pipeline", typ: tInt8, nullable: true},
		{name: "number", typ: tInt4, nullable: true}, {name: "status", typ: tText}, {name: "own_status", typ: tText},
		{name: "started_at", typ: tTime, nullable: true}, {name: "ended_at", typ: tTime, nullable: true}, {name: "first_at", typ: tTime, nullable: true},
		{name: "attempt", typ: tInt4}, {name: "contradictory", typ: tBool}, {name: "streaming", typ: tBool},
		{name: "parent", typ: tInt8, nullable: true}, {name: "root", typ: tInt8, nullable: true}, {name: "refused_parent", typ: tInt8, nullable: true}, {name: "refused_root", typ: tInt8, nullable: true},
		{name: "deleted", typ: tBool}, {name: "reason", typ: tText, nullable: true},
		{name: "attempts", typ: tJSONB, nullable: true, canon: canonical[[]attemptDoc]}, {name: "failure", typ: tJSONB, nullable: true, canon: canonical[domain.Failure]},
		{name: "said", typ: tBytea, nullable: true, live: true},
	},
	bind: func(k *int64, r *runRow, to []any) []any {
		return append(to, k, &r.runID, &r.foreign, &r.pipeline, &r.number, &r.status, &r.own, &r.startedAt, &r.endedAt, &r.firstAt,
			&r.attempt, &r.contradictory, &r.streaming, &r.parent, &r.root, &r.refused, &r.refusedRoot, &r.deleted, &r.reason, &r.attempts, &r.failure, (*string)(&r.said))
	},
	same: func(a, b runRow) bool { a.said = b.said; return a == b },
}

type runDetailsRow struct {
	name         string
	version      int64
	versionLabel string
	code         string
	orchestrator string
	warnings     string
	versionAt    time.Time
	said         marks
}

var runDetailsTable = table[int64, runDetailsRow]{
	name: "run_details", keys: 1,
	of: func(k *int64, _ *runDetailsRow) int64 { return *k },
	columns: []column{
		{name: "key", typ: tInt8}, {name: "name", typ: tText, nullable: true}, {name: "version", typ: tInt8, nullable: true}, {name: "version_label", typ: tText, nullable: true},
		{name: "code", typ: tJSONB, nullable: true, canon: canonical[domain.CodeRef]}, {name: "orchestrator", typ: tJSONB, nullable: true, canon: canonical[domain.OrchestratorRef]},
		{name: "warnings", typ: tList, nullable: true, canon: canonical[[]string]},
		{name: "version_at", typ: tTime, nullable: true, live: true}, {name: "said", typ: tBytea, nullable: true, live: true},
	},
	bind: func(k *int64, r *runDetailsRow, to []any) []any {
		return append(to, k, &r.name, &r.version, &r.versionLabel, &r.code, &r.orchestrator, &r.warnings, &r.versionAt, (*string)(&r.said))
	},
	same: func(a, b runDetailsRow) bool { a.said, a.versionAt = b.said, b.versionAt; return a == b },
}

// nameRun makes the row of a run that was never named before: a placeholder until a fact on it comes.
func (f *fold) nameRun(n named) {
	key := f.key(n.Entity)
	r := f.runs.edit(key)
	r.runID, r.foreign = n.run.ID, n.run.Job != (domain.Name{})
	r.status, r.own = string(domain.StatusUnknown), string(domain.StatusUnknown)
	if r.foreign {
		f.assign(key, r, f.pipelineKey(n.run.Job))
	}
	f.words.add(f, domain.KindRun, key, n.run.ID)
}

// assign makes a run one of a pipeline's, with the next number there.
func (f *fold) assign(key int64, r *runRow, pipeline int64) {
	if r.pipeline == pipeline {
		return
	}
	f.leave(key, r.pipeline)
	r.pipeline, r.number = pipeline, f.count(pipeline, "run")
	f.takeColumns(key, pipeline)
	f.pipelineOf(key)
}

// runReported folds in a report on a run.
func (f *fold) runReported(e domain.RunReported) error {
	key := f.runKey(e.Run)
	r := f.runs.edit(key)
	if e.Pipeline != nil && r.said.later(markPipeline, f.order) {
		f.assign(key, r, f.pipelineKey(*e.Pipeline))
	}
	r.streaming = r.streaming || e.Streaming || e.Job != nil && (e.Job.Processing == "STREAMING" || e.Job.Processing == "SERVICE")
	if e.Run.Job != (domain.Name{}) {
		f.jobSays(r.pipeline, e.Job, e.Code)
	}
	f.runDetailed(key, e)
	if e.Version != "" || e.Pipeline != nil {
		f.linkVersion(key)
	}
	f.set(key, domain.KindRun, spaceParameters, e.Parameters)
	f.set(key, domain.KindRun, spaceMetadata, e.Metadata)
	f.tag(key, domain.KindRun, e.Tags)
	return f.lived(key, 0, domain.Execution{Run: e.Run}, domain.Fact{Phase: e.Phase, Attempt: e.Attempt, Failure: e.Failure})
}

// runDetailed folds in what hardly ever changes of a run.
func (f *fold) runDetailed(key int64, e domain.RunReported) {
	if e.Name == "" && e.Version == "" && e.Code == nil && e.Orchestrator == nil {
		return
	}
	d := f.runDetails.edit(key)
	if e.Name != "" && d.said.later(markName, f.order) {
		d.name = noNUL(e.Name)
		f.words.rename(f, domain.KindRun, key, f.runs.get(key).runID, d.name)
	}
	if e.Version != "" && d.said.later(markVersion, f.order) {
		d.versionLabel, d.versionAt = keyText(e.Version), f.order.At
	}
	if e.Code != nil && d.said.later(markCode, f.order) {
		d.code = document(e.Code)
	}
	if e.Orchestrator != nil && d.said.later(markOrchestrator, f.order) {
		d.orchestrator = document(e.Orchestrator)
	}
}

// runNested folds in that a run is part of another one: the last word by event time counts.
func (f *fold) runNested(e domain.RunNested) {
	key, parent := f.runKey(e.Run), f.runKey(e.Parent)
	if parent == key {
		return // a run is no part of itself
	}
	r := f.runs.edit(key)
	if !r.said.later(markParent, f.order) {
		return
	}
	r.root, r.refusedRoot = 0, 0
	if e.Root != nil {
		r.root = f.runKey(*e.Root)
	}
	f.adopt(key, parent)
}

func (f *fold) runDeleted(e domain.RunDeleted) {
	r := f.runs.edit(f.runKey(e.Run))
	r.deleted, r.reason = true, f.reason()
}
