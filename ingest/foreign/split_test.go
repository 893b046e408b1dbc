package foreign

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// items writes each item as LINE:BODY, or LINE!CODE where there is no body.
func items(t interface{ Fatal(...any) }, s *Splitter) []string {
	var got []string
	for item, err := range s.All() {
		if err != nil {
			return append(got, "error: "+err.Error())
		}
		if item.Index != len(got) {
			t.Fatal(fmt.Sprintf("item %d has index %d", len(got), item.Index))
		}
		if item.No != nil {
			got = append(got, fmt.Sprintf("%d!%s", item.Line, item.No.Code))
			continue
		}
		got = append(got, fmt.Sprintf("%d:%s", item.Line, item.Body))
	}
	return got
}

func TestSplit(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		source string
		want   []string
	}{
		"nothing":                     {"", nil},
		"white space":                 {" \n\r\n\t", nil},
		"one object":                  {`{"a":1}`, []string{`1:{"a":1}`}},
		"lines":                       {"{\"a\":1}\n{\"b\":2}\n", []string{`1:{"a":1}`, `2:{"b":2}`}},
		"lines of DOS":                {"{\"a\":1}\r\n\r\n{\"b\":2}\r\n", []string{`1:{"a":1}`, `3:{"b":2}`}},
		"a byte order mark":           {"\ufeff{\"a\":1}", []string{`1:{"a":1}`}},
		"several on a line":           {`{"a":1}{"b":2} {"c":3}`, []string{`1:{"a":1}`, `1:{"b":2}`, `1:{"c":3}`}},
		"brackets in strings":         {`{"a":"}\"]{\\"}{"b":2}`, []string{`1:{"a":"}\"]{\\"}`, `1:{"b":2}`}},
		"printed over lines":          {"{\n \"a\": [\n  {\"b\": 1}\n ]\n}\n{\n \"c\": 2\n}", []string{"1:{\n \"a\": [\n  {\"b\": 1}\n ]\n}", "6:{\n \"c\": 2\n}"}},
		"printed without indentation": {"{\n\"a\": [\n{\n\"b\": 1\n},\n{\n}\n],\n\"c\":\n{\n}\n}", []string{"1:{\n\"a\": [\n{\n\"b\": 1\n},\n{\n}\n],\n\"c\":\n{\n}\n}"}},
		"an array":                    {`[{"a":1}, {"b":[2]} ]`, []string{`1:{"a":1}`, `1:{"b":[2]}`}},
		"an array over lines":         {"[\n{\"a\":1},\n{\"b\":2}\n]\n", []string{`2:{"a":1}`, `3:{"b":2}`}},
		"an empty array":              {" [ ] ", nil},
		"arrays one after the other":  {"[{\"a\":1}]\n[{\"b\":2}]", []string{`1:{"a":1}`, `2:{"b":2}`}},
		"elements that are none":      {`[1,"x,]",null,[2,3]]`, []string{`1:1`, `1:"x,]"`, `1:null`, `1:[2,3]`}},
		"words":                       {"hello, world\n{\"a\":1}", []string{`1:hello, world`, `2:{"a":1}`}},
		"a line cut off":              {"{\"a\":1}\n{\"b\":\n{\"c\":3}\n", []string{`1:{"a":1}`, `2:{"b":`, `3:{"c":3}`}},
		"a line cut off in a string":  {"{\"a\":1}\n{\"b\":\"x\n{\"c\":3}\n", []string{`1:{"a":1}`, `2:{"b":"x`, `3:{"c":3}`}},
		"the first line cut off":      {"{\"a\":1,\n{\"c\":3}\n{\"d\":4}", []string{`1:{"a":1,`, `2:{"c":3}`, `3:{"d":4}`}},
		"the last line cut off":       {"{\"a\":1}\n{\"b\":", []string{`1:{"a":1}`, `2:{"b":`}},
		"brackets that do not match":  {"{\"a\":[1}\n{\"b\":2}", []string{`1:{"a":[1}`, `2:{"b":2}`}},
		"a bracket too many":          {"{\"a\":1}}\n{\"b\":2}", []string{`1:{"a":1}`, `1:}`, `2:{"b":2}`}},
		"an array that never ends":    {"[{\"a\":1},\n", []string{`1:{"a":1}`, `2!not_json`}},
		"too large, then one":         {`{"a":"` + strings.Repeat("x", 100) + "\"}\n{\"b\":2}", []string{`1!too_large`, `2:{"b":2}`}},
		"too large and cut off":       {`{"a":"` + strings.Repeat("x", 100) + "\n{\"b\":2}", []string{`1!too_large`, `2:{"b":2}`}},
		"too large in an array":       {`[{"a":"` + strings.Repeat("x", 100) + `"},{"b":2}]`, []string{`1!too_large`, `1:{"b":2}`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := items(t, NewSplitter(strings.NewReader(tt.source), 70)); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("whole\n got %q\nwant %q", got, tt.want)
			}
			if got := items(t, NewSplitter(iotest.OneByteReader(strings.NewReader(tt.source)), 70)); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("byte by byte\n got %q\nwant %q", got, tt.want)
			}
			if got := items(t, NewSplitter(bytes.NewReader(gzipped(t, tt.source)), 70)); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("gzipped\n got %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestSplitLines(t *testing.T) {
	t.Parallel()
	source := "{\"a\":\n{\"b\":2}\nnope\n{\"c\":3}\n"
	want := []string{`1:{"a":`, `2:{"b":2}`, `3:nope`, `4:{"c":3}`}
	if got := items(t, NewSplitter(strings.NewReader(source), 70).Lines()); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func gzipped(t testing.TB, plain string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSplitSaysWhereTheSourceFails(t *testing.T) {
	t.Parallel()
	whole := gzipped(t, strings.Repeat("{\"a\":1}\n", 1000))
	torn := errors.New("the wire broke")
	for name, tt := range map[string]struct {
		source io.Reader
		want   error
	}{
		"gzip cut off":  {bytes.NewReader(whole[:len(whole)-9]), BadGzip},
		"gzip damaged":  {bytes.NewReader(append(whole[:len(whole)-8:len(whole)-8], 0, 0, 0, 0, 0, 0, 0, 0)), BadGzip},
		"no gzip":       {bytes.NewReader([]byte{0x1f, 0x8b, 0, 0}), BadGzip},
		"between":       {io.MultiReader(strings.NewReader("{\"a\":1}\n"), iotest.ErrReader(torn)), torn},
		"inside a body": {io.MultiReader(strings.NewReader(`{"a":`), iotest.ErrReader(torn)), torn},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var last error
			for _, err := range NewSplitter(tt.source, 0).All() {
				last = err
			}
			if !errors.Is(last, tt.want) {
				t.Errorf("ended with %v, want %v", last, tt.want)
			}
		})
	}
}

// However values are put one after the other, the same come out.
func TestSplitFindsEveryValue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var want, spelled []string
		for range rapid.IntRange(1, 5).Draw(t, "count") {
			body := spell(t, rapid.MapOfN(rapid.String(), anyValue(2), 0, 5).AsAny().Draw(t, "object"))
			body = strings.ReplaceAll(body, "\n{", "\n {") // which would begin a body among bodies of a line each
			want, spelled = append(want, body), append(spelled, body)
		}
		source := "[" + strings.Join(spelled, ",") + "]"
		if rapid.Bool().Draw(t, "in a row") {
			source = strings.Join(spelled, rapid.SampledFrom([]string{"\n", "", " ", "\n\n"}).Draw(t, "between"))
		}
		var got []string
		for item, err := range NewSplitter(strings.NewReader(source), 0).All() {
			if err != nil || item.No != nil {
				t.Fatalf("%v, %v", err, item.No)
			}
			got = append(got, string(item.Body))
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("of %q\n got %q\nwant %q", source, got, want)
		}
	})
}

