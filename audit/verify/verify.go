package verify

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/audit/checkpoint"
)

// Options say what an export is held against.
type Options struct {
	// Keys are those of the instance, and of those that parts of the history were imported from: of each the newest first,
	// which `annals audit key` prints so.
	Keys    []checkpoint.Key
	Since   [][]byte // signed checkpoints that the auditor kept; none: there are none
	Workers int      // how many files are hashed at once; default the number of processors
	// Progress hears how many events were checked; it may be nil.
	Progress func(done, total int64)

	without check // of tests: what is not checked
}

// A check is one that can be left out, to show that others do not do its work.
type check uint

const (
	digests check = 1 << iota
	signatures
	revisions
	roots
	covered
	since
	instanceLog
	texts
	turns
)

// A Failure is one thing that is wrong. Revision is the first that is concerned; -1: none is.
type Failure struct {
	Stream   string `json:"stream"`
	Revision int64  `json:"revision"`
	File     string `json:"file,omitempty"`
	Line     int64  `json:"line,omitempty"` // from 1
	Reason   string `json:"reason"`
}

// String is the failure in one line.
func (f Failure) String() string {
	at := f.Stream
	if f.Revision >= 0 {
		at = fmt.Sprintf("%s, revision %d", f.Stream, f.Revision)
	}
	if at == "" {
		at = "the export"
	}
	switch {
	case f.Line > 0:
		at += fmt.Sprintf(" (%s, line %d)", f.File, f.Line)
	case f.File != "":
		at += " (" + f.File + ")"
	}
	return at + ": " + f.Reason
}

// A Report is what became of it.
type Report struct {
	Instance    string `json:"instance"`
	Workspace   string `json:"workspace"`
	Stream      string `json:"stream"`
	Events      int64  `json:"events"`
	Sealed      int64  `json:"sealed"`      // events that the last checkpoint covers
	Checkpoints int64  `json:"checkpoints"` // that were signed and fit
	Root        string `json:"root"`        // of the tree of all events
	Since       int64  `json:"since"`       // kept checkpoints that it grew from
	Instances   int64  `json:"instanceSize"`
	Evidence    int64  `json:"evidence"` // bodies and texts that are what their digests say
	Erased      int64  `json:"erased"`   // bodies that events name and that are not there
	Others      int64  `json:"others"`   // events of other streams, which this export does not prove
	Names       int64  `json:"names"`    // readable names, which nothing proves
	// Foreign are the origins of checkpoints that no given key is of: of instances that the history was imported from.
	Foreign  []string  `json:"foreign"`
	Failures []Failure `json:"failures"` // the first hundred
}

// OK says whether nothing is wrong.
func (r *Report) OK() bool { return len(r.Failures) == 0 }

// maxFailures bounds a report.
const maxFailures = 100

// A verification is one under way.
type verification struct {
	Options
	*Report
	b    *bundle.Bundle
	want map[int64][]expected // roots, by the size of the tree
	last checkpoint.Checkpoint
	// exported are the checkpoints of the export that a key has signed.
	exported []signing
}

// expected is a root that somebody signed.
type expected struct {
	checkpoint.Checkpoint
	file string // where it is from; empty: the auditor kept it
}

// Export checks the export in a directory. Its error says that it could not be checked at all: *[bundle.NoBundleError]
// where there is none. What is wrong with it is in the report.
func Export(ctx context.Context, dir string, o Options) (*Report, error) {
	if len(o.Keys) == 0 {
		return nil, errors.New("a verification needs the key of the instance")
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	b, err := bundle.Open(dir)
	v := &verification{Options: o, Report: &Report{Foreign: []string{}, Failures: []Failure{}}, b: b, want: map[int64][]expected{}}
	if err != nil {
		var damaged *bundle.DamagedError
		if errors.As(err, &damaged) {
			v.broken(damaged)
			return v.Report, nil
		}
		return nil, err
	}
	m := &b.Manifest
	v.Instance, v.Workspace, v.Stream = m.Instance, string(m.Workspace), string(m.Stream)
	v.Others, v.Names = m.Counts.Others, m.Counts.Names
	for _, step := range []func(context.Context) error{v.notes, v.kept, v.instance, v.events, v.beside} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return v.Report, nil
}

// checks says whether a check is not left out.
func (v *verification) checks(c check) bool { return v.without&c == 0 }

// fail adds a failure.
func (v *verification) fail(revision int64, file, format string, args ...any) {
	v.add(Failure{Stream: v.Stream, Revision: revision, File: file, Reason: fmt.Sprintf(format, args...)})
}

func (v *verification) add(f Failure) {
	if len(v.Failures) < maxFailures {
		v.Failures = append(v.Failures, f)
	}
}

// broken adds what reading found.
func (v *verification) broken(d *bundle.DamagedError) {
	v.add(Failure{Stream: v.Stream, Revision: -1, File: d.File, Line: d.Line, Reason: d.Reason})
}

// read adds what reading found, and gives back what is no damage.
func (v *verification) read(err error) error {
	var damaged *bundle.DamagedError
	if errors.As(err, &damaged) {
		v.broken(damaged)
		return nil
	}
	return err
}
