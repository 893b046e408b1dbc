package domain

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

// A Revision is the number of an event inside its stream, dense, from 0, the same on every backend. It is the
// time axis of the public interface. NoRevision stands for a stream without events.
type Revision int64

// NoRevision is the revision of a stream that has no event yet.
const NoRevision Revision = -1

// A Slug names a workspace or organization in addresses: globally unique, never changed, never used again.
type Slug string

// MaxSlug is the longest slug, in bytes.
const MaxSlug = 63

var slugShape = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// reservedSlugs are words that stand in addresses of the server itself.
var reservedSlugs = map[Slug]bool{"api": true, "graphql": true, "healthz": true, "readyz": true, "metrics": true, "v1": true, "new": true, "settings": true}

// ParseSlug checks the shape of a slug. Its error is an [*Error] with code [Invalid] that says the rule.
func ParseSlug(s string) (Slug, error) {
	if !slugShape.MatchString(s) {
		return "", &Error{Code: Invalid, Subject: "slug", Message: fmt.Sprintf("%q is no slug: 1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit", clip(s))}
	}
	if reservedSlugs[Slug(s)] {
		return "", &Error{Code: Invalid, Subject: "slug", Message: fmt.Sprintf("%q is reserved: choose another slug", s)}
	}
	return Slug(s), nil
}

// A Stream is the name of a stream of events.
type Stream string

// WorkspaceStream is the stream of a workspace.
func WorkspaceStream(s Slug) Stream { return Stream("workspace-" + string(s)) }

// OrganizationStream is the stream of an organization.
func OrganizationStream(s Slug) Stream { return Stream("organization-" + string(s)) }

// AccountStream is the stream of a person's or a service's account.
func AccountStream(id uuid.UUID) Stream { return Stream("account-" + id.String()) }

// Workspace is the slug of the workspace whose stream this is; ok is false for the other streams.
func (s Stream) Workspace() (slug Slug, ok bool) {
	rest, ok := strings.CutPrefix(string(s), "workspace-")
	return Slug(rest), ok
}

