package fold

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
)

// Values go to Postgres and come back in its binary format, written here without reflection: a page has tens of
// thousands of values. An element is its length and its bytes, and -1 stands for NULL: the same in an array, as
// all parameters are, and in a row.

// A typ is a column's type in Postgres, as far as these tables use it.
type typ int

const (
	tInt8 typ = iota
	tInt4
	tInt2
	tText
	tBytea
	tBool
	tFloat8
	tTime
	tJSONB
	tUUID
	tJSON  // text that keeps its spaces and numbers
	tList  // text[], in Go a JSON array of strings
	tInt8s // bigint[], in Go []int64; nil is NULL
)

// types says how a type is called, which type the elements of its parameter have, and how the column is made of the
// parameter's element and read back: an array of arrays cannot be taken apart, so these travel as text.
var types = [...]struct {
	element string
	oid     uint32
	put     string // with %s for the parameter's element
	get     string // with %s for the column
}{
	tInt8:   {"int8", 20, "%s", "%s"},
	tInt4:   {"int4", 23, "%s", "%s"},
	tInt2:   {"int2", 21, "%s", "%s"},
	tText:   {"text", 25, "%s", "%s"},
	tBytea:  {"bytea", 17, "%s", "%s"},
	tBool:   {"bool", 16, "%s", "%s"},
	tFloat8: {"float8", 701, "%s", "%s"},
	tTime:   {"timestamptz", 1184, "%s", "%s"},
	tJSONB:  {"jsonb", 3802, "%s", "%s"},
	tUUID:   {"uuid", 2950, "%s", "%s"},
	tJSON:   {"json", 114, "%s", "%s"},
	tList:   {"jsonb", 3802, "CASE WHEN %[1]s IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(%[1]s)) END", "to_jsonb(%s)"},
	tInt8s:  {"text", 25, "%s::int8[]", "%s::text"},
}

// put writes a type's expression of the parameter's element.
func (t typ) put(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(types[t].put, "%[1]s", name), "%s", name)
}

// get writes a type's expression of the column.
func (t typ) get(name string) string { return strings.ReplaceAll(types[t].get, "%s", name) }

// epoch is where Postgres counts its microseconds from.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

// instant is a time as the read model keeps it: in whole microseconds, so that what a page holds in memory is what
// another page would load.
func instant(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMicro(t.UnixMicro()).UTC()
}

// appendElement writes the value that p points to. The zero value of a nullable column is NULL.
func appendElement(b []byte, t typ, nullable bool, p any) []byte {
	switch v := p.(type) {
	case *int64:
		if nullable && *v == 0 {
			return appendNull(b)
		}
		b = binary.BigEndian.AppendUint32(b, 8)
		return binary.BigEndian.AppendUint64(b, uint64(*v))
	case *int32:
		if nullable && *v == 0 {
			return appendNull(b)
		}
		b = binary.BigEndian.AppendUint32(b, 4)
		return binary.BigEndian.AppendUint32(b, uint32(*v))
	case *int16:
		if nullable && *v == 0 {
			return appendNull(b)
		}
		b = binary.BigEndian.AppendUint32(b, 2)
		return binary.BigEndian.AppendUint16(b, uint16(*v))
	case *bool:
		b = binary.BigEndian.AppendUint32(b, 1)
		if *v {
			return append(b, 1)
		}
		return append(b, 0)
	case *float64:
		b = binary.BigEndian.AppendUint32(b, 8)
		return binary.BigEndian.AppendUint64(b, math.Float64bits(*v))
	case *uint64: // the bits of a number
		b = binary.BigEndian.AppendUint32(b, 8)
		return binary.BigEndian.AppendUint64(b, *v)
	case *time.Time:
		if nullable && v.IsZero() {
			return appendNull(b)
		}
		b = binary.BigEndian.AppendUint32(b, 8)
		return binary.BigEndian.AppendUint64(b, uint64(v.UnixMicro()-epoch))
	case *domain.Digest:
		b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
		return append(b, v[:]...)
	case *uuid.UUID:
		if nullable && *v == uuid.Nil {
			return appendNull(b)
		}
		b = binary.BigEndian.AppendUint32(b, 16)
		return append(b, v[:]...)
	case *maybe[int64]:
		if !v.is {
			return appendNull(b)
		}
		if t == tInt2 {
			b = binary.BigEndian.AppendUint32(b, 2)
			return binary.BigEndian.AppendUint16(b, uint16(v.value))
		}
		b = binary.BigEndian.AppendUint32(b, 8)
		return binary.BigEndian.AppendUint64(b, uint64(v.value))
	case *maybe[float64]:
		if !v.is {
			return appendNull(b)
		}
		b = binary.BigEndian.AppendUint32(b, 8)
		return binary.BigEndian.AppendUint64(b, math.Float64bits(v.value))
	case *[]int64:
		if *v == nil {
			return appendNull(b)
		}
		s := strings.ReplaceAll(strings.Trim(fmt.Sprint(*v), "[]"), " ", ",")
		return appendString(b, "{"+s+"}")
	case *string:
		if nullable && *v == "" {
			return appendNull(b)
		}
		if t == tJSONB || t == tList {
			b = binary.BigEndian.AppendUint32(b, uint32(len(*v)+1))
			return append(append(b, 1), *v...)
		}
		if t == tText {
			return appendString(b, noNUL(*v))
		}
		return appendString(b, *v)
	}
	panic(fmt.Sprintf("fold: no column holds a %T", p))
}

