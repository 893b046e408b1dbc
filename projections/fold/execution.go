package fold

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// The directions of what an execution does with an artifact. implied is a read that only the lineage of an output
// tells of: it counts where the execution names no input of that artifact itself.
const (
	directionRead    int16 = 0
	directionWrite   int16 = 1
	directionImplied int16 = 2
)

// roleColumn is the role of implied reads.
const roleColumn = "column"

// An ioFact is one thing a fact said an execution reads or writes.
type ioFact struct {
	revision  int64
	ordinal   int32
	direction int16
	artifact  int64 // the one named, before aliases
	name      string
	phase     domain.Phase
	order     domain.Order
	attempt   int // as its producer numbered it; 0: it did not
	role      string
	position  int32
	sources   []int64   // of a write: what it was made from, before aliases; nil: not said
	says      uuid.UUID // of a write: what it says of the version; zero: nothing
}

// An execution is a run or step with its facts, all of them.
type execution struct {
	ws        int32
	key       int64
	run       int64 // of a step
	ref       domain.Execution
	facts     []domain.Fact
	revisions []int64 // of facts
	life      domain.Life
	io        []ioFact
	uses      uses
	edges     []edgeKey // as they stand in lineage_edges
	dirty     bool      // its facts, or what they mean, changed in this event
}

// uses are what the facts of an execution amount to.
type uses struct {
	start    time.Time
	reads    []readUse
	writes   []writeUse
	supports []artifactEdgeKey
}

// A readUse is a read of one artifact, by the name of its version or by none.
type readUse struct {
	class int64
	name  string
	roles []roleAt
}

// A writeUse is a version that one attempt wrote.
type writeUse struct {
	class    int64
	artifact int64 // under whose name it was written first
	attempt  int
	name     string
	named    domain.Order
	last     domain.Order
	roles    []roleAt
	sources  []int64
	sourced  domain.Order
	facts    []int32 // of execution.io
}

type roleAt struct {
	role     string
	position int32
	order    domain.Order
}

// execution is the execution of that key; a new one has no facts yet.
func (f *fold) execution(key, run int64) *execution {
	p := place[int64]{f.ws, key}
	ex := f.executions[p]
	if ex == nil {
		ex = &execution{ws: f.ws, key: key, run: run}
		f.executions[p] = ex
		if f.fill != nil {
			f.fill.executions = append(f.fill.executions, ex)
		}
	}
	if run != 0 && ex.run == 0 {
		ex.run = run
	}
	f.joinRun(ex)
	return ex
}

// joinRun lets a run find the executions of its steps.
func (f *fold) joinRun(ex *execution) {
	p := place[int64]{ex.ws, ex.run}
	if ex.run != 0 && !slices.Contains(f.stepExecutions[p], ex) {
		f.stepExecutions[p] = append(f.stepExecutions[p], ex)
	}
}

// executionChanged says that a fact was added: what the execution reads and writes may be something else now.
func (f *fold) executionChanged(ex *execution, ref domain.Execution) {
	ex.ref = ref
	if !ex.dirty && len(ex.io) > 0 {
		ex.dirty = true
		f.dirtyExecutions = append(f.dirtyExecutions, ex)
	}
}

// pipelineOf says that a run got a pipeline: what it and its steps were made from belongs to that one now.
func (f *fold) pipelineOf(run int64) {
	p := place[int64]{f.ws, run}
	list := slices.Clone(f.stepExecutions[p])
	if ex := f.executions[p]; ex != nil {
		list = append(list, ex)
	}
	slices.SortFunc(list, func(a, b *execution) int { return cmp.Compare(a.key, b.key) })
	for _, ex := range list {
		f.executionChanged(ex, ex.ref)
	}
}

// derive says what the facts of an execution amount to, with the names of artifacts as they are understood now.
func (f *fold) derive(ex *execution) uses {
	u := uses{start: ex.life.First}
	var pipeline int64
	run := cmp.Or(ex.run, ex.key)
	if r := f.runs.get(run); r != nil {
		pipeline = r.pipeline
	}
	for i := range ex.io {
		if at := ex.io[i].order.At; u.start.IsZero() || at.Before(u.start) {
			u.start = at
		}
	}
	f.deriveReads(ex, &u)
	f.deriveWrites(ex, &u)
	seen := map[artifactEdgeKey]bool{}
	support := func(source, target int64) {
		if k := (artifactEdgeKey{source, target, pipeline}); !seen[k] {
			seen[k] = true
			u.supports = append(u.supports, k)
		}
	}
	said := map[int64]*writeUse{} // by output: the last word on what it was made from
	for i := range u.writes {
		w := &u.writes[i]
		if w.sources != nil && (said[w.class] == nil || said[w.class].sourced.Compare(w.sourced) <= 0) {
			said[w.class] = w
		}
	}
	for _, w := range u.writes {
		if s := said[w.class]; s != nil {
			for _, a := range s.sources {
				support(f.canon(a), w.class)
			}
			continue
		}
		for _, r := range u.reads {
			support(r.class, w.class)
		}
	}
	return u
}

