package fold

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/annals-io/annals/domain"
)

type declaredKey struct {
	pipeline  int64
	direction int16
	artifact  int64
}

// sources says what an output is made from, as an array of keys; "" where it was not said: from every input.
type declaredRow struct{ sources string }

var declaredTable = table[declaredKey, declaredRow]{
	name: "declared", keys: 3,
	of: func(k *declaredKey, _ *declaredRow) int64 { return k.pipeline },
	columns: []column{
		{name: "pipeline", typ: tInt8}, {name: "direction", typ: tInt2}, {name: "artifact", typ: tInt8}, {name: "sources", typ: tInt8s, nullable: true},
	},
	bind: func(k *declaredKey, r *declaredRow, to []any) []any {
		return append(to, &k.pipeline, &k.direction, &k.artifact, &r.sources)
	},
}

// declare folds in what a pipeline reads and writes by design: the later one by event time replaces the earlier.
func (f *fold) declare(pipeline int64, e domain.PipelineDeclared) error {
	for _, list := range [][]domain.IO{e.Inputs, e.Outputs} {
		for i := range list {
			if err := f.artifactSays(&list[i]); err != nil {
				return err
			}
			key := f.artifactKey(list[i].Artifact)
			f.set(key, domain.KindArtifact, spaceMetadata, list[i].Metadata)
			f.tag(key, domain.KindArtifact, list[i].Tags)
		}
	}
	want := map[declaredKey]declaredRow{}
	sources := make([]string, len(e.Outputs))
	for i := range e.Outputs {
		io := &e.Outputs[i]
		columns, err := f.columnsOf(io)
		if err != nil {
			return err
		}
		if err := f.ownWord(pipeline, pipeline, f.artifactKey(io.Artifact), io, columns); err != nil {
			return err
		}
		if from := f.sourcesOf(io, columns); from != nil {
			for _, source := range from { // what an output is made from is read, whether or not the inputs name it
				want[declaredKey{pipeline, directionRead, f.canon(source)}] = declaredRow{}
			}
			sources[i] = joinedSources(from)
		}
	}
	if len(e.Inputs)+len(e.Outputs) == 0 || !f.latest(lastSaidKey{pipeline, saidDeclared, 0}) {
		return nil
	}
	for i := range e.Inputs {
		want[declaredKey{pipeline, directionRead, f.canon(f.artifactKey(e.Inputs[i].Artifact))}] = declaredRow{}
	}
	for i := range e.Outputs {
		k := declaredKey{pipeline, directionWrite, f.canon(f.artifactKey(e.Outputs[i].Artifact))}
		want[k] = declaredRow{unitedSources(want[k].sources, sources[i])}
	}
	for _, k := range slices.Clone(f.declaredBy(pipeline)) {
		if _, ok := want[k]; !ok {
			f.declared.drop(k)
		}
	}
	for k, row := range want {
		f.setDeclared(k, row)
	}
	f.declarationChanged(pipeline)
	return nil
}

// joinedSources writes keys as an array, sorted, each once.
func joinedSources(keys []int64) string {
	keys = slices.Compact(slices.Sorted(slices.Values(keys)))
	return "{" + strings.ReplaceAll(strings.Trim(fmt.Sprint(keys), "[]"), " ", ",") + "}"
}

// unitedSources are those of an output that is named twice: what was said of either, where anything was.
func unitedSources(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return joinedSources(append(readInts(a), readInts(b)...))
}

// declaredBy are the rows of a pipeline, sorted.
func (f *fold) declaredBy(pipeline int64) []declaredKey {
	p := place[int64]{f.ws, pipeline}
	keys := slices.DeleteFunc(f.declaredAt[p], func(k declaredKey) bool { return f.declared.get(k) == nil })
	slices.SortFunc(keys, func(a, b declaredKey) int {
		return cmp.Or(cmp.Compare(a.direction, b.direction), cmp.Compare(a.artifact, b.artifact))
	})
	keys = slices.Compact(keys)
	f.declaredAt[p] = keys
	return keys
}

// setDeclared puts a row.
func (f *fold) setDeclared(k declaredKey, row declaredRow) {
	if old := f.declared.get(k); old != nil && *old == row {
		return
	}
	*f.declared.edit(k) = row
	p := place[int64]{f.ws, k.pipeline}
	f.declaredAt[p] = append(f.declaredAt[p], k)
}

// declarationChanged makes the edges between artifacts what the pipeline declares now.
func (f *fold) declarationChanged(pipeline int64) {
	p := place[int64]{f.ws, pipeline}
	now := f.declaredSupports(pipeline)
	f.support(f.declarations[p], now)
	f.declarations[p] = now
}

// declaredSupports are the edges between artifacts that a declaration supports.
func (f *fold) declaredSupports(pipeline int64) []artifactEdgeKey {
	keys := slices.Clone(f.declaredBy(pipeline))
	var out []artifactEdgeKey
	add := func(source, target int64) {
		if k := (artifactEdgeKey{source, target, pipeline}); !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	for _, k := range keys {
		if k.direction != directionWrite {
			continue
		}
		if sources := f.declared.get(k).sources; sources != "" {
			for _, s := range readInts(sources) {
				add(f.canon(s), k.artifact)
			}
			continue
		}
		for _, in := range keys {
			if in.direction == directionRead {
				add(in.artifact, k.artifact)
			}
		}
	}
	return out
}
