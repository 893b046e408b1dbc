package esdbfake

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

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

func metadataEvent(data string) event {
	return event{id: uuid.New(), typ: "$metadata", contentType: asJSON, data: []byte(data)}
}

// revive sets where a stream that was softly deleted begins again; what else its metadata says stays. It is called
// with the lock held.
func (l *log) revive(name string, from uint64) {
	metas := l.streams["$$"+name].records
	said := map[string]json.RawMessage{}
	if json.Unmarshal(metas[len(metas)-1].data, &said) != nil {
		return // as on the server
	}
	said["$tb"] = json.RawMessage(strconv.FormatUint(from, 10))
	if text, err := json.Marshal(said); err == nil {
		l.write("$$"+name, []event{metadataEvent(string(text))})
	}
}

// next is the revision of the next event of a stream. It is called with the lock held.
func (l *log) next(name string) uint64 {
	if st := l.streams[name]; st != nil {
		return st.next
	}
	return 0
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
