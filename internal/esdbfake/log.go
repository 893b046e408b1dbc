package esdbfake

import (
	"encoding/json"
	"math"
	"strings"
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
	nodes        []*Server
	leader       *Server
}

func newLog(sharedCommit bool) *log {
	return &log{end: 1000, streams: map[string]*stream{}, moved: make(chan struct{}), sharedCommit: sharedCommit}
}

// An event is one on its way in.
type event struct {
	id          uuid.UUID
	typ         string
	contentType string
	data, meta  []byte
}

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

// A streamMeta is what the last $metadata event of a stream says.
type streamMeta struct {
	MaxCount *uint64         `json:"$maxCount,omitempty"`
	MaxAge   *uint64         `json:"$maxAge,omitempty"` // seconds
	Before   *uint64         `json:"$tb,omitempty"`
	ACL      json.RawMessage `json:"$acl,omitempty"`
}

// deletedMark is the $tb of a stream that was deleted softly.
const deletedMark = uint64(math.MaxInt64)

// meta is called with the lock held.
func (l *log) meta(name string) (m streamMeta) {
	st := l.streams["$$"+name]
	if st == nil || len(st.records) == 0 || strings.HasPrefix(name, "$$") {
		return m
	}
	_ = json.Unmarshal(st.records[len(st.records)-1].data, &m) // what is not JSON says nothing, as on the server
	return m
}

// alive are the records of a stream that can still be read. It is called with the lock held.
func (l *log) alive(name string) []*record {
	st := l.streams[name]
	if st == nil {
		return nil
	}
	m, records := l.meta(name), st.records
	if m.MaxCount != nil && uint64(len(records)) > *m.MaxCount {
		records = records[uint64(len(records))-*m.MaxCount:]
	}
	for len(records) > 0 {
		first := records[0]
		old := m.MaxAge != nil && time.Since(first.created) > time.Duration(*m.MaxAge)*time.Second
		if !old && (m.Before == nil || first.revision >= *m.Before) {
			break
		}
		records = records[1:]
	}
	return records
}

// softDeleted is called with the lock held.
func (l *log) softDeleted(name string) bool {
	m := l.meta(name)
	return m.Before != nil && *m.Before == deletedMark
}
