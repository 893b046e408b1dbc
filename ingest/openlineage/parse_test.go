package openlineage

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/ingest/foreign"
)

// parse is Parse of a body that must be accepted.
func parse(t testing.TB, body string) *Message {
	t.Helper()
	m, err := Parse([]byte(body), today)
	if err != nil {
		t.Fatalf("refused: %v\n%s", err, body)
	}
	return m
}

const runEvent = `{"eventTime":"2024-05-01T10:00:00Z","eventType":"START","producer":"https://p","run":{"runId":"r1"},"job":{"namespace":"ns","name":"j"}}`

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	change := func(old, new string) string { return strings.Replace(runEvent, old, new, 1) }
	for name, tt := range map[string]struct {
		body string
		code foreign.Code
		path string
	}{
		"no JSON":                  {"eventTime: now", foreign.NotJSON, ""},
		"an array":                 {"[" + runEvent + "]", NotAnObject, ""},
		"a string":                 {`"x"`, NotAnObject, ""},
		"null":                     {`null`, NotAnObject, ""},
		"a key twice":              {change(`"run":{`, `"run":{"runId":"r0",`), foreign.DuplicateKey, "/run/runId"},
		"too deep":                 {change(`"run":{`, `"run":{"facets":`+strings.Repeat(`{"a":`, 70)+"1"+strings.Repeat("}", 70)+","), foreign.TooDeep, "/run/facets" + strings.Repeat("/a", 62)},
		"too large":                {change("https://p", strings.Repeat("p", foreign.MaxBytes)), foreign.TooLarge, ""},
		"bad UTF-8":                {change("https://p", "\xc3\x28"), foreign.BadUTF8, ""},
		"nothing to speak of":      {`{"eventTime":"2024-05-01T10:00:00Z"}`, MissingIdentity, ""},
		"nulls":                    {`{"eventTime":"2024-05-01T10:00:00Z","run":null,"job":null,"dataset":null}`, MissingIdentity, ""},
		"no run id":                {change(`"runId":"r1"`, ``), MissingIdentity, "/run/runId"},
		"an empty run id":          {change(`"r1"`, `""`), MissingIdentity, "/run/runId"},
		"a number for a run id":    {change(`"r1"`, `17`), MissingIdentity, "/run/runId"},
		"a run that is a string":   {change(`{"runId":"r1"}`, `"r1"`), MissingIdentity, "/run/runId"},
		"a run without job":        {change(`"job":{"namespace":"ns","name":"j"}`, `"a":1`), MissingIdentity, "/job/namespace"},
		"a job without namespace":  {change(`"namespace":"ns",`, ``), MissingIdentity, "/job/namespace"},
		"a job without name":       {change(`"name":"j"`, `"name":null`), MissingIdentity, "/job/name"},
		"a dataset without name":   {`{"eventTime":"2024-05-01T10:00:00Z","dataset":{"namespace":"d"}}`, MissingIdentity, "/dataset/name"},
		"a NUL in the run id":      {change(`"r1"`, `"r\u00001"`), NULInIdentity, "/run/runId"},
		"a NUL in the job":         {change(`"j"`, `"j\u0000"`), NULInIdentity, "/job/name"},
		"a NUL in an input":        {change(`"job"`, `"inputs":[{"namespace":"n","name":"ok"},{"namespace":"n\u0000","name":"d"}],"job"`), NULInIdentity, "/inputs/1/namespace"},
		"a NUL in an output":       {change(`"job"`, `"outputs":[{"namespace":"n","name":"\u0000"}],"job"`), NULInIdentity, "/outputs/0/name"},
		"half a pair in a name":    {change(`"j"`, `"j\ud800"`), foreign.BadUTF8, "/job/name"},
		"a name too long":          {change(`"j"`, `"`+strings.Repeat("j", MaxName+1)+`"`), IdentityTooLong, "/job/name"},
		"no time":                  {change(`"eventTime":"2024-05-01T10:00:00Z",`, ``), MissingTime, "/eventTime"},
		"null for a time":          {change(`"2024-05-01T10:00:00Z"`, `null`), MissingTime, "/eventTime"},
		"a number for a time":      {change(`"2024-05-01T10:00:00Z"`, `1714557600`), InvalidTime, "/eventTime"},
		"a word for a time":        {change(`2024-05-01T10:00:00Z`, `yesterday`), InvalidTime, "/eventTime"},
		"the 30th of February":     {change(`2024-05-01`, `2024-02-30`), InvalidTime, "/eventTime"},
		"a day for a time":         {change(`2024-05-01T10:00:00Z`, `2024-05-01`), InvalidTime, "/eventTime"},
		"a time of another script": {change(`2024-05-01T10:00:00Z`, `２０２４-05-01T10:00:00Z`), InvalidTime, "/eventTime"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := Parse([]byte(tt.body), today)
			var no *foreign.Refusal
			if m != nil || !errors.As(err, &no) || !errors.Is(err, tt.code) || no.Path != tt.path {
				t.Fatalf("Parse: %v; want %s at %q", err, tt.code, tt.path)
			}
			if no.Rule == "" || no.Message == "" || strings.Contains(no.Error(), "yesterday") {
				t.Errorf("a refusal says rule and message, and repeats no value: %#v", no)
			}
		})
	}
}

