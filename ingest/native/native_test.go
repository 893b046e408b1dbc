package native

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/ingest/foreign"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func event(body string) string {
	return `{"id":"e1","run":"r1","at":"2026-03-01T12:00:00Z","body":` + body + `}`
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		body string
		code foreign.Code
		path string
	}{
		"not JSON":             {`{"id":`, foreign.NotJSON, ""},
		"no object":            {`[1]`, WrongType, ""},
		"no id":                {`{"run":"r","at":"2026-03-01T12:00:00Z","body":{"type":"runStarted"}}`, Missing, "/id"},
		"long id":              {`{"id":"` + strings.Repeat("x", 129) + `","run":"r","at":"2026-03-01T12:00:00Z","body":{"type":"runStarted"}}`, TooLong, "/id"},
		"empty run":            {`{"id":"e","run":"","at":"2026-03-01T12:00:00Z","body":{"type":"runStarted"}}`, Missing, "/run"},
		"NUL in run":           {`{"id":"e","run":"a\u0000b","at":"2026-03-01T12:00:00Z","body":{"type":"runStarted"}}`, InvalidValue, "/run"},
		"no time":              {`{"id":"e","run":"r","body":{"type":"runStarted"}}`, Missing, "/at"},
		"bad time":             {`{"id":"e","run":"r","at":"yesterday","body":{"type":"runStarted"}}`, InvalidValue, "/at"},
		"unknown field":        {`{"id":"e","run":"r","at":"2026-03-01T12:00:00Z","body":{"type":"runStarted"},"extra":1}`, UnknownField, "/extra"},
		"unknown field within": {event(`{"type":"stepStarted","step":"s","colour":"red"}`), UnknownField, "/body/colour"},
		"unknown type":         {event(`{"type":"runExploded"}`), InvalidValue, "/body/type"},
		"wrong type":           {event(`{"type":"stepStarted","step":7}`), WrongType, "/body/step"},
		"no step":              {event(`{"type":"stepStarted"}`), Missing, "/body/step"},
		"no points":            {event(`{"type":"metricsLogged","points":[]}`), Missing, "/body/points"},
		"no number":            {event(`{"type":"metricsLogged","points":[{"name":"a","value":"many"}]}`), InvalidValue, "/body/points/0/value"},
		"artifact unnamed":     {event(`{"type":"artifactsProduced","artifacts":[{"artifact":{"namespace":"x"}}]}`), Missing, "/body/artifacts/0/artifact/name"},
		"own parent":           {event(`{"type":"runNested","parent":"r1"}`), InvalidValue, "/body/parent"},
		"attempt 0":            {event(`{"type":"runStarted","attempt":0}`), InvalidValue, "/body/attempt"},
		"key twice":            {`{"id":"e","id":"f"}`, foreign.DuplicateKey, "/id"},
		"artifact missing":     {event(`{"type":"artifactsProduced","artifacts":[{}]}`), Missing, "/body/artifacts/0/artifact"},
		"member of no type":    {event(`{"runExploded":{}}`), Missing, "/body/type"},
		"member of null":       {event(`{"runStarted":null}`), Missing, "/body/type"},
		"two members":          {event(`{"runStarted":{},"runFailed":{}}`), Missing, "/body/type"},
		"type and member":      {event(`{"type":"runStarted","runStarted":{}}`), UnknownField, "/body/runStarted"},
		"type in a member":     {event(`{"runStarted":{"type":"runFailed"}}`), Missing, "/body/type"},
		"wrong in a member":    {event(`{"stepStarted":{"step":7}}`), WrongType, "/body/stepStarted/step"},
		"unknown in a member":  {event(`{"stepStarted":{"step":"s","colour":"red"}}`), UnknownField, "/body/stepStarted/colour"},
		"too deep":             {event(strings.Repeat("[", 80) + strings.Repeat("]", 80)), foreign.TooDeep, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Read([]byte(tt.body), noon)
			var no *foreign.Refusal
			if !errors.As(err, &no) || no.Code != tt.code || tt.path != "" && no.Path != tt.path {
				t.Fatalf("got %+v, want %s at %s", err, tt.code, tt.path)
			}
			if e, _ := Read([]byte(tt.body), noon); strings.HasPrefix(tt.path, "/body") && e.ID != "e1" {
				t.Errorf("the event of a refusal has the id %q, want e1", e.ID)
			}
			if no.Rule == "" || no.Message == "" {
				t.Errorf("a refusal says its rule and what is wrong: %+v", no)
			}
		})
	}
}

