package model

import (
	"strings"
	"time"

	"github.com/annals-io/annals/graphql/relay"
	"github.com/annals-io/annals/projections/read"
)

// A Moment is a workspace, or an organization, at one revision. The root field that names it opens it; everything below is read
// at it.
type Moment struct {
	At read.Moment
	// Asked is the recorded time that fits it in other workspaces; nil: now.
	Asked *time.Time

	beside Peers[struct{}]
}

// Once answers what read gave for the word the first time at this moment: what many parts of an answer need is read once.
func (m *Moment) Once(word string, read func() (any, error)) (any, error) {
	return m.beside.Once(word, func([]*struct{}) (any, error) { return read() })
}

// Revision is the revision whose state is shown.
func (m *Moment) Revision() int64 { return int64(m.At.Revision) }

// Time is when that event was recorded; nil without events.
func (m *Moment) Time() *time.Time { return Instant(m.At.Time) }

// Settled says whether asking for the same time again will give the same revision.
func (m *Moment) Settled() bool { return m.At.Settled }

// Slug is the workspace's; of an organization, it is the name by which read models know it.
func (m *Moment) Slug() string { return string(m.At.Slug) }

// OfWorkspace says that the moment is a workspace's: other names have a slash in them, which no slug has.
func (m *Moment) OfWorkspace() bool { return !strings.Contains(m.Slug(), "/") }

// WordID is the global id of a thing of the moment's workspace or organization that goes by a word.
func (m *Moment) WordID(kind relay.Kind, word string) string {
	return relay.ID{Kind: kind, Slug: m.Slug(), Word: word}.String()
}

// Instant is a time that may be missing.
func Instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Millis is the time between two instants in milliseconds; nil unless both are known.
func Millis(from, to time.Time) *int64 {
	if from.IsZero() || to.IsZero() {
		return nil
	}
	ms := to.Sub(from).Milliseconds()
	return &ms
}

// Word is a text that may be missing.
func Word(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