func TestParseWarns(t *testing.T) {
	t.Parallel()
	change := func(old, new string) string { return strings.Replace(runEvent, old, new, 1) }
	facet := func(json string) string { return change(`"run":{`, `"run":{"facets":{`+json+`},`) }
	input := func(json string) string { return change(`"job":`, `"inputs":[`+json+`],"job":`) }
	for name, tt := range map[string]struct {
		body string
		want []Warning // code and path
	}{
		"nothing odd":                {runEvent, nil},
		"a time without zone":        {change("10:00:00Z", "10:00:00"), []Warning{{"/eventTime", TimeWithoutZone, ""}}},
		"the future":                 {change("2024", "2099"), []Warning{{"/eventTime", TimeInFuture, ""}}},
		"no type":                    {change(`"eventType":"START",`, ``), []Warning{{"/eventType", MissingType, ""}}},
		"an unknown type":            {change(`START`, `STARTED`), []Warning{{"/eventType", UnknownType, ""}}},
		"a type that is a number":    {change(`"START"`, `1`), []Warning{{"/eventType", WrongShape, ""}, {"/eventType", MissingType, ""}}},
		"no producer":                {change(`"producer":"https://p",`, ``), []Warning{{"/producer", NoProducer, ""}}},
		"a run with a dataset":       {change(`"job":`, `"dataset":{},"job":`), []Warning{{"/dataset", Ignored, ""}}},
		"a type on a job event":      {change(`"run":{"runId":"r1"},`, ``), []Warning{{"/eventType", Ignored, ""}}},
		"facets that are a list":     {change(`"run":{`, `"run":{"facets":[],`), []Warning{{"/run/facets", WrongShape, ""}}},
		"a facet that is a text":     {facet(`"parent":"p"`), []Warning{{"/run/facets/parent", WrongShape, ""}}},
		"a parent without id":        {facet(`"parent":{"run":{},"job":{"namespace":"a","name":"b"}}`), []Warning{{"/run/facets/parent/run", NoIdentity, ""}}},
		"a parent without run":       {facet(`"parent":{"job":{"namespace":"a","name":"b"}}`), []Warning{{"/run/facets/parent/run", NoIdentity, ""}}},
		"a parent without job":       {facet(`"parent":{"run":{"runId":"x"}}`), []Warning{{"/run/facets/parent/job", NoIdentity, ""}}},
		"a parent with a NUL":        {facet(`"parent":{"run":{"runId":"x\u0000"},"job":{"namespace":"a","name":"b"}}`), []Warning{{"/run/facets/parent/run/runId", NoIdentity, ""}}},
		"a time that is none":        {facet(`"nominalTime":{"nominalStartTime":"soon"}`), []Warning{{"/run/facets/nominalTime/nominalStartTime", BadTime, ""}}},
		"inputs that are an object":  {change(`"job":`, `"inputs":{},"job":`), []Warning{{"/inputs", WrongShape, ""}}},
		"an input that is a text":    {input(`"d"`), []Warning{{"/inputs/0", WrongShape, ""}}},
		"an input without name":      {input(`{"namespace":"n"}`), []Warning{{"/inputs/0", NoIdentity, ""}}},
		"an input without namespace": {input(`{"name":"n"}`), []Warning{{"/inputs/0", NoIdentity, ""}}},
		"an alias without name":      {input(`{"namespace":"n","name":"d","facets":{"symlinks":{"identifiers":[{"namespace":"x"}]}}}`), []Warning{{"/inputs/0/facets/symlinks/identifiers/0", NoIdentity, ""}}},
		"a count that is a text":     {input(`{"namespace":"n","name":"d","inputFacets":{"inputStatistics":{"rowCount":"7"}}}`), []Warning{{"/inputs/0/inputFacets/inputStatistics/rowCount", WrongShape, ""}}},
		"a count that is a part":     {input(`{"namespace":"n","name":"d","inputFacets":{"inputStatistics":{"rowCount":7.5}}}`), []Warning{{"/inputs/0/inputFacets/inputStatistics/rowCount", WrongShape, ""}}},
		"columns that are a list":    {input(`{"namespace":"n","name":"d","facets":{"columnLineage":{"fields":[]}}}`), []Warning{{"/inputs/0/facets/columnLineage/fields", WrongShape, ""}}},
		"a source of unknown type":   {input(`{"namespace":"n","name":"d","facets":{"lineage":{"inputs":[{"namespace":"n","name":"d","type":"MODEL"}]}}}`), []Warning{{"/inputs/0/facets/lineage/inputs/0/type", WrongShape, ""}}},
		"an unknown facet":           {facet(`"mine":{"a":1}`), nil},
		"nulls everywhere":           {facet(`"parent":null,"tags":{"tags":null},"errorMessage":{"message":null},"test":{"tests":[]}`), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := parse(t, tt.body).Warnings
			for i := range got {
				if got[i].Message == "" {
					t.Errorf("%v says nothing", got[i])
				}
				got[i].Message = ""
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestParseKeepsSoManyWarnings(t *testing.T) {
	t.Parallel()
	m := parse(t, strings.Replace(runEvent, `"job":`, `"inputs":[`+strings.Repeat(`1,`, 500)+`1],"job":`, 1))
	if len(m.Warnings) != MaxWarnings || !m.Truncated {
		t.Errorf("%d warnings, truncated is %v", len(m.Warnings), m.Truncated)
	}
}

func TestKindIsByShape(t *testing.T) {
	t.Parallel()
	const at, schema = `{"eventTime":"2024-05-01T10:00:00Z","schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/`, `",`
	for body, want := range map[string]Kind{
		at + `DatasetEvent` + schema + `"run":{"runId":"r"},"job":{"namespace":"a","name":"b"}}`:   RunEvent,
		at + `RunEvent` + schema + `"job":{"namespace":"a","name":"b"}}`:                           JobEvent,
		at + `RunEvent` + schema + `"run":null,"dataset":{"namespace":"a","name":"b"}}`:            DatasetEvent,
		at + `RunEvent` + schema + `"job":{"namespace":"a","name":"b"},"dataset":{"name":"only"}}`: JobEvent,
	} {
		if got := parse(t, body).Kind; got != want {
			t.Errorf("%s is a %s event, want %s", body, got, want)
		}
	}
}

func TestTheFutureBeginsADayAhead(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{today.Add(24 * time.Hour).Format(time.RFC3339): false, today.Add(24*time.Hour + time.Second).Format(time.RFC3339): true} {
		if m := parse(t, strings.Replace(runEvent, "2024-05-01T10:00:00Z", s, 1)); m.Future != want {
			t.Errorf("%s is in the future: %v, want %v", s, m.Future, want)
		}
	}
}

// The id is of the body as sent; what is stored, and what is read, is without the secrets in it.
func TestSecretsAreCutBeforeReading(t *testing.T) {
	t.Parallel()
	body := strings.Replace(runEvent, `"job":`, `"inputs":[{"namespace":"postgres://etl:hunter2@db:5432","name":"public.orders","facets":{"dataSource":{"uri":"postgres://etl:hunter2@db:5432/x"}}}],"job":`, 1)
	body = strings.Replace(body, `"run":{`, `"run":{"facets":{"environmentVariables":{"environmentVariables":[{"name":"API_KEY","value":"hunter3"},{"name":"HOME","value":"/root"}]}},`, 1)
	m, other := parse(t, body), parse(t, strings.Replace(body, "hunter2", "hunter9", 1))
	if bytes.Contains(m.Body, []byte("hunter")) {
		t.Errorf("a secret is left in %s", m.Body)
	}
	if len(m.Cuts) != 3 {
		t.Errorf("cuts %v, want 3", m.Cuts)
	}
	if got := m.Inputs[0].Name; got != (Name{"postgres://etl:***@db:5432", "public.orders"}) {
		t.Errorf("the input is %v", got)
	}
	if got := m.Run.Environment; !reflect.DeepEqual(got, []Variable{{"API_KEY", "***"}, {"HOME", "/root"}}) {
		t.Errorf("the environment is %v", got)
	}
	if m.CommandID == other.CommandID {
		t.Error("two bodies, one id")
	}
	if !bytes.Equal(m.Body, other.Body) {
		t.Error("what differs was cut, and the bodies still differ")
	}
	if want := "ol1:"; !strings.HasPrefix(m.CommandID, want) || len(m.CommandID) != len(want)+64 {
		t.Errorf("id %s", m.CommandID)
	}
}

// Whatever the body, Parse ends and does not panic; what it takes has identities that can be kept, texts that are where
// they are said to be, and one id however it is spelled.
func FuzzParse(f *testing.F) {
	for _, body := range seeds(f) {
		f.Add(body)
	}
	f.Add([]byte(runEvent))
	f.Add([]byte(everything))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := Parse(body, today)
		if err != nil {
			var no *foreign.Refusal
			if !errors.As(err, &no) || no.Code == "" || no.Rule == "" || no.Message == "" {
				t.Fatalf("no proper refusal: %#v", err)
			}
			return
		}
		if m.Time.Location() != time.UTC || m.Time.Year() < 1 || m.Time.Year() > 9999 {
			t.Fatalf("time %v", m.Time)
		}
		stored, err := foreign.Scan(m.Body, foreign.Limits{Bytes: 2*len(m.Body) + 1})
		if err != nil {
			t.Fatalf("the body to store is no JSON: %v", err)
		}
		walk(reflect.ValueOf(m.Event), func(v reflect.Value) {
			switch x := v.Interface().(type) {
			case Text:
				if x != "" && stored.At(string(x)).Kind() == foreign.Absent {
					t.Fatalf("no text at %q of %s", x, m.Body)
				}
			case Name:
				if strings.ContainsRune(x.Namespace+x.Name, 0) {
					t.Fatalf("a NUL in %q", x)
				}
			}
		})
		for _, fact := range m.Request("workspace-lab", domain.Actor{}).Command.(domain.Record).Events {
			if err := domain.Check(fact); err != nil {
				t.Fatalf("the model refuses %+v: %v", fact, err)
			}
			if data, err := domain.Encode(fact); err != nil || holdsNUL(data) {
				t.Fatalf("%s, %v", data, err)
			}
		}
		doc, _ := foreign.Scan(body, foreign.Limits{})
		again, err := Parse(doc.AppendCanonical(nil), today)
		if err != nil || again.CommandID != m.CommandID {
			t.Fatalf("in canonical form: %v", err)
		}
	})
}

// walk visits every value inside v.
func walk(v reflect.Value, visit func(reflect.Value)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			walk(v.Elem(), visit)
		}
		return
	case reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), visit)
		}
		return
	}
	if v.CanInterface() {
		visit(v)
	}
	if v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]() {
		for i := range v.NumField() {
			walk(v.Field(i), visit)
		}
	}
}
