package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"
)

// MarshalInt writes an Int.
func MarshalInt(i int) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { _, _ = io.WriteString(w, strconv.Itoa(i)) })
}

// UnmarshalInt reads an Int: a whole number of 32 bits, as GraphQL has it, never cut down to fit.
func UnmarshalInt(v any) (int, error) {
	if _, isText := v.(string); isText {
		return 0, fmt.Errorf("%T is no Int", v)
	}
	i, err := whole(v)
	if err != nil {
		return 0, err
	}
	if i < math.MinInt32 || i > math.MaxInt32 {
		return 0, fmt.Errorf("%d is no Int: it needs more than 32 bits", i)
	}
	return int(i), nil
}

// MarshalInt64 writes an Int64 as a JSON number.
func MarshalInt64(i int64) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { _, _ = w.Write(strconv.AppendInt(nil, i, 10)) })
}

// UnmarshalInt64 reads a whole number, or a string of its digits.
func UnmarshalInt64(v any) (int64, error) { return whole(v) }

func whole(v any) (int64, error) {
	switch v := v.(type) {
	case int:
		return int64(v), nil
	case int64:
		return v, nil
	case json.Number:
		return parseWhole(string(v))
	case string:
		return parseWhole(v)
	}
	return 0, fmt.Errorf("%T is no whole number", v)
}

func parseWhole(s string) (int64, error) {
	i, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("not a whole number of 64 bits")
	}
	return i, nil
}

// MarshalTime writes a Time in UTC with microseconds, the precision the log keeps.
func MarshalTime(t time.Time) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { _, _ = w.Write(AppendTime(nil, t)) })
}

// AppendTime appends a Time as MarshalTime writes it.
func AppendTime(b []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(b, `"2006-01-02T15:04:05.999999Z07:00"`)
}

// UnmarshalTime reads a Time. A zone is needed: what Annals is asked must mean one instant.
func UnmarshalTime(v any) (time.Time, error) {
	s, ok := v.(string)
	if !ok {
		return time.Time{}, fmt.Errorf("%T is no Time", v)
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("not an RFC 3339 time with a zone, such as 2026-11-21T09:30:00Z")
	}
	if y := t.UTC().Year(); y < 0 || y > 9999 {
		return time.Time{}, fmt.Errorf("a time outside the years 0 to 9999")
	}
	return t, nil
}

// MarshalJSON writes a JSON value as it is kept: numbers keep their literal.
func MarshalJSON(raw json.RawMessage) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		if len(raw) == 0 {
			raw = json.RawMessage("null")
		}
		_, _ = w.Write(raw)
	})
}

// UnmarshalJSON reads any JSON value.
func UnmarshalJSON(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("not a JSON value")
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
