package foreign

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCanonicalForm(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ body, want string }{
		"keys sorted by bytes":        {`{"b":1,"a":2,"B":3,"é":4,"ab":5,"":6}`, `{"":6,"B":3,"a":2,"ab":5,"b":1,"é":4}`},
		"keys sorted as decoded":      {`{"b":1,"\u0061":2}`, `{"a":2,"b":1}`},
		"beyond the basic plane last": {`{"\ud83d\ude00":1,"\uffee":2}`, `{"` + "\uffee" + `":2,"😀":1}`},
		"no white space":              {" {\n\"a\" : [ 1 , 2 ] } ", `{"a":[1,2]}`},
		"numbers as written":          {`[1.0,1.00,1e2,1E2,-0,7120384759012345679]`, `[1.0,1.00,1e2,1E2,-0,7120384759012345679]`},
		"fewest escapes":              {`["\u0041\/\u00e9\"\\\b\f\n\r\t\u0000\u001F\u007f"]`, `["A/é\"\\\b\f\n\r\t\u0000\u001f` + "\x7f" + `"]`},
		"pairs joined":                {`["\uD83D\uDE00"]`, `["😀"]`},
		"halves kept":                 {`["\uD83D","\uDE00\uD83D","a\uDCFFb"]`, `["\ud83d","\ude00\ud83d","a\udcffb"]`},
		"order of arrays kept":        {`[3,1,2]`, `[3,1,2]`},
		"words":                       {`[null,true,false]`, `[null,true,false]`},
		"U+D7FF is no half":           {`["\ud7ff\n"]`, `["` + "\ud7ff" + `\n"]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := string(scanned(t, tt.body).AppendCanonical(nil)); got != tt.want {
				t.Errorf("canonical form of %s\n got %s\nwant %s", tt.body, got, tt.want)
			}
		})
	}
}

// Any two ways to write a value, with keys in another order, other white space and other escapes, have one form.
func TestCanonicalFormIsOfTheValue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := anyValue(3).Draw(t, "value")
		one := scanned(t, spell(t, value)).AppendCanonical(nil)
		two := scanned(t, spell(t, value)).AppendCanonical(nil)
		if !bytes.Equal(one, two) {
			t.Fatalf("two forms of one value:\n%s\n%s", one, two)
		}
		again := scanned(t, string(one)).AppendCanonical(nil)
		if !bytes.Equal(one, again) {
			t.Fatalf("the form of %s is %s", one, again)
		}
	})
}

// A number written with other digits is another body.
func TestCanonicalFormKeepsDigits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := numbers.Draw(t, "a"), numbers.Draw(t, "b")
		same := scanned(t, `{"n":`+a+`}`).Digest() == scanned(t, `{"n":`+b+`}`).Digest()
		if same != (a == b) {
			t.Fatalf("%s and %s: same digest is %v", a, b, same)
		}
	})
}

var numbers = rapid.StringMatching(`-?(0|[1-9][0-9]{0,19})(\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?`)

// anyValue draws a value: nil, bool, json.Number, string, []any or map[string]any.
func anyValue(depth int) *rapid.Generator[any] {
	scalars := []*rapid.Generator[any]{
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.String().AsAny(),
		rapid.Custom(func(t *rapid.T) any { return json.Number(numbers.Draw(t, "number")) }),
	}
	if depth == 0 {
		return rapid.OneOf(scalars...)
	}
	return rapid.OneOf(append(scalars,
		rapid.SliceOfN(anyValue(depth-1), 0, 4).AsAny(),
		rapid.MapOfN(rapid.String(), anyValue(depth-1), 0, 20).AsAny())...)
}

// spell writes a value in one of its many ways.
func spell(t *rapid.T, value any) string {
	blank := rapid.SampledFrom([]string{"", " ", "\n\t", "\r\n"})
	space := func() string { return blank.Draw(t, "blank") }
	switch v := value.(type) {
	case nil:
		return space() + "null"
	case bool:
		return fmt.Sprint(v)
	case json.Number:
		return string(v) + space()
	case string:
		return spellText(t, v)
	case []any:
		var parts []string
		for _, e := range v {
			parts = append(parts, space()+spell(t, e)+space())
		}
		return "[" + strings.Join(parts, ",") + space() + "]"
	case map[string]any:
		keys := rapid.Permutation(slices.Sorted(maps.Keys(v))).Draw(t, "order")
		var parts []string
		for _, k := range keys {
			parts = append(parts, space()+spellText(t, k)+space()+":"+space()+spell(t, v[k]))
		}
		return "{" + strings.Join(parts, space()+","+space()) + space() + "}"
	}
	panic(fmt.Sprintf("no spelling of %T", value))
}

func spellText(t *rapid.T, text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		plain := r >= 0x20 && r != '"' && r != '\\'
		switch {
		case plain && rapid.Bool().Draw(t, "plain"):
			b.WriteRune(r)
		case r > 0xFFFF:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04X\u%04x`, 0xD800+r>>10, 0xDC00+r&0x3FF)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String() + `"`
}

// The form of a body is a body, its own form, and says what the body said.
func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{`{"b":[1.50,"\u0041"],"a":{"":null}}`, `{"eventTime":"2024-01-01T00:00:00Z","n":-0}`, `["\ud800\udc00\ud800"]`} {
		f.Add([]byte(seed))
	}
	for _, event := range realEvents(f) {
		f.Add(event)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		doc, err := Scan(body, Limits{})
		if err != nil {
			return
		}
		form := doc.AppendCanonical(nil)
		again, err := Scan(form, Limits{Bytes: len(form)})
		if err != nil {
			t.Fatalf("the form of %q is refused: %v", body, err)
		}
		if twice := again.AppendCanonical(nil); !bytes.Equal(form, twice) {
			t.Fatalf("no fixed point: %q, %q", form, twice)
		}
		if a, b := stdForm(t, strip(body)), stdForm(t, form); !bytes.Equal(a, b) {
			t.Fatalf("%q became %q", body, form)
		}
	})
}

// stdForm is encoding/json's own canonical spelling: sorted keys, literals kept.
func stdForm(t *testing.T, body []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
