package fold

import (
	"encoding/binary"
	"time"

	"github.com/annals-io/annals/domain"
)

// Marks remember, for fields where the later fact wins, the order of the fact that set each: records of the field's
// number, event time, rank and digest.
type marks string

const markSize = 1 + 8 + 1 + 32

// later says whether a fact is not earlier than the one that set the field, and remembers it if so.
func (m *marks) later(field byte, o domain.Order) bool {
	at := len(*m)
	for i := 0; i < len(*m); i += markSize {
		if (*m)[i] == field {
			at = i
			break
		}
	}
	if at < len(*m) && o.Compare(orderOf((*m)[at:])) < 0 {
		return false
	}
	rec := make([]byte, 0, markSize)
	rec = append(rec, field)
	rec = binary.BigEndian.AppendUint64(rec, uint64(o.At.UnixMicro()))
	rec = append(append(rec, byte(o.Rank)), o.Digest[:]...)
	rest := ""
	if at < len(*m) {
		rest = string((*m)[at+markSize:])
	}
	*m = (*m)[:at] + marks(rec) + marks(rest)
	return true
}

// order is that of the fact that set the field; zero where none did.
func (m marks) order(field byte) domain.Order {
	for i := 0; i < len(m); i += markSize {
		if m[i] == field {
			return orderOf(m[i:])
		}
	}
	return domain.Order{}
}

// orderOf reads the order of the record at the beginning.
func orderOf(m marks) domain.Order {
	var o domain.Order
	o.At = time.UnixMicro(int64(binary.BigEndian.Uint64([]byte(m[1:9])))).UTC()
	o.Rank = int(m[9])
	copy(o.Digest[:], m[10:markSize])
	return o
}

// The fields of runs, steps, pipelines, artifacts and versions that marks speak of.
const (
	markPipeline byte = iota + 1
	markName
	markVersion
	markCode
	markOrchestrator
	markUpstream
	markCacheKey
	markCachedFrom
	markDescription
	markType
	markSQL
	markOwnership
	markSource
	markLifecycle
	markSchema
	markURI
	markBytes
	markDigest
	markParent
)
