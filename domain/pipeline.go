package domain

// PipelineRegistered names a pipeline before anything of it ran.
type PipelineRegistered struct {
	Pipeline    Name  `json:"pipeline"`
	Description *Text `json:"description,omitempty"`
	Tags        []Tag `json:"tags,omitempty"`
}

// EventType is "pipeline.registered".
func (PipelineRegistered) EventType() string { return "pipeline.registered" }

// Subject is the pipeline.
func (e PipelineRegistered) Subject() Entity { return PipelineEntity(e.Pipeline) }

// A StepSpec is a step as a pipeline's version plans it.
type StepSpec struct {
	Name       string      `json:"name"`
	Type       string      `json:"type,omitempty"`
	Source     string      `json:"source,omitempty"`
	Parameters []Attribute `json:"parameters,omitempty"`
}

// An Edge is one step that another one waits for.
type Edge struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// A Spec is what a version of a pipeline consists of.
type Spec struct {
	Steps []StepSpec `json:"steps"`
	Edges []Edge     `json:"edges,omitempty"`
}

// PipelineVersionRegistered records a version of a pipeline. Hash is the SHA-256 of the canonical specification,
// source and code: the same one registered again is already true.
type PipelineVersionRegistered struct {
	Pipeline Name     `json:"pipeline"`
	Hash     string   `json:"hash"`
	Label    string   `json:"label,omitempty"` // the caller's name of the version
	Spec     Spec     `json:"spec"`
	Source   *Text    `json:"source,omitempty"`
	Code     *CodeRef `json:"code,omitempty"`
}

// EventType is "pipeline.version_registered".
func (PipelineVersionRegistered) EventType() string { return "pipeline.version_registered" }

// Subject is the pipeline.
func (e PipelineVersionRegistered) Subject() Entity { return PipelineEntity(e.Pipeline) }

// PipelineDescribed replaces the description; none removes it.
type PipelineDescribed struct {
	Pipeline    Name  `json:"pipeline"`
	Description *Text `json:"description,omitempty"`
}

// EventType is "pipeline.described".
func (PipelineDescribed) EventType() string { return "pipeline.described" }

// Subject is the pipeline.
func (e PipelineDescribed) Subject() Entity { return PipelineEntity(e.Pipeline) }

// PipelineTagged sets and removes tags by key.
type PipelineTagged struct {
	Pipeline Name     `json:"pipeline"`
	Set      []Tag    `json:"set,omitempty"`
	Removed  []string `json:"removed,omitempty"`
}

// EventType is "pipeline.tagged".
func (PipelineTagged) EventType() string { return "pipeline.tagged" }

// Subject is the pipeline.
func (e PipelineTagged) Subject() Entity { return PipelineEntity(e.Pipeline) }

// PipelineDeclared is a foreign job event: the inputs and outputs the pipeline has by design. The later one by
// event time replaces the earlier; it makes no version. Deleted lists facets that were removed.
type PipelineDeclared struct {
	Pipeline Name     `json:"pipeline"`
	Inputs   []IO     `json:"inputs,omitempty"`
	Outputs  []IO     `json:"outputs,omitempty"`
	Job      *JobInfo `json:"job,omitempty"`
	Code     *CodeRef `json:"code,omitempty"`
	Deleted  []string `json:"deleted,omitempty"`
}

// EventType is "pipeline.declared".
func (PipelineDeclared) EventType() string { return "pipeline.declared" }

// Subject is the pipeline.
func (e PipelineDeclared) Subject() Entity { return PipelineEntity(e.Pipeline) }

// PipelineDeleted hides a pipeline from current lists; its runs stay.
type PipelineDeleted struct {
	Pipeline Name `json:"pipeline"`
}

// EventType is "pipeline.deleted".
func (PipelineDeleted) EventType() string { return "pipeline.deleted" }

// Subject is the pipeline.
func (e PipelineDeleted) Subject() Entity { return PipelineEntity(e.Pipeline) }
