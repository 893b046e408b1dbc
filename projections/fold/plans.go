package fold

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/annals-io/annals/domain"
)

type pipelineVersionRow struct {
	pipeline         int64
	number           int32
	hash, label      string
	spec             string
	source, sourceAt string
	code             string
	registeredAt     time.Time
	digest           domain.Digest
}

// order is that of the version's registration.
func (r *pipelineVersionRow) order() domain.Order {
	o := (&domain.Recorded{Event: domain.PipelineVersionRegistered{}}).Order()
	o.At, o.Digest = r.registeredAt, r.digest
	return o
}

var pipelineVersionsTable = table[int64, pipelineVersionRow]{
	name: "pipeline_versions", keys: 1, noWas: true,
	of: func(k *int64, _ *pipelineVersionRow) int64 { return *k },
	columns: []column{
		{name: "key", typ: tInt8}, {name: "pipeline", typ: tInt8}, {name: "number", typ: tInt4}, {name: "hash", typ: tText}, {name: "label", typ: tText},
		{name: "spec", typ: tJSON}, {name: "source", typ: tBytea, nullable: true}, {name: "source_at", typ: tText, nullable: true},
		{name: "code", typ: tJSONB, nullable: true, canon: canonical[domain.CodeRef]}, {name: "registered_at", typ: tTime}, {name: "digest", typ: tBytea},
	},
	bind: func(k *int64, r *pipelineVersionRow, to []any) []any {
		return append(to, k, &r.pipeline, &r.number, &r.hash, &r.label, &r.spec, &r.source, &r.sourceAt, &r.code, &r.registeredAt, &r.digest)
	},
}

// registerVersion records a version of a pipeline, and links the runs that mean it. The same specification again
// changes nothing.
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
	v.registeredAt, v.digest = f.order.At, f.order.Digest
	if e.Code != nil {
		v.code = document(e.Code)
	}
	for p, r := range f.runDetails.rows {
		word := r.next.versionLabel
		if p.ws != f.ws || !r.will || word == "" || word != v.hash && word != v.label {
			continue
		}
		if run := f.runs.get(p.key); run != nil && run.pipeline == pipeline { // of other runs the versions may not be loaded
			f.linkVersion(p.key)
		}
	}
	return nil
}

// linkVersion lets a run mean the version of its pipeline that its last word on that says, once it is registered.
func (f *fold) linkVersion(run int64) {
	d := f.runDetails.get(run)
	if d == nil || d.versionLabel == "" {
		return
	}
	if v := f.pipelineVersion(f.runs.get(run).pipeline, d.versionLabel, d.said.order(markVersion)); v != d.version {
		f.runDetails.edit(run).version = v
	}
}

// pipelineVersion is the version of a pipeline that a run calls by hash or label; 0: it is not registered. Of several
// with one label it is the last one registered before the run said so, else the first one after: by event time, so
// that it makes no difference what arrives first.
func (f *fold) pipelineVersion(pipeline int64, word string, said domain.Order) int64 {
	found, best := int64(0), (*pipelineVersionRow)(nil)
	for p, r := range f.pipelineVersions.rows {
		v := &r.next
		if p.ws != f.ws || !r.will || v.pipeline != pipeline || v.hash != word && v.label != word {
			continue
		}
		if best == nil || v.means(best, word, said) {
			found, best = p.key, v
		}
	}
	return found
}

// means says whether a word means this version rather than the other one.
func (r *pipelineVersionRow) means(other *pipelineVersionRow, word string, said domain.Order) bool {
	if exact := r.hash == word; exact || other.hash == word {
		return exact
	}
	a, b := r.order(), other.order()
	if before := a.Compare(said) <= 0; before != (b.Compare(said) <= 0) {
		return before
	} else if before {
		return b.Compare(a) < 0 || b.Compare(a) == 0 && other.hash < r.hash
	}
	return a.Compare(b) < 0 || a.Compare(b) == 0 && r.hash < other.hash
}

