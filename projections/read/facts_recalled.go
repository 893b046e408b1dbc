package read

import (
	"encoding/binary"

	"github.com/annals-io/annals/domain"
)

// kindsOfNodes are the kinds of nodes by their numbers in records.
var kindsOfNodes = []domain.Kind{domain.KindArtifactVersion, domain.KindArtifact, domain.KindRun, domain.KindStep}

// recallFacts tells a walk the facts of nodes that are remembered.
func (r *recall) recallFacts(w *walk, nodes [sides][]int64) {
	for s, keys := range nodes {
		var older []int64 // not true at the moment, or not known
		words := map[string]string{}
		take := func(key int64, data []byte) bool {
			f, ok := decodeFacts(data, r.m.Revision, words)
			if ok {
				f.key = key
				w.know(f)
			}
			return ok
		}
		r.eachFact(asksFacts+question(s), keys, func(key int64, data []byte, ok bool) {
			if !ok || !take(key, data) {
				older = append(older, key)
			}
		})
		r.eachFact(asksClosed, older, func(key int64, data []byte, ok bool) {
			if ok {
				take(key, data)
			}
		})
	}
}

func (r *recall) eachFact(asks question, keys []int64, found func(key int64, data []byte, ok bool)) {
	if len(keys) == 0 {
		return
	}
	r.each(asks, keys, func(i int, data []byte, ok bool) { found(keys[i], data, ok) })
}

// keepFacts remembers rows: the one that is true now, and of those that are closed the one that was read last.
func (r *recall) keepFacts(rows []factsRow) {
	r.puts(func(put putter) {
		var data []byte
		for _, f := range rows {
			data = encodeFacts(data[:0], f)
			if f.until > 0 {
				put(r.on(asksClosed), f.key, data, always)
				continue
			}
			put(r.on(asksFacts+question(sideOf(f.kind))), f.key, data, r.m.Revision)
		}
	})
}

func sideOf(k domain.Kind) side {
	switch k {
	case domain.KindArtifactVersion:
		return version
	case domain.KindArtifact:
		return artifact
	}
	return execution
}

func encodeFacts(to []byte, f factsRow) []byte {
	to = binary.AppendUvarint(to, uint64(f.since))
	to = binary.AppendUvarint(to, uint64(f.until))
	what := uint64(0)
	for i, k := range kindsOfNodes {
		if k == f.kind {
			what = 2 * uint64(i)
		}
	}
	if f.deleted {
		what++
	}
	to = binary.AppendUvarint(to, what)
	to = binary.AppendUvarint(to, uint64(f.pipeline))
	to = appendText(to, f.status)
	to = appendText(to, f.namespace)
	return appendText(to, f.name)
}

// decodeFacts reads what encodeFacts wrote; ok is false where the row was not true at the moment. Words that come
// again and again are made once.
func decodeFacts(data []byte, n domain.Revision, words map[string]string) (f nodeFacts, ok bool) {
	from := decoder{data: data}
	since, until := domain.Revision(from.number()), domain.Revision(from.number())
	if since > n || until > 0 && until <= n {
		return f, false
	}
	what := from.number()
	f.kind, f.deleted = kindsOfNodes[what/2], what%2 == 1
	f.pipeline = from.number()
	word := func(text []byte) string {
		if w, ok := words[string(text)]; ok {
			return w
		}
		w := string(text)
		words[w] = w
		return w
	}
	f.status, f.namespace = word(from.text()), word(from.text())
	f.name = string(from.text())
	return f, true
}

// recallNames finds the names of artifacts or pipelines that are remembered, and answers the keys of the others.
func (r *recall) recallNames(names map[int64]domain.Name, keys []int64) []int64 {
	if r == nil || len(keys) == 0 {
		return keys
	}
	var unknown []int64
	r.each(asksName, keys, func(i int, data []byte, ok bool) {
		if !ok {
			unknown = append(unknown, keys[i])
			return
		}
		from := decoder{data: data}
		names[keys[i]] = domain.Name{Namespace: string(from.text()), Name: string(from.text())}
	})
	return unknown
}

// keepNames remembers names of artifacts or pipelines.
func (r *recall) keepNames(names map[int64]domain.Name, keys []int64) {
	if r == nil {
		return
	}
	r.puts(func(put putter) {
		for _, key := range keys {
			put(r.on(asksName), key, appendText(appendText(nil, names[key].Namespace), names[key].Name), always)
		}
	})
}
