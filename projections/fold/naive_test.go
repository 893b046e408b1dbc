package fold_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/annals-io/annals/domain"
)

// A naive model keeps every fact and computes everything from the bare set of them with the functions of package
// domain. It is slow and plain: what the fold must equal after every arrival.
type naive struct {
	aliases   [][2]domain.Name
	artifacts []domain.Name
	lives     map[domain.Execution][]domain.Fact
	order     []domain.Execution
	io        []said
	observed  []saidOf
	deleted   []gone
	parents   map[domain.RunRef]parent
	pipelines map[domain.RunRef]parent2
	declared  map[domain.Name]declaration
	plans     []plan
	words     map[domain.RunRef]word
}

type plan struct {
	domain.PipelineVersionRegistered
	order domain.Order
}

type word struct {
	text  string
	order domain.Order
}

type declaration struct {
	domain.PipelineDeclared
	order domain.Order
}

type said struct {
	x     domain.Execution
	write bool
	io    domain.IO
	order domain.Order
	named int
}

type saidOf struct {
	io    domain.IO
	order domain.Order
}

type gone struct {
	ref domain.VersionRef
	at  time.Time
}

type parent struct {
	of    domain.RunRef
	order domain.Order
}

type parent2 struct {
	name  domain.Name
	order domain.Order
}

func newNaive() *naive {
	return &naive{lives: map[domain.Execution][]domain.Fact{}, parents: map[domain.RunRef]parent{}, pipelines: map[domain.RunRef]parent2{}, declared: map[domain.Name]declaration{}, words: map[domain.RunRef]word{}}
}

func (n *naive) add(r *domain.Recorded) {
	o := r.Order()
	switch e := r.Event.(type) {
	case domain.RunReported:
		n.live(domain.Execution{Run: e.Run}, domain.Fact{Phase: e.Phase, Order: o, Attempt: e.Attempt, Failure: e.Failure})
		if p, ok := n.pipelines[e.Run]; e.Pipeline != nil && (!ok || p.order.Compare(o) <= 0) {
			n.pipelines[e.Run] = parent2{*e.Pipeline, o}
		}
		if w, ok := n.words[e.Run]; e.Version != "" && (!ok || w.order.Compare(o) <= 0) {
			n.words[e.Run] = word{e.Version, o}
		}
	case domain.PipelineVersionRegistered:
		n.plans = append(n.plans, plan{e, o})
	case domain.StepReported:
		n.execution(domain.Execution{Run: e.Run})
		n.live(e.Execution, domain.Fact{Phase: e.Phase, Order: o, Attempt: e.Attempt, Failure: e.Failure})
	case domain.RunNested:
		n.execution(domain.Execution{Run: e.Run})
		n.execution(domain.Execution{Run: e.Parent})
		if p, ok := n.parents[e.Run]; (!ok || p.order.Compare(o) <= 0) && e.Run != e.Parent {
			n.parents[e.Run] = parent{e.Parent, o}
		}
	case domain.ArtifactsConsumed:
		n.execution(e.Execution)
		for _, io := range e.Inputs {
			n.named(io)
			n.io = append(n.io, said{e.Execution, false, io, o, e.Attempt})
		}
	case domain.ArtifactsProduced:
		n.execution(e.Execution)
		for _, io := range e.Outputs {
			n.named(io)
			n.io = append(n.io, said{e.Execution, true, io, o, e.Attempt})
		}
	case domain.ArtifactObserved:
		n.named(e.IO)
		if e.Version != "" {
			n.observed = append(n.observed, saidOf{e.IO, o})
		}
	case domain.ArtifactAliased:
		n.artifact(e.Artifact)
		n.artifact(e.Alias.Name)
		n.aliases = append(n.aliases, [2]domain.Name{e.Artifact, e.Alias.Name})
	case domain.PipelineDeclared:
		for _, io := range append(slices.Clone(e.Inputs), e.Outputs...) {
			n.named(io)
		}
		if d, ok := n.declared[e.Pipeline]; len(e.Inputs)+len(e.Outputs) > 0 && (!ok || d.order.Compare(o) <= 0) {
			n.declared[e.Pipeline] = declaration{e, o}
		}
	case domain.ArtifactVersionDeleted:
		n.artifact(e.Version.Artifact)
		n.execution(*e.Version.Producer)
		n.deleted = append(n.deleted, gone{e.Version, o.At})
	}
}

func (n *naive) live(x domain.Execution, f domain.Fact) {
	n.execution(x)
	n.lives[x] = append(n.lives[x], f)
}

func (n *naive) execution(x domain.Execution) {
	if x.Step != "" {
		n.execution(domain.Execution{Run: x.Run})
	}
	if !slices.Contains(n.order, x) {
		n.order = append(n.order, x)
	}
}

func (n *naive) named(io domain.IO) {
	n.artifact(io.Artifact)
	for _, a := range io.Aliases {
		n.artifact(a.Name)
		n.aliases = append(n.aliases, [2]domain.Name{io.Artifact, a.Name})
	}
	for _, from := range io.From {
		n.artifact(from)
	}
	for _, c := range io.Columns {
		n.artifact(c.From)
	}
}

