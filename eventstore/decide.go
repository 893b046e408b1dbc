package eventstore

import (
	"errors"
	"time"

	"github.com/annals-io/annals/domain"
)

// decideAll decides commands in order and submits what they append.
func (a *actor) decideAll(work []*item) {
	if a.suspect {
		work = a.withoutKnown(work)
	}
	if err := a.prefetch(work); err != nil {
		a.fail(work, err)
		return
	}
	var flights []*flight
	var denied []denial
	for i, it := range work {
		if a.paused != nil {
			a.failAll(work[i:], &PausedError{Stream: a.stream, Cause: a.paused})
			break
		}
		f, d := a.decide(it)
		switch {
		case f != nil:
			flights = append(flights, f)
		case d == nil:
		case len(a.inflight) > 0:
			last := a.inflight[len(a.inflight)-1]
			last.denials = append(last.denials, *d)
		default:
			denied = append(denied, *d)
		}
	}
	denied = a.upToDate(denied)
	if len(flights) > 0 {
		a.x.group.submit(&a.queue, flights)
	}
	a.deny(denied)
}

// upToDate answers the denials that rest on what the stream holds now. A slice that lands proves that what was
// decided before it was decided on the truth; these decisions have no slice, so the stream is looked at. Where
// somebody else has moved it, they are made again. It is asked before anything behind them is submitted.
func (a *actor) upToDate(denied []denial) []denial {
	if len(denied) == 0 || a.checked {
		return denied
	}
	info, err := a.x.store.Info(a.x.ctx, a.stream)
	switch {
	case err != nil:
		for _, d := range denied {
			a.answer(d.item, Answer{Err: err})
		}
		return nil
	case info.Last == a.confirmed:
		a.checked = true
		return denied
	}
	a.rewinding, a.ahead = true, max(a.ahead, info.Last)
	for _, d := range denied {
		if d.item.conflicts++; d.item.conflicts > a.x.cfg.Conflicts {
			a.answer(d.item, Answer{Err: a.contended(a.confirmed, info.Last)})
			continue
		}
		a.redo = append(a.redo, d.item)
	}
	return nil
}

// contended is the answer to a command that lost against other writers too often.
func (a *actor) contended(seen, actual domain.Revision) error {
	return &UnavailableError{Cause: &WrongExpectedError{Stream: a.stream, Expected: Expected(seen), Actual: actual}}
}

// decide judges one command: it answers a flight, a denial, or neither where the command was answered or waits for
// the same command in flight.
func (a *actor) decide(it *item) (*flight, *denial) {
	if it.call.isAbandoned() {
		a.answer(it, Answer{}) // nobody is told; it was not carried out
		return nil, nil
	}
	if a.repeated(it) {
		return nil, nil
	}
	if err := a.look(it.needs); err != nil {
		a.fail([]*item{it}, err)
		return nil, nil
	}
	if since := it.req.IfUnchangedSince; since != nil {
		first := domain.WorkspaceEntity()
		if len(it.needs) > 0 {
			first = it.needs[0]
		}
		if changed := a.view.Of(first).Changed; changed > *since {
			return nil, &denial{it, a.known, &domain.Error{
				Code: domain.RevisionConflict, Subject: string(first.Kind), Expected: *since, Actual: changed,
				Message: "it changed after the revision you saw: read it again",
			}}
		}
	}
	if at := it.req.IfStreamAt; at != nil && *at != a.known {
		return nil, &denial{it, a.known, &MovedError{Stream: a.stream, Seen: *at, Actual: a.known}}
	}
	events, err := it.req.Command.Decide(a.view)
	if err != nil || len(events) == 0 {
		return nil, &denial{it, a.known, err}
	}
	f, err := a.write(it, events)
	if err != nil {
		a.answer(it, Answer{Err: err})
		return nil, nil
	}
	return f, nil
}

// repeated takes care of a command that is known here to have appended, or to be about to.
func (a *actor) repeated(it *item) bool {
	id := it.req.CommandID
	if id == "" {
		return false
	}
	if f := a.pending[id]; f != nil {
		f.twins = append(f.twins, it)
		return true
	}
	known, ok := a.x.recent.get(a.stream, id)
	if ok {
		a.answerKnown(it, known)
	}
	return ok
}

