package domain

import (
	"slices"
	"time"
)

// An Outcome is what became of the attempt that wrote a version.
type Outcome string

// The outcomes of writes. Only complete versions are picked by reads that name none.
const (
	Complete Outcome = "complete"
	Broken   Outcome = "failed"     // the attempt failed, was cancelled, skipped or lost
	Open     Outcome = "unfinished" // the attempt has no end
)

// OutcomeOf is the outcome of what an attempt in that status wrote.
func OutcomeOf(s Status) Outcome {
	switch s {
	case StatusSucceeded, StatusCached:
		return Complete
	case StatusFailed, StatusCancelled, StatusSkipped, StatusLost:
		return Broken
	}
	return Open
}

// A Write is one version of an artifact: what one attempt of one execution wrote, or, with no execution, a version
// that was only observed, or received from another workspace. By identifies it. One that was received is complete from
// when it was received: reads that name none mean it like what was written here; one that was observed has no such time.
type Write struct {
	By        VersionRef
	Execution Entity // zero: observed or received
	Outcome   Outcome
	Completed time.Time // event time; zero: not complete, or only observed
	Name      string    // by its producer, said by the last event of the attempt that names one
	Last      Order     // of the last fact that speaks of the version
	DeletedAt time.Time // event time of its deletion; zero: it is there
}

// A Read is one execution reading the artifact.
type Read struct {
	Execution Entity
	Start     time.Time // the execution's least event time
	Name      string    // of the version, where the execution named it
}

// Meant is the version that a read means, as one pure function of the facts on the artifact (DESIGN 8): the version
// so named; else the latest complete version of another execution completed at or before the reader's start; else an
// external version, which exists only while a read means it. Equal names or times: latest completion, then rank,
// then digest. A version is never picked, unless it is named, by a reader that starts after its deletion.
//
// writes need not be sorted; those that cannot matter may be left out.
func Meant(artifact Name, writes []Write, r Read) VersionRef {
	best := -1
	for i, w := range writes {
		if w.Execution != (Entity{}) && w.Execution == r.Execution {
			continue // what reads and writes one artifact reads the version before its own
		}
		if r.Name != "" {
			if w.Name != r.Name {
				continue
			}
		} else if w.Outcome != Complete || w.Completed.IsZero() || w.Completed.After(r.Start) || !w.DeletedAt.IsZero() && !r.Start.Before(w.DeletedAt) {
			continue
		}
		if best < 0 || writes[best].before(w) {
			best = i
		}
	}
	if best >= 0 {
		return writes[best].By
	}
	return VersionRef{Artifact: artifact, Name: r.Name}
}

// before says whether b is the later version of the two.
func (a Write) before(b Write) bool {
	if c := a.Completed.Compare(b.Completed); c != 0 {
		return c < 0
	}
	return a.Last.Compare(b.Last) < 0
}

// Versions is what the facts on one artifact amount to: its versions and what each read means. It is the
// definition; projections compute the same in windows.
type Versions struct {
	Writes   []Write      // by completion
	External []VersionRef // named or not, each meant by some read
	Meant    []VersionRef // of the i-th read
}

// FoldVersions computes the versions from the whole set of facts.
func FoldVersions(artifact Name, writes []Write, reads []Read) Versions {
	v := Versions{Writes: slices.Clone(writes), Meant: make([]VersionRef, len(reads))}
	slices.SortFunc(v.Writes, func(a, b Write) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
	for i, r := range reads {
		m := Meant(artifact, v.Writes, r)
		v.Meant[i] = m
		if m.Producer == nil && !slices.ContainsFunc(v.Writes, func(w Write) bool { return w.By == m }) && !slices.Contains(v.External, m) {
			v.External = append(v.External, m)
		}
	}
	return v
}
