package read

import (
	"encoding/binary"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A raw is a row as it came over the wire, of numbers, texts and flags. A walk reads thousands of short rows: looking
// up how each column is to be scanned costs more than finding the rows. NULL is the zero value. Connections that
// prepare nothing get text.
type raw struct {
	fields []pgconn.FieldDescription
	values [][]byte
}

// rawOf is the current row; it is overwritten by the next one.
func rawOf(rows pgx.Rows) raw { return raw{rows.FieldDescriptions(), rows.RawValues()} }

func (r raw) binary(i int) bool { return r.fields[i].Format == pgx.BinaryFormatCode }

func (r raw) number(i int) int64 {
	v := r.values[i]
	if !r.binary(i) {
		n, _ := strconv.ParseInt(string(v), 10, 64)
		return n
	}
	switch len(v) {
	case 8:
		return int64(binary.BigEndian.Uint64(v))
	case 4:
		return int64(int32(binary.BigEndian.Uint32(v)))
	}
	return 0
}

// text is a text, or the last one again where it is the same.
func (r raw) text(i int, last string) string {
	if v := r.values[i]; string(v) != last {
		return string(v)
	}
	return last
}

func (r raw) flag(i int) bool {
	v := r.values[i]
	if !r.binary(i) {
		return string(v) == "t"
	}
	return len(v) == 1 && v[0] == 1
}
