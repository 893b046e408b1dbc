package domain

// StepReported says that a step of a run entered a phase, or something about itself. Its wire type is "step." and
// the phase.
type StepReported struct {
	Phase Phase `json:"-"` // in the type
	Execution
	Attempt    int         `json:"attempt,omitempty"`
	Name       string      `json:"name,omitempty"` // for people
	Upstream   []string    `json:"upstream,omitempty"`
	Parameters []Attribute `json:"parameters,omitempty"`
	Metadata   []Attribute `json:"metadata,omitempty"`
	Tags       []Tag       `json:"tags,omitempty"`
	Failure    *Failure    `json:"failure,omitempty"`
	Code       *CodeRef    `json:"code,omitempty"`
	CacheKey   string      `json:"cacheKey,omitempty"`
	CachedFrom *Execution  `json:"cachedFrom,omitempty"`
}

// EventType is "step." and the phase.
func (e StepReported) EventType() string { return "step." + string(e.Phase) }

// Subject is the step.
func (e StepReported) Subject() Entity { return e.Execution.Entity() }

// StepDeleted hides a step.
type StepDeleted struct {
	Execution
}

// EventType is "step.deleted".
func (StepDeleted) EventType() string { return "step.deleted" }

// Subject is the step.
func (e StepDeleted) Subject() Entity { return e.Execution.Entity() }