const (
	pipelineVersionsSQL = `
FROM unnest($1::int4[], $2::int8[], $3::text[]) AS x (ws, pipeline, word)
JOIN read.pipeline_versions t ON t.ws = x.ws AND t.pipeline = x.pipeline AND (t.label = x.word OR t.hash = x.word)`

	// linkableSQL finds the runs that a version which is registered at x.at may be meant by: those that wait for one,
	// and those that mean another one of the same label and would not if this one was there before.
	linkableSQL = `
SELECT t.ws, t.key FROM unnest($1::int4[], $2::int8[], $3::text[], $4::timestamptz[]) AS x (ws, pipeline, word, at)
JOIN read.run_details t ON t.ws = x.ws AND t.version_label = x.word AND t.version IS NULL AND t.version_label IS NOT NULL
JOIN read.runs r ON r.ws = t.ws AND r.key = t.key AND r.pipeline = x.pipeline
UNION ALL
SELECT t.ws, t.key FROM unnest($1::int4[], $2::int8[], $3::text[], $4::timestamptz[]) AS x (ws, pipeline, word, at)
JOIN read.pipeline_versions v ON v.ws = x.ws AND v.pipeline = x.pipeline AND v.label = x.word
JOIN read.run_details t ON t.ws = v.ws AND t.version = v.key AND t.version IS NOT NULL AND t.version_at >= x.at
UNION ALL
SELECT t.ws, t.key FROM unnest($1::int4[], $2::int8[], $3::text[], $4::timestamptz[]) AS x (ws, pipeline, word, at)
JOIN read.pipeline_versions v ON v.ws = x.ws AND v.pipeline = x.pipeline AND v.label = x.word AND v.registered_at >= x.at
JOIN read.run_details t ON t.ws = v.ws AND t.version = v.key AND t.version IS NOT NULL AND t.version_at <= v.registered_at`
)

// A pipelineVersionWord is what a run calls the version of its pipeline: its hash or label.
type pipelineVersionWord struct {
	pipeline int64
	word     string
}

// A registration is a version that an event registers, under one of the words that runs call it by.
type registration struct {
	pipelineVersionWord
	at time.Time
}

// wantRegistered wants what the registration of a version of a known pipeline touches.
func (f *fold) wantRegistered(w *wants, e *happening, pipeline int64, x domain.PipelineVersionRegistered) {
	w.counters.want(e.ws, counterKey{pipeline, "version"})
	for _, word := range []string{x.Hash, x.Label} {
		if word != "" {
			p := pipelineVersionWord{pipeline, keyText(word)}
			w.pipelineVersions.want(e.ws, p)
			w.registered.want(e.ws, registration{p, e.order.At})
		}
	}
}

// wantMeant wants the versions that a run may mean during the page: by all that it calls them, of all its pipelines.
func (f *fold) wantMeant(w *wants, e *happening, run domain.RunRef) {
	key := f.runKey(run)
	pipelines, words := f.pagePipelines[run], f.pageWords[run]
	if r := f.runs.get(key); r != nil {
		pipelines = append(pipelines[:len(pipelines):len(pipelines)], r.pipeline)
	}
	if d := f.runDetails.get(key); d != nil && d.versionLabel != "" {
		words = append(words[:len(words):len(words)], d.versionLabel)
	}
	for _, pipeline := range pipelines {
		for _, word := range words {
			if pipeline != 0 {
				w.pipelineVersions.want(e.ws, pipelineVersionWord{pipeline, word})
			}
		}
	}
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

// askLinkable queues the search for runs that a version may be meant by.
func (f *fold) askLinkable(w *wants) {
	list := w.registered.take()
	if len(list) == 0 {
		return
	}
	ws, pipelines, words, ats := &array{typ: tInt4}, &array{typ: tInt8}, &array{typ: tText}, &array{typ: tTime}
	for i := range list {
		ws.add(false, &list[i].ws)
		pipelines.add(false, &list[i].key.pipeline)
		words.add(false, &list[i].key.word)
		ats.add(false, &list[i].key.at)
	}
	f.trip.ask(linkableSQL, []*array{ws, pipelines, words, ats}, func(v [][]byte) {
		var ws int32
		var key int64
		readValue(tInt4, nil, v[0], &ws)
		readValue(tInt8, nil, v[1], &key)
		w.runsUp.want(ws, key)
		w.runDetails.want(ws, key)
	})
}