func TestReadTakes(t *testing.T) {
	t.Parallel()
	e, err := Read([]byte(event(`{"type":"stepFailed","step":"train","attempt":2,"failure":{"type":"ValueError","message":"bad","stack":null},"parameters":[{"name":"id","value":7120384759012345678}]}`)), noon)
	if err != nil {
		t.Fatal(err)
	}
	step, ok := e.Facts[0].(domain.StepReported)
	if !ok || step.Phase != domain.Failed || step.Step != "train" || step.Attempt != 2 || string(step.Parameters[0].Value) != "7120384759012345678" {
		t.Errorf("got %+v", e.Facts)
	}
	if step.Failure.Message == nil || step.Failure.Message.Evidence != e.Evidence[0].Digest || step.Failure.Stack != nil {
		t.Errorf("the message lies in evidence: %+v", step.Failure)
	}
	e, err = Read([]byte(`{"id":"e","run":"r","pipeline":{"name":"p"},"at":"2026-03-09 12:00:00,5","body":{"type":"metricsLogged","points":[{"name":"rmse","value":"NaN"}]}}`), noon)
	if err != nil || len(e.Facts) != 2 || len(e.Warnings) != 2 {
		t.Errorf("a pipeline in passing is a fact; a time without zone and from the future is flagged: %+v, %v", e, err)
	}
}

func TestCredentialsAreCut(t *testing.T) {
	t.Parallel()
	e, err := Read([]byte(event(`{"type":"runStarted","metadata":[{"name":"dsn","value":"postgres://u:hunter2@db/x"}]}`)), noon)
	if err != nil {
		t.Fatal(err)
	}
	if v := string(e.Facts[0].(domain.RunReported).Metadata[0].Value); strings.Contains(v, "hunter2") || len(e.Redacted) == 0 {
		t.Errorf("got %s, %+v", v, e.Redacted)
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{event(`{"type":"runStarted"}`), event(`{"type":"metricsLogged","points":[{"name":"a","value":1}]}`), event(`{"type":"artifactsConsumed","artifacts":[{"artifact":{"name":"a"}}]}`), `{`, `{"id":"\ud800"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := Read(body, noon)
		if err != nil {
			return
		}
		for _, fact := range e.Facts {
			if _, err := domain.Encode(fact); err != nil {
				t.Fatalf("what was taken cannot be written: %v", err)
			}
		}
	})
}

// The form of the mutation says the same as the form with a type, under the same digest.
func TestReadTakesBothForms(t *testing.T) {
	t.Parallel()
	for _, forms := range [][2]string{
		{`{"type":"runStarted"}`, `{"runStarted":{}}`},
		{`{"type":"runFailed","failure":{"type":"E","message":"m"},"parameters":[{"name":"lr","value":1.50}]}`, `{ "runFailed" : { "failure" : {"type":"E","message":"m"}, "parameters":[{"name":"lr","value":1.50}]} }`},
		{`{"type":"metricsLogged","points":[{"name":"rmse","value":1}]}`, `{"metricsLogged":{"points":[{"name":"rmse","value":1}]}}`},
	} {
		one, err := Read([]byte(event(forms[0])), noon)
		if err != nil {
			t.Fatal(err)
		}
		other, err := Read([]byte(event(forms[1])), noon)
		if err != nil {
			t.Fatal(err)
		}
		if one.Digest != other.Digest {
			t.Errorf("%s and %s have two digests", forms[0], forms[1])
		}
		one.Evidence, other.Evidence = nil, nil // salted, each its own way
		if a, b := fmt.Sprintf("%#v", withoutEvidence(one.Facts[0])), fmt.Sprintf("%#v", withoutEvidence(other.Facts[0])); a != b {
			t.Errorf("%s is\n%s and %s is\n%s", forms[0], a, forms[1], b)
		}
	}
}

// withoutEvidence is a fact whose texts are pointers alone.
func withoutEvidence(e domain.Event) string {
	data, err := domain.Encode(e)
	if err != nil {
		return err.Error()
	}
	return regexp.MustCompile(`"evidence":"[^"]*"`).ReplaceAllString(string(data), "")
}
