package rest

import (
	"net/http"
	"time"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/rest/openapi"
)

// A Run is a run of a pipeline at a moment.
type Run struct {
	ID            string     `json:"id" doc:"The id that is unique on the server."`
	RunID         string     `json:"runId" doc:"The id its producer gave it; runs of several pipelines may share one."`
	Name          string     `json:"name" doc:"The producer's, else PIPELINE#NUMBER."`
	Number        int        `json:"number"`
	Status        Word       `json:"status" enum:"unknown,queued,initializing,running,cancelling,succeeded,failed,cancelled,skipped,cached,unfinished,lost"`
	Contradictory bool       `json:"contradictory" doc:"Its producer said different things about how it ended."`
	Pipeline      *RunOf     `json:"pipeline"`
	Attempt       int        `json:"attempt"`
	StartedAt     *time.Time `json:"startedAt"`
	EndedAt       *time.Time `json:"endedAt"`
	DurationMs    *int64     `json:"durationMs"`
	Tags          []Tag      `json:"tags"`
	CreatedAt     time.Time  `json:"createdAt"`
	UpdatedAt     time.Time  `json:"updatedAt"`
	Revision      int64      `json:"revision" doc:"Of its last change: its ETag."`

	Parameters   []NamedValue  `json:"parameters,omitempty" doc:"Of a single run; lists leave it out."`
	Metadata     []NamedValue  `json:"metadata,omitempty" doc:"Of a single run."`
	Metrics      []Metric      `json:"metrics,omitempty" doc:"Of a single run."`
	Failure      *Failure      `json:"failure,omitempty" doc:"Of a single run that ended badly."`
	Orchestrator *Orchestrator `json:"orchestrator,omitempty" doc:"Of a single run: the tool that ran it."`
	Steps        []Step        `json:"steps,omitempty" doc:"Of a single run, in order of arrival; the first 500."`
	Warnings     []string      `json:"warnings,omitempty" doc:"Of a single run: what was odd about the facts it is made of."`
}

