package fold

import (
	"encoding/json"
	"fmt"

	"github.com/annals-io/annals/domain"
)

type pipelineRow struct {
	namespace, name            string
	description, descriptionAt string // evidence digest, JSON pointer
	job                        string // domain.JobInfo without description and tags
	code                       string
	deleted                    bool
	reason                     string
	said                       marks
}

var pipelinesTable = table[int64, pipelineRow]{
	name: "pipelines", keys: 1,
	columns: []column{
		{name: "key", typ: tInt8}, {name: "namespace", typ: tText}, {name: "name", typ: tText},
		{name: "description", typ: tBytea, nullable: true}, {name: "description_at", typ: tText, nullable: true},
		{name: "job", typ: tJSONB, nullable: true, canon: canonical[domain.JobInfo]}, {name: "code", typ: tJSONB, nullable: true, canon: canonical[domain.CodeRef]},
		{name: "deleted", typ: tBool}, {name: "reason", typ: tText, nullable: true}, {name: "said", typ: tBytea, nullable: true, live: true},
	},
	bind: func(k *int64, r *pipelineRow, to []any) []any {
		return append(to, k, &r.namespace, &r.name, &r.description, &r.descriptionAt, &r.job, &r.code, &r.deleted, &r.reason, (*string)(&r.said))
	},
	same: func(a, b pipelineRow) bool { a.said = b.said; return a == b },
}

// namePipeline makes the row of a pipeline that was never named before.
func (f *fold) namePipeline(n named) {
	key := f.key(n.Entity)
	p := f.pipelines.edit(key)
	p.namespace, p.name = n.name.Namespace, n.name.Name
	f.words.add(f, domain.KindPipeline, key, n.name.Name)
}

// pipelineChanged folds the facts on a pipeline that are no run's.
func (f *fold) pipelineChanged(e domain.Event) error {
	key := f.key(e.Subject())
	p := f.pipelines.edit(key)
	switch e := e.(type) {
	case domain.PipelineRegistered:
		p.deleted, p.reason = false, ""
		if e.Description != nil {
			p.describe(e.Description, f.order)
		}
		f.tag(key, domain.KindPipeline, e.Tags)
	case domain.PipelineDescribed:
		p.describe(e.Description, f.order)
	case domain.PipelineTagged:
		f.tag(key, domain.KindPipeline, e.Set)
		f.untag(key, domain.KindPipeline, e.Removed)
	case domain.PipelineDeleted:
		p.deleted, p.reason = true, f.reason()
	case domain.PipelineVersionRegistered:
		return f.registerVersion(key, e)
	case domain.PipelineDeclared:
		f.jobSays(key, e.Job, e.Code)
		p.forget(e.Deleted, f.order)
		return f.declare(key, e)
	}
	return nil
}

func (p *pipelineRow) describe(t *domain.Text, o domain.Order) {
	if p.said.later(markDescription, o) {
		p.description, p.descriptionAt = textOf(t)
	}
}

// jobSays folds in what a foreign report says of its job: each facet replaces the earlier one of its kind.
func (f *fold) jobSays(key int64, job *domain.JobInfo, code *domain.CodeRef) {
	if key == 0 || job == nil && code == nil {
		return
	}
	p := f.pipelines.edit(key)
	if code != nil && p.said.later(markCode, f.order) {
		p.code = document(code)
	}
	if job == nil {
		return
	}
	if job.Description != nil {
		p.describe(job.Description, f.order)
	}
	p.change(func(j *domain.JobInfo) {
		if (job.Type != "" || job.Integration != "" || job.Processing != "") && p.said.later(markType, f.order) {
			j.Type, j.Integration, j.Processing = job.Type, job.Integration, job.Processing
		}
		if job.SQL != nil && p.said.later(markSQL, f.order) {
			j.SQL = job.SQL
		}
		if job.Ownership != nil && p.said.later(markOwnership, f.order) {
			j.Ownership = job.Ownership
		}
		if job.Source != nil && p.said.later(markSource, f.order) {
			j.Source = job.Source
		}
	})
	f.tag(key, domain.KindPipeline, job.Tags)
}

// forget removes the facets that a job event deleted.
func (p *pipelineRow) forget(facets []string, o domain.Order) {
	for _, facet := range facets {
		switch facet {
		case "documentation":
			p.describe(nil, o)
		case "sourceCodeLocation":
			if p.said.later(markCode, o) {
				p.code = ""
			}
		case "jobType":
			if p.said.later(markType, o) {
				p.change(func(j *domain.JobInfo) { j.Type, j.Integration, j.Processing = "", "", "" })
			}
		case "sql":
			if p.said.later(markSQL, o) {
				p.change(func(j *domain.JobInfo) { j.SQL = nil })
			}
		case "ownership":
			if p.said.later(markOwnership, o) {
				p.change(func(j *domain.JobInfo) { j.Ownership = nil })
			}
		case "sourceCode":
			if p.said.later(markSource, o) {
				p.change(func(j *domain.JobInfo) { j.Source = nil })
			}
		}
	}
}

