package fold

import (
	"encoding/json"

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
	of:      func(k *int64, _ *pipelineRow) int64 { return *k },
	counted: func(r *pipelineRow) bool { return !r.deleted },
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
	p.forget(job.Deleted, f.order)
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
