package fold

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/annals-io/annals/domain"
)

// Windows are the parts of artifacts' histories that a page can touch. A write completed at t matters to reads that
// start at t or later, up to where two other executions have written since (class.stir); a read that starts at t
// needs the writes before t down to where two executions have written. The times that matter are those of the
// page's events and of the stored ends of the executions it touches. A write that the page itself may move is among
// them, with a window of its own; bounds lie strictly outside, so that windows stay closed under all the page does.

// gap is how far apart two times of one artifact may lie and still share a window.
const gap = 10 * time.Minute

// times are the times of one class that matter: of ends of writers, and of starts of readers.
type times struct {
	writes, reads []time.Time
	all           bool // everything: its names become one with another's
}

// wantClasses wants, of each artifact that the page reads or writes, what is found without a window.
func (f *fold) wantClasses(w *wants) {
	f.times = map[place[int64]]*times{}
	f.wantUnited(w)
	for i := range f.events {
		e := &f.events[i]
		f.ws = e.ws
		switch x := e.Event.(type) {
		case domain.RunReported:
			if r := f.runs.get(f.runKey(x.Run)); r != nil && x.Version != "" {
				w.pipelineVersions.want(e.ws, pipelineVersionWord{r.pipeline, keyText(x.Version)})
			}
		case domain.ArtifactsConsumed:
			f.wantIOs(w, e, x.Execution, x.Inputs, nil)
		case domain.ArtifactsProduced:
			f.wantIOs(w, e, x.Execution, nil, x.Outputs)
		case domain.ArtifactObserved:
			f.wantVersion(w, e, x.Artifact, x.Version)
		case domain.ArtifactVersionAnnotated:
			f.wantVersion(w, e, x.Version.Artifact, x.Version.Name)
		case domain.ArtifactVersionDeleted:
			f.wantVersion(w, e, x.Version.Artifact, x.Version.Name)
		case domain.PipelineDeclared:
			for i := range x.Outputs {
				f.wantColumns(w, e, f.pipelineKey(x.Pipeline), &x.Outputs[i])
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

// stored is the class in the database of an artifact, by itself or by a name that the page says is the same; 0: there
// is none.
func (f *fold) stored(n domain.Name) int64 {
	if a := f.artifacts.get(f.artifactKey(n)); a != nil {
		return a.canonical
	}
	return f.joined[place[domain.Name]{f.ws, n}]
}

func (f *fold) wantIOs(w *wants, e *happening, x domain.Execution, inputs, outputs []domain.IO) {
	key := f.key(x.Entity())
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
			f.wantColumns(w, e, pipeline, io)
		}
	}
}

// wantColumns wants what a pipeline's runs last said of the columns of an output.
func (f *fold) wantColumns(w *wants, e *happening, pipeline int64, io *domain.IO) {
	if class := f.stored(io.Artifact); class != 0 && (len(io.Columns) > 0 || io.ColumnsIn != nil || slices.Contains(io.Deleted, "columnLineage")) {
		w.lastSaid.want(e.ws, lastSaidKey{pipeline, saidColumns, class})
		w.columns.want(e.ws, targetOf{pipeline, class})
	}
}

func (f *fold) wantVersion(w *wants, e *happening, artifact domain.Name, name string) {
	class := f.stored(artifact)
	if class == 0 {
		return
	}
	w.counters.want(e.ws, counterKey{class, "artifact_version"})
	if name == "" {
		w.outside.want(e.ws, class)
		return
	}
	w.named.want(e.ws, namedVersion{class, keyText(name)})
}

// wantUnited wants everything of the classes in the database that aliases of the page unite, and the executions of
// all but the one whose key stays.
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
		for i, p := range set {
			w.united.want(p.ws, p.key)
			w.counters.want(p.ws, counterKey{p.key, "artifact_version"})
			f.timesOf(p).all = true
			if i == 0 {
				continue
			}
			for a, r := range f.artifacts.rows {
				if a.ws == p.ws && r.now.canonical == p.key {
					w.unitedFacts.want(a.ws, a.key)
				}
			}
		}
	}
}

func (f *fold) timesOf(p place[int64]) *times {
	t := f.times[p]
	if t == nil {
		t = &times{}
		f.times[p] = t
	}
	return t
}

