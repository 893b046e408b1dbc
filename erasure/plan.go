package erasure

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// A Plan is what an erasure comes to. It names what goes by digests and ids, and holds nothing of it.
type Plan struct {
	Parts  []Part         `json:"parts"`            // the first is that of the subject itself
	Person *uuid.UUID     `json:"person,omitempty"` // whose rows beside the log go as well
	Actor  domain.Actor   `json:"actor"`
	Reason string         `json:"reason,omitempty"`
	Full   bool           `json:"full,omitempty"` // rewrite the files of evidence, whatever their size
	Counts Counts         `json:"counts"`
	since  *Erased        // nil: it was not erased before
	others map[string]int // things of which texts go along, by kind
}

// A Part is what is erased in one stream.
type Part struct {
	Stream   domain.Stream   `json:"stream"`
	Kind     domain.Kind     `json:"kind"`
	ID       uuid.UUID       `json:"id"`
	Evidence []domain.Digest `json:"evidence,omitempty"`
	Keys     []string        `json:"keys,omitempty"`
	Silent   bool            `json:"silent,omitempty"` // there is no stream to write an event to
}

// Counts say how much goes.
type Counts struct {
	Texts  int            `json:"texts" doc:"Texts of the subject that there is something to read of."`
	Bodies int            `json:"bodies" doc:"Bodies and texts beside the log that go."`
	Bytes  int64          `json:"bytes" doc:"What they take, compressed."`
	Gone   int            `json:"gone" doc:"Those that were erased before."`
	Keys   int            `json:"keys" doc:"Keys that are destroyed: what was sealed with them can never be read again."`
	Rows   int            `json:"rows" doc:"Rows beside the log that go or lose what names a person: sessions, identities, keys."`
	Others map[string]int `json:"others" doc:"How many other things lose texts, by kind: theirs lie in the same bodies."`
}

// Erased is when something was erased before.
type Erased struct {
	Revision domain.Revision `json:"revision"`
	At       time.Time       `json:"at"`
}

// empty says whether there is nothing to do.
func (p *Plan) empty() bool { return p.Counts.Bodies == 0 && p.Counts.Keys == 0 && p.Counts.Rows == 0 }

// pageSize is how many events of a stream are looked at together.
const pageSize = 2000

// walk goes through a stream from a revision on, until look answers false.
func (d *Desk) walk(ctx context.Context, stream domain.Stream, from domain.Revision, look func(*domain.Recorded) bool) error {
	for {
		page, err := d.Log.ReadStream(ctx, stream, from, eventstore.Forward, pageSize)
		if err != nil {
			return fmt.Errorf("look for what is to be erased in %s: %w", stream, err)
		}
		for i := range page.Events {
			if e := &page.Events[i]; e.Event == nil {
				return &eventstore.PausedError{Stream: stream, Cause: domain.ErrUnknownEvent}
			} else if !look(e) {
				return nil
			}
		}
		if len(page.Events) < pageSize {
			return nil
		}
		from = page.Events[len(page.Events)-1].Revision + 1
	}
}

// plan finds what there is to erase of a target.
func (d *Desk) plan(ctx context.Context, t Target) (*Plan, error) {
	found := map[domain.Digest]struct{}{}
	part := Part{Stream: t.Stream, Kind: t.Entity.Kind, ID: t.Entity.ID}
	p := &Plan{others: map[string]int{}}
	known := false
	look := func(e *domain.Recorded) bool {
		if d.about(t, e, &part, found) {
			known = true
		}
		if x, ok := e.Event.(domain.SubjectErased); ok && x.Subject() == t.Entity && t.Event == nil && t.Role == "" {
			p.since = &Erased{e.Revision, e.RecordedAt}
		}
		return true
	}
	if t.Event != nil {
		if err := d.body(ctx, t, &part, found); err != nil {
			return nil, err
		}
		known = true
	} else if err := d.walk(ctx, t.Stream, 0, look); err != nil {
		return nil, err
	}
	if !known {
		return nil, notThere("there is no %s in %s", t.Word, t.Stream)
	}
	part.Evidence = slices.SortedFunc(maps.Keys(found), domain.Digest.Compare)
	p.Parts = []Part{part}
	return p, d.count(ctx, p, t, found)
}