func (n *naive) artifact(name domain.Name) {
	if !slices.Contains(n.artifacts, name) {
		n.artifacts = append(n.artifacts, name)
	}
}

// class is the least name among all names of an artifact.
func (n *naive) class(name domain.Name) domain.Name {
	set := []domain.Name{name}
	for grown := true; grown; {
		grown = false
		for _, a := range n.aliases {
			if slices.Contains(set, a[0]) != slices.Contains(set, a[1]) {
				grown = true
				set = append(set, a[0], a[1])
			}
		}
	}
	return slices.MinFunc(set, func(a, b domain.Name) int { return strings.Compare(a.String(), b.String()) })
}

// loop is the loop of last words that a run lies on.
func (n *naive) loop(r domain.RunRef) []domain.RunRef {
	way := []domain.RunRef{r}
	for p, ok := n.parents[r]; ok; p, ok = n.parents[p.of] {
		if p.of == r {
			return way
		}
		if slices.Contains(way, p.of) {
			return nil
		}
		way = append(way, p.of)
	}
	return nil
}

// parent is the run that one is part of: of words that go round in a loop the latest does not count.
func (n *naive) parent(r domain.RunRef) (p parent, ok bool) {
	p, ok = n.parents[r]
	if loop := n.loop(r); ok && loop != nil {
		last := slices.MaxFunc(loop, func(a, b domain.RunRef) int {
			return cmp.Or(n.parents[a].order.Compare(n.parents[b].order), strings.Compare(a.ID, b.ID))
		})
		ok = last != r
	}
	return p, ok
}

// nestings are lines of runs with what they are part of.
func (n *naive) nestings() []string {
	var out []string
	for r, p := range n.parents {
		_, ok := n.parent(r)
		out = append(out, fmt.Sprintf("%s %s %v", r, p.of, ok))
	}
	slices.Sort(out)
	return out
}

// ended says whether an execution is covered by the end of something above it.
func (n *naive) covered(x domain.Execution) bool {
	if x.Step != "" {
		up := domain.Execution{Run: x.Run}
		return n.life(up).Status.Ended() || n.covered(up)
	}
	seen := []domain.RunRef{x.Run}
	for p, ok := n.parent(x.Run); ok && !slices.Contains(seen, p.of); p, ok = n.parent(p.of) {
		seen = append(seen, p.of)
		if n.life(domain.Execution{Run: p.of}).Status.Ended() {
			return true
		}
	}
	return false
}

func (n *naive) life(x domain.Execution) domain.Life { return domain.FoldLife(n.lives[x]) }

// meant are lines of runs with what they call the version of their pipeline, and which one that is.
func (n *naive) meant() []string {
	var out []string
	for r, w := range n.words {
		pipeline := r.Job
		if p, ok := n.pipelines[r]; ok {
			pipeline = p.name
		}
		var before, after []plan
		hash := ""
		for _, p := range n.plans {
			switch {
			case p.Pipeline != pipeline:
			case p.Hash == w.text:
				hash = p.Hash
			case p.Label == w.text && p.order.Compare(w.order) <= 0:
				before = append(before, p)
			case p.Label == w.text:
				after = append(after, p)
			}
		}
		earlier := func(a, b plan) int { return a.order.Compare(b.order) }
		switch {
		case hash != "":
		case len(before) > 0:
			hash = slices.MaxFunc(before, earlier).Hash
		case len(after) > 0:
			hash = slices.MinFunc(after, earlier).Hash
		}
		out = append(out, fmt.Sprintf("%s %s %s", r, w.text, hash))
	}
	slices.Sort(out)
	return out
}

// label writes an execution.
func label(x domain.Execution) string {
	if x.Step == "" {
		return x.Run.String()
	}
	return x.Run.String() + "/" + x.Step
}

// statuses are lines of executions with what they show.
func (n *naive) statuses() []string {
	var out []string
	for _, x := range n.order {
		l := n.life(x)
		var wrong []string
		last := ""
		for _, a := range l.Attempts {
			if last = ""; a.Failure != nil && a.Failure.Type != "" {
				last = a.Failure.Type
				wrong = append(wrong, fmt.Sprint(a.Number, ":", last))
			}
		}
		out = append(out, fmt.Sprintf("%s %s %s %d %v %s/%s", label(x), l.Under(n.covered(x)), l.Status, len(l.Attempts), l.Contradictory, strings.Join(wrong, ","), last))
	}
	slices.Sort(out)
	return out
}

func (n *naive) start(x domain.Execution) time.Time {
	t := n.life(x).First
	for _, s := range n.io {
		if s.x == x && (t.IsZero() || s.order.At.Before(t)) {
			t = s.order.At
		}
	}
	return t
}

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
		pipeline := x.Run.Job
		if p, ok := n.pipelines[x.Run]; ok {
			pipeline = p.name
		}
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
			if n.class(d.ref.Artifact) == c && *d.ref.Producer == x && d.ref.Attempt == k.attempt && (w.DeletedAt.IsZero() || d.at.Before(w.DeletedAt)) {
				w.DeletedAt = d.at
			}
		}
		writes = append(writes, w)
		labels[key(w.By)] = fmt.Sprintf("%s by %s %d", c, label(x), k.attempt)
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
