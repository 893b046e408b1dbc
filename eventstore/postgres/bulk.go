package postgres

import (
	"context"
	"encoding/binary"
	"io"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// A large group of slices is written by COPY. The statements of a small one travel in one round trip, and the arrays
// that carry it are built, copied and taken apart again on the way; for hundreds of rows with their bodies that costs
// more than the four round trips that COPY needs. A role that policies hold is refused a COPY, and writes by the statements.

// worthCopy is how many events of one transaction go by COPY.
const worthCopy = 256

const (
	copyEventsSQL   = `COPY log.events (position, stream, revision, recorded_at, occurred_at, version, event_id, subject, kind, type, data, meta) FROM STDIN (FORMAT binary)`
	copyEvidenceSQL = `COPY log.evidence (stream, digest, salt, bytes, encoding) FROM STDIN (FORMAT binary)`
)

// copied writes what commit writes, the many rows by COPY. The head is still the last of the locks.
func (a *attempt) copied(ctx context.Context, b *pgx.Batch, events int) error {
	if err := a.conn.SendBatch(ctx, b).Close(); err != nil {
		return err
	}
	pg := a.conn.Conn().PgConn()
	if rows := a.evidenceRows(); rows != nil {
		if _, err := pg.CopyFrom(ctx, rows, copyEvidenceSQL); err != nil {
			return err
		}
	}
	if err := a.conn.QueryRow(ctx, moveHeadSQL, events).Scan(&a.head); err != nil {
		return err
	}
	_, err := pg.CopyFrom(ctx, a.eventRows(a.head-int64(events)), copyEventsSQL)
	return err
}

// bulky says whether the slices to write are worth a COPY, and how many events they have. Evidence that may lie there
// already is not: COPY cannot leave out a row.
func (a *attempt) bulky() (events int, ok bool) {
	for _, i := range a.write {
		events += len(a.slices[i].Events)
	}
	return events, events >= a.store.worth && !a.repeats && !a.store.noCopy.Load()
}

// eventRows are the events to write, behind a position.
func (a *attempt) eventRows(position int64) *rows {
	slice, event := 0, 0
	return &rows{next: func(b []byte) []byte {
		for slice < len(a.write) && event == len(a.slices[a.write[slice]].Events) {
			slice, event = slice+1, 0
		}
		if slice == len(a.write) {
			return b
		}
		i := a.write[slice]
		sl := &a.slices[i]
		e := &sl.Events[event]
		position++
		b = binary.BigEndian.AppendUint16(b, 12)
		b = appendInt8(b, position)
		b = appendInt4(b, a.streams[sl.Stream].id)
		b = appendInt8(b, int64(a.results[i].First)+int64(event))
		b = appendInt8(b, e.RecordedAt.UnixMicro()-epoch)
		b = appendInt8(b, e.OccurredAt.UnixMicro()-epoch)
		b = appendInt2(b, int16(e.Version))
		b = appendUUID(b, e.EventID)
		b = appendUUID(b, e.Subject.ID)
		b = appendBytes(b, string(e.Subject.Kind))
		b = appendBytes(b, e.Type)
		b = appendBytes(b, e.Data)
		b = appendBytes(b, e.MetaData)
		event++
		return b
	}}
}

// evidenceRows is the evidence to write; nil where there is none.
func (a *attempt) evidenceRows() *rows {
	slice, piece := 0, 0
	find := func() bool {
		for slice < len(a.write) && piece == len(a.slices[a.write[slice]].Evidence) {
			slice, piece = slice+1, 0
		}
		return slice < len(a.write)
	}
	if !find() {
		return nil
	}
	return &rows{next: func(b []byte) []byte {
		if !find() {
			return b
		}
		sl := &a.slices[a.write[slice]]
		ev := &sl.Evidence[piece]
		body, encoding := a.store.pack(ev.Bytes)
		b = binary.BigEndian.AppendUint16(b, 5)
		b = appendInt4(b, a.streams[sl.Stream].id)
		b = appendBytes(b, ev.Digest[:])
		b = appendBytes(b, ev.Salt)
		b = appendBytes(b, body)
		b = appendInt2(b, encoding)
		piece++
		return b
	}}
}

// rows are the rows of a COPY in Postgres's binary format, each written when it is read. Next appends a row, or
// nothing after the last one.
type rows struct {
	next  func(b []byte) []byte
	buf   []byte
	rest  []byte // of buf: what was not read yet
	begun bool
	ended bool
}

const (
	// copyHeader begins the binary format: its signature, no flags, no extension. copyTrailer ends it.
	copyHeader  = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	copyTrailer = "\xff\xff"
)

// rowsAtOnce is how much is written before it is read, in bytes.
const rowsAtOnce = 32 << 10

// Read reads the rows.
func (r *rows) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.ended {
			return 0, io.EOF
		}
		r.fill()
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *rows) fill() {
	if !r.begun {
		r.begun, r.buf = true, append(make([]byte, 0, 2*rowsAtOnce), copyHeader...)
	} else {
		r.buf = r.buf[:0]
	}
	for len(r.buf) < rowsAtOnce && !r.ended {
		before := len(r.buf)
		if r.buf = r.next(r.buf); len(r.buf) == before {
			r.ended, r.buf = true, append(r.buf, copyTrailer...)
		}
	}
	r.rest = r.buf
}

// A value in the binary format is its length and its bytes.

func appendInt2(b []byte, v int16) []byte {
	return binary.BigEndian.AppendUint16(append(b, 0, 0, 0, 2), uint16(v))
}

func appendInt4(b []byte, v int32) []byte {
	return binary.BigEndian.AppendUint32(append(b, 0, 0, 0, 4), uint32(v))
}

func appendInt8(b []byte, v int64) []byte {
	return binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 8), uint64(v))
}

func appendUUID(b []byte, v uuid.UUID) []byte {
	return append(append(b, 0, 0, 0, 16), v[:]...)
}

func appendBytes[T string | []byte](b []byte, v T) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
}