func (f *fold) deriveReads(ex *execution, u *uses) {
	type bound struct {
		class int64
		role  string
	}
	named, explicit := map[bound]bool{}, map[int64]bool{}
	for i := range ex.io {
		if io := &ex.io[i]; io.direction == directionRead {
			class := f.canon(io.artifact)
			explicit[class] = true
			if io.name != "" {
				named[bound{class, io.role}] = true
			}
		}
	}
	index := map[readKey]int{}
	last := int32(-1)
	implied := map[int64]int64{} // by class: the first of its names, whose place does not change when names become one
	for i := range ex.io {
		io := &ex.io[i]
		class := f.canon(io.artifact)
		switch {
		case io.direction == directionWrite:
			continue
		case io.direction == directionImplied:
			if first, ok := implied[class]; !explicit[class] && (!ok || io.artifact < first) {
				implied[class] = io.artifact
			}
			continue
		case io.name == "" && named[bound{class, io.role}]:
			continue // another fact says which version it is
		}
		last = max(last, io.position)
		k := readKey{class, ex.key, io.name}
		at, ok := index[k]
		if !ok {
			at = len(u.reads)
			index[k] = at
			u.reads = append(u.reads, readUse{class: class, name: io.name})
		}
		u.reads[at].roles = inRole(u.reads[at].roles, io)
	}
	classes := slices.SortedFunc(maps.Keys(implied), func(a, b int64) int { return cmp.Compare(implied[a], implied[b]) })
	for i, class := range classes {
		u.reads = append(u.reads, readUse{class: class, roles: []roleAt{{role: roleColumn, position: last + 1 + int32(i)}}})
	}
}

func (f *fold) deriveWrites(ex *execution, u *uses) {
	type slot struct {
		class   int64
		attempt int
	}
	index := map[slot]int{}
	for i := range ex.io {
		io := &ex.io[i]
		if io.direction != directionWrite {
			continue
		}
		k := slot{f.canon(io.artifact), ex.life.AttemptAt(io.order, io.attempt)}
		at, ok := index[k]
		if !ok {
			at = len(u.writes)
			index[k] = at
			u.writes = append(u.writes, writeUse{class: k.class, artifact: io.artifact, attempt: k.attempt, last: io.order})
		}
		w := &u.writes[at]
		w.facts = append(w.facts, int32(i))
		if io.name != "" && (w.name == "" || w.named.Compare(io.order) <= 0) {
			w.name, w.named = io.name, io.order
		}
		if w.last.Compare(io.order) < 0 {
			w.last = io.order
		}
		if io.sources != nil && (w.sources == nil || w.sourced.Compare(io.order) <= 0) {
			w.sources, w.sourced = io.sources, io.order
		}
		w.roles = inRole(w.roles, io)
	}
	slices.SortStableFunc(u.writes, func(a, b writeUse) int {
		return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.attempt, b.attempt))
	})
}

// inRole adds the role of a fact to those of a use: the last fact in a role says its position.
func inRole(roles []roleAt, io *ioFact) []roleAt {
	for i := range roles {
		if roles[i].role == io.role {
			if roles[i].order.Compare(io.order) <= 0 {
				roles[i].position, roles[i].order = io.position, io.order
			}
			return roles
		}
	}
	return append(roles, roleAt{io.role, io.position, io.order})
}

// ioRows are facts to be written.
type ioRows struct {
	n    int
	args [len(ioTypes)]*array
}

var ioTypes = [...]typ{tInt4, tInt8, tInt8, tInt4, tInt2, tInt8, tText, tText, tTime, tBytea, tInt4, tText, tInt4, tInt8s, tUUID}

func (l *ioRows) add(f *fold, ex *execution, io *ioFact) {
	if l.n == 0 {
		for i, t := range ioTypes {
			l.args[i] = &array{typ: t}
		}
	}
	l.n++
	phase, attempt := string(io.phase), int32(io.attempt)
	for i, p := range [...]any{&f.ws, &ex.key, &io.revision, &io.ordinal, &io.direction, &io.artifact, &io.name, &phase,
		&io.order.At, &io.order.Digest, &attempt, &io.role, &io.position, &io.sources, &io.says} {
		l.args[i].add(i == 14, p)
	}
}

const (
	ioColumns   = "ws, execution, revision, ordinal, direction, artifact, version_name, phase, at, digest, attempt, role, position, sources, says"
	insertIOSQL = `
INSERT INTO read.io_facts (` + ioColumns + `)
SELECT ws, execution, revision, ordinal, direction, artifact, version_name, phase, at, digest, attempt, role, position, sources::int8[], says
FROM unnest($1::int4[], $2::int8[], $3::int8[], $4::int4[], $5::int2[], $6::int8[], $7::text[], $8::text[], $9::timestamptz[], $10::bytea[], $11::int4[], $12::text[], $13::int4[], $14::text[], $15::uuid[])
AS x (` + ioColumns + `)`
)

func (l *ioRows) flush(t *trip) {
	if l.n > 0 {
		t.add("io_facts", ioColumns, insertIOSQL, l.args[:])
	}
	l.n = 0
}

const ioFactsSQL = `
SELECT t.ws, t.execution, t.revision, t.ordinal, t.direction, t.artifact, t.version_name, t.phase, t.at, t.digest, t.attempt, t.role, t.position, t.sources::text, t.says
FROM unnest($1::int4[], $2::int8[]) AS x (ws, execution) JOIN read.io_facts t ON t.ws = x.ws AND t.execution = x.execution
ORDER BY t.ws, t.execution, t.revision, t.ordinal`

// takeIO reads a fact of an execution that was asked for.
func (f *fold) takeIO(v [][]byte) {
	var p place[int64]
	var io ioFact
	var phase string
	var attempt int32
	readValue(tInt4, nil, v[0], &p.ws)
	for i, to := range [...]any{&p.key, &io.revision, &io.ordinal, &io.direction, &io.artifact, &io.name, &phase, &io.order.At, &io.order.Digest, &attempt, &io.role, &io.position, &io.sources, &io.says} {
		readValue(tText, nil, v[i+1], to)
	}
	io.phase, io.attempt, io.order.Rank = domain.Phase(phase), int(attempt), rankOf(domain.Phase(phase))
	if ex := f.executions[p]; ex != nil {
		ex.io = append(ex.io, io)
	}
}
