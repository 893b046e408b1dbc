package model_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/annals-io/annals/graphql/model"
)

func TestScalarsAreReadStrictly(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		in   any
		read func(any) error
		ok   bool
	}{
		"Int":                    {json.Number("7"), readInt, true},
		"Int of 33 bits":         {json.Number("4294967296"), readInt, false},
		"Int with a fraction":    {json.Number("1.5"), readInt, false},
		"Int as a text":          {"7", readInt, false},
		"Int64":                  {json.Number("9223372036854775807"), readInt64, true},
		"Int64 as a text":        {"9223372036854775807", readInt64, true},
		"Int64 too large":        {"9223372036854775808", readInt64, false},
		"Int64 as a bool":        {true, readInt64, false},
		"Time":                   {"2026-03-01T12:00:00.123456Z", readTime, true},
		"Time with an offset":    {"2026-03-01T12:00:00+01:00", readTime, true},
		"Time without a zone":    {"2026-03-01T12:00:00", readTime, false},
		"Time as a number":       {json.Number("1"), readTime, false},
		"Time outside the years": {"0000-01-01T00:00:00+23:00", readTime, false},
	} {
		if err := tt.read(tt.in); (err == nil) != tt.ok {
			t.Errorf("%s: %v; want fine %t", name, err, tt.ok)
		}
	}
	// What a literal says is kept, however long.
	raw, err := model.UnmarshalJSON(map[string]any{"n": json.Number("7120384759012345678"), "s": "<&>"})
	if err != nil || string(raw) != `{"n":7120384759012345678,"s":"<&>"}` {
		t.Errorf("JSON is read as %s, %v", raw, err)
	}
}

func readInt(v any) error   { _, err := model.UnmarshalInt(v); return err }
func readInt64(v any) error { _, err := model.UnmarshalInt64(v); return err }
func readTime(v any) error  { _, err := model.UnmarshalTime(v); return err }

// FuzzTime: what is read as a time (asOf among others) is written as one that reads as the same microsecond.
func FuzzTime(f *testing.F) {
	f.Add("2026-03-01T12:00:00.123456789Z")
	f.Add("0001-01-01T00:00:00+14:00")
	f.Fuzz(func(t *testing.T, s string) {
		at, err := model.UnmarshalTime(s)
		if err != nil {
			return
		}
		var b strings.Builder
		model.MarshalTime(at).MarshalGQL(&b)
		again, err := model.UnmarshalTime(strings.Trim(b.String(), `"`))
		if err != nil || !again.Equal(at.Truncate(time.Microsecond)) {
			t.Fatalf("%q is written %s, which reads as %s, %v", s, b.String(), again, err)
		}
	})
}
