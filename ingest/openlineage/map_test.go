package openlineage

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// record is the request of a body that must be accepted, and its facts.
func record(t testing.TB, body string) (eventstore.Request, []domain.Event) {
	t.Helper()
	r := parse(t, body).Request(domain.WorkspaceStream("lab"), domain.Actor{Kind: "key", ID: "k1"})
	return r, r.Command.(domain.Record).Events
}

func n(namespace, name string) domain.Name {
	return domain.Name{Namespace: namespace, Name: name}
}

func ios(names ...string) []domain.IO {
	var all []domain.IO
	for i, name := range names {
		all = append(all, domain.IO{Artifact: n("d", name), Position: i})
	}
	return all
}

func TestEventsBecomeFacts(t *testing.T) {
	t.Parallel()
	run := domain.RunRef{ID: "r1", Job: n("ns", "j")}
	self := domain.Execution{Run: run}
	reported := func(p domain.Phase) domain.RunReported { return domain.RunReported{Phase: p, Run: run} }
	with := func(members string) string {
		return strings.Replace(runEvent, `"run":`, members+`,"run":`, 1)
	}
	facet := func(json string) string {
		return strings.Replace(runEvent, `"run":{`, `"run":{"facets":{`+json+`},`, 1)
	}
	jobFacet := func(json string) string {
		return strings.Replace(runEvent, `"job":{`, `"job":{"facets":{`+json+`},`, 1)
	}
	d := func(name, more string) string { return `{"namespace":"d","name":"` + name + `"` + more + `}` }
	for name, tt := range map[string]struct {
		when string
		then []domain.Event
	}{
		"a start":         {runEvent, []domain.Event{reported(domain.Started)}},
		"progress":        {strings.Replace(runEvent, "START", "RUNNING", 1), []domain.Event{reported(domain.Progressed)}},
		"an end":          {strings.Replace(runEvent, "START", "COMPLETE", 1), []domain.Event{reported(domain.Succeeded)}},
		"a failure":       {strings.Replace(runEvent, "START", "FAIL", 1), []domain.Event{reported(domain.Failed)}},
		"an abortion":     {strings.Replace(runEvent, "START", "ABORT", 1), []domain.Event{reported(domain.Cancelled)}},
		"something else":  {strings.Replace(runEvent, "START", "OTHER", 1), []domain.Event{reported(domain.Observed)}},
		"an unknown type": {strings.Replace(runEvent, "START", "BEGIN", 1), []domain.Event{reported(domain.Observed)}},
		"no type":         {strings.Replace(runEvent, `"eventType":"START",`, "", 1), []domain.Event{reported(domain.Observed)}},
		"a parent": {facet(`"parent":{"run":{"runId":"p"},"job":{"namespace":"ns","name":"dag"}}`),
			[]domain.Event{reported(domain.Started), domain.RunNested{Run: run, Parent: domain.RunRef{ID: "p", Job: n("ns", "dag")}}}},
		"a parent and a root": {facet(`"parent":{"run":{"runId":"p"},"job":{"namespace":"ns","name":"dag"},"root":{"run":{"runId":"t"},"job":{"namespace":"ns","name":"top"}}}`),
			[]domain.Event{reported(domain.Started), domain.RunNested{Run: run, Parent: domain.RunRef{ID: "p", Job: n("ns", "dag")}, Root: &domain.RunRef{ID: "t", Job: n("ns", "top")}}}},
		"its own parent": {facet(`"parent":{"run":{"runId":"r1"},"job":{"namespace":"ns","name":"j"}}`), []domain.Event{reported(domain.Started)}},
		"a streaming job": {jobFacet(`"jobType":{"processingType":"STREAMING","integration":"FLINK","jobType":"JOB"}`),
			[]domain.Event{domain.RunReported{Phase: domain.Started, Run: run, Streaming: true, Job: &domain.JobInfo{Type: "JOB", Integration: "FLINK", Processing: "STREAMING"}}}},
		"code": {jobFacet(`"sourceCodeLocation":{"type":"git","url":"https://h/f","repoUrl":"https://h","path":"f","version":"abc","tag":"v1","branch":"main"}`),
			[]domain.Event{domain.RunReported{Phase: domain.Started, Run: run, Code: &domain.CodeRef{URL: "https://h/f", Repo: "https://h", Path: "f", Version: "abc", Tag: "v1", Branch: "main", Type: "git"}}}},
		"parameters": {facet(`"executionParameters":{"parameters":[{"key":"lr","value":"0.1"},{"key":"n","value":1.50},{"key":"b","value":true},{"key":"none"},{"value":"x"}]}`),
			[]domain.Event{domain.RunReported{Phase: domain.Started, Run: run, Parameters: []domain.Attribute{{Name: "lr", Value: domain.Value(`"0.1"`)}, {Name: "n", Value: domain.Value("1.50")}, {Name: "b", Value: domain.Value("true")}}}}},
		"inputs and outputs": {with(`"inputs":[` + d("a", "") + `,` + d("b", "") + `],"outputs":[` + d("c", "") + `]`),
			[]domain.Event{reported(domain.Started), domain.ArtifactsConsumed{Execution: self, Phase: domain.Started, Inputs: ios("a", "b")},
				domain.ArtifactsProduced{Execution: self, Phase: domain.Started, Outputs: ios("c")}}},
		"one input twice": {with(`"inputs":[` + d("a", "") + `,` + d("a", `,"facets":{"datasetType":{"datasetType":"table"}}`) + `]`),
			[]domain.Event{reported(domain.Started), domain.ArtifactsConsumed{Execution: self, Phase: domain.Started, Inputs: []domain.IO{{Artifact: n("d", "a"), Type: "TABLE"}}}}},
		"two versions of one input": {with(`"inputs":[` + d("a", `,"facets":{"version":{"datasetVersion":"1"}}`) + `,` + d("a", `,"facets":{"version":{"datasetVersion":"2"}}`) + `]`),
			[]domain.Event{reported(domain.Started), domain.ArtifactsConsumed{Execution: self, Phase: domain.Started,
				Inputs: []domain.IO{{Artifact: n("d", "a"), Version: "1"}, {Artifact: n("d", "a"), Version: "2", Position: 1}}}}},
		"read and written": {with(`"inputs":[` + d("a", "") + `],"outputs":[` + d("a", "") + `]`),
			[]domain.Event{reported(domain.Started), domain.ArtifactsConsumed{Execution: self, Phase: domain.Started, Inputs: ios("a")},
				domain.ArtifactsProduced{Execution: self, Phase: domain.Started, Outputs: ios("a")}}},
		"columns beside inputs": {with(`"inputs":[` + d("a", "") + `,` + d("b", "") + `],"outputs":[` + d("c", `,"facets":{"columnLineage":{"fields":{"x":{"inputFields":[{"namespace":"d","name":"a","field":"y"}]}}}}`) + `]`),
			[]domain.Event{reported(domain.Started), domain.ArtifactsConsumed{Execution: self, Phase: domain.Started, Inputs: ios("a", "b")},
				domain.ArtifactsProduced{Execution: self, Phase: domain.Started, Outputs: []domain.IO{{Artifact: n("d", "c"), Columns: []domain.ColumnEdge{{Field: "x", From: n("d", "a"), FromField: "y"}}}}}}},
		"columns without inputs": {with(`"outputs":[` + d("c", `,"facets":{"columnLineage":{"fields":{"x":{"inputFields":[{"namespace":"d","name":"a","field":"y","transformations":[{"type":"DIRECT","subtype":"IDENTITY"},{"type":"INDIRECT","subtype":"FILTER","masking":true}]}]}},"dataset":[{"namespace":"d","name":"b","field":"z"}]}}`) + `]`),
			[]domain.Event{reported(domain.Started), domain.ArtifactsConsumed{Execution: self, Phase: domain.Started, Inputs: ios("a", "b")},
				domain.ArtifactsProduced{Execution: self, Phase: domain.Started, Outputs: []domain.IO{{Artifact: n("d", "c"), From: []domain.Name{n("d", "a"), n("d", "b")}, Columns: []domain.ColumnEdge{
					{Field: "x", From: n("d", "a"), FromField: "y", Kind: "DIRECT", Subtype: "IDENTITY"}, {Field: "x", From: n("d", "a"), FromField: "y", Kind: "INDIRECT", Subtype: "FILTER", Masking: true},
					{From: n("d", "b"), FromField: "z"}}}}}}},
		"explicit lineage of an output": {with(`"inputs":[` + d("a", "") + `],"outputs":[` + d("c", `,"facets":{"lineage":{"inputs":[{"namespace":"d","name":"e","type":"DATASET"}]}}`) + `]`),
			[]domain.Event{reported(domain.Started), domain.ArtifactsConsumed{Execution: self, Phase: domain.Started, Inputs: ios("a", "e")},
				domain.ArtifactsProduced{Execution: self, Phase: domain.Started, Outputs: []domain.IO{{Artifact: n("d", "c"), From: []domain.Name{n("d", "e")}}}}}},
		"explicit lineage of the job": {jobFacet(`"lineage":{"entries":[
				{"namespace":"d","name":"c","type":"DATASET","inputs":[{"namespace":"d","name":"a","type":"DATASET"}],"fields":{"x":{"inputs":[{"namespace":"d","name":"a","type":"DATASET","field":"y"},{"type":"JOB"}]}}},
				{"type":"JOB","inputs":[{"namespace":"d","name":"b","type":"DATASET"}]},
				{"namespace":"ns","name":"k","type":"JOB","runId":"r9","inputs":[{"namespace":"d","name":"a","type":"DATASET"}]},
				{"namespace":"ns","name":"l","type":"JOB","inputs":[{"namespace":"ns","name":"m","type":"JOB"}]}]}`),
			[]domain.Event{reported(domain.Started), domain.ArtifactsConsumed{Execution: self, Phase: domain.Started, Inputs: ios("a", "b")},
				domain.ArtifactsProduced{Execution: self, Phase: domain.Started, Outputs: []domain.IO{{Artifact: n("d", "c"), From: []domain.Name{n("d", "a")}, Columns: []domain.ColumnEdge{{Field: "x", From: n("d", "a"), FromField: "y"}}}}},
				domain.ArtifactsConsumed{Execution: domain.Execution{Run: domain.RunRef{ID: "r9", Job: n("ns", "k")}}, Phase: domain.Observed, Inputs: ios("a")}}},
		"a facet of the job that is gone": {jobFacet(`"documentation":{"_deleted":true}`),
			[]domain.Event{domain.RunReported{Phase: domain.Started, Run: run, Job: &domain.JobInfo{Deleted: []string{"documentation"}}}}},
		"a declared job": {`{"eventTime":"2024-05-01T10:00:00Z","job":{"namespace":"ns","name":"j","facets":{"sql":{"_deleted":true}}},"inputs":[` + d("a", "") + `],"outputs":[` + d("c", "") + `]}`,
			[]domain.Event{domain.PipelineDeclared{Pipeline: n("ns", "j"), Inputs: ios("a"), Outputs: ios("c"), Deleted: []string{"sql"}}}},
		"an observed dataset": {`{"eventTime":"2024-05-01T10:00:00Z","dataset":` + d("a", `,"facets":{"version":{"datasetVersion":"v3"},"schema":{"fields":[{"name":"s","type":"struct","fields":[{"name":"x","type":"int"}]}]},
				"symlinks":{"identifiers":[{"namespace":"hive","name":"db.a","type":"TABLE"},{"namespace":"d","name":"a","type":"TABLE"}]},"lifecycleStateChange":{"lifecycleStateChange":"RENAME","previousIdentifier":{"namespace":"d","name":"was"}},
				"tags":{"tags":[{"key":"pii","value":"yes","source":"s"},{"key":"k","value":"v","field":"x"}]},"ownership":{"_deleted":true},"dataSource":{"name":"wh","uri":"s3://b"}}`) + `}`,
			[]domain.Event{domain.ArtifactObserved{IO: domain.IO{Artifact: n("d", "a"), Version: "v3", URI: "s3://b", Schema: []domain.Field{{Name: "s", Type: "struct"}, {Name: "s.x", Type: "int"}},
				Aliases: []domain.Alias{{Name: n("hive", "db.a"), Type: "TABLE"}}, Lifecycle: "RENAME", Renamed: &domain.Name{Namespace: "d", Name: "was"}, Tags: []domain.Tag{{Key: "pii", Value: "yes", Source: "s"}}, Deleted: []string{"ownership"},
				Metadata: []domain.Attribute{{Name: "dataSource.name", Value: domain.Value(`"wh"`)}, {Name: "columnTags", Value: domain.Value(`[{"field":"x","key":"k","value":"v"}]`)}}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, got := record(t, tt.when); !reflect.DeepEqual(got, tt.then) {
				t.Errorf("of %s\n got %+v\nwant %+v", tt.when, got, tt.then)
			}
		})
	}
}

func TestRequestOfEverything(t *testing.T) {
	t.Parallel()
	r, facts := record(t, everything)
	if r.CommandID != parse(t, everything).CommandID || !r.Forever || r.Stream != "workspace-lab" || !r.OccurredAt.Equal(time.Date(2024, 5, 1, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("request %+v", r)
	}
	if len(r.Evidence) != 1 || string(r.Evidence[0].Bytes) != everything || *r.Meta.Evidence != r.Evidence[0].Digest || r.Meta.Producer != "https://p" || r.Meta.Actor.ID != "k1" {
		t.Errorf("meta %+v, %d pieces of evidence", r.Meta, len(r.Evidence))
	}
	text := func(pointer string) *domain.Text {
		return &domain.Text{Evidence: r.Evidence[0].Digest, Pointer: pointer}
	}
	run := facts[0].(domain.RunReported)
	if want := (&domain.Failure{Message: text("/run/facets/errorMessage/message"), Stack: text("/run/facets/errorMessage/stackTrace")}); !reflect.DeepEqual(run.Failure, want) {
		t.Errorf("failure %+v", run.Failure)
	}
	if want := (&domain.JobInfo{Type: "JOB", Integration: "FLINK", Processing: "STREAMING", Description: text("/job/facets/documentation/description"), SQL: text("/job/facets/sql/query"),
		Ownership: text("/job/facets/ownership/owners"), Source: text("/job/facets/sourceCode/sourceCode"), Tags: []domain.Tag{{Key: "tier", Value: "1"}}, Deleted: []string{"old"}}); !reflect.DeepEqual(run.Job, want) {
		t.Errorf("job %+v", run.Job)
	}
	metadata := map[string]string{}
	for _, a := range run.Metadata {
		metadata[a.Name] = string(a.Value)
	}
	if want := map[string]string{
		"nominalStartTime": `"2024-05-01T00:00:00Z"`, "nominalEndTime": `"2024-05-01T22:00:00Z"`, "engine.name": `"spark"`, "engine.version": `"3.5.1"`, "engine.adapter": `"1.40"`,
		"externalQuery.id": `"q7"`, "externalQuery.source": `"bigquery"`, "extractionError.totalTasks": "3", "extractionError.failedTasks": "1", "environmentVariables": `{"HOME":"/x","N":"3"}`,
		"tests":    `[{"name":"not_null","status":"fail","severity":"error","type":"column","expected":"0","actual":"7"}]`,
		"upstream": `[{"namespace":"ns","name":"before","runId":"b1","type":"IMPLICIT"}]`, "downstream": `[{"namespace":"ns","name":"after"}]`, "triggerRule": `"all_success"`,
	}; !reflect.DeepEqual(metadata, want) {
		t.Errorf("metadata\n got %v\nwant %v", metadata, want)
	}
	in := facts[2].(domain.ArtifactsConsumed).Inputs[0]
	metadata = map[string]string{}
	for _, a := range in.Metadata {
		metadata[a.Name] = string(a.Value)
	}
	if want := map[string]string{
		"input.rows": "10", "input.bytes": "2048", "input.files": "1", "quality.rows": "10", "quality.bytes": "2048", "quality.files": "1", "quality.lastUpdated": `"2024-04-30T00:00:00Z"`,
		"quality.columns.a.nulls": "0", "quality.columns.a.distinct": "9", "quality.columns.a.sum": "1.50", "quality.columns.a.count": "10", "quality.columns.a.min": "-1", "quality.columns.a.max": "1e3",
		"quality.columns.a.quantiles.0.5": "2.0",
		"assertions":                      `[{"assertion":"unique","name":"u","column":"a","severity":"warn","success":false,"expected":"1","actual":"2"},{"assertion":"any"}]`,
	}; !reflect.DeepEqual(metadata, want) || *in.SizeBytes != 2048 || in.Version != "v7" {
		t.Errorf("input %+v, metadata\n got %v\nwant %v", in, metadata, want)
	}
}

func TestMetaSaysWhatWasOdd(t *testing.T) {
	t.Parallel()
	body := `{"eventTime":"2099-05-01T10:00:00","producer":"` + strings.Repeat("é", 300) + `","run":{"runId":"r","facets":{"a":{"password":"hunter2"}}},"job":{"namespace":"a","name":"b"},"inputs":[1,2]}`
	r, _ := record(t, body)
	if want := []string{TimeWithoutZone, TimeInFuture, MissingType, WrongShape}; !reflect.DeepEqual(r.Meta.Warnings, want) {
		t.Errorf("warnings %v, want %v", r.Meta.Warnings, want)
	}
	if want := []domain.Redacted{{Path: "/run/facets/a/password", Rule: "named_key"}}; !reflect.DeepEqual(r.Meta.Redacted, want) {
		t.Errorf("redacted %v, want %v", r.Meta.Redacted, want)
	}
	if strings.Contains(string(r.Evidence[0].Bytes), "hunter2") {
		t.Error("the evidence holds a secret")
	}
	if len(r.Meta.Producer) != 500 {
		t.Errorf("a producer of %d bytes", len(r.Meta.Producer))
	}
}

// However bulky, an event becomes a command that every backend takes; columns lie in evidence of their own.
func TestBulkyEvents(t *testing.T) {
	t.Parallel()
	many := func(count int, format string) string {
		var parts []string
		for i := range count {
			parts = append(parts, strings.ReplaceAll(format, "%", fmt.Sprint(i)))
		}
		return strings.Join(parts, ",")
	}
	event := func(members string) string { return strings.Replace(runEvent, `"run":`, members+`,"run":`, 1) }
	output := func(facets string) string {
		return event(`"outputs":[{"namespace":"d","name":"o","facets":{` + facets + `}}]`)
	}
	for name, tt := range map[string]struct {
		body    string
		warned  bool
		columns int // edges that lie beside the log
		events  int
	}{
		"a wide table": {output(`"schema":{"fields":[` + many(20_000, `{"name":"column_%","type":"varchar"}`) + `]},"columnLineage":{"fields":{` +
			many(5_000, `"column_%":{"inputFields":[{"namespace":"d","name":"in","field":"column_%"}]}`) + `}}`), true, 5_000, 3},
		"columns of many tables": {output(`"columnLineage":{"fields":{"x":{"inputFields":[` + many(700, `{"namespace":"d","name":"t%","field":"f"}`) + `]}}}`), true, 700, 5},
		"many inputs":            {event(`"inputs":[` + many(1_500, `{"namespace":"d","name":"t%"}`) + `]`), false, 0, 9},
		"one input often":        {event(`"inputs":[` + many(20_000, `{"namespace":"d","name":"t","facets":{"tags":{"tags":[{"key":"k%","value":"v"}]},"a%":{"_deleted":true}}}`) + `]`), true, 0, 2},
		"many aliases":           {output(`"symlinks":{"identifiers":[` + many(2_000, `{"namespace":"h","name":"t%","type":"TABLE"}`) + `]}`), true, 0, 2},
		"a long version":         {output(`"version":{"datasetVersion":"` + strings.Repeat("v", 5_000) + `"}`), true, 0, 2},
		"long values":            {strings.Replace(runEvent, `"run":{`, `"run":{"facets":{"environmentVariables":{"environmentVariables":[`+many(2_000, `{"name":"VARIABLE_%","value":"something of some length"}`)+`]}},`, 1), true, 0, 1},
		"many secrets":           {event(`"inputs":[` + many(1_000, `{"namespace":"s3://k:hunter2@b%","name":"t"}`) + `]`), false, 0, 6},
		"a job of many parts":    {`{"eventTime":"2024-05-01T10:00:00Z","job":{"namespace":"ns","name":"j"},"inputs":[` + many(500, `{"namespace":"d","name":"t%"}`) + `],"outputs":[` + many(500, `{"namespace":"d","name":"o%"}`) + `]}`, true, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, facts := record(t, tt.body)
			if len(facts) != tt.events {
				t.Errorf("%d events, want %d", len(facts), tt.events)
			}
			if got := strings.Contains(strings.Join(r.Meta.Warnings, " "), LeftInBody); got != tt.warned {
				t.Errorf("warnings %v", r.Meta.Warnings)
			}
			var beside int
			for _, e := range r.Evidence[1:] {
				var edges []domain.ColumnEdge
				if err := json.Unmarshal(e.Bytes, &edges); err != nil {
					t.Fatal(err)
				}
				beside += len(edges)
			}
			if beside != tt.columns {
				t.Errorf("%d columns in evidence, want %d", beside, tt.columns)
			}
			checkCommand(t, r)
		})
	}
}

// checkCommand holds a command to what the model and every backend ask of it.
func checkCommand(t testing.TB, r eventstore.Request) {
	t.Helper()
	meta, err := json.Marshal(r.Meta)
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, e := range r.Command.(domain.Record).Events {
		if err := domain.Check(e); err != nil {
			t.Errorf("the model refuses: %v", err)
		}
		data, err := domain.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		back, err := domain.Decode(e.EventType(), domain.CurrentVersion(e.EventType()), data)
		if err != nil || !reflect.DeepEqual(back, e) {
			t.Errorf("stored and read: %v\n got %+v\nwant %+v", err, back, e)
		}
		if holdsNUL(data) {
			t.Errorf("a NUL in %s", data)
		}
		size += len(data) + len(meta) + 500
	}
	if size > eventstore.MaxSlice {
		t.Errorf("%d bytes of events, at most %d", size, eventstore.MaxSlice)
	}
}

// holdsNUL says that there is an escaped NUL in JSON, as opposed to an escaped backslash before "u0000".
func holdsNUL(data []byte) bool {
	return strings.Contains(strings.ReplaceAll(string(data), `\\\\`, ""), `\u0000`)
}

func TestRealEventsBecomeFacts(t *testing.T) {
	t.Parallel()
	kinds := map[string]int{}
	total := 0
	for _, body := range append(shared(t, "events/*/real.ndjson"), shared(t, "streams/*.ndjson")...) {
		r, facts := record(t, string(body))
		checkCommand(t, r)
		total++
		for _, f := range facts {
			kinds[f.EventType()]++
		}
	}
	t.Logf("%d messages: %v", total, kinds)
	for _, kind := range []string{"run.started", "run.succeeded", "run.failed", "run.progressed", "run.observed", "run.nested", "artifacts.consumed", "artifacts.produced", "pipeline.declared", "artifact.observed"} {
		if kinds[kind] == 0 {
			t.Errorf("no %s among %v", kind, kinds)
		}
	}
}
