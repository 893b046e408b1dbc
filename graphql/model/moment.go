package model

import (
	"time"

	"github.com/annals-io/annals/projections/read"
)

// A Moment is a workspace at one revision. The root field that names the workspace opens it; everything below is read
// at it.
type Moment struct {
	At read.Moment
	// Asked is the recorded time that fits it in other workspaces; nil: now.
	Asked *time.Time
}

// Revision is the revision whose state is shown.
func (m *Moment) Revision() int64 { return int64(m.At.Revision) }

// Time is when that event was recorded; nil without events.
func (m *Moment) Time() *time.Time { return Instant(m.At.Time) }

// Settled says whether asking for the same time again will give the same revision.
func (m *Moment) Settled() bool { return m.At.Settled }

// Slug is the workspace's.
func (m *Moment) Slug() string { return string(m.At.Slug) }

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