// write makes a command's events and puts them in flight, on optimistic states.
func (a *actor) write(it *item, events []domain.Event) (*flight, error) {
	meta := it.req.Meta
	meta.CommandID, meta.RequestDigest = it.req.CommandID, it.req.Digest
	metaData, err := EncodeMeta(meta)
	if err != nil {
		return nil, err
	}
	f := &flight{item: it, actor: a, first: a.known + 1, last: a.known + domain.Revision(len(events)), at: a.at}
	f.slice = Slice{
		Stream: a.stream, Expected: Expected(a.known), CommandID: it.req.CommandID, RequestDigest: it.req.Digest,
		Forever: it.req.Forever, Events: make([]NewEvent, len(events)), Evidence: it.req.Evidence,
	}
	now := a.x.cfg.Clock().UTC().Truncate(time.Microsecond)
	for i, e := range events {
		data, err := domain.Encode(e)
		if err != nil {
			return nil, err
		}
		if f.at = f.at.Add(time.Microsecond); now.After(f.at) {
			f.at = now
		}
		occurred := it.req.OccurredAt.UTC().Truncate(time.Microsecond)
		if it.req.OccurredAt.IsZero() {
			occurred = f.at
		}
		typ := e.EventType()
		f.slice.Events[i] = NewEvent{
			Envelope: domain.Envelope{
				EventID: domain.EventID(a.stream, it.id, i), Type: typ, Version: domain.CurrentVersion(typ),
				Stream: a.stream, Revision: f.first + domain.Revision(i), RecordedAt: f.at, OccurredAt: occurred,
				Subject: e.Subject(), Meta: meta,
			},
			Event: e, Data: data, MetaData: metaData,
		}
		f.size += len(data) + len(metaData)
	}
	if err := f.slice.Prepare(); err != nil {
		return nil, err
	}
	for i := range it.req.Evidence {
		f.size += len(it.req.Evidence[i].Bytes)
	}
	a.decided++
	f.seq = a.decided
	if err := a.hope(f); err != nil {
		return nil, err
	}
	a.known, a.at = f.last, f.at
	a.inflight = append(a.inflight, f)
	if it.req.CommandID != "" {
		a.pending[it.req.CommandID] = f
	}
	return f, nil
}

// hope applies a flight's events to the states that are looked at here. States of other entities are not read for
// it: should one be needed later, [actor.overlay] catches it up.
func (a *actor) hope(f *flight) error {
	for i := range f.slice.Events {
		e := &f.slice.Events[i]
		state := a.state(e.Subject)
		if state == nil {
			continue
		}
		if d, ok := a.dirty[e.Subject]; !ok || d.flight != f.seq {
			state = state.Clone() // the old one is still true if this flight does not land
			f.touched = append(f.touched, touch{e.Subject, state})
			a.dirty[e.Subject] = dirtyState{state, f.seq}
		}
		if err := state.Apply(&domain.Recorded{Envelope: e.Envelope, Event: e.Event, Data: e.Data}); err != nil {
			return err
		}
	}
	return nil
}

// fail answers commands with a failure of reading, which may be an event that this build does not know.
func (a *actor) fail(its []*item, err error) {
	if errors.Is(err, domain.ErrUnknownEvent) {
		a.paused = err
		err = &PausedError{Stream: a.stream, Cause: err}
	}
	a.failAll(its, err)
}

// deny answers commands that append nothing. Such a command may have appended when it was sent before: then its
// first result is the answer, not "already done".
func (a *actor) deny(denied []denial) {
	if len(denied) == 0 {
		return
	}
	ids := make([]string, 0, len(denied))
	for _, d := range denied {
		if d.item.req.CommandID != "" && a.confirmed != domain.NoRevision {
			ids = append(ids, d.item.req.CommandID)
		}
	}
	known := map[string]KnownCommand{}
	if len(ids) > 0 {
		var err error
		if known, err = a.x.store.Commands(a.x.ctx, a.stream, ids); err != nil {
			for _, d := range denied {
				a.answer(d.item, Answer{Err: err})
			}
			return
		}
	}
	for _, d := range denied {
		k, ok := known[d.item.req.CommandID]
		switch {
		case ok:
			a.x.recent.put(a.stream, k)
			a.answerKnown(d.item, k)
		case d.err != nil:
			a.answer(d.item, Answer{Result: Result{First: domain.NoRevision, Last: domain.NoRevision, Revision: d.seen}, Err: d.err})
		default:
			a.answer(d.item, Answer{Result: Result{
				First: domain.NoRevision, Last: domain.NoRevision, Unchanged: true, Revision: d.seen,
			}})
		}
	}
}

// withoutKnown answers the commands that the store knows and leaves the others: one look-up for all of them, for
// where one command was sent before, the ones around it were as well.
func (a *actor) withoutKnown(work []*item) []*item {
	ids := make([]string, 0, len(work))
	for _, it := range work {
		if it.req.CommandID != "" && a.pending[it.req.CommandID] == nil {
			ids = append(ids, it.req.CommandID)
		}
	}
	known, err := a.x.store.Commands(a.x.ctx, a.stream, ids)
	if err != nil {
		return work // the append will say
	}
	a.suspect = len(known) > 0
	fresh := make([]*item, 0, len(work)-len(known))
	for _, it := range work {
		k, ok := known[it.req.CommandID]
		if !ok {
			fresh = append(fresh, it)
			continue
		}
		a.x.recent.put(a.stream, k)
		a.answerKnown(it, k)
	}
	return fresh
}

// answerKnown answers a command that appended before.
func (a *actor) answerKnown(it *item, k KnownCommand) {
	if k.RequestDigest != it.req.Digest {
		a.answer(it, Answer{Err: &CommandConflictError{Stream: a.stream, CommandID: k.ID, Known: k}})
		return
	}
	a.answer(it, Answer{Result: duplicateOf(k.First, k.Last)})
}

func duplicateOf(first, last domain.Revision) Result {
	return Result{First: first, Last: last, Events: int(last-first) + 1, Duplicate: true, Revision: last}
}