// body is the raw body of one event.
func (d *Desk) body(ctx context.Context, t Target, part *Part, found map[domain.Digest]struct{}) error {
	page, err := d.Log.ReadStream(ctx, t.Stream, *t.Event, eventstore.Forward, 1)
	if err != nil {
		return fmt.Errorf("look for what is to be erased in %s: %w", t.Stream, err)
	}
	if len(page.Events) == 0 || page.Events[0].Revision != *t.Event {
		return notThere("there is no event %d in %s", *t.Event, t.Stream)
	}
	e := &page.Events[0]
	if e.Meta.Evidence == nil {
		return notThere("event %d of %s came without a raw body: there is none to erase", *t.Event, t.Stream)
	}
	found[*e.Meta.Evidence] = struct{}{}
	if e.Event != nil {
		part.Kind, part.ID = e.Event.Subject().Kind, e.Event.Subject().ID
	}
	return nil
}

// about notes what an event has of the target, and says whether it knows of it.
func (d *Desk) about(t Target, e *domain.Recorded, part *Part, found map[domain.Digest]struct{}) bool {
	if x, ok := e.Event.(domain.MemberInvited); ok && x.Subject() == t.Entity {
		if x.Invited != nil && !slices.Contains(part.Keys, x.Invited.Subject) {
			part.Keys = append(part.Keys, x.Invited.Subject)
		}
		return true
	}
	if _, erased := e.Event.(domain.SubjectErased); erased {
		return false
	}
	subject := e.Event.Subject()
	run, ofRun := domain.RunOf(e.Event)
	known := t.Role == "" && (subject == t.Entity || ofRun && run == t.Entity)
	if known && e.Meta.Evidence != nil {
		found[*e.Meta.Evidence] = struct{}{}
	}
	for _, x := range domain.Texts(e.Event) {
		if owns(t, x) {
			found[x.Evidence], known = struct{}{}, true
		}
	}
	return known
}

// owns says whether a text is the target's.
func owns(t Target, x domain.OwnedText) bool {
	return (x.Of == t.Entity || x.Run == t.Entity) && x.Role == t.Role
}

// count says how much there is of what was found, and what else lies in it.
func (d *Desk) count(ctx context.Context, p *Plan, t Target, found map[domain.Digest]struct{}) error {
	part := &p.Parts[0]
	there, bytes, err := d.present(ctx, t.Stream, part.Evidence)
	if err != nil {
		return err
	}
	p.Counts.Bodies, p.Counts.Bytes, p.Counts.Gone = len(there), bytes, len(part.Evidence)-len(there)
	part.Evidence = slices.DeleteFunc(part.Evidence, func(x domain.Digest) bool { return !there[x] })
	part.Keys = slices.DeleteFunc(part.Keys, func(k string) bool { return !d.Keys.Has(k) })
	p.Counts.Keys = len(part.Keys)
	p.Counts.Others = p.others
	if len(there) == 0 {
		return d.before(ctx, p, t, found)
	}
	texts, others := map[string]bool{}, map[domain.Entity]bool{}
	return d.walk(ctx, t.Stream, 0, func(e *domain.Recorded) bool {
		for _, x := range domain.Texts(e.Event) {
			switch {
			case !there[x.Evidence]:
			case t.Event == nil && owns(t, x):
				if at := x.Evidence.String() + x.Pointer; !texts[at] {
					texts[at] = true
					p.Counts.Texts++
				}
			case !others[x.Of]:
				others[x.Of] = true
				p.others[string(x.Of.Kind)]++
			}
		}
		return true
	})
}

// before finds when one body was erased, where it is gone.
func (d *Desk) before(ctx context.Context, p *Plan, t Target, found map[domain.Digest]struct{}) error {
	if t.Event == nil && t.Role == "" || len(found) == 0 {
		return nil
	}
	return d.walk(ctx, t.Stream, 0, func(e *domain.Recorded) bool {
		x, ok := e.Event.(domain.SubjectErased)
		if ok && slices.ContainsFunc(x.Evidence, func(g domain.Digest) bool { _, is := found[g]; return is }) {
			p.since = &Erased{e.Revision, e.RecordedAt}
			return false
		}
		return true
	})
}
