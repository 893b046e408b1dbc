package openlineage

import (
	"strings"

	"github.com/annals-io/annals/domain"
)

// An Orchestrator is what the facets of Airflow, Dagster, dbt, Spark and Flink say of the run as they know it. These
// facets are of no specification: what is missing or of another shape is left out without a warning.
type Orchestrator struct {
	Kind       string // "airflow", "dagster", "dbt", "spark", "flink"; "" where none of them speaks
	RunID      string // its own id of the run: of the DAG run, the invocation, the application
	URL        string // of a page about the run
	Version    string
	Workflow   string // the DAG or project
	Task       string
	RunType    string // why it ran: "scheduled", "manual", ...
	State      string // how it ended, in its own words
	Tasks      []TaskState
	Attempt    *int64 // of the task, from 1
	MapIndex   *int64 // of a mapped task, from 0
	precedence int
}

// A TaskState is how a task of a run ended, as only the run's end knows of those that were skipped.
type TaskState struct {
	Task  string
	State string
}

// The precedence of those who may speak of one run: a Spark application that a task of Airflow submits is Airflow's.
var precedences = map[string]int{"airflow": 5, "dagster": 4, "dbt": 3, "spark": 2, "flink": 1}

// orchestrate reads a facet of an orchestrator; false says that it is of none.
func (run *Run) orchestrate(facet string, o object) bool {
	found := Orchestrator{}
	switch facet {
	case "airflow", "airflowDagRun":
		found = airflowRun(o)
	case "airflowState":
		found.Kind, found.State = "airflow", o.said("dagRunState")
		for task, state := range o.inside("tasksState").v.Members() {
			if s := state.Text(); s != "" {
				found.Tasks = append(found.Tasks, TaskState{task, s})
			}
		}
	case "airflow_version":
		found.Kind, found.Version = "airflow", o.said("airflowVersion")
	case "airflow_runArgs":
		found.Kind = "airflow"
		if external, ok := o.v.Get("externalTrigger").Bool(); ok && external {
			found.RunType = "manual"
		}
	case "dbt_run":
		found.Kind, found.RunID, found.Workflow = "dbt", o.said("invocation_id"), o.said("project_name")
	case "dbt_version":
		found.Kind, found.Version = "dbt", o.said("version")
	case "spark_applicationDetails":
		found.Kind, found.RunID, found.Workflow = "spark", o.said("applicationId"), o.said("appName")
		for _, page := range [...]string{"historyUrl", "proxyUrl", "uiWebUrl"} { // the one that lasts longest first
			if found.URL == "" {
				found.URL = webPage(o.said(page))
			}
		}
	case "spark_version":
		found.Kind, found.Version = "spark", o.said("spark-version")
	case "flink_job":
		found.Kind, found.RunID = "flink", o.said("jobId")
	default:
		return false
	}
	run.Orchestrator.add(found)
	return true
}

// airflowRun reads what Airflow says of a DAG run, and of the task where the run is of one.
func airflowRun(o object) Orchestrator {
	dag, dagRun, task, instance := o.inside("dag"), o.inside("dagRun"), o.inside("task"), o.inside("taskInstance")
	found := Orchestrator{Kind: "airflow", RunID: dagRun.said("run_id"), Workflow: firstOf(dag.said("dag_id"), dagRun.said("dag_id")), Task: task.said("task_id"), RunType: dagRun.said("run_type"),
		URL: webPage(firstOf(instance.said("log_url"), dagRun.said("url")))}
	if n, ok := instance.v.Get("try_number").Int(); ok && n > 0 {
		found.Attempt = &n
	}
	if n, ok := instance.v.Get("map_index").Int(); ok && n >= 0 { // -1: it is not mapped
		found.MapIndex = &n
	}
	return found
}

// add joins what another facet says. Of two that speak, the one with precedence wins; one adds to what it said before.
func (r *Orchestrator) add(other Orchestrator) {
	other.precedence = precedences[other.Kind]
	if other.precedence != r.precedence {
		if other.precedence > r.precedence {
			*r = other
		}
		return
	}
	for _, field := range [...]struct{ to, from *string }{
		{&r.RunID, &other.RunID}, {&r.URL, &other.URL}, {&r.Version, &other.Version}, {&r.Workflow, &other.Workflow},
		{&r.Task, &other.Task}, {&r.RunType, &other.RunType}, {&r.State, &other.State},
	} {
		*field.to = firstOf(*field.to, *field.from)
	}
	if r.Tasks == nil {
		r.Tasks = other.Tasks
	}
	if r.Attempt == nil {
		r.Attempt = other.Attempt
	}
	if r.MapIndex == nil {
		r.MapIndex = other.MapIndex
	}
}

// dagster takes the run of the event for Dagster's, which has no facet of its own: its runs' ids are the run ids, so
// that one id stands for several jobs.
func (e *Event) dagster() {
	job, engine := e.Job.Type, e.Run.Engine
	if job != nil && strings.EqualFold(job.Integration, "DAGSTER") || engine != nil && strings.EqualFold(engine.Name, "dagster") {
		found := Orchestrator{Kind: "dagster", RunID: e.Run.ID}
		if engine != nil && strings.EqualFold(engine.Name, "dagster") {
			found.Version = engine.Version
		}
		e.Run.Orchestrator.add(found)
	}
}

// orchestrator is where the orchestrator knows the run, nil where nobody said by which id or address: a later fact that
// only knows the kind must not hide it.
func (f *facts) orchestrator() *domain.OrchestratorRef {
	o := &f.Run.Orchestrator
	if o.RunID == "" && o.URL == "" {
		return nil
	}
	return &domain.OrchestratorRef{Kind: o.Kind, RunID: o.RunID, URL: o.URL}
}

// orchestratorMetadata is what else the orchestrator says of a run.
func (a *attributes) orchestrator(o *Orchestrator) {
	a.text("orchestrator.version", o.Version)
	a.text("orchestrator.workflow", o.Workflow)
	a.text("orchestrator.task", o.Task)
	a.text("orchestrator.runType", o.RunType)
	a.text("orchestrator.state", o.State)
	a.whole("orchestrator.attempt", o.Attempt)
	a.whole("orchestrator.mapIndex", o.MapIndex)
	if len(o.Tasks) > 0 {
		states := make(map[string]string, len(o.Tasks))
		for _, t := range o.Tasks {
			states[t.Task] = t.State
		}
		a.json("orchestrator.tasks", states)
	}
}

// said is a member that is a string, not too long for a name; anything else says nothing.
func (o object) said(member string) string {
	if s := o.v.Get(member).Text(); len(s) <= MaxName {
		return s
	}
	return ""
}

// inside is a member that is an object, or nothing, without a warning.
func (o object) inside(member string) object { return object{r: o.r, v: o.v.Get(member)} }

// webPage is an address that a browser may be sent to, "" where it is none.
func webPage(address string) string {
	if strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://") {
		return address
	}
	return ""
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
