package esdbfake

import (
	"github.com/google/uuid"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

// Cut removes the events of a stream from a revision on from stream and log, and counts back: what a restore of an
// older backup does.
func (s *Server) Cut(name string, from uint64) {
	s.knife(name, func(r *record) bool { return r.revision >= from })
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	if st := s.log.streams[name]; st != nil {
		st.next = min(st.next, from)
	}
}

// Pierce removes one event.
func (s *Server) Pierce(name string, at uint64) {
	s.knife(name, func(r *record) bool { return r.revision == at })
}

func (s *Server) knife(name string, gone func(*record) bool) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	st := s.log.streams[name]
	if st == nil {
		return
	}
	keep := func(records []*record) (kept []*record) {
		for _, r := range records {
			if r.stream != name || !gone(r) {
				kept = append(kept, r)
			}
		}
		return kept
	}
	st.records, s.log.records = keep(st.records), keep(s.log.records)
}

// Truncate sets metadata of a stream, as an operator does: a JSON object with $maxCount, $maxAge, $tb or $acl.
func (s *Server) Truncate(name, meta string) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.write("$$"+name, []event{metadataEvent(meta)})
}

// Put writes an event as somebody else would, past all checks.
func (s *Server) Put(name, typ, data string) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.write(name, []event{{id: uuid.New(), typ: typ, contentType: asJSON, data: []byte(data)}})
}

// Metadata is the $metadata of a stream, empty where there is none.
func (s *Server) Metadata(name string) string {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	if st := s.log.streams["$$"+name]; st != nil && len(st.records) > 0 {
		return string(st.records[len(st.records)-1].data)
	}
	return ""
}

// Alter changes the data of an event, as who can write to the server's disk does.
func (s *Server) Alter(name string, at uint64, data string) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	for _, r := range s.log.streams[name].records {
		if r.revision == at {
			r.data = []byte(data)
		}
	}
}

// LoseCreated has this node leave out, from now on, when events were created: what no server does and one client
// dies of.
func (s *Server) LoseCreated() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noCreatedTime = true
}

// sent is a record as this node sends it.
func (s *Server) sent(r *record, idAsText bool) *streams.ReadResp {
	p := r.proto(idAsText)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.noCreatedTime {
		delete(p.GetEvent().GetEvent().Metadata, "created")
	}
	return p
}
