package main

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

// quiet is an app whose output is a string.
func quiet(output string) (*app, *buffer, *buffer) {
	var out, errs buffer
	a := &app{stdout: &out, stderr: &errs, getenv: func(string) string { return "" }, terminal: func(io.Writer) bool { return false }}
	a.global.output = output
	return a, &out, &errs
}

var twoRows = list{Items: []json.RawMessage{json.RawMessage(`{"b":7120384759012345678,"a":"x"}`), json.RawMessage(`{"b":2,"a":null}`)}, TotalCount: 7}

// Numbers keep their digits and fields their order, whatever the form.
func TestForms(t *testing.T) {
	t.Parallel()
	columns := []column{{"A", field("a")}, {"B", field("b")}}
	for form, want := range map[string]string{
		"json":   `{"items":[{"b":7120384759012345678,"a":"x"},{"b":2,"a":null}],"nextCursor":null,"totalCount":7}` + "\n",
		"ndjson": `{"b":7120384759012345678,"a":"x"}` + "\n" + `{"b":2,"a":null}` + "\n",
		"yaml":   "items:\n  - b: 7120384759012345678\n    a: x\n  - b: 2\n    a: null\nnextCursor: null\ntotalCount: 7\n",
		"table":  "A  B\nx  7120384759012345678\n   2\n",
	} {
		a, out, _ := quiet(form)
		if err := a.printList(twoRows, columns); err != nil || out.String() != want {
			t.Errorf("%s is %q, %v; want %q", form, out, err, want)
		}
	}
}

func TestForeignTextCannotMoveTheCursor(t *testing.T) {
	t.Parallel()
	a, out, _ := quiet("table")
	evil := listOf([]any{map[string]string{"a": "x\x1b[2J\r\nroot\u202e\u009b31m\x00"}})
	if err := a.printList(evil, []column{{"A", field("a")}}); err != nil || strings.ContainsAny(out.String(), "\x1b\r\x00\u202e\u009b") || strings.Count(out.String(), "\n") != 2 {
		t.Errorf("printed %q, %v", out, err)
	}
}

// YAML means what the JSON it was made of means, strings that look like something else included.
func FuzzYAML(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.50,-3e7,"no","1","~","null","2026-03-01",true,null,{}],"é\n":[],"":{"x":" y "}}`, `"\ud83d\ude00"`, `[[[]]]`, `{"a":"\u0000\u0085\u2028"}`, `"\u000A000000"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		var before any
		if json.Unmarshal([]byte(doc), &before) != nil {
			return
		}
		text, err := yamlOf([]byte(doc))
		if err != nil {
			t.Fatalf("%q: %v", doc, err)
		}
		var node yaml.Node
		if err := yaml.Unmarshal(text, &node); err != nil {
			t.Fatalf("%q became %q: %v", doc, text, err)
		}
		if s, ok := before.(string); ok {
			var after string
			if err := node.Decode(&after); err != nil || after != s {
				t.Fatalf("%q became %q: %v", doc, text, err)
			}
		}
	})
}

func TestFailures(t *testing.T) {
	t.Parallel()
	f := usage("no such thing").with("look here")
	a, _, errs := quiet("table")
	a.printFailure(f)
	if errs.String() != "annals: no such thing\n  look here\n" {
		t.Errorf("a person reads %q", errs)
	}
	a, _, errs = quiet("json")
	a.printFailure(f)
	if errs.String() != `{"error":{"code":"usage","message":"no such thing","hint":"look here"}}`+"\n" {
		t.Errorf("a program reads %q", errs)
	}
	for status, want := range map[int]int{400: 2, 401: 4, 403: 4, 404: 3, 409: 5, 410: 3, 500: 1, 503: 1, 504: 7} {
		var f *failure
		if err := refusal(status, []byte(`{"error":{"code":"x","message":"y"}}`)); !errors.As(err, &f) || f.Exit != want || f.Code != "x" {
			t.Errorf("%d: %+v, want exit code %d", status, f, want)
		}
	}
}

func TestProgressLine(t *testing.T) {
	t.Parallel()
	p := &progress{what: "events"}
	p.add(12_345)
	if got := p.line(5 * time.Second); got != "12,345 events, 2,469/s" {
		t.Errorf("without a total: %q", got)
	}
	p.total = 4 << 20
	p.read(1 << 20)
	if got, want := p.line(5*time.Second), "[======                  ]  25% of 4.0 MiB  12,345 events, 2,469/s  ETA 15s"; got != want {
		t.Errorf("with a total: %q, want %q", got, want)
	}
}

func TestMoments(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": `null`, "0": `{"revision":0}`, "0042": `{"revision":42}`, "2026-03-01": `{"time":"2026-03-01T00:00:00Z"}`,
		"2026-03-01T12:00:00+02:00": `{"time":"2026-03-01T10:00:00Z"}`, "2026-03-01 12:00": `{"time":"2026-03-01T12:00:00Z"}`,
	} {
		f := asOfFlag{text: text}
		got, err := f.input()
		if b, _ := json.Marshal(got); err != nil || string(b) != want {
			t.Errorf("%q: %s, %v; want %s", text, b, err, want)
		}
	}
	if _, err := (&asOfFlag{text: "yesterday"}).input(); err == nil {
		t.Error("yesterday is taken")
	}
}
