package fold

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// Rows that are new for certain go by COPY: half the price of an INSERT that looks for a row to replace, in the
// server and on the way to it. That a row is new is never guessed. It is, where its kind is only ever added to
// (closed rows, facts, audit entries), and where its key names something that got its key in this page. What a
// [Filler] makes is new altogether.

// worthCopy is how many rows of one table are worth a COPY, which is a round trip of its own.
const worthCopy = 150

// A sheet is rows of one table in the binary format of COPY.
type sheet struct {
	table   string // without schema
	columns string // in parentheses
	n       int
	body    []byte
}

// copyHeader begins the binary format: its signature, no flags, no extension.
const copyHeader = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// begin starts a row of that many columns.
func (s *sheet) begin(columns int) {
	if len(s.body) == 0 {
		if s.body == nil {
			s.body = make([]byte, 0, 1<<14)
		}
		s.body = append(s.body, copyHeader...)
	}
	s.n++
	s.body = binary.BigEndian.AppendUint16(s.body, uint16(columns))
}

// add adds a value to the row. Arrays are arrays here: they need no way around as in [array].
func (s *sheet) add(t typ, nullable bool, p any) {
	switch t {
	case tInt8s:
		switch v := p.(type) {
		case *[]int64:
			s.ints(*v != nil, *v)
		case *string:
			s.ints(*v != "", readInts(*v))
		}
	case tList:
		if v := *p.(*string); v == "" {
			s.null()
		} else {
			s.body = appendTexts(s.body, v)
		}
	default:
		s.body = appendElement(s.body, t, nullable, p)
	}
}

// int8 and int2 add numbers to the row.
func (s *sheet) int8(n int64) {
	s.body = binary.BigEndian.AppendUint64(append(s.body, 0, 0, 0, 8), uint64(n))
}

func (s *sheet) int2(n int16) {
	s.body = binary.BigEndian.AppendUint16(append(s.body, 0, 0, 0, 2), uint16(n))
}

// null adds a NULL to the row.
func (s *sheet) null() { s.body = appendNull(s.body) }

func (s *sheet) ints(are bool, list []int64) {
	if !are {
		s.null()
		return
	}
	s.body = appendInts(s.body, list)
}

// transpose makes rows of parameters, whose elements are written as they are in a row but for arrays.
func (s *sheet) transpose(args []*array) {
	rest := make([][]byte, len(args))
	for i, a := range args {
		rest[i] = a.body
	}
	for range args[0].n {
		s.begin(len(args))
		for i, a := range args {
			size := 4
			if n := int32(binary.BigEndian.Uint32(rest[i])); n >= 0 {
				size += int(n)
			}
			if a.typ == tInt8s && size > 4 {
				s.body = appendInts(s.body, readInts(string(rest[i][4:size])))
			} else {
				s.body = append(s.body, rest[i][:size]...)
			}
			rest[i] = rest[i][size:]
		}
	}
}

// sized writes a value whose length is known when it is written.
func sized(b []byte, write func([]byte) []byte) []byte {
	at := len(b)
	b = write(binary.BigEndian.AppendUint32(b, 0))
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b
}

// appendArray writes the beginning of an array: dimensions, may hold NULL, type of elements, length, lower bound.
func appendArray(b []byte, n int, oid uint32) []byte {
	if n == 0 {
		b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
		return binary.BigEndian.AppendUint32(b, oid)
	}
	b = append(b, 0, 0, 0, 1, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, oid)
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	return append(b, 0, 0, 0, 1)
}

func appendInts(b []byte, list []int64) []byte {
	return sized(b, func(b []byte) []byte {
		b = appendArray(b, len(list), types[tInt8].oid)
		for _, n := range list {
			b = binary.BigEndian.AppendUint32(b, 8)
			b = binary.BigEndian.AppendUint64(b, uint64(n))
		}
		return b
	})
}

// appendTexts writes a JSON array of strings as a text[].
func appendTexts(b []byte, doc string) []byte {
	var list []string
	if json.Unmarshal([]byte(doc), &list) != nil {
		panic("fold: a list of texts is none: " + cut(doc, 60)) // it was written by document
	}
	return sized(b, func(b []byte) []byte {
		b = appendArray(b, len(list), types[tText].oid)
		for _, s := range list {
			b = appendString(b, s)
		}
		return b
	})
}

// copy queues the rows of a sheet. They are written before anything else that is queued.
func (t *trip) copy(s *sheet) {
	if s.n > 0 {
		t.sheets = append(t.sheets, s)
	}
}

// sendSheets writes the sheets.
func (t *trip) sendSheets(ctx context.Context) error {
	for _, s := range t.sheets {
		s.body = binary.BigEndian.AppendUint16(s.body, 0xffff)
		sql := "COPY " + t.schema + s.table + " " + s.columns + " FROM STDIN (FORMAT binary)"
		if _, err := t.conn.PgConn().CopyFrom(ctx, bytes.NewReader(s.body), sql); err != nil {
			return fmt.Errorf("write new rows of %s: %w", s.table, err)
		}
	}
	t.sheets = nil
	return nil
}

// add queues rows of a table that is only ever added to: few by the statement, many by COPY of the columns, which are
// those of the statement.
func (t *trip) add(table, columns, insert string, args []*array) {
	if args[0].n < t.worth {
		t.tell(insert, args)
		return
	}
	s := &sheet{table: table, columns: "(" + columns + ")"}
	s.transpose(args)
	t.copy(s)
}
