package domain

// A Field is one column of a table, or one leaf of a structure.
type Field struct {
	Name string `json:"name"`
	Type string `json:"type,omitempty"`
}

// An Alias is another name of the same artifact: the catalogue's name of a path.
type Alias struct {
	Name
	Type string `json:"type,omitempty"`
}

// A ColumnEdge says that a column of an output was made from a column of an input. An empty Field means the whole
// output; Kind is DIRECT or INDIRECT as OpenLineage's column lineage facet has it.
type ColumnEdge struct {
	Field     string `json:"field,omitempty"`
	From      Name   `json:"from"`
	FromField string `json:"fromField,omitempty"`
	Kind      string `json:"kind,omitempty"`
	Subtype   string `json:"subtype,omitempty"`
	Masking   bool   `json:"masking,omitempty"`
}

// An IO is one artifact version that an execution reads or writes, and what was said of it. Position is its place
// in the producer's list. An IO without Version is named by the rules of [Versions].
type IO struct {
	Artifact  Name        `json:"artifact"`
	Version   string      `json:"version,omitempty"` // the producer's name of the version
	Role      string      `json:"role,omitempty"`    // the argument it is bound to
	Position  int         `json:"position,omitempty"`
	Type      string      `json:"type,omitempty"` // "TABLE", "model", ...
	URI       string      `json:"uri,omitempty"`
	SizeBytes *int64      `json:"sizeBytes,omitempty"`
	Digest    string      `json:"digest,omitempty"` // as the producer computes it
	Schema    []Field     `json:"schema,omitempty"`
	Aliases   []Alias     `json:"aliases,omitempty"`
	Lifecycle string      `json:"lifecycle,omitempty"` // OpenLineage lifecycleStateChange: CREATE, DROP, RENAME, ...
	Renamed   *Name       `json:"renamed,omitempty"`   // the earlier name, for RENAME
	Metadata  []Attribute `json:"metadata,omitempty"`
	Tags      []Tag       `json:"tags,omitempty"`
	Docs      *Text       `json:"description,omitempty"`
	Deleted   []string    `json:"deleted,omitempty"` // facets that were removed

	// Of outputs: what it was made from. From is nil where the producer did not say: then from every input of the
	// execution; empty and not nil, it was made from nothing. Columns too bulky for an event lie in evidence, as the JSON array of them.
	From      []Name       `json:"from,omitzero"`
	Columns   []ColumnEdge `json:"columns,omitempty"`
	ColumnsIn *Digest      `json:"columnsIn,omitempty"`
}

// ArtifactsConsumed says what an execution reads. Phase is that of the report which named it.
type ArtifactsConsumed struct {
	Execution
	Phase   Phase `json:"phase,omitempty"`
	Attempt int   `json:"attempt,omitempty"`
	Inputs  []IO  `json:"inputs"`
}

// EventType is "artifacts.consumed".
func (ArtifactsConsumed) EventType() string { return "artifacts.consumed" }

// Subject is the run or step.
func (e ArtifactsConsumed) Subject() Entity { return e.Execution.Entity() }

// ArtifactsProduced says what an execution writes. Phase is that of the report which named it.
type ArtifactsProduced struct {
	Execution
	Phase   Phase `json:"phase,omitempty"`
	Attempt int   `json:"attempt,omitempty"`
	Outputs []IO  `json:"outputs"`
}

// EventType is "artifacts.produced".
func (ArtifactsProduced) EventType() string { return "artifacts.produced" }

// Subject is the run or step.
func (e ArtifactsProduced) Subject() Entity { return e.Execution.Entity() }

// ArtifactObserved says something of an artifact without an execution: a foreign dataset event, or a registration.
// Where it names a version, that is a version without a producer.
type ArtifactObserved struct {
	IO
}

// EventType is "artifact.observed".
func (ArtifactObserved) EventType() string { return "artifact.observed" }

// Subject is the artifact.
func (e ArtifactObserved) Subject() Entity { return ArtifactEntity(e.Artifact) }

// ArtifactDescribed replaces the description; none removes it.
type ArtifactDescribed struct {
	Artifact    Name  `json:"artifact"`
	Description *Text `json:"description,omitempty"`
}

// EventType is "artifact.described".
func (ArtifactDescribed) EventType() string { return "artifact.described" }

// Subject is the artifact.
func (e ArtifactDescribed) Subject() Entity { return ArtifactEntity(e.Artifact) }

// ArtifactTagged sets and removes tags by key.
type ArtifactTagged struct {
	Artifact Name     `json:"artifact"`
	Set      []Tag    `json:"set,omitempty"`
	Removed  []string `json:"removed,omitempty"`
}

// EventType is "artifact.tagged".
func (ArtifactTagged) EventType() string { return "artifact.tagged" }

// Subject is the artifact.
func (e ArtifactTagged) Subject() Entity { return ArtifactEntity(e.Artifact) }

// ArtifactAliased says that two names are one artifact. Names are never rewritten: they are resolved when read.
type ArtifactAliased struct {
	Artifact Name  `json:"artifact"`
	Alias    Alias `json:"alias"`
}

// EventType is "artifact.aliased".
func (ArtifactAliased) EventType() string { return "artifact.aliased" }

// Subject is the artifact.
func (e ArtifactAliased) Subject() Entity { return ArtifactEntity(e.Artifact) }

// ArtifactDeleted hides an artifact and its versions from current lists.
type ArtifactDeleted struct {
	Artifact Name `json:"artifact"`
}

// EventType is "artifact.deleted".
func (ArtifactDeleted) EventType() string { return "artifact.deleted" }

// Subject is the artifact.
func (e ArtifactDeleted) Subject() Entity { return ArtifactEntity(e.Artifact) }

// ArtifactVersionAnnotated adds metadata and tags to one version.
type ArtifactVersionAnnotated struct {
	Version  VersionRef  `json:"version"`
	Metadata []Attribute `json:"metadata,omitempty"`
	Tags     []Tag       `json:"tags,omitempty"`
}

// EventType is "artifact_version.annotated".
func (ArtifactVersionAnnotated) EventType() string { return "artifact_version.annotated" }

// Subject is the version.
func (e ArtifactVersionAnnotated) Subject() Entity { return VersionEntity(e.Version) }

// ArtifactVersionDeleted hides one version: it leaves a tombstone in lineage, and reads that begin later never
// mean it.
type ArtifactVersionDeleted struct {
	Version VersionRef `json:"version"`
}

// EventType is "artifact_version.deleted".
func (ArtifactVersionDeleted) EventType() string { return "artifact_version.deleted" }

// Subject is the version.
func (e ArtifactVersionDeleted) Subject() Entity { return VersionEntity(e.Version) }