// change edits what is known of the job.
func (p *pipelineRow) change(edit func(*domain.JobInfo)) {
	var j domain.JobInfo
	if p.job != "" && json.Unmarshal([]byte(p.job), &j) != nil {
		j = domain.JobInfo{}
	}
	edit(&j)
	p.job = document(j)
	if p.job == "{}" {
		p.job = ""
	}
}

type pipelineVersionRow struct {
	pipeline         int64
	number           int32
	hash, label      string
	spec             string
	source, sourceAt string
	code             string
}

var pipelineVersionsTable = table[int64, pipelineVersionRow]{
	name: "pipeline_versions", keys: 1, noWas: true,
	columns: []column{
		{name: "key", typ: tInt8}, {name: "pipeline", typ: tInt8}, {name: "number", typ: tInt4}, {name: "hash", typ: tText}, {name: "label", typ: tText},
		{name: "spec", typ: tJSON}, {name: "source", typ: tBytea, nullable: true}, {name: "source_at", typ: tText, nullable: true},
		{name: "code", typ: tJSONB, nullable: true, canon: canonical[domain.CodeRef]},
	},
	bind: func(k *int64, r *pipelineVersionRow, to []any) []any {
		return append(to, k, &r.pipeline, &r.number, &r.hash, &r.label, &r.spec, &r.source, &r.sourceAt, &r.code)
	},
}

// registerVersion records a version of a pipeline. The same specification again changes nothing.
func (f *fold) registerVersion(pipeline int64, e domain.PipelineVersionRegistered) error {
	key := f.key(domain.PipelineVersionEntity(e.Pipeline, e.Hash))
	if f.pipelineVersions.get(key) != nil {
		return nil
	}
	spec, err := json.Marshal(e.Spec)
	if err != nil {
		return fmt.Errorf("write the specification: %w", err)
	}
	v := f.pipelineVersions.edit(key)
	v.pipeline, v.number, v.hash, v.label = pipeline, f.count(pipeline, "version"), keyText(e.Hash), keyText(e.Label)
	v.spec = plain(string(spec))
	v.source, v.sourceAt = textOf(e.Source)
	if e.Code != nil {
		v.code = document(e.Code)
	}
	return nil
}

// pipelineVersion finds the version of a pipeline that a run names, by hash or label; 0: it is not registered yet.
func (f *fold) pipelineVersion(pipeline int64, word string) int64 {
	found := int64(0)
	for p, r := range f.pipelineVersions.rows {
		if p.ws == f.ws && r.will && r.next.pipeline == pipeline && (r.next.label == word || r.next.hash == word) && p.key > found {
			found = p.key
		}
	}
	return found
}

const pipelineVersionsSQL = `
FROM unnest($1::int4[], $2::int8[], $3::text[]) AS x (ws, pipeline, word)
JOIN read.pipeline_versions t ON t.ws = x.ws AND t.pipeline = x.pipeline AND (t.label = x.word OR t.hash = x.word)`

// A pipelineVersionWord is what a run calls the version of its pipeline: its hash or label.
type pipelineVersionWord struct {
	pipeline int64
	word     string
}

// askPipelineVersions queues the reading of the versions that events name.
func (f *fold) askPipelineVersions(list []place[pipelineVersionWord]) {
	if len(list) == 0 {
		return
	}
	ws, pipelines, words := &array{typ: tInt4}, &array{typ: tInt8}, &array{typ: tText}
	for i := range list {
		ws.add(false, &list[i].ws)
		pipelines.add(false, &list[i].key.pipeline)
		words.add(false, &list[i].key.word)
	}
	f.trip.ask("SELECT "+f.pipelineVersions.list()+pipelineVersionsSQL, []*array{ws, pipelines, words}, f.pipelineVersions.take)
}

type counterKey struct {
	key  int64
	what string
}

type counterRow struct{ n int32 }

var countersTable = table[counterKey, counterRow]{
	name: "counters", keys: 2, plain: true,
	columns: []column{{name: "key", typ: tInt8}, {name: "what", typ: tText}, {name: "n", typ: tInt4}},
	bind:    func(k *counterKey, r *counterRow, to []any) []any { return append(to, &k.key, &k.what, &r.n) },
}

// count is the next label of what belongs to a pipeline or an artifact.
func (f *fold) count(key int64, what string) int32 {
	c := f.counters.edit(counterKey{key, what})
	c.n++
	return c.n
}
