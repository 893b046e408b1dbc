package openlineage

import (
	"strings"
	"testing"

	"github.com/annals-io/annals/domain"
)

// orchestrated is a run event with these facets of its run and of its job.
func orchestrated(t *testing.T, run, job string) domain.RunReported {
	t.Helper()
	body := `{"eventTime":"2024-05-01T10:00:00Z","eventType":"START","producer":"p","run":{"runId":"r1","facets":{` + run + `}},"job":{"namespace":"n","name":"j","facets":{` + job + `}}}`
	m := parse(t, body)
	if len(m.Warnings) != 0 {
		t.Errorf("%s: %+v", run, m.Warnings)
	}
	return m.Request("workspace-lab", domain.Actor{}).Command.(domain.Record).Events[0].(domain.RunReported)
}

func TestOrchestratorsNameTheirRuns(t *testing.T) {
	t.Parallel()
	const (
		airflow = `"airflow":{"dag":{"dag_id":"etl"},"dagRun":{"dag_id":"etl","run_id":"manual__1","run_type":"manual"},"task":{"task_id":"load"},"taskInstance":{"try_number":2,"map_index":-1,"log_url":"https://airflow/log"}}`
		spark   = `"spark_applicationDetails":{"applicationId":"app-1","appName":"daily","uiWebUrl":"http://driver:4040","historyUrl":"https://history/app-1"}`
	)
	for name, tt := range map[string]struct {
		run, job string
		want     *domain.OrchestratorRef
		says     string // of its metadata
	}{
		"a task of Airflow":          {airflow, "", &domain.OrchestratorRef{Kind: "airflow", RunID: "manual__1", URL: "https://airflow/log"}, `orchestrator.workflow="etl" orchestrator.task="load" orchestrator.runType="manual" orchestrator.attempt=2`},
		"a mapped task":              {strings.Replace(airflow, "-1,", "3,", 1), "", &domain.OrchestratorRef{Kind: "airflow", RunID: "manual__1", URL: "https://airflow/log"}, `orchestrator.workflow="etl" orchestrator.task="load" orchestrator.runType="manual" orchestrator.attempt=2 orchestrator.mapIndex=3`},
		"a DAG run":                  {`"airflowState":{"dagRunState":"success","tasksState":{"a":"success","b":"skipped"}},"airflowDagRun":{"dag":{"dag_id":"etl"},"dagRun":{"run_id":"scheduled__1"}}`, "", &domain.OrchestratorRef{Kind: "airflow", RunID: "scheduled__1"}, `orchestrator.workflow="etl" orchestrator.state="success" orchestrator.tasks={"a":"success","b":"skipped"}`},
		"an Airflow of old":          {`"airflow_runArgs":{"externalTrigger":true},"airflow_version":{"airflowVersion":"2.3.3","taskInfo":"{}"}`, "", nil, `orchestrator.version="2.3.3" orchestrator.runType="manual"`},
		"dbt":                        {`"dbt_run":{"invocation_id":"i-1","project_name":"shop"},"dbt_version":{"version":"1.11.16"}`, "", &domain.OrchestratorRef{Kind: "dbt", RunID: "i-1"}, `orchestrator.version="1.11.16" orchestrator.workflow="shop"`},
		"Spark":                      {spark, "", &domain.OrchestratorRef{Kind: "spark", RunID: "app-1", URL: "https://history/app-1"}, `orchestrator.workflow="daily"`},
		"Spark's own page":           {strings.Replace(spark, "historyUrl", "old", 1), "", &domain.OrchestratorRef{Kind: "spark", RunID: "app-1", URL: "http://driver:4040"}, `orchestrator.workflow="daily"`},
		"Spark, later in its run":    {`"spark_version":{"spark-version":"3.5.9"}`, "", nil, `orchestrator.version="3.5.9"`},
		"Flink":                      {`"flink_job":{"jobId":"f-1"}`, "", &domain.OrchestratorRef{Kind: "flink", RunID: "f-1"}, ""},
		"Dagster, by its job":        {"", `"jobType":{"processingType":"BATCH","integration":"DAGSTER"}`, &domain.OrchestratorRef{Kind: "dagster", RunID: "r1"}, ""},
		"Dagster, by its engine":     {`"processing_engine":{"name":"dagster","version":"1.13.28"}`, "", &domain.OrchestratorRef{Kind: "dagster", RunID: "r1"}, `engine.name="dagster" engine.version="1.13.28" orchestrator.version="1.13.28"`},
		"Spark beneath Airflow":      {spark + "," + airflow, "", &domain.OrchestratorRef{Kind: "airflow", RunID: "manual__1", URL: "https://airflow/log"}, `orchestrator.workflow="etl" orchestrator.task="load" orchestrator.runType="manual" orchestrator.attempt=2`},
		"Airflow above Spark":        {airflow + "," + spark, "", &domain.OrchestratorRef{Kind: "airflow", RunID: "manual__1", URL: "https://airflow/log"}, `orchestrator.workflow="etl" orchestrator.task="load" orchestrator.runType="manual" orchestrator.attempt=2`},
		"other shapes":               {`"airflow":{"dag":"etl","dagRun":[1],"taskInstance":{"try_number":"two","log_url":"javascript:alert(1)"}},"dbt_run":{"invocation_id":7}`, "", nil, ""},
		"an id longer than any name": {`"dbt_run":{"invocation_id":"` + strings.Repeat("x", MaxName+1) + `"}`, "", nil, ""},
		"nobody":                     {"", "", nil, ""},
	} {
		e := orchestrated(t, tt.run, tt.job)
		if (e.Orchestrator == nil) != (tt.want == nil) || tt.want != nil && *e.Orchestrator != *tt.want {
			t.Errorf("%s: %+v, want %+v", name, e.Orchestrator, tt.want)
		}
		var says []string
		for _, a := range e.Metadata {
			says = append(says, a.Name+"="+string(a.Value))
		}
		if got := strings.Join(says, " "); got != tt.says {
			t.Errorf("%s: says %s, want %s", name, got, tt.says)
		}
	}
}

// The real events: every Airflow task and DAG run, dbt invocation and Spark application among them is named.
func TestRealOrchestrators(t *testing.T) {
	t.Parallel()
	kinds := map[string]int{}
	for _, body := range shared(t, "events/*/real.ndjson") {
		m := parse(t, string(body))
		f := facts{Message: m, budget: fullBudget}
		if ref := f.orchestrator(); ref != nil {
			kinds[ref.Kind]++
		}
	}
	want := map[string]int{"airflow": 35, "dbt": 24, "spark": 12, "flink": 3}
	for kind, n := range want {
		if kinds[kind] != n {
			t.Errorf("%d runs of %s are named, want %d (%v)", kinds[kind], kind, n, kinds)
		}
	}
}