const (
	namedVersionsSQL = `SELECT %s FROM unnest($1::int4[], $2::int8[], $3::text[]) AS x (ws, artifact, name)
JOIN read.artifact_versions t ON t.ws = x.ws AND t.artifact = x.artifact AND left(t.name, 200) = left(x.name, 200) AND t.name = x.name`
	namedReadsSQL = `SELECT %s FROM unnest($1::int4[], $2::int8[], $3::text[]) AS x (ws, artifact, name)
JOIN read.reads t ON t.ws = x.ws AND t.artifact = x.artifact AND t.name = x.name AND t.name <> ''`
	outsideSQL = `SELECT %s FROM unnest($1::int4[], $2::int8[]) AS x (ws, artifact)
JOIN read.artifact_versions t ON t.ws = x.ws AND t.artifact = x.artifact AND t.producer IS NULL AND t.name IS NULL`
	unitedFactsSQL = `SELECT DISTINCT t.ws, t.execution FROM unnest($1::int4[], $2::int8[]) AS x (ws, artifact)
JOIN read.io_facts t ON t.ws = x.ws AND t.artifact = x.artifact`
	columnsSQL = `SELECT %s FROM unnest($1::int4[], $2::int8[], $3::int8[]) AS x (ws, pipeline, target)
JOIN read.column_lineage t ON t.ws = x.ws AND t.target = x.target AND t.pipeline = x.pipeline`
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
	if list := w.columns.take(); len(list) > 0 {
		ws, pipelines, targets := &array{typ: tInt4}, &array{typ: tInt8}, &array{typ: tInt8}
		for i := range list {
			ws.add(false, &list[i].ws)
			pipelines.add(false, &list[i].key.pipeline)
			targets.add(false, &list[i].key.target)
		}
		t.ask(fmt.Sprintf(columnsSQL, f.columnLineage.list()), []*array{ws, pipelines, targets}, f.columnLineage.take)
	}
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
		t.ask(unitedFactsSQL, placesOf(list), pairs(func(ws int32, key int64) { w.executions.want(ws, key) }))
	}
	if list := w.united.take(); len(list) > 0 {
		args := placesOf(list)
		t.ask(fmt.Sprintf(byExecutionSQL, f.versions.list(), "artifact_versions", "artifact"), args, f.versions.take)
		t.ask(fmt.Sprintf(byExecutionSQL, f.reads.list(), "reads", "artifact"), args, f.reads.take)
		t.ask(fmt.Sprintf(byExecutionSQL, f.columnLineage.list(), "column_lineage", "target"), args, f.columnLineage.take)
		t.ask(fmt.Sprintf(byExecutionSQL, f.columnLineage.list(), "column_lineage", "source"), args, f.columnLineage.take)
		t.ask(fmt.Sprintf(byExecutionSQL, f.lastSaid.list(), "last_said", "target"), args, f.lastSaid.take)
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

// A moment is a time that matters; ends says that an attempt may be complete then.
type moment struct {
	at   time.Time
	ends bool
}

// timesOfPage finds the times of the page's own facts.
func (f *fold) timesOfPage() {
	f.said, f.timed = map[place[domain.Execution]][]moment{}, map[place[int64]]bool{}
	for i := range f.events {
		e := &f.events[i]
		if x, phase, ok := spokenOf(e.Event); ok {
			p := place[domain.Execution]{e.ws, x}
			f.said[p] = append(f.said[p], moment{e.order.At, phase == domain.Succeeded || phase == domain.Cached})
		}
		if d, ok := e.Event.(domain.ArtifactVersionDeleted); ok {
			f.deletedTimes(e, d.Version)
		}
	}
	for _, u := range f.newUses {
		f.addTimes(u.ws, u.class, u.write, f.said[place[domain.Execution]{u.ws, u.execution}])
	}
}

func (f *fold) addTimes(ws int32, class int64, write bool, moments []moment) {
	t := f.timesOf(place[int64]{ws, class})
	for _, m := range moments {
		if !write {
			t.reads = append(t.reads, m.at)
		} else if m.ends {
			t.writes = append(t.writes, m.at)
		}
	}
}

// timesOfExecutions adds the times of the executions that were loaded since it was last asked: when they began to
// read, and, where the page adds to their facts, when those and the stored ones may end.
func (f *fold) timesOfExecutions(w *wants) {
	byKey := map[place[int64]][]moment{}
	for p, moments := range f.said {
		f.ws = p.ws
		if key := f.key(p.key.Entity()); key != 0 {
			k := place[int64]{p.ws, key}
			byKey[k] = append(byKey[k], moments...)
		}
	}
	for p, ex := range f.executions {
		if f.timed[p] {
			continue
		}
		f.timed[p] = true
		f.ws = p.ws
		moments, changes := byKey[p]
		var start time.Time
		earliest := func(t time.Time) {
			if start.IsZero() || t.Before(start) {
				start = t
			}
		}
		for _, fact := range ex.facts {
			earliest(fact.Order.At)
			if changes && (fact.Phase == domain.Succeeded || fact.Phase == domain.Cached) {
				moments = append(moments, moment{fact.Order.At, true})
			}
		}
		used := map[pageUse]bool{}
		for i := range ex.io {
			earliest(ex.io[i].order.At)
			used[pageUse{f.canon(ex.io[i].artifact), ex.io[i].direction == directionWrite}] = true
			if ex.io[i].name != "" {
				w.named.want(p.ws, namedVersion{f.canon(ex.io[i].artifact), ex.io[i].name})
			}
		}
		for _, u := range f.pageUses[p] {
			used[u] = true
		}
		if !start.IsZero() {
			moments = append(moments, moment{start, false})
		}
		for u := range used {
			w.outside.want(p.ws, u.class)
			w.counters.want(p.ws, counterKey{u.class, "artifact_version"})
			f.addTimes(p.ws, u.class, u.write, moments)
		}
	}
}

// spokenOf is the execution whose facts an event adds to.
func spokenOf(e domain.Event) (x domain.Execution, phase domain.Phase, ok bool) {
	switch e := e.(type) {
	case domain.RunReported:
		return domain.Execution{Run: e.Run}, e.Phase, true
	case domain.StepReported:
		return e.Execution, e.Phase, true
	case domain.ArtifactsConsumed:
		return e.Execution, "", true
	case domain.ArtifactsProduced:
		return e.Execution, "", true
	}
	return x, "", false
}

// deletedTimes adds the completion of versions that a deletion may mean.
func (f *fold) deletedTimes(e *happening, ref domain.VersionRef) {
	f.ws = e.ws
	class := f.stored(ref.Artifact)
	if class == 0 {
		return
	}
	producer := int64(0)
	if ref.Producer != nil {
		producer = f.key(ref.Producer.Entity())
	}
	for p, r := range f.versions.rows {
		v := &r.now
		if p.ws == e.ws && v.artifact == class && !v.completedAt.IsZero() && (producer != 0 && v.producer == producer || producer == 0 && v.name == keyText(ref.Name)) {
			t := f.timesOf(place[int64]{e.ws, class})
			t.writes = append(t.writes, v.completedAt)
		}
	}
}

// A span is a window of a class before its bounds are known.
type span struct {
	place  place[int64]
	lo, hi time.Time
	writes bool // reads in it may mean something else
}

// spans joins times that lie near each other.
func spans(p place[int64], list []time.Time, writes bool) []span {
	slices.SortFunc(list, time.Time.Compare)
	var out []span
	for _, t := range list {
		if n := len(out); n > 0 && t.Sub(out[n-1].hi) <= gap {
			out[n-1].hi = t
			continue
		}
		out = append(out, span{p, t, t, writes})
	}
	return out
}

// boundsSQL finds, for each span, how far down and up the writes go that matter.
const boundsSQL = `
SELECT x.n, coalesce(low.at, '-infinity'), coalesce(high.at, 'infinity')
FROM unnest($1::int8[], $2::int4[], $3::int8[], $4::timestamptz[], $5::timestamptz[]) AS x (n, ws, artifact, lo, hi)
LEFT JOIN LATERAL (
    SELECT b.completed_at AS at FROM (
        SELECT producer FROM read.artifact_versions v
        WHERE v.ws = x.ws AND v.artifact = x.artifact AND v.completed_at IS NOT NULL AND v.completed_at < x.lo AND NOT v.deleted
        ORDER BY v.completed_at DESC LIMIT 1) a,
    LATERAL (
        SELECT v.completed_at FROM read.artifact_versions v
        WHERE v.ws = x.ws AND v.artifact = x.artifact AND v.completed_at IS NOT NULL AND v.completed_at < x.lo AND NOT v.deleted AND v.producer <> a.producer
        ORDER BY v.completed_at DESC LIMIT 1) b
) low ON true
LEFT JOIN LATERAL (
    SELECT b.completed_at AS at FROM (
        SELECT producer FROM read.artifact_versions v
        WHERE v.ws = x.ws AND v.artifact = x.artifact AND v.completed_at IS NOT NULL AND v.completed_at > x.hi AND NOT v.deleted
        ORDER BY v.completed_at LIMIT 1) a,
    LATERAL (
        SELECT v.completed_at FROM read.artifact_versions v
        WHERE v.ws = x.ws AND v.artifact = x.artifact AND v.completed_at IS NOT NULL AND v.completed_at > x.hi AND NOT v.deleted AND v.producer <> a.producer
        ORDER BY v.completed_at LIMIT 1) b
) high ON true`

const (
	windowVersionsSQL = `SELECT %s FROM unnest($1::int4[], $2::int8[], $3::timestamptz[], $4::timestamptz[]) AS x (ws, artifact, lo, hi)
JOIN read.artifact_versions t ON t.ws = x.ws AND t.artifact = x.artifact AND t.completed_at IS NOT NULL AND t.completed_at >= x.lo AND t.completed_at <= x.hi`
	windowReadsSQL = `SELECT %s FROM unnest($1::int4[], $2::int8[], $3::timestamptz[], $4::timestamptz[]) AS x (ws, artifact, lo, hi)
JOIN read.reads t ON t.ws = x.ws AND t.artifact = x.artifact AND t.start >= x.lo AND t.start <= x.hi AND t.name = ''`
)

// A window is a span with its bounds, in microseconds of Postgres.
type window struct {
	place  place[int64]
	lo, hi int64
}

// loadWindows reads the versions and reads in the windows of the times collected since it was last asked, in two
// round trips; more says that there were any.
func (f *fold) loadWindows(ctx context.Context, w *wants) (more bool, err error) {
	var list []span
	for p, t := range f.times {
		if t.all {
			continue // it is loaded whole
		}
		list = append(list, spans(p, t.writes, true)...)
		list = append(list, spans(p, t.reads, false)...)
		t.writes, t.reads = nil, nil
	}
	if len(list) == 0 {
		return len(w.named.next)+len(w.outside.next)+len(w.counters.next) > 0, nil
	}
	ns, ws, classes, los, his := &array{typ: tInt8}, &array{typ: tInt4}, &array{typ: tInt8}, &array{typ: tTime}, &array{typ: tTime}
	for i := range list {
		n := int64(i)
		ns.add(false, &n)
		ws.add(false, &list[i].place.ws)
		classes.add(false, &list[i].place.key)
		los.add(false, &list[i].lo)
		his.add(false, &list[i].hi)
	}
	var versions, reads []window
	f.trip.ask(boundsSQL, []*array{ns, ws, classes, los, his}, func(v [][]byte) {
		var n, low, high int64
		readValue(tInt8, nil, v[0], &n)
		readValue(tInt8, nil, v[1], &low)
		readValue(tInt8, nil, v[2], &high)
		s := &list[n]
		lo, hi := s.lo.UnixMicro()-epoch, s.hi.UnixMicro()-epoch
		if s.writes {
			versions = append(versions, window{s.place, low, high})
			reads = append(reads, window{s.place, lo, high})
			return
		}
		versions = append(versions, window{s.place, low, hi})
	})
	if err := f.trip.run(ctx); err != nil {
		return false, fmt.Errorf("find what the page can touch: %w", err)
	}
	f.askWindows(windowVersionsSQL, f.versions.list(), versions, f.versions.take)
	f.askWindows(windowReadsSQL, f.reads.list(), reads, f.reads.take)
	if err := f.trip.run(ctx); err != nil {
		return false, fmt.Errorf("load what the page can touch: %w", err)
	}
	f.follow(w)
	return true, nil
}

// askWindows queues the reading of rows in windows, those that overlap made one.
func (f *fold) askWindows(sql, columns string, list []window, take func([][]byte)) {
	if len(list) == 0 {
		return
	}
	slices.SortFunc(list, func(a, b window) int {
		if a.place != b.place {
			return compareInts(int64(a.place.ws), int64(b.place.ws), a.place.key, b.place.key)
		}
		return compareInts(a.lo, b.lo, a.hi, b.hi)
	})
	joined := list[:1]
	for _, w := range list[1:] {
		if last := &joined[len(joined)-1]; last.place == w.place && w.lo <= last.hi {
			last.hi = max(last.hi, w.hi)
			continue
		}
		joined = append(joined, w)
	}
	ws, classes, los, his := &array{typ: tInt4}, &array{typ: tInt8}, &array{typ: tTime}, &array{typ: tTime}
	for i := range joined {
		ws.add(false, &joined[i].place.ws)
		classes.add(false, &joined[i].place.key)
		los.add(false, &joined[i].lo)
		his.add(false, &joined[i].hi)
	}
	f.trip.ask(fmt.Sprintf(sql, columns), []*array{ws, classes, los, his}, take)
}

// compareInts compares pairs of numbers, the first pair first.
func compareInts(pairs ...int64) int {
	for i := 0; i+1 < len(pairs); i += 2 {
		switch {
		case pairs[i] < pairs[i+1]:
			return -1
		case pairs[i] > pairs[i+1]:
			return 1
		}
	}
	return 0
}
