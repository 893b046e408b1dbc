package bundle

import (
	"fmt"
	"iter"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// EventsIn yields the events of one file, which follow each other by revision from the file's first on. Stream is the one
// that the event's leaf names.
func (b *Bundle) EventsIn(f File) iter.Seq2[*eventstore.NewEvent, error] {
	return b.eventsIn(f, b.linesOf(f), f.First)
}

func (b *Bundle) eventsIn(f File, lines iter.Seq2[numbered, error], first domain.Revision) iter.Seq2[*eventstore.NewEvent, error] {
	return func(yield func(*eventstore.NewEvent, error) bool) {
		due := first
		for line, err := range lines {
			if err != nil {
				yield(nil, err)
				return
			}
			e, err := ParseEvent(line.text)
			switch {
			case err != nil:
				err = &DamagedError{f.Name, line.number, err.Error()}
			case e.Revision != due:
				err = &DamagedError{f.Name, line.number, fmt.Sprintf("revision %d stands where %d is due", e.Revision, due)}
			case e.Stream != b.Manifest.OriginOf(e.Revision):
				err = &DamagedError{f.Name, line.number, fmt.Sprintf("the event is of the stream %q, and not of %s", e.Stream, b.Manifest.OriginOf(e.Revision))}
			}
			if err != nil {
				yield(nil, err)
				return
			}
			due++
			if !yield(&e, nil) {
				return
			}
		}
	}
}

// Events yields the workspace's events from a revision on, without a hole, to the last.
func (b *Bundle) Events(from domain.Revision) iter.Seq2[*eventstore.NewEvent, error] {
	return func(yield func(*eventstore.NewEvent, error) bool) {
		from = max(from, 0)
		start, err := b.near(from)
		if err != nil {
			yield(nil, err)
			return
		}
		due := start.Before
		for _, f := range b.EventFiles() {
			lines := b.linesOf(f)
			switch {
			case f.First+domain.Revision(f.Lines) <= start.Before:
				continue
			case f.Name == start.File && start.Offset > 0:
				lines = b.lines(f.Name, start.Offset)
			case f.First != due:
				yield(nil, &DamagedError{File: f.Name, Reason: fmt.Sprintf("it begins at revision %d, and %d is due", f.First, due)})
				return
			}
			for e, err := range b.eventsIn(f, lines, due) {
				if err != nil {
					yield(nil, err)
					return
				}
				due = e.Revision + 1
				if e.Revision < from {
					continue
				}
				if !yield(e, nil) {
					return
				}
			}
		}
		if due != b.Manifest.Last+1 {
			yield(nil, &DamagedError{File: ManifestFile, Reason: fmt.Sprintf("it says that the last revision is %d, and the events end at %d", b.Manifest.Last, due-1)})
		}
	}
}

// near is the entry of the golden index at or before a revision; without one, the beginning.
func (b *Bundle) near(from domain.Revision) (found Golden, err error) {
	golden, err := b.Golden()
	if err != nil {
		return found, err
	}
	for _, g := range golden {
		if f, ok := b.file(g.File); g.Before <= from && ok && g.Offset < f.Size {
			found = g
		}
	}
	return found, nil
}
