package openlineage

import (
	"reflect"
	"testing"
	"time"

	"github.com/annals-io/annals/ingest/foreign"
)

// everything is an event with every facet of the specification, written for this test.
const everything = `{"eventTime":"2024-05-01T10:00:00Z","eventType":"FAIL","producer":"https://p",
"run":{"runId":"r1","facets":{
 "parent":{"run":{"runId":"p1","facets":{}},"job":{"namespace":"ns","name":"dag"},"root":{"run":{"runId":"t1"},"job":{"namespace":"ns","name":"top"}}},
 "parentRun":{"run":{"runId":"older"},"job":{"namespace":"ns","name":"older"}},
 "errorMessage":{"message":"it broke","programmingLanguage":"PYTHON","stackTrace":"at line 1"},
 "nominalTime":{"nominalStartTime":"2024-05-01","nominalEndTime":"2024-05-02T00:00:00+02:00"},
 "processing_engine":{"name":"spark","version":"3.5.1","openlineageAdapterVersion":"1.40"},
 "externalQuery":{"externalQueryId":"q7","source":"bigquery"},
 "extractionError":{"totalTasks":3,"failedTasks":1,"errors":[{"errorMessage":"no","stackTrace":"s","task":"select","taskNumber":2}]},
 "environmentVariables":{"environmentVariables":[{"name":"HOME","value":"/x"},{"name":"N","value":3}]},
 "tags":{"tags":[{"key":"team","value":"ml","source":"DBT"},{"value":"no key"},{"key":"flag","value":true}]},
 "jobDependencies":{"upstream":[{"job":{"namespace":"ns","name":"before"},"run":{"runId":"b1"},"dependency_type":"IMPLICIT","sequence_trigger_rule":"FINISH_TO_START","status_trigger_rule":"EXECUTE_ON_SUCCESS"}],
   "downstream":[{"job":{"namespace":"ns","name":"after"}}],"trigger_rule":"all_success"},
 "executionParameters":{"parameters":[{"key":"lr","name":"rate","description":"how fast","value":"0.1"},{"key":"n","value":12.50}]},
 "test":{"tests":[{"name":"not_null","status":"fail","severity":"error","type":"column","description":"d","expected":"0","actual":7,"content":"select 1","params":{"column":"a"}}]},
 "mine":{"a":1},"theirs":{"_deleted":true}}},
"job":{"namespace":"ns","name":"j","facets":{
 "sql":{"query":"select 1","dialect":"duckdb"},
 "sourceCode":{"language":"python","sourceCode":"print()"},
 "sourceCodeLocation":{"type":"git","url":"https://h/r/f.py","repoUrl":"https://h/r","path":"f.py","version":"abc","tag":"v1","branch":"main","pullRequestNumber":"12"},
 "ownership":{"owners":[{"name":"Ada","type":"MAINTAINER"},{"type":"nobody"}]},
 "documentation":{"description":"what it does"},
 "jobType":{"processingType":"STREAMING","integration":"FLINK","jobType":"JOB","emissionPattern":{"eventTrigger":"WINDOW","eventContentMode":"SNAPSHOT"}},
 "tags":{"tags":[{"key":"tier","value":"1"}]},
 "lineage":{"entries":[
   {"namespace":"d","name":"out","type":"DATASET","inputs":[{"namespace":"d","name":"in","type":"DATASET","field":"id"},{"type":"JOB"}],"fields":{"total":{"inputs":[{"namespace":"ns","name":"j0","type":"JOB","runId":"x0","transformations":[{"type":"DIRECT","subtype":"AGGREGATION"}]}]}}},
   {"type":"JOB","inputs":[]},{"namespace":"d","name":"source","type":"DATASET","inputs":[]}]},
 "old":{"_deleted":true}}},
"inputs":[{"namespace":"d","name":"in","inputFacets":{
   "inputStatistics":{"rowCount":10,"size":2048,"fileCount":1},
   "subset":{"inputCondition":{"type":"location","locations":["/a"]}},
   "dataQualityMetrics":{"rowCount":10,"bytes":2048,"fileCount":1,"lastUpdated":"2024-04-30T00:00:00Z","columnMetrics":{"a":{"nullCount":0,"distinctCount":9,"sum":1.50,"count":10,"min":-1,"max":1e3,"quantiles":{"0.5":2.0}}}},
   "dataQualityAssertions":{"assertions":[{"assertion":"unique","name":"u","column":"a","severity":"warn","success":false,"description":"x","expected":"1","actual":"2"},{"assertion":"any"}]}},
  "facets":{"version":{"datasetVersion":"v7"}}}],
"outputs":[{"namespace":"d","name":"out","facets":{
   "schema":{"fields":[{"name":"a","type":"struct","description":"first","ordinal_position":1,"fields":[{"name":"b","type":"int"}]}]},
   "dataSource":{"name":"wh","uri":"postgres://h"},
   "symlinks":{"identifiers":[{"namespace":"hive","name":"mart.out","type":"TABLE"}]},
   "columnLineage":{"fields":{"a":{"inputFields":[{"namespace":"d","name":"in","field":"x","transformations":[{"type":"DIRECT","subtype":"IDENTITY","description":"","masking":true}]}]}},"dataset":[{"namespace":"d","name":"in","field":"f","transformations":[{"type":"INDIRECT","subtype":"FILTER"}]}]},
   "lineage":{"inputs":[{"namespace":"d","name":"in","type":"DATASET"}],"fields":{"a":{"inputs":[]}}},
   "storage":{"storageLayer":"delta","fileFormat":"parquet"},
   "catalog":{"framework":"iceberg","type":"rest","name":"c","metadataUri":"u","warehouseUri":"w","source":"spark","catalogProperties":{"k":"v"}},
   "hierarchy":{"hierarchy":[{"type":"DATABASE","name":"db"},{"type":"SCHEMA","name":"s"}]},
   "lifecycleStateChange":{"lifecycleStateChange":"RENAME","previousIdentifier":{"namespace":"d","name":"was"}},
   "datasetType":{"datasetType":"TABLE","subType":"MATERIALIZED"},
   "ownership":{"owners":[{"name":"Grace"}]},
   "documentation":{"description":"what it is"},
   "tags":{"tags":[{"key":"pii","value":"yes","source":"USER","field":"a"}]},
   "ours":{"x":1}},
  "outputFacets":{"outputStatistics":{"rowCount":9,"size":1000}}}]}`