// Whatever the source, nothing of it is lost, invented or read twice, and it makes no difference how it arrives.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{"[{},\n{}]", "{\"a\":\n{\"b\":1}", "}{][", "\x1f\x8b", "\"x\ny\"", "[1,,2]"} {
		f.Add([]byte(seed))
	}
	f.Add(bytes.Join(realEvents(f), []byte("\n")))
	f.Fuzz(func(t *testing.T, source []byte) {
		if bytes.HasPrefix(source, []byte{0x1f, 0x8b}) {
			for range NewSplitter(bytes.NewReader(source), 1<<16).All() { // must end, and not panic
			}
			return
		}
		got := items(t, NewSplitter(bytes.NewReader(source), 1<<16))
		if slow := items(t, NewSplitter(iotest.OneByteReader(bytes.NewReader(source)), 1<<16)); !reflect.DeepEqual(got, slow) {
			t.Fatalf("whole %q, byte by byte %q", got, slow)
		}
		rest := source
		for item, err := range NewSplitter(bytes.NewReader(source), 1<<16).All() {
			if err != nil {
				t.Fatal(err)
			}
			at := bytes.Index(rest, item.Body)
			if at < 0 {
				t.Fatalf("%q is not in what is left of the source, %q", item.Body, rest)
			}
			if between := strings.Trim(string(rest[:at]), " \t\r\n,[]\ufeff"); between != "" && item.No == nil && len(source) < 1<<16 {
				t.Fatalf("%q was passed over", between)
			}
			rest = rest[at+len(item.Body):]
		}
	})
}
