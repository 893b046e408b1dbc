package model

// The marks below tell gqlgen which types stand for which interfaces of the schema.

// IsNode marks what has a global id.
func (*Workspace) IsNode()       {}
func (*Pipeline) IsNode()        {}
func (*PipelineVersion) IsNode() {}
func (*Run) IsNode()             {}
func (*Step) IsNode()            {}
func (*Artifact) IsNode()        {}
func (*ArtifactVersion) IsNode() {}
func (*Organization) IsNode()    {}
func (*Role) IsNode()            {}
func (*Team) IsNode()            {}
func (*ServiceAccount) IsNode()  {}
func (*Invitation) IsNode()      {}

// IsVersioned marks what has revisions.
func (*Workspace) IsVersioned()       {}
func (*Pipeline) IsVersioned()        {}
func (*PipelineVersion) IsVersioned() {}
func (*Run) IsVersioned()             {}
func (*Step) IsVersioned()            {}
func (*Artifact) IsVersioned()        {}
func (*ArtifactVersion) IsVersioned() {}
func (*Organization) IsVersioned()    {}

// IsExecution marks what reads and writes artifact versions.
func (*Run) IsExecution()  {}
func (*Step) IsExecution() {}
