package fold

import (
	"slices"

	"github.com/annals-io/annals/domain"
)

// stored is the class in the database of an artifact, by itself or by a name that the page says is the same; 0: there
// is none.
func (f *fold) stored(n domain.Name) int64 {
	if a := f.artifacts.get(f.artifactKey(n)); a != nil {
		return a.canonical
	}
	return f.joined[place[domain.Name]{f.ws, n}]
}

// A unitedName is a name of a class that the page makes one with others: of which the least key stands for all.
type unitedName struct{ least, class, artifact int64 }

// wantUnited wants the versions and reads of the classes in the database that aliases of the page unite, and the
// executions that read or wrote more than one of them: there may be two reads of one artifact now, or two versions of
// one attempt. Of the others, however many there are, only the name of what they used changes, so they stay where they
// are, and what they support is renamed ([fold.renameEdges]).
func (f *fold) wantUnited(w *wants) {
	type node = place[domain.Name]
	parent := map[node]node{}
	var find func(n node) node
	find = func(n node) node {
		if p, ok := parent[n]; ok && p != n {
			return find(p)
		}
		return n
	}
	var nodes []node
	unite := func(ws int32, a, b domain.Name) {
		nodes = append(nodes, node{ws, a}, node{ws, b})
		parent[find(node{ws, a})] = find(node{ws, b})
	}
	for i := range f.events {
		e := &f.events[i]
		ios := func(list []domain.IO) {
			for _, io := range list {
				for _, a := range io.Aliases {
					unite(e.ws, io.Artifact, a.Name)
				}
			}
		}
		switch x := e.Event.(type) {
		case domain.ArtifactsConsumed:
			ios(x.Inputs)
		case domain.ArtifactsProduced:
			ios(x.Outputs)
		case domain.ArtifactObserved:
			ios([]domain.IO{x.IO})
		case domain.PipelineDeclared:
			ios(x.Inputs)
			ios(x.Outputs)
		case domain.ArtifactAliased:
			unite(e.ws, x.Artifact, x.Alias.Name)
		}
	}
	// Names that are one already join the sets together.
	byClass := map[place[int64]]node{}
	for _, n := range nodes {
		f.ws = n.ws
		if class := f.stored(n.key); class != 0 {
			p := place[int64]{n.ws, class}
			if other, ok := byClass[p]; ok {
				parent[find(n)] = find(other)
			}
			byClass[p] = n
		}
	}
	sets := map[node][]place[int64]{}
	for p, n := range byClass {
		root := find(n)
		sets[root] = append(sets[root], p)
	}
	for _, n := range nodes {
		if set := sets[find(n)]; len(set) > 0 {
			f.joined[n] = slices.MinFunc(set, func(a, b place[int64]) int { return compareInts(a.key, b.key) }).key
		}
	}
	for _, set := range sets {
		if len(set) < 2 {
			continue
		}
		set = unique(set)
		for _, p := range set {
			w.united.want(p.ws, p.key)
			w.counters.want(p.ws, counterKey{p.key, "artifact_version"})
			f.timesOf(p).all = true
			for a, r := range f.artifacts.rows {
				if a.ws == p.ws && r.now.canonical == p.key {
					w.unitedFacts.want(a.ws, unitedName{set[0].key, p.key, a.key})
				}
			}
		}
	}
}
