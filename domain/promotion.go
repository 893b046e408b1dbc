package domain

import (
	"slices"

	"github.com/google/uuid"
)

// A promotion takes an artifact version from one workspace to another, from staging to production say. It is facts on both
// sides, and no transaction spans two streams; so the first fact, in the source, says what is to happen, and whoever finds
// it without an end carries it on: the target says that it received the version, then the source says that this is done. A
// promotion has an id, drawn at random, from which the ids of all commands after the first are made.
//
// What the two sides know of each other lies in evidence, each side's in its own workspace. The events name the evidence
// by a salted digest, so that who reads one stream learns from it neither the name of the other workspace nor anything
// that it could be found by: both hold the promotion's id, and that says nothing to who may read one side alone.

// ArtifactVersionSent says that a version is to be received by another workspace: which one, and as what, lies in the plan.
type ArtifactVersionSent struct {
	Version   VersionRef `json:"version"`
	Promotion uuid.UUID  `json:"promotion"`
	Plan      *Text      `json:"plan,omitempty"`
}

// EventType is "artifact_version.sent".
func (ArtifactVersionSent) EventType() string { return "artifact_version.sent" }

// Subject is the version.
func (e ArtifactVersionSent) Subject() Entity { return VersionEntity(e.Version) }

// ArtifactVersionReceived says that a version came from another workspace. It is a version of this one, without a producing
// run: what is known of it is what the source knew; where it came from lies in Origin.
type ArtifactVersionReceived struct {
	IO
	Promotion uuid.UUID `json:"promotion"`
	Origin    *Text     `json:"origin,omitempty"`
}

// EventType is "artifact_version.received".
func (ArtifactVersionReceived) EventType() string { return "artifact_version.received" }

// Subject is the version that was received.
func (e ArtifactVersionReceived) Subject() Entity {
	return VersionEntity(VersionRef{Artifact: e.Artifact, Promotion: e.Promotion})
}

// ArtifactVersionPromoted says that the other workspace has received what was sent.
type ArtifactVersionPromoted struct {
	Version   VersionRef `json:"version"`
	Promotion uuid.UUID  `json:"promotion"`
}

// EventType is "artifact_version.promoted".
func (ArtifactVersionPromoted) EventType() string { return "artifact_version.promoted" }

// Subject is the version.
func (e ArtifactVersionPromoted) Subject() Entity { return VersionEntity(e.Version) }

// ArtifactVersionPromotionRefused says that the other workspace does not take what was sent, and why: it was archived or
// deleted meanwhile.
type ArtifactVersionPromotionRefused struct {
	Version   VersionRef `json:"version"`
	Promotion uuid.UUID  `json:"promotion"`
	Code      Code       `json:"code"`
}

// EventType is "artifact_version.promotion_refused".
func (ArtifactVersionPromotionRefused) EventType() string {
	return "artifact_version.promotion_refused"
}

// Subject is the version.
func (e ArtifactVersionPromotionRefused) Subject() Entity { return VersionEntity(e.Version) }

// A Sending is a promotion of a version that its source does not know to have ended well.
type Sending struct {
	Promotion uuid.UUID `json:"promotion"`
	Refused   bool      `json:"refused,omitempty"`
}

// sending finds a promotion among those of a version.
func (s *State) sending(promotion uuid.UUID) (at int) {
	return slices.IndexFunc(s.Sent, func(x Sending) bool { return x.Promotion == promotion })
}

// promoted folds in what became of a promotion.
func (s *State) promoted(e Event) {
	switch e := e.(type) {
	case ArtifactVersionSent:
		s.Sent = append(slices.Clip(s.Sent), Sending{Promotion: e.Promotion})
	case ArtifactVersionPromoted:
		s.Sent = slices.DeleteFunc(slices.Clone(s.Sent), func(x Sending) bool { return x.Promotion == e.Promotion })
	case ArtifactVersionPromotionRefused:
		if at := s.sending(e.Promotion); at >= 0 {
			s.Sent = slices.Clone(s.Sent)
			s.Sent[at].Refused = true
		}
	}
}
