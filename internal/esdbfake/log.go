package esdbfake

import (
	"math"
	"sort"
	"sync"
	"time"

	"github.com/google/uuid"
)

// A record is one event of the log.
type record struct {
	stream          string
	revision        uint64
	id              uuid.UUID
	typ             string
	contentType     string
	created         time.Time
	data, meta      []byte
	commit, prepare uint64
}

// before orders records by position, both halves.
func (r *record) before(commit, prepare uint64) bool {
	return r.commit < commit || r.commit == commit && r.prepare < prepare
}

// A stream is what the log knows of one name.
type stream struct {
	records    []*record // those that are left, in order of revision
	next       uint64    // revision of the next event
	tombstoned bool
}

// A log is what the nodes of a cluster share.
type log struct {
	mu           sync.Mutex
	records      []*record
	streams      map[string]*stream
	end          uint64 // where the next record begins, in bytes
	moved        chan struct{}
	sharedCommit bool
	lie          Lie
	nodes        []*Server
	leader       *Server
}

func newLog(sharedCommit bool, lie Lie) *log {
	return &log{end: 1000, streams: map[string]*stream{}, moved: make(chan struct{}), sharedCommit: sharedCommit, lie: lie}
}

// at is the record of a revision, nil where there is none.
func (st *stream) at(revision uint64) *record {
	i := sort.Search(len(st.records), func(i int) bool { return st.records[i].revision >= revision })
	if i == len(st.records) || st.records[i].revision != revision {
		return nil
	}
	return st.records[i]
}

// An event is one on its way in.
type event struct {
	id          uuid.UUID
	typ         string
	contentType string
	data, meta  []byte
}

// The content types that there are.
const (
	asJSON = "application/json"
	octets = "application/octet-stream"
)

// streamDeletedType is the type of a tombstone, lastRevision its revision.
const (
	streamDeletedType = "$streamDeleted"
	lastRevision      = uint64(math.MaxInt64)
)

func (e *event) size() int { return len(e.data) + len(e.meta) + 2*len(e.typ) }

// write appends events to a stream and answers the position of the last. It is called with the lock held.
func (l *log) write(name string, events []event) (commit, prepare uint64) {
	st := l.streams[name]
	if st == nil {
		st = &stream{}
		l.streams[name] = st
	}
	now := time.Now()
	first := len(l.records)
	for i := range events {
		e := &events[i]
		r := &record{
			stream: name, revision: st.next, id: e.id, typ: e.typ, contentType: e.contentType, created: now,
			data: e.data, meta: e.meta, commit: l.end, prepare: l.end,
		}
		l.end += uint64(100 + len(name) + e.size())
		st.next++
		st.records = append(st.records, r)
		l.records = append(l.records, r)
	}
	last := l.records[len(l.records)-1]
	if l.sharedCommit { // as explicit transactions have it: one commit for several prepares
		for _, r := range l.records[first:] {
			r.commit = last.prepare
		}
	}
	close(l.moved)
	l.moved = make(chan struct{})
	return last.commit, last.prepare
}