func p[T any](v T) *T { return &v }

func TestEveryFacet(t *testing.T) {
	t.Parallel()
	m := parse(t, everything)
	j, src := func(name string) Name { return Name{"ns", name} }, Name{"d", "in"}
	check := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n got %+v\nwant %+v", what, got, want)
		}
	}
	check("warnings", m.Warnings, []Warning(nil))
	check("run", m.Run, Run{ID: "r1", Parent: &RunName{"p1", j("dag")}, Root: &RunName{"t1", j("top")}, RunFacets: RunFacets{
		NominalStart: time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC), NominalEnd: time.Date(2024, 5, 1, 22, 0, 0, 0, time.UTC),
		Error:          &ErrorMessage{"/run/facets/errorMessage/message", "/run/facets/errorMessage/stackTrace", "PYTHON"},
		Engine:         &Engine{"spark", "3.5.1", "1.40"},
		ExternalQuery:  &ExternalQuery{"q7", "bigquery"},
		ExtractionErrs: &ExtractionErrors{p[int64](3), p[int64](1), []ExtractionError{{"/run/facets/extractionError/errors/0/errorMessage", "/run/facets/extractionError/errors/0/stackTrace", "/run/facets/extractionError/errors/0/task", p[int64](2)}}},
		Environment:    []Variable{{"HOME", "/x"}, {"N", "3"}},
		Tags:           []Tag{{"team", "ml", "DBT", ""}, {"flag", "true", "", ""}},
		Upstream:       []Dependency{{j("before"), "b1", "IMPLICIT", "FINISH_TO_START", "EXECUTE_ON_SUCCESS"}},
		Downstream:     []Dependency{{Job: j("after")}},
		TriggerRule:    "all_success",
		Parameters:     []Parameter{{"lr", "rate", `"0.1"`, "/run/facets/executionParameters/parameters/0/description"}, {"n", "", "12.50", ""}},
		Tests: []Test{{"not_null", "fail", "error", "column", "/run/facets/test/tests/0/description", "0", "7", "/run/facets/test/tests/0/content",
			"/run/facets/test/tests/0/params"}},
		Deleted: []string{"theirs"}, Unknown: []Facet{{"mine", "/run/facets/mine"}}}})
	check("job", m.Job, Job{j("j"), JobFacets{
		SQL: "/job/facets/sql/query", Dialect: "duckdb", SourceCode: "/job/facets/sourceCode/sourceCode", Language: "python",
		Location: &Location{"git", "https://h/r/f.py", "https://h/r", "f.py", "abc", "v1", "main", "12"},
		Owners:   []Owner{{"/job/facets/ownership/owners/0/name", "MAINTAINER"}}, Ownership: "/job/facets/ownership/owners",
		Documentation: "/job/facets/documentation/description",
		Type:          &JobType{"STREAMING", "FLINK", "JOB", "WINDOW", "SNAPSHOT"},
		Tags:          []Tag{{Key: "tier", Value: "1"}},
		Lineage: []LineageEntry{
			{Name: Name{"d", "out"}, Lineage: Lineage{[]Source{{Name: src, Field: "id"}, {Job: true}},
				[]FieldLineage{{"total", []Source{{Name: j("j0"), Job: true, RunID: "x0", Transformations: []Transformation{{"DIRECT", "AGGREGATION", false}}}}}}}},
			{Job: true, Lineage: Lineage{Inputs: []Source{}}},
			{Name: Name{"d", "source"}, Lineage: Lineage{Inputs: []Source{}}}},
		Deleted: []string{"old"}}})
	check("streaming", m.Job.Type.Streaming(), true)
	check("inputs", m.Inputs, []Dataset{{Name: src, Version: "v7", Subset: "/inputs/0/inputFacets/subset",
		Read: &Statistics{p[int64](10), p[int64](2048), p[int64](1)},
		Metrics: &Metrics{Statistics{p[int64](10), p[int64](2048), p[int64](1)}, time.Date(2024, 4, 30, 0, 0, 0, 0, time.UTC),
			[]ColumnMetrics{{"a", p[int64](0), p[int64](9), "1.50", "10", "-1", "1e3", []Quantile{{"0.5", "2.0"}}}}},
		Assertions: []Assertion{{"unique", "u", "a", "warn", p(false), "/inputs/0/inputFacets/dataQualityAssertions/assertions/0/description", "1", "2"}, {Assertion: "any"}}}})
	check("outputs", m.Outputs, []Dataset{{Name: Name{"d", "out"},
		Schema:     []Field{{"a", "struct", "/outputs/0/facets/schema/fields/0/description", p[int64](1), []Field{{Name: "b", Type: "int"}}}},
		DataSource: &DataSource{"wh", "postgres://h"}, Symlinks: []Symlink{{Name{"hive", "mart.out"}, "TABLE"}},
		ColumnLineage: &ColumnLineage{[]FieldLineage{{"a", []Source{{Name: src, Field: "x", Transformations: []Transformation{{"DIRECT", "IDENTITY", true}}}}}},
			[]Source{{Name: src, Field: "f", Transformations: []Transformation{{"INDIRECT", "FILTER", false}}}}},
		Lineage: &Lineage{[]Source{{Name: src}}, []FieldLineage{{"a", []Source{}}}},
		Storage: &Storage{"delta", "parquet"}, Catalog: &Catalog{"iceberg", "rest", "c", "u", "w", "spark"},
		Hierarchy: []Level{{"DATABASE", "db"}, {"SCHEMA", "s"}}, Lifecycle: &Lifecycle{"RENAME", &Name{"d", "was"}},
		Type: "TABLE", SubType: "MATERIALIZED", Owners: []Owner{{Name: "/outputs/0/facets/ownership/owners/0/name"}}, Ownership: "/outputs/0/facets/ownership/owners",
		Documentation: "/outputs/0/facets/documentation/description", Tags: []Tag{{"pii", "yes", "USER", "a"}},
		Written: &Statistics{Rows: p[int64](9), Bytes: p[int64](1000)}, Unknown: []Facet{{"ours", "/outputs/0/facets/ours"}}}})
	doc, err := foreign.Scan(m.Body, foreign.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	check("a text in the body", doc.At(string(m.Run.Error.Message)).Text(), "it broke")
}

func TestOlderParent(t *testing.T) {
	t.Parallel()
	m := parse(t, `{"eventTime":"2024-05-01T10:00:00Z","run":{"runId":"r","facets":{"parentRun":{"run":{"runId":"p"},"job":{"namespace":"a","name":"b"}}}},"job":{"namespace":"a","name":"c"}}`)
	if want := (&RunName{"p", Name{"a", "b"}}); !reflect.DeepEqual(m.Run.Parent, want) {
		t.Errorf("parent %v, want %v", m.Run.Parent, want)
	}
}

// A NUL in a facet is replaced where it is read and stays in the body.
func TestNULInAFacet(t *testing.T) {
	t.Parallel()
	body := `{"eventTime":"2024-05-01T10:00:00Z","dataset":{"namespace":"a","name":"b","facets":{"datasetType":{"datasetType":"T\u0000X"},"m\u0000ine":{}}}}`
	m := parse(t, body)
	if m.Dataset.Type != "T\uFFFDX" || m.Dataset.Unknown[0].Name != "m\uFFFDine" || string(m.Body) != body {
		t.Errorf("%+v of %s", m.Dataset, m.Body)
	}
}
