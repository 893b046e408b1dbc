package postgres

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A scanner makes events of rows. It reads the binary values as they came, which is several times cheaper than
// scanning into variables, and copies bodies into blocks that the events of a page share.
type scanner struct {
	store    *Store
	decoder  eventstore.Decoder
	dense    bool // rows must have consecutive positions
	last     uint64
	unnamed  map[int]int32 // events whose stream's name is not known yet, by index
	block    []byte
	expected int // rows, at most
}

// blockSize is the least size of the blocks, in bytes.
const blockSize = 64 << 10

func (s *Store) scanner() *scanner { return &scanner{store: s} }

// all makes events of all rows.
func (sc *scanner) all(rows pgx.Rows) ([]domain.Recorded, error) {
	defer rows.Close()
	events := make([]domain.Recorded, 0, sc.expected)
	for rows.Next() {
		before := sc.last
		events = append(events, domain.Recorded{})
		if err := sc.scan(&events[len(events)-1], rows.RawValues()); err != nil {
			return nil, err
		}
		if sc.dense && sc.last != before+1 {
			return nil, hole(before + 1)
		}
		if events[len(events)-1].Stream == "" {
			if sc.unnamed == nil {
				sc.unnamed = map[int]int32{}
			}
			sc.unnamed[len(events)-1] = int32Of(rows.RawValues()[4])
		}
	}
	return events, rows.Err()
}

// scan makes an event of one row, in the order of [columns].
func (sc *scanner) scan(r *domain.Recorded, raw [][]byte) error {
	if len(raw) != 12 {
		return fmt.Errorf("a row of %d columns, not 12", len(raw))
	}
	sc.last = uint64(int64Of(raw[0]))
	r.Revision = domain.Revision(int64Of(raw[1]))
	r.RecordedAt, r.OccurredAt = timeOf(raw[2]), timeOf(raw[3])
	r.Stream, _ = sc.store.streams.name(int32Of(raw[4]))
	r.Version = int(int16(binary.BigEndian.Uint16(raw[5])))
	r.EventID = uuid.UUID(raw[6])
	r.Subject = domain.Entity{Kind: kindOf(raw[8]), ID: uuid.UUID(raw[7])}
	r.Type = typeOf(raw[9])
	return sc.decoder.Decode(r, sc.keep(raw[10]), sc.keepMeta(raw[11]))
}

// keep copies what is only lent into a block.
func (sc *scanner) keep(b []byte) []byte {
	if cap(sc.block)-len(sc.block) < len(b) {
		sc.block = make([]byte, 0, max(blockSize, len(b)))
	}
	from := len(sc.block)
	sc.block = append(sc.block, b...)
	return sc.block[from:len(sc.block):len(sc.block)]
}

// keepMeta copies metadata only where it differs from that of the event before.
func (sc *scanner) keepMeta(b []byte) []byte {
	if known := sc.decoder.Last(); known != nil && string(known) == string(b) {
		return known
	}
	return sc.keep(b)
}

func (sc *scanner) unnamedIDs() []int32 {
	return slices.Compact(slices.Sorted(maps.Values(sc.unnamed)))
}

// typeOf spares the text of the types that are known.
func typeOf(b []byte) string {
	if typ, ok := types[string(b)]; ok {
		return typ
	}
	return string(b)
}

var types = func() map[string]string {
	known := map[string]string{}
	for _, typ := range domain.EventTypes() {
		known[typ] = typ
	}
	return known
}()

// kindOf spares the text of the kinds that are known.
func kindOf(b []byte) domain.Kind {
	switch string(b) {
	case string(domain.KindWorkspace):
		return domain.KindWorkspace
	case string(domain.KindPipeline):
		return domain.KindPipeline
	case string(domain.KindRun):
		return domain.KindRun
	case string(domain.KindStep):
		return domain.KindStep
	case string(domain.KindArtifact):
		return domain.KindArtifact
	case string(domain.KindArtifactVersion):
		return domain.KindArtifactVersion
	}
	return domain.Kind(b)
}

func int64Of(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) }
func int32Of(b []byte) int32 { return int32(binary.BigEndian.Uint32(b)) }

// epoch is the zero of PostgreSQL's times, which count microseconds.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

func timeOf(b []byte) time.Time { return time.UnixMicro(epoch + int64Of(b)).UTC() }
