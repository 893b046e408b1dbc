package fold

import (
	"context"
	"errors"
	"slices"
	"unsafe"

	"github.com/annals-io/annals/domain"
)

// A Filler folds one workspace from its first event on, and keeps in memory what it made of it. It never asks the
// database for anything, so the tables need neither keys nor indexes while they are filled, and it writes each row
// once, as the row stays: a closed one when it closes, the one that is true now when the workspace ends or memory
// does ([Filler.Finish]). The rows are those that [Apply] makes of the same events.
//
// Nothing can be taken back: after an error the Filler is spent, and what it wrote of the workspace has to go.
type Filler struct {
	f *fold
}

// A filling is where the rows of a Filler go, and what it knows besides.
type filling struct {
	rows                           *Rows
	audit, identities, words, says *sheet
	changes                        *sheet
	life, io                       *sheet
	executions                     []*execution // in the order they were named
	facts                          int          // of all executions
	names                          map[int64][]string
}

// NewFiller makes a Filler for a workspace, whose rows go to rows.
func NewFiller(number int32, slug domain.Slug, rows *Rows) *Filler {
	f := newFold()
	f.fill = &filling{
		rows: rows, names: map[int64][]string{},
		audit: rows.sheet("audit_entries", auditColumns), identities: rows.sheet("identities", identityColumns),
		words: rows.sheet("words", wordColumns), says: rows.sheet("io_says", saysColumns),
		life: rows.sheet("life_facts", lifeColumns), io: rows.sheet("io_facts", ioColumns),
		changes: rows.sheet("changes", changeColumns),
	}
	for _, t := range f.tables() {
		t.fillInto(rows)
	}
	f.pages = []Page{{Number: number, Slug: slug}}
	return &Filler{f}
}

// Fold folds the next events. An *EventError names the one that cannot be folded; other errors are of evidence.
func (l *Filler) Fold(ctx context.Context, events []domain.Recorded, ev Evidence) error {
	f := l.f
	f.pages[0].Events = events
	if err := f.readEvidence(ctx, ev); err != nil {
		return err
	}
	f.events = slices.Grow(f.events[:0], len(events))
	f.listen()
	for i := range f.events {
		e := &f.events[i]
		if e.Event != nil {
			e.names = f.namesIn(e.Event)
		}
		if err := f.apply(e); err != nil {
			return &EventError{e.ws, e.Revision, err}
		}
		e.names = nil
	}
	if err := f.settleEdges(ctx); err != nil {
		return err
	}
	if len(f.moves) > 0 {
		return errStranger
	}
	f.thinned = thinned{}
	f.changed.fill(f.fill.changes)
	f.pages[0].Events, f.e, f.bulky = nil, nil, nil
	clear(f.events)
	return nil
}

var errStranger = errors.New("an execution is not in memory, and everything of a workspace that is filled should be")

// Kept is about how many bytes the Filler keeps in memory.
func (l *Filler) Kept() int {
	n := len(l.f.ids) * 48
	for _, t := range l.f.tables() {
		n += t.kept()
	}
	n += l.f.fill.facts * int(unsafe.Sizeof(ioFact{}))
	n += len(l.f.fill.executions) * int(unsafe.Sizeof(execution{})) * 2
	return n
}

// Finish makes the rows that are true after the last event, and the facts. room is called now and then: it may take
// what waits in Rows. Afterwards everything that [Apply] needs to go on is on its way into the tables.
func (l *Filler) Finish(room func() error) error {
	f := l.f
	for _, t := range f.tables() {
		if err := t.finish(room); err != nil {
			return err
		}
	}
	for i, ex := range f.fill.executions {
		f.finishFacts(ex)
		if i%finishEvery == finishEvery-1 {
			if err := room(); err != nil {
				return err
			}
		}
	}
	return room()
}

// finishEvery is after how many rows there is room to be made.
const finishEvery = 500

func (f *fold) finishFacts(ex *execution) {
	for i := range ex.facts {
		fact := &ex.facts[i]
		phase, attempt, failure := string(fact.Phase), int32(fact.Attempt), failureDocument(fact.Failure)
		s := f.fill.life
		s.begin(8)
		s.add(tInt4, false, &ex.ws)
		s.add(tInt8, false, &ex.key)
		s.add(tInt8, false, &ex.revisions[i])
		s.add(tText, false, &phase)
		s.add(tTime, false, &fact.Order.At)
		s.add(tBytea, false, &fact.Order.Digest)
		s.add(tInt4, false, &attempt)
		s.add(tJSONB, true, &failure)
	}
	for i := range ex.io {
		io := &ex.io[i]
		phase, attempt := string(io.phase), int32(io.attempt)
		s := f.fill.io
		s.begin(len(ioTypes))
		for j, p := range [...]any{&ex.ws, &ex.key, &io.revision, &io.ordinal, &io.direction, &io.artifact, &io.name, &phase,
			&io.order.At, &io.order.Digest, &attempt, &io.role, &io.position, &io.sources, &io.says} {
			s.add(ioTypes[j], j == 14, p)
		}
	}
}

// identify writes a key.
func (l *filling) identity(n *identity) {
	s, kind := l.identities, string(n.kind)
	s.begin(4)
	s.add(tInt4, false, &n.ws)
	s.add(tUUID, false, &n.id)
	s.add(tText, false, &kind)
	s.add(tInt8, false, &n.key)
}

// word writes a word.
func (l *filling) word(ws int32, w string, kind domain.Kind, key, since int64) {
	s, k := l.words, string(kind)
	s.begin(5)
	s.add(tInt4, false, &ws)
	s.add(tText, false, &w)
	s.add(tText, false, &k)
	s.add(tInt8, false, &key)
	s.add(tInt8, false, &since)
}

// renamed says that something has a name besides its first one, or yet another. Words are never taken back: what the
// earlier names put there is there.
func (l *filling) renamed(ws int32, kind domain.Kind, key int64, first, now string, since int64) {
	there := wordsOf(first)
	for _, name := range l.names[key] {
		if name == now {
			return
		}
		there = append(there, wordsOf(name)...)
	}
	l.names[key] = append(l.names[key], now)
	for _, w := range wordsOf(now) {
		if !contains(there, w) {
			l.word(ws, w, kind, key, since)
			there = append(there, w)
		}
	}
}

// said writes what a fact says of a version.
func (l *filling) said(n *newSays) {
	s := l.says
	s.begin(3)
	s.add(tInt4, false, &n.place.ws)
	s.add(tUUID, false, &n.place.key)
	s.add(tJSON, false, &n.text)
}

// fillInto has the rows of the table go to rows.
func (t *table[K, R]) fillInto(rows *Rows) {
	var extra []string
	if !t.plain {
		extra = []string{"since"}
	}
	t.fresh = rows.sheet(t.name, t.names(extra))
	if !t.plain && !t.noWas {
		t.past = rows.sheet(t.name+"_was", t.names([]string{"since", "until", "level"}))
	}
}

// kept is about how many bytes the rows take.
func (t *table[K, R]) kept() int {
	return len(t.rows) * (int(unsafe.Sizeof(row[K, R]{})) + 2*int(unsafe.Sizeof(place[K]{})) + 24)
}

// finish writes the rows that are true now.
func (t *table[K, R]) finish(room func() error) error {
	for i, r := range t.order {
		if r.is {
			t.write(t.fresh, r)
		}
		if i%finishEvery == finishEvery-1 {
			if err := room(); err != nil {
				return err
			}
		}
	}
	return nil
}
