package foreign

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestScanRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		body string
		code Code
		path string
		at   int
	}{
		"nothing":                {"", NotJSON, "", 0},
		"white space":            {" \n\t", NotJSON, "", 3},
		"a word":                 {"hello", NotJSON, "", 0},
		"a longer true":          {"truely", NotJSON, "", 4},
		"two values":             {"{} {}", NotJSON, "", 3},
		"an open object":         {`{"a":1`, NotJSON, "", 6},
		"an open array":          {`{"a":[1`, NotJSON, "/a", 7},
		"an open string":         {`{"a":"b`, NotJSON, "/a", 7},
		"a key without quotes":   {`{a:1}`, NotJSON, "", 1},
		"a comma too many":       {`{"a":1,}`, NotJSON, "", 7},
		"a comma in an array":    {`[1,]`, NotJSON, "/1", 3},
		"no colon":               {`{"a" 1}`, NotJSON, "", 5},
		"a raw line break":       {"{\"a\":\"b\nc\"}", NotJSON, "/a", 7},
		"a raw NUL":              {"{\"a\":\"b\x00c\"}", NotJSON, "/a", 7},
		"a bad escape":           {`{"a":"\x41"}`, NotJSON, "/a", 6},
		"a short \\u":            {`{"a":"\u00g0"}`, NotJSON, "/a", 6},
		"NaN":                    {`{"a":{"b":NaN}}`, NotJSON, "/a/b", 10},
		"a leading zero":         {`{"a":[0,01]}`, NotJSON, "/a/1", 9},
		"a bare minus":           {`[-]`, NotJSON, "/0", 2},
		"a bare point":           {`[1.]`, NotJSON, "/0", 3},
		"a bare exponent":        {`[1e+]`, NotJSON, "/0", 4},
		"bytes that are no text": {"{\"a\":\"\xff\"}", BadUTF8, "", 6},
		"an encoded surrogate":   {"{\"a\":\"\xed\xa0\x80\"}", BadUTF8, "", 6},
		"a key twice":            {`{"a":{"b":1,"c":2,"b":1}}`, DuplicateKey, "/a/b", 18},
		"a key twice, escaped":   {`{"a/~":1,"\u0061/~":2}`, DuplicateKey, "/a~1~0", 9},
		"too deep":               {strings.Repeat("[", 65) + strings.Repeat("]", 65), TooDeep, strings.Repeat("/0", 64), 64},
		"too large":              {`"` + strings.Repeat("x", MaxBytes) + `"`, TooLarge, "", -1},
		"too many values":        {"[" + strings.Repeat("0,", MaxValues) + "0]", TooLarge, "/1048575", 2*MaxValues - 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Scan([]byte(tt.body), Limits{})
			var no *Refusal
			if !errors.As(err, &no) || !errors.Is(err, tt.code) || no.Path != tt.path || no.Offset != tt.at {
				t.Fatalf("Scan: %#v; want %s at %q, byte %d", no, tt.code, tt.path, tt.at)
			}
			if no.Rule == "" || no.Message == "" {
				t.Errorf("a refusal says rule and message: %#v", no)
			}
		})
	}
}

func TestScanTakes(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"an empty object":     `{}`,
		"all kinds":           ` { "a" : [ null , true , false , -0.10E+05 , "x" , { } , [ ] ] } `,
		"a scalar":            `12`,
		"a byte order mark":   "\ufeff{}",
		"as deep as allowed":  strings.Repeat("[", 64) + strings.Repeat("]", 64),
		"an escaped NUL":      `{"a":"\u0000"}`,
		"half a pair":         `{"a":"\ud83d"}`,
		"keys alike but not":  `{"a":1,"A":2,"":3,"aa":4}`,
		"a large whole value": `"` + strings.Repeat("x", MaxBytes-2) + `"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Scan([]byte(body), Limits{}); err != nil {
				t.Errorf("Scan: %v", err)
			}
		})
	}
}

func TestValueReadsAsItWasWritten(t *testing.T) {
	t.Parallel()
	doc := scanned(t, `{"text":"a\nb\u00e9\ud83d\ude00","nul":"a\u0000b","half":"a\udc80b","yes":true,
		"whole":7120384759012345679,"ten":10.0,"part":1.5,"huge":1e400,"list":[10,{"x/y~z":"here"}],"none":null}`)
	root := doc.Root()
	check := func(what string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	check("text", root.Get("text").Text(), "a\nbé😀")
	check("NUL for reading", root.Get("nul").Text(), "a\uFFFDb")
	check("half a pair for reading", root.Get("half").Text(), "a\uFFFDb")
	_, fault := root.Get("nul").Exact()
	check("NUL in an identity", fault, HasNUL)
	_, fault = root.Get("half").Exact()
	check("half a pair in an identity", fault, HasHalfPair)
	exact, fault := root.Get("text").Exact()
	check("exact", exact+string(fault), "a\nbé😀")
	yes, ok := root.Get("yes").Bool()
	check("bool", yes && ok, true)
	n, ok := root.Get("whole").Int()
	check("whole", n, int64(7120384759012345679))
	check("whole is whole", ok, true)
	n, _ = root.Get("ten").Int()
	check("10.0 is whole", n, int64(10))
	_, ok = root.Get("part").Int()
	check("1.5 is not whole", ok, false)
	_, ok = root.Get("huge").Float()
	check("1e400 is no float64", ok, false)
	check("raw", string(root.Get("ten").Raw()), "10.0")
	check("null is not present", root.Get("none").Present(), false)
	check("what is not there", root.Get("nowhere").Get("at").Text(), "")
	here := doc.At("/list/1/x~1y~0z")
	check("pointer there", here.Text(), "here")
	check("pointer back", here.Pointer(), "/list/1/x~1y~0z")
	for _, nowhere := range []string{"list", "/list/2", "/list/01", "/list/-1", "/list/1/", "/text/0", "/nowhere/x"} {
		check("pointer "+nowhere, doc.At(nowhere).Kind(), Absent)
	}
	check("whole body", doc.At("").Kind(), Object)
	check("empty key", scanned(t, `{"a":{"":"b"}}`).At("/a/").Text(), "b")
}

func scanned(t interface {
	Helper()
	Fatal(...any)
}, body string) *Doc {
	t.Helper()
	doc, err := Scan([]byte(body), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// What the standard library calls JSON we take, and what it does not we refuse; for what is beyond it (keys twice,
// depth, UTF-8) the table above speaks.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5e-3,"x\u0041\n",null,true]}`, `[[],{},""]`, `{"a":1,"a":2}`, `"\ud800"`, "\ufeff1", `-0`, `01`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		doc, err := Scan(body, Limits{})
		std := json.Valid(strip(body))
		if err == nil != std && !errors.Is(err, DuplicateKey) && !errors.Is(err, BadUTF8) && !errors.Is(err, TooDeep) {
			t.Fatalf("Scan(%q) = %v; encoding/json says %v", body, err, std)
		}
		if err != nil {
			return
		}
		values(doc.Root(), func(v Value) {
			// A replaced character can make two names one: then the pointer leads to the first.
			if p := v.Pointer(); !strings.Contains(p, "\uFFFD") && doc.At(p) != v {
				t.Fatalf("pointer %q leads elsewhere in %q", p, body)
			}
		})
	})
}

// values visits a value and all that is in it.
func values(v Value, visit func(Value)) {
	visit(v)
	for _, child := range v.Members() {
		values(child, visit)
	}
	for _, child := range v.Elements() {
		values(child, visit)
	}
}

func strip(body []byte) []byte { return []byte(strings.TrimPrefix(string(body), "\ufeff")) }
