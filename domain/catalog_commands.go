package domain

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
)

// RegisterPipeline names a pipeline before anything of it ran.
type RegisterPipeline PipelineRegistered

// Needs is the pipeline.
func (c RegisterPipeline) Needs() []Entity { return []Entity{PipelineEntity(c.Pipeline)} }

// Decide refuses a name that was registered; one that only facts mentioned can be registered still.
func (c RegisterPipeline) Decide(s States) ([]Event, error) {
	if err := writable(s); err != nil {
		return nil, err
	}
	if err := checkNames("pipeline", c.Pipeline); err != nil {
		return nil, err
	}
	if st := s.Of(c.Needs()[0]); st.Exists && !st.Deleted {
		return nil, &Error{Code: AlreadyExists, Subject: "pipeline", Message: fmt.Sprintf("pipeline %s exists", clip(c.Pipeline.String()))}
	}
	return []Event{PipelineRegistered(c)}, nil
}

// RegisterPipelineVersion records a version of a pipeline; Hash is computed.
type RegisterPipelineVersion PipelineVersionRegistered

// Needs is the pipeline.
func (c RegisterPipelineVersion) Needs() []Entity { return []Entity{PipelineEntity(c.Pipeline)} }

// Decide does nothing where the same specification, source and code are registered.
func (c RegisterPipelineVersion) Decide(s States) ([]Event, error) {
	if err := writable(s); err != nil {
		return nil, err
	}
	e := PipelineVersionRegistered(c)
	if err := Check(e); err != nil {
		return nil, err
	}
	hash, err := e.ContentHash()
	if err != nil {
		return nil, err
	}
	e.Hash = hash
	if slices.Contains(s.Of(c.Needs()[0]).Hashes, hash) {
		return nil, nil
	}
	return []Event{e}, nil
}

// ContentHash is the SHA-256, in hex, of what the version consists of: its specification, label and code. The
// source text counts by its reference only where it has no code reference.
func (e PipelineVersionRegistered) ContentHash() (string, error) {
	e.Hash, e.Source = "", nil
	data, err := Encode(e)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// Describe replaces the description of a pipeline or an artifact.
type Describe struct {
	Event Event // PipelineDescribed or ArtifactDescribed
	Known bool  // the caller found the thing
}

// Needs is the thing.
func (c Describe) Needs() []Entity { return []Entity{c.Event.Subject()} }

// Decide does nothing where the description is the same.
func (c Describe) Decide(s States) ([]Event, error) {
	st, err := present(s, c.Event, c.Known)
	if err != nil {
		return nil, err
	}
	var text *Text
	switch e := c.Event.(type) {
	case PipelineDescribed:
		text = e.Description
	case ArtifactDescribed:
		text = e.Description
	}
	if textDigest(text) == st.Text {
		return nil, nil
	}
	return []Event{c.Event}, nil
}

// MarkTags sets and removes tags of a pipeline or an artifact, or adds metadata and tags to an artifact version.
type MarkTags struct {
	Event Event // PipelineTagged, ArtifactTagged or ArtifactVersionAnnotated
	Known bool
}

// Needs is the thing.
func (c MarkTags) Needs() []Entity { return []Entity{c.Event.Subject()} }

// Decide refuses tags without a key.
func (c MarkTags) Decide(s States) ([]Event, error) {
	if _, err := present(s, c.Event, c.Known); err != nil {
		return nil, err
	}
	var set []Tag
	var removed []string
	empty := false
	switch e := c.Event.(type) {
	case PipelineTagged:
		set, removed = e.Set, e.Removed
	case ArtifactTagged:
		set, removed = e.Set, e.Removed
	case ArtifactVersionAnnotated:
		set, empty = e.Tags, len(e.Metadata) == 0
	}
	for i, t := range set {
		if err := checkName(fmt.Sprintf("tags[%d].key", i), t.Key, true); err != nil {
			return nil, err
		}
	}
	if len(set) == 0 && len(removed) == 0 && (empty || c.Event.Subject().Kind != KindArtifactVersion) {
		return nil, nil
	}
	return []Event{c.Event}, nil
}

// AliasArtifact says that two names are one artifact.
type AliasArtifact struct {
	ArtifactAliased
	Known bool
}

// Needs is the artifact.
func (c AliasArtifact) Needs() []Entity { return []Entity{ArtifactEntity(c.Artifact)} }

// Decide refuses a name as its own alias and does nothing where it is one already.
func (c AliasArtifact) Decide(s States) ([]Event, error) {
	st, err := present(s, c.ArtifactAliased, c.Known)
	if err != nil {
		return nil, err
	}
	if err := checkNames("alias", c.Alias.Name); err != nil {
		return nil, err
	}
	if c.Alias.Name == c.Artifact {
		return nil, &Error{Code: Invalid, Subject: "alias", Message: "a name cannot be its own alias"}
	}
	if slices.Contains(st.Aliases, c.Alias.Name) {
		return nil, nil
	}
	return []Event{c.ArtifactAliased}, nil
}

// present is the state of a thing that must be there.
func present(s States, e Event, known bool) (*State, error) {
	if err := writable(s); err != nil {
		return nil, err
	}
	st, kind := s.Of(e.Subject()), e.Subject().Kind
	switch {
	case st.Deleted:
		return nil, &Error{Code: Gone, Subject: string(kind), Message: fmt.Sprintf("the %s was deleted", kind)}
	case !st.Exists && !known:
		return nil, &Error{Code: NotFound, Subject: string(kind), Message: fmt.Sprintf("there is no such %s", kind)}
	}
	return st, nil
}