func appendNull(b []byte) []byte { return append(b, 0xff, 0xff, 0xff, 0xff) }

func appendString(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
	return append(b, s...)
}

// readValue reads what Postgres answered into the value that p points to; NULL is the zero value. JSON is written as
// this package writes it, since jsonb has spaces and an order of its own.
func readValue(t typ, canon func([]byte) string, b []byte, p any) {
	switch v := p.(type) {
	case *int64:
		*v = 0
		if b != nil {
			*v = int64(binary.BigEndian.Uint64(b))
		}
	case *int32:
		*v = 0
		if b != nil {
			*v = int32(binary.BigEndian.Uint32(b))
		}
	case *int16:
		*v = 0
		if b != nil {
			*v = int16(binary.BigEndian.Uint16(b))
		}
	case *bool:
		*v = len(b) == 1 && b[0] == 1
	case *float64:
		*v = 0
		if b != nil {
			*v = math.Float64frombits(binary.BigEndian.Uint64(b))
		}
	case *uint64:
		*v = binary.BigEndian.Uint64(b)
	case *time.Time:
		*v = time.Time{}
		if b != nil {
			*v = time.UnixMicro(int64(binary.BigEndian.Uint64(b)) + epoch).UTC()
		}
	case *domain.Digest:
		copy(v[:], b)
	case *uuid.UUID:
		copy(v[:], b)
	case *maybe[int64]:
		*v = maybe[int64]{}
		switch {
		case len(b) == 2:
			*v = maybe[int64]{int64(int16(binary.BigEndian.Uint16(b))), true}
		case b != nil:
			*v = maybe[int64]{int64(binary.BigEndian.Uint64(b)), true}
		}
	case *maybe[float64]:
		*v = maybe[float64]{}
		if b != nil {
			*v = maybe[float64]{math.Float64frombits(binary.BigEndian.Uint64(b)), true}
		}
	case *[]int64:
		*v = nil
		if b != nil {
			*v = readInts(string(b))
		}
	case *string:
		switch {
		case b == nil:
			*v = ""
		case t == tJSONB || t == tList:
			*v = canon(b[1:])
		default:
			*v = string(b)
		}
	default:
		panic(fmt.Sprintf("fold: no column holds a %T", p))
	}
}

func readInts(s string) []int64 {
	out := []int64{}
	for part := range strings.SplitSeq(strings.Trim(s, "{}"), ",") {
		var n int64
		if _, err := fmt.Sscan(part, &n); err == nil {
			out = append(out, n)
		}
	}
	return out
}

// A maybe is a value that may be absent and whose zero means something.
type maybe[T comparable] struct {
	value T
	is    bool
}

// An array is a parameter: one column of many rows.
type array struct {
	typ  typ
	n    int
	body []byte
}

func (a *array) add(nullable bool, p any) {
	a.body = appendElement(a.body, a.typ, nullable, p)
	a.n++
}

// bytes is the array in Postgres's binary format: dimensions, may hold NULL, type of elements, length, lower bound.
func (a *array) bytes() []byte {
	b := make([]byte, 0, 20+len(a.body))
	dims := uint32(1)
	if a.n == 0 {
		dims = 0
	}
	b = binary.BigEndian.AppendUint32(b, dims)
	b = binary.BigEndian.AppendUint32(b, 1)
	b = binary.BigEndian.AppendUint32(b, types[a.typ].oid)
	if a.n > 0 {
		b = binary.BigEndian.AppendUint32(b, uint32(a.n))
		b = binary.BigEndian.AppendUint32(b, 1)
	}
	return append(b, a.body...)
}

// document is a value as a JSON column holds it, "" for nil: strings without NUL, which Postgres refuses.
func document(v any) string {
	b, err := json.Marshal(v)
	if err != nil || string(b) == "null" {
		return ""
	}
	return plain(string(b))
}

// canonical rewrites a jsonb value as document would have written it.
func canonical[T any](b []byte) string {
	var v T
	if json.Unmarshal(b, &v) != nil {
		return string(b)
	}
	return document(v)
}

// plain replaces in JSON text the escapes that jsonb refuses: NUL, and halves of surrogate pairs.
func plain(s string) string {
	if !strings.Contains(s, `\u0000`) && !strings.Contains(s, `\ud`) && !strings.Contains(s, `\uD`) {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		if s[i] != '\\' || i+1 >= len(s) {
			out = append(out, s[i])
			i++
			continue
		}
		if s[i+1] != 'u' || i+6 > len(s) {
			out = append(out, s[i], s[i+1])
			i += 2
			continue
		}
		switch unit := unitAt(s, i); {
		case unit == 0 || unit >= 0xdc00 && unit < 0xe000:
			out = append(out, `\ufffd`...)
		case unit >= 0xd800 && unit < 0xdc00:
			if low := unitAt(s, i+6); low >= 0xdc00 && low < 0xe000 {
				out = append(out, s[i:i+12]...)
				i += 6
			} else {
				out = append(out, `\ufffd`...)
			}
		default:
			out = append(out, s[i:i+6]...)
		}
		i += 6
	}
	return string(out)
}

// unitAt is the UTF-16 unit of the escape at i; -1 where there is none.
func unitAt(s string, i int) int {
	if i+6 > len(s) || s[i] != '\\' || s[i+1] != 'u' {
		return -1
	}
	var n int
	if _, err := fmt.Sscanf(s[i+2:i+6], "%x", &n); err != nil {
		return -1
	}
	return n
}