// A Name names a pipeline or an artifact in a workspace: the two parts are unique together. Native ones have no
// namespace; foreign ones have the producer's, so that public.orders of two databases are two artifacts.
type Name struct {
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// String writes the name as NAMESPACE/NAME, or NAME where there is no namespace.
func (n Name) String() string {
	if n.Namespace == "" {
		return n.Name
	}
	return n.Namespace + "/" + n.Name
}

// A RunRef names a run in a workspace. A native run is named by its id alone; a foreign one by its id and its job,
// for ever, since one producer's run id can be shared by several jobs.
type RunRef struct {
	ID  string `json:"id"`
	Job Name   `json:"job,omitzero"`
}

// String writes the id, and the job where it is part of the name.
func (r RunRef) String() string {
	if r.Job == (Name{}) {
		return r.ID
	}
	return r.ID + " of " + r.Job.String()
}

// An Execution is what reads and writes artifacts: a run, or one of its steps.
type Execution struct {
	Run  RunRef `json:"run"`
	Step string `json:"step,omitempty"` // empty: the run itself
}

// A VersionRef names one version of an artifact: by its producer's name for it, or by who wrote it in which
// attempt, or by the promotion that it came with, or, with none of them, the version that came from outside.
type VersionRef struct {
	Artifact  Name       `json:"artifact"`
	Name      string     `json:"name,omitempty"`
	Producer  *Execution `json:"producer,omitempty"`
	Attempt   int        `json:"attempt,omitempty"`
	Promotion uuid.UUID  `json:"promotion,omitzero"`
}

// A Kind is a kind of entity.
type Kind string

// The kinds of entities.
const (
	KindOrganization    Kind = "organization"
	KindAccount         Kind = "account"
	KindWorkspace       Kind = "workspace"
	KindPipeline        Kind = "pipeline"
	KindPipelineVersion Kind = "pipeline_version"
	KindRun             Kind = "run"
	KindStep            Kind = "step"
	KindArtifact        Kind = "artifact"
	KindArtifactVersion Kind = "artifact_version"
	KindRoster          Kind = "roster"
	KindTeam            Kind = "team"
	KindServiceAccount  Kind = "service_account"
	KindInvitation      Kind = "invitation"
	KindAPIKey          Kind = "api_key"
)

// An Entity is something of a workspace that facts are about. Its ID is derived from its natural name, so that
// the first fact that names it needs no look-up.
type Entity struct {
	Kind Kind
	ID   uuid.UUID
}

// space is the namespace of every UUIDv5 that Annals derives (RFC 9562, section 5.5).
var space = uuid.MustParse("5f0b8a52-3c6e-5d0a-9a53-6f2f1d1c7a01")

// derive hashes parts that hold no NUL, separated by NUL: no two lists of parts collide by concatenation.
func derive(parts ...string) uuid.UUID {
	b := buffers.Get().(*bytes.Buffer) // every event derives several
	defer buffers.Put(b)
	b.Reset()
	for i, part := range parts {
		if i > 0 {
			b.WriteByte(0)
		}
		b.WriteString(part)
	}
	return uuid.NewSHA1(space, b.Bytes())
}

// WorkspaceEntity is the workspace itself.
func WorkspaceEntity() Entity { return theWorkspace }

// theWorkspace is derived once: every command asks for it.
var theWorkspace = Entity{KindWorkspace, derive("workspace")}

// OrganizationEntity is the organization itself.
func OrganizationEntity(s Slug) Entity {
	return Entity{KindOrganization, derive("organization", string(s))}
}

// PipelineEntity is the pipeline of that name.
func PipelineEntity(n Name) Entity {
	return Entity{KindPipeline, derive("pipeline", n.Namespace, n.Name)}
}

// PipelineVersionEntity is the version of a pipeline with that hash of its specification.
func PipelineVersionEntity(n Name, hash string) Entity {
	return Entity{KindPipelineVersion, derive("pipeline_version", n.Namespace, n.Name, hash)}
}

// RunEntity is the run of that name.
func RunEntity(r RunRef) Entity {
	return Entity{KindRun, derive("run", r.ID, r.Job.Namespace, r.Job.Name)}
}

// StepEntity is the step of that name in a run.
func StepEntity(r RunRef, step string) Entity {
	return Entity{KindStep, derive("step", r.ID, r.Job.Namespace, r.Job.Name, step)}
}

// Entity is the run or the step.
func (x Execution) Entity() Entity {
	if x.Step == "" {
		return RunEntity(x.Run)
	}
	return StepEntity(x.Run, x.Step)
}

// ArtifactEntity is the artifact of that name.
func ArtifactEntity(n Name) Entity {
	return Entity{KindArtifact, derive("artifact", n.Namespace, n.Name)}
}

// VersionEntity is the artifact version so named.
func VersionEntity(v VersionRef) Entity {
	if v.Producer != nil {
		x := v.Producer.Entity()
		return Entity{KindArtifactVersion, derive("artifact_version", v.Artifact.Namespace, v.Artifact.Name, "by", x.ID.String(), strconv.Itoa(v.Attempt))}
	}
	if v.Promotion != uuid.Nil {
		return Entity{KindArtifactVersion, derive("artifact_version", v.Artifact.Namespace, v.Artifact.Name, "received", v.Promotion.String())}
	}
	return Entity{KindArtifactVersion, derive("artifact_version", v.Artifact.Namespace, v.Artifact.Name, "named", v.Name)}
}

// EventID is the id of the index-th event of a command in a stream: the same command always makes the same ids,
// so that a blind retry is recognised by every backend.
func EventID(stream Stream, commandID string, index int) uuid.UUID {
	return derive("event", string(stream), commandID, strconv.Itoa(index))
}

// MaxName is the longest name, namespace, run id or step name, in bytes. OpenLineage sets no bound; real names of
// whole queries reach some kilobytes.
const MaxName = 4096

// checkName refuses what cannot be an identity: empty where one is needed, not UTF-8, with a NUL, or too long.
func checkName(field, s string, needed bool) error {
	switch {
	case s == "" && needed:
		return &Error{Code: Required, Subject: field, Message: field + " is missing: name it"}
	case len(s) > MaxName:
		return &Error{Code: TooLong, Subject: field, Message: fmt.Sprintf("%s has %d bytes; at most %d are kept", field, len(s), MaxName)}
	case !utf8.ValidString(s):
		return &Error{Code: Invalid, Subject: field, Message: field + " is not valid UTF-8"}
	case strings.ContainsRune(s, 0):
		return &Error{Code: Invalid, Subject: field, Message: field + " contains a NUL byte, which no identity may"}
	}
	return nil
}

// clip shortens a foreign string for a message.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
