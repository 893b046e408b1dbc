package domain

// RunReported says that a run entered a phase, or something about itself. Its wire type is "run." and the phase:
// run.started, run.succeeded. The time of the fact is the envelope's occurred-at.
type RunReported struct {
	Phase        Phase            `json:"-"` // in the type
	Run          RunRef           `json:"run"`
	Pipeline     *Name            `json:"pipeline,omitempty"` // absent: the run's job, or named by another report
	Version      string           `json:"pipelineVersion,omitempty"`
	Name         string           `json:"name,omitempty"` // for people
	Attempt      int              `json:"attempt,omitempty"`
	Parameters   []Attribute      `json:"parameters,omitempty"`
	Metadata     []Attribute      `json:"metadata,omitempty"`
	Tags         []Tag            `json:"tags,omitempty"`
	Failure      *Failure         `json:"failure,omitempty"`
	Code         *CodeRef         `json:"code,omitempty"`
	Orchestrator *OrchestratorRef `json:"orchestrator,omitempty"`
	Job          *JobInfo         `json:"job,omitempty"`
	Streaming    bool             `json:"streaming,omitempty"` // it has no end to wait for
}

// JobInfo is what a foreign report says of the pipeline that ran.
type JobInfo struct {
	Type        string `json:"type,omitempty"`        // "DAG", "TASK", "MODEL", ...
	Integration string `json:"integration,omitempty"` // "DBT", "SPARK", ...
	Processing  string `json:"processing,omitempty"`  // "BATCH", "STREAMING", "SERVICE"
	Description *Text  `json:"description,omitempty"`
	SQL         *Text  `json:"sql,omitempty"`
	Ownership   *Text  `json:"ownership,omitempty"`
	Source      *Text  `json:"source,omitempty"`
	Tags        []Tag  `json:"tags,omitempty"`

	Deleted []string `json:"deleted,omitempty"` // facets that were removed
}

// EventType is "run." and the phase.
func (e RunReported) EventType() string { return "run." + string(e.Phase) }

// Subject is the run.
func (e RunReported) Subject() Entity { return RunEntity(e.Run) }

// PipelineName is the pipeline that the report names; ok is false where it names none.
func (e RunReported) PipelineName() (n Name, ok bool) {
	if e.Pipeline != nil {
		return *e.Pipeline, true
	}
	return e.Run.Job, e.Run.Job != (Name{})
}

// RunNested says that a run is part of another one. The parent may never be heard of otherwise.
type RunNested struct {
	Run    RunRef  `json:"run"`
	Parent RunRef  `json:"parent"`
	Root   *RunRef `json:"root,omitempty"`
}

// EventType is "run.nested".
func (RunNested) EventType() string { return "run.nested" }

// Subject is the nested run.
func (e RunNested) Subject() Entity { return RunEntity(e.Run) }

// RunDeleted hides a run: it leaves a tombstone in lineage, and an earlier moment still shows it.
type RunDeleted struct {
	Run RunRef `json:"run"`
}

// EventType is "run.deleted".
func (RunDeleted) EventType() string { return "run.deleted" }

// Subject is the run.
func (e RunDeleted) Subject() Entity { return RunEntity(e.Run) }

// MetricsLogged records measured points of a run or step.
type MetricsLogged struct {
	Execution
	Points []Metric `json:"points"`
}

// EventType is "metrics.logged".
func (MetricsLogged) EventType() string { return "metrics.logged" }

// Subject is the run or step.
func (e MetricsLogged) Subject() Entity { return e.Execution.Entity() }
