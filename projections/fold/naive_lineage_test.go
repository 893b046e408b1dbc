package fold_test

import (
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// The naive model of lineage: which versions there are, which one each read means, and which artifact was made from
// which, computed from all that was ever said.

// A row is one edge between an execution and a version.
type edge struct {
	x       domain.Execution
	write   bool
	version string
	role    string
}

// lineage computes versions and edges of everything: lines of the versions that exist, lines of edges, and lines of
// edges between artifacts.
func (n *naive) lineage() (versions, edges, artifactEdges []string) {
	found := map[edge]bool{}
	inputs := map[domain.Execution][]domain.Name{}
	var classes []domain.Name
	for _, a := range n.artifacts {
		if c := n.class(a); !slices.Contains(classes, c) {
			classes = append(classes, c)
		}
	}
	for _, c := range classes {
		writes, labels := n.writes(c)
		reads, roles := n.reads(c)
		v := domain.FoldVersions(c, writes, reads)
		name := func(ref domain.VersionRef) string {
			if l, ok := labels[key(ref)]; ok {
				return l
			}
			return fmt.Sprintf("%s external %s", c, ref.Name)
		}
		for _, w := range writes {
			versions = append(versions, fmt.Sprintf("%s %s %s %s", labels[key(w.By)], w.Outcome, secondsOf(w), w.Name))
		}
		for _, ref := range v.External {
			versions = append(versions, fmt.Sprintf("%s complete - %s", name(ref), ref.Name))
		}
		for i, r := range reads {
			for _, role := range roles[i] {
				found[edge{n.byEntity(r.Execution), false, name(v.Meant[i]), role}] = true
			}
			x := n.byEntity(r.Execution)
			if !slices.Contains(inputs[x], c) {
				inputs[x] = append(inputs[x], c)
			}
		}
		for _, w := range writes {
			if w.Execution != (domain.Entity{}) {
				found[edge{n.byEntity(w.Execution), true, labels[key(w.By)], ""}] = true
			}
		}
	}
	for e := range found {
		edges = append(edges, fmt.Sprintf("%s %v %s %s", label(e.x), e.write, e.version, e.role))
	}
	supports := map[string]int{}
	for _, x := range n.order {
		pairs := map[[2]domain.Name]bool{}
		for _, s := range n.io {
			if s.x != x || !s.write {
				continue
			}
			target := n.class(s.io.Artifact)
			from, ok := n.madeFrom(x, target)
			if !ok {
				from = inputs[x]
			}
			for _, f := range from {
				pairs[[2]domain.Name{n.class(f), target}] = true
			}
		}
		pipeline := n.pipelineOf(x.Run)
		for p := range pairs {
			supports[fmt.Sprintf("%s %s %s", p[0], p[1], pipeline)]++
		}
	}
	for name, d := range n.declared {
		pairs := map[[2]domain.Name]bool{}
		for _, out := range d.Outputs {
			var from []domain.Name
			for _, same := range d.Outputs { // one output by two names: what was said of either
				if n.class(same.Artifact) == n.class(out.Artifact) {
					from = append(from, sources(same)...)
				}
			}
			if from == nil {
				for _, in := range d.Inputs {
					from = append(from, in.Artifact)
				}
				for _, other := range d.Outputs {
					from = append(from, sources(other)...)
				}
			}
			for _, f := range from {
				pairs[[2]domain.Name{n.class(f), n.class(out.Artifact)}] = true
			}
		}
		for p := range pairs {
			supports[fmt.Sprintf("%s %s %s", p[0], p[1], name)]++
		}
	}
	for k, count := range supports {
		artifactEdges = append(artifactEdges, fmt.Sprintf("%s %d", k, count))
	}
	slices.Sort(versions)
	slices.Sort(edges)
	slices.Sort(artifactEdges)
	return versions, edges, artifactEdges
}

func secondsOf(w domain.Write) string {
	if w.Outcome != domain.Complete || w.Completed.IsZero() {
		return "-"
	}
	return fmt.Sprint(w.Completed.Sub(noon).Seconds())
}

// key makes a reference comparable: references hold a pointer.
func key(ref domain.VersionRef) string {
	if ref.Promotion != uuid.Nil {
		return fmt.Sprintf("%s with %s", ref.Artifact, ref.Promotion)
	}
	if ref.Producer == nil {
		return fmt.Sprintf("%s named %s", ref.Artifact, ref.Name)
	}
	return fmt.Sprintf("%s by %s %d", ref.Artifact, label(*ref.Producer), ref.Attempt)
}

func (n *naive) byEntity(e domain.Entity) domain.Execution {
	for _, x := range n.order {
		if x.Entity() == e {
			return x
		}
	}
	return domain.Execution{}
}

// writes are the versions of a class.
func (n *naive) writes(c domain.Name) (writes []domain.Write, labels map[string]string) {
	labels = map[string]string{}
	type slot struct {
		x       domain.Execution
		attempt int
	}
	facts := map[slot][]said{}
	var slots []slot
	for _, s := range n.io {
		if !s.write || n.class(s.io.Artifact) != c {
			continue
		}
		k := slot{s.x, n.life(s.x).AttemptAt(s.order, s.named)}
		if facts[k] == nil {
			slots = append(slots, k)
		}
		facts[k] = append(facts[k], s)
	}
	for _, k := range slots {
		x := k.x
		w := domain.Write{By: domain.VersionRef{Artifact: c, Producer: &x, Attempt: k.attempt}, Execution: x.Entity()}
		a, _ := n.life(x).Attempt(k.attempt)
		if w.Outcome = domain.OutcomeOf(a.Status); w.Outcome == domain.Complete {
			w.Completed = a.EndedAt
		}
		list := facts[k]
		slices.SortStableFunc(list, func(a, b said) int { return a.order.Compare(b.order) })
		for _, s := range list {
			if s.io.Version != "" {
				w.Name = s.io.Version
			}
			w.Last = s.order
		}
		for _, d := range n.deleted {
			if n.class(d.ref.Artifact) == c && d.ref.Producer != nil && *d.ref.Producer == x && d.ref.Attempt == k.attempt && (w.DeletedAt.IsZero() || d.at.Before(w.DeletedAt)) {
				w.DeletedAt = d.at
			}
		}
		writes = append(writes, w)
		labels[key(w.By)] = fmt.Sprintf("%s by %s %d", c, label(x), k.attempt)
	}
	for _, r := range n.received {
		if n.class(r.Artifact) != c {
			continue
		}
		w := domain.Write{By: domain.VersionRef{Artifact: c, Promotion: r.Promotion}, Outcome: domain.Complete, Completed: r.order.At, Name: r.Version, Last: r.order}
		for _, d := range n.deleted {
			if n.class(d.ref.Artifact) == c && d.ref.Promotion == r.Promotion && (w.DeletedAt.IsZero() || d.at.Before(w.DeletedAt)) {
				w.DeletedAt = d.at
			}
		}
		writes = append(writes, w)
		labels[key(w.By)] = fmt.Sprintf("%s received %s", c, r.Promotion)
	}
	for _, o := range n.observed {
		if n.class(o.io.Artifact) != c {
			continue
		}
		by := domain.VersionRef{Artifact: c, Name: o.io.Version}
		i := slices.IndexFunc(writes, func(w domain.Write) bool { return key(w.By) == key(by) })
		if i < 0 {
			writes = append(writes, domain.Write{By: by, Outcome: domain.Complete, Name: o.io.Version, Last: o.order})
			labels[key(by)] = fmt.Sprintf("%s observed %s", c, o.io.Version)
		} else if writes[i].Last.Compare(o.order) < 0 {
			writes[i].Last = o.order
		}
	}
	return writes, labels
}

// reads are the reads of a class, with the roles of each.
func (n *naive) reads(c domain.Name) (reads []domain.Read, roles [][]string) {
	add := func(x domain.Execution, name, role string) {
		i := slices.IndexFunc(reads, func(r domain.Read) bool { return r.Execution == x.Entity() && r.Name == name })
		if i < 0 {
			i = len(reads)
			reads, roles = append(reads, domain.Read{Execution: x.Entity(), Start: n.start(x), Name: name}), append(roles, nil)
		}
		if !slices.Contains(roles[i], role) {
			roles[i] = append(roles[i], role)
		}
	}
	for _, s := range n.io {
		if s.write || n.class(s.io.Artifact) != c {
			continue
		}
		refined := slices.ContainsFunc(n.io, func(o said) bool {
			return !o.write && o.x == s.x && n.class(o.io.Artifact) == c && o.io.Role == s.io.Role && o.io.Version != ""
		})
		if s.io.Version == "" && refined {
			continue
		}
		add(s.x, s.io.Version, s.io.Role)
	}
	for _, s := range n.io {
		if !s.write {
			continue
		}
		for _, from := range sources(s.io) {
			explicit := slices.ContainsFunc(n.io, func(o said) bool { return !o.write && o.x == s.x && n.class(o.io.Artifact) == c })
			if n.class(from) == c && !explicit {
				add(s.x, "", "column")
			}
		}
	}
	return reads, roles
}

func sources(io domain.IO) []domain.Name {
	out := io.From
	if io.From == nil {
		for _, c := range io.Columns {
			out = append(out, c.From)
		}
	}
	return out
}

// madeFrom is the last word on what an execution made a target from.
func (n *naive) madeFrom(x domain.Execution, target domain.Name) (from []domain.Name, ok bool) {
	var last domain.Order
	for _, s := range n.io {
		if s.x != x || !s.write || n.class(s.io.Artifact) != target || sources(s.io) == nil {
			continue
		}
		if !ok || last.Compare(s.order) <= 0 {
			from, last, ok = sources(s.io), s.order, true
		}
	}
	return from, ok
}
