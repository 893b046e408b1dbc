package fold

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Rows are rows on their way into the tables of a model, in the binary format of COPY: what a [Filler] made and nobody
// wrote yet.
type Rows struct {
	sheets []*sheet
	free   [][]byte // of what was written, to be filled again
}

// A Load is what was taken of Rows, to be written at once.
type Load []sheet

// sheet begins or goes on with the rows of a table.
func (r *Rows) sheet(table, columns string) *sheet {
	for _, s := range r.sheets {
		if s.table == table {
			return s
		}
	}
	s := &sheet{table: table, columns: "(" + columns + ")"}
	r.sheets = append(r.sheets, s)
	return s
}

// Size is how many bytes wait.
func (r *Rows) Size() int {
	n := 0
	for _, s := range r.sheets {
		n += len(s.body)
	}
	return n
}

// Take takes all that waits.
func (r *Rows) Take() Load {
	var load Load
	for _, s := range r.sheets {
		if s.n == 0 {
			continue
		}
		load = append(load, *s)
		s.n, s.body = 0, nil
		if n := len(r.free); n > 0 {
			s.body, r.free = r.free[n-1], r.free[:n-1]
		}
	}
	return load
}

// Reuse gives the memory of a load that was written back.
func (r *Rows) Reuse(load Load) {
	for i := range load {
		if len(r.free) < len(r.sheets) {
			r.free = append(r.free, load[i].body[:0])
		}
	}
}

// Write writes the rows into the tables of a schema, each table by one COPY. It does not begin or end a transaction.
func (l Load) Write(ctx context.Context, conn *pgconn.PgConn, schema string) error {
	for i := range l {
		s := &l[i]
		sql := "COPY " + pgx.Identifier{schema, s.table}.Sanitize() + " " + s.columns + " FROM STDIN (FORMAT binary)"
		if _, err := conn.CopyFrom(ctx, bytes.NewReader(s.ended()), sql); err != nil {
			return fmt.Errorf("write rows of %s: %w", s.table, err)
		}
	}
	return nil
}

// ended is the sheet with the mark of its end, which may be written more than once.
func (s *sheet) ended() []byte {
	return binary.BigEndian.AppendUint16(s.body[:len(s.body):cap(s.body)], 0xffff)
}