// RunOf is the pipeline of a run.
type RunOf struct {
	ID        string `json:"id"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// A Tag is a word with a value where it has one.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// A NamedValue is a parameter or an entry of metadata.
type NamedValue struct {
	Name  string `json:"name"`
	Type  Word   `json:"type" enum:"string,number,boolean,json,null"`
	Value any    `json:"value"`
}

// A Metric is a number that was measured, and how it went.
type Metric struct {
	Name   string     `json:"name"`
	Last   *float64   `json:"last"`
	Min    *float64   `json:"min"`
	Max    *float64   `json:"max"`
	Count  int64      `json:"count"`
	LastAt *time.Time `json:"lastAt"`
}

// A Failure is what went wrong.
type Failure struct {
	Type    *string `json:"type"`
	Message *string `json:"message"`
}

// An Orchestrator is a run as the tool that ran it knows it.
type Orchestrator struct {
	Kind  *string `json:"kind"`
	RunID *string `json:"runId"`
	URL   *string `json:"url"`
}

// A Step is a step of a run.
type Step struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Status     Word       `json:"status"`
	Attempt    int        `json:"attempt"`
	StartedAt  *time.Time `json:"startedAt"`
	EndedAt    *time.Time `json:"endedAt"`
	DurationMs *int64     `json:"durationMs"`
}

const (
	runFields = `id runId name number status contradictory pipeline { id namespace name } attempt startedAt endedAt durationMs tags { key value } createdAt updatedAt revision`
	runMore   = ` parameters { name type value } metadata { name type value } metrics { name last min max count lastAt } failure { type message }
	orchestrator { kind runId url } steps(first: 500) { nodes { id name status attempt startedAt endedAt durationMs } } warnings`

	runsDocument = `query listRuns($slug: String!, $asOf: AsOf, $atLeast: Int64, $filter: RunFilter, $first: Int, $after: String) {
	workspace(slug: $slug, asOf: $asOf, atLeast: $atLeast) { runs(filter: $filter, first: $first, after: $after) { nodes { ` + runFields + ` }` + pageFields + ` } } }`
	runDocument = `query getRun($slug: String!, $asOf: AsOf, $atLeast: Int64, $id: ID!) {
	workspace(slug: $slug, asOf: $asOf, atLeast: $atLeast) { run(id: $id) { ` + runFields + runMore + ` } } }`
)

func (a *API) runActions() []action {
	statuses := []string{"unknown", "queued", "initializing", "running", "cancelling", "succeeded", "failed", "cancelled", "skipped", "cached", "unfinished", "lost"}
	run := openapi.Parameter{Name: "run", In: "path", Shape: openapi.Text(), Example: "r1", Description: "Its id, the id its producer gave it, or PIPELINE#NUMBER."}
	return []action{
		{openapi.Operation{
			Pattern: "GET /v1/workspaces/{slug}/runs", ID: "listRuns", Tag: "runs", Summary: "List runs", Description: "The newest first.", Permission: string(domain.ReadWorkspace),
			Parameters: params(slugParam, some("status", "Only those in one of these states.", statuses...), some("pipeline", "Only those of one of these pipelines, by id or name."),
				some("tag", "Only those with all of these tags, each written key or key=value."), one("text", "Only those whose name or producer's id contains this text.", openapi.Text()),
				one("nested", "true lists nested runs beside the others.", openapi.Flag()), one("where", "Conditions as people type them: metrics.rmse < 0.2 and status in (failed, lost).", openapi.Text()),
				one("startedAfter", "Only those that started at this time or later, by their producer's clock.", openapi.Moment()),
				one("startedBefore", "Only those that started before this time.", openapi.Moment()), asOfParam, atLeastParam, limitParam, cursorParam),
			Answers: []openapi.Answer{openapi.Says(http.StatusOK, "A page of them.", openapi.Of[Page[Run]]())}, Refuses: reading(http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed),
		}, access.Read, listRuns},
		{openapi.Operation{
			Pattern: "GET /v1/workspaces/{slug}/runs/{run}", ID: "getRun", Tag: "runs", Summary: "Read a run", Permission: string(domain.ReadWorkspace),
			Description: "A word that means several runs is a conflict that lists them.",
			Parameters:  params(slugParam, run, asOfParam, atLeastParam), Answers: says(http.StatusOK, "The run.", openapi.Of[Run]()), Refuses: reading(http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed),
		}, access.Read, getRun},
	}
}

// below are the variables of a question about what lies in the workspace of the path, with others.
func (c *call) below(more map[string]any) (map[string]any, error) {
	v, err := c.paged(more)
	v["slug"], v["atLeast"] = c.path("slug"), c.number("atLeast")
	return v, err
}

func listRuns(c *call) (answer, error) {
	filter := map[string]any{"text": c.text("text"), "where": c.text("where"), "startedAfter": c.text("startedAfter"), "startedBefore": c.text("startedBefore"),
		"statuses": c.words("status"), "pipelines": c.list("pipeline"), "tags": c.list("tag")}
	if nested := c.flag("nested"); nested != nil {
		filter["nested"] = nested
	}
	v, err := c.below(map[string]any{"filter": filter})
	if err != nil {
		return answer{}, err
	}
	var found struct {
		Workspace *struct{ Runs connection[Run] }
	}
	if err := c.ask(runsDocument, v, &found); err != nil {
		return answer{}, err
	}
	if found.Workspace == nil {
		return answer{}, errNoWorkspace
	}
	return found.Workspace.Runs.page(), nil
}

func getRun(c *call) (answer, error) {
	v, err := c.below(map[string]any{"id": c.path("run")})
	if err != nil {
		return answer{}, err
	}
	delete(v, "first")
	delete(v, "after")
	type single struct {
		Run
		Steps struct{ Nodes []Step } `json:"steps"`
	}
	var found struct {
		Workspace *struct{ Run *single }
	}
	if err := c.ask(runDocument, v, &found); err != nil {
		return answer{}, err
	}
	switch {
	case found.Workspace == nil:
		return answer{}, errNoWorkspace
	case found.Workspace.Run == nil:
		return answer{}, &domain.Error{Code: domain.NotFound, Subject: "run", Message: "there is no such run"}
	}
	r := found.Workspace.Run.Run
	r.Steps = found.Workspace.Run.Steps.Nodes
	return answer{body: r, revision: &r.Revision}, nil
}
