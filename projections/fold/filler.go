package fold

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// A Filler folds workspaces from their first event on and keeps in memory what it made of them, page after page. So
// it never asks the database for anything, and knows of each row whether it was written before: what is new goes by
// COPY. The rows are those that [Apply] makes, which a Filler turns to where it does not know the beginning, or where
// a workspace has become too large to be kept.
//
// What it knows is true only when the transaction of each page commits. It need not be told where one does not: the
// page comes again then, or others do, and these do not go on from where it is.
type Filler struct {
	schema string
	most   int
	worth  int   // see fold
	f      *fold // nil: nothing is known
	last   map[int32]domain.Revision
}

// mostKept is how many rows and facts a Filler keeps: some 200 MB.
const mostKept = 300_000

// NewFiller makes a Filler for the model in a schema. It keeps at most that many rows and facts; 0 means 300,000.
func NewFiller(schema string, most int) *Filler {
	if most == 0 {
		most = mostKept
	}
	return &Filler{schema: schema, most: most}
}

// Apply does what the function of this name does. It is called by one goroutine at a time.
func (l *Filler) Apply(ctx context.Context, tx pgx.Tx, pages []Page, ev Evidence) error {
	if l.f == nil || !l.goesOn(pages) {
		l.f = nil
		for _, p := range pages {
			if len(p.Events) > 0 && p.Events[0].Revision > 0 {
				return Apply(ctx, tx, l.schema, pages, ev)
			}
		}
		l.f, l.last = newFold(), map[int32]domain.Revision{}
		l.f.all, l.f.worth = true, l.worth
	}
	f := l.f
	l.f = nil // what fails half way knows nothing
	f.turn(tx, l.schema, pages)
	if err := f.run(ctx, ev); err != nil {
		return err
	}
	for _, p := range pages {
		if n := len(p.Events); n > 0 {
			l.last[p.Number] = p.Events[n-1].Revision
		}
	}
	f.pages, f.events, f.e, f.bulky = nil, nil, nil, nil
	if f.kept() <= l.most {
		l.f = f
	}
	return nil
}

// goesOn says whether the pages go on from what is in memory: with the next events of workspaces that are there, or
// the first ones of others. Where nothing that is there goes on, it is let go.
func (l *Filler) goesOn(pages []Page) bool {
	old := false
	for _, p := range pages {
		if len(p.Events) == 0 {
			continue
		}
		last, known := l.last[p.Number]
		if !known {
			last = domain.NoRevision
		}
		if p.Events[0].Revision != last+1 {
			return false
		}
		old = old || known
	}
	return old
}

// kept is how many rows and facts are in memory.
func (f *fold) kept() int {
	n := 0
	for _, t := range f.tables() {
		n += t.size()
	}
	for _, ex := range f.executions {
		n += len(ex.facts) + len(ex.io)
	}
	return n
}
