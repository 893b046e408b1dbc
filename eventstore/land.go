package eventstore

import (
	"errors"
	"slices"

	"github.com/annals-io/annals/domain"
)

// land takes care of flights that came back, in the order they left.
func (a *actor) land(fs []*flight) {
	if len(fs) == 0 {
		return
	}
	var denied []denial
	for _, f := range fs {
		delete(a.pending, f.slice.CommandID)
		f.back = true
		switch {
		case f.landed():
			a.landed(f)
			denied = append(denied, f.denials...)
		case f.landedBefore():
			a.rewinding, a.loaded = true, false
			a.told(f)
			denied = append(denied, f.denials...)
		default:
			a.crashed(f)
		}
	}
	a.deny(denied)
	a.inflight = slices.DeleteFunc(a.inflight, func(f *flight) bool { return f.back })
	if len(a.inflight) == 0 && a.rewinding {
		if n := len(a.redo); n > 0 && a.x.cfg.Observe.Redone != nil {
			a.x.cfg.Observe.Redone(n)
		}
	}
}

// landed makes true what was hoped for and answers everybody who waited for it.
func (a *actor) landed(f *flight) {
	a.confirmed, a.sure = f.last, f.at
	for _, t := range f.touched {
		a.x.states.put(a.stream, t.entity, t.after)
		if a.dirty[t.entity].flight == f.seq {
			delete(a.dirty, t.entity)
		}
	}
	a.told(f)
}

// told answers everybody who waited for a flight that lies where it should.
func (a *actor) told(f *flight) {
	a.remember(f, f.first, f.last)
	a.answer(f.item, Answer{Result: Result{First: f.first, Last: f.last, Events: len(f.slice.Events), Revision: f.last}})
	a.answerTwins(f, f.first, f.last)
}

// crashed takes back a flight that did not land. What is behind it will come back the same way.
func (a *actor) crashed(f *flight) {
	first := !a.rewinding
	a.rewinding = true
	for _, d := range f.denials {
		a.redo = append(a.redo, d.item)
	}
	if f.err != nil { // whatever was written, the actor begins anew
		a.loaded = false
		a.answer(f.item, Answer{Err: f.err})
		a.failAll(f.twins, f.err)
		return
	}
	var wrong *WrongExpectedError
	var known *CommandConflictError
	switch {
	case f.calledBack:
		a.redo = append(append(a.redo, f.item), f.twins...)
	case f.result.Duplicate:
		a.suspect = true
		a.ahead = max(a.ahead, f.result.Last)
		a.remember(f, f.result.First, f.result.Last)
		a.answer(f.item, Answer{Result: duplicateOf(f.result.First, f.result.Last)})
		a.answerTwins(f, f.result.First, f.result.Last)
	case errors.As(f.result.Err, &wrong):
		a.ahead = max(a.ahead, wrong.Actual)
		a.redo = append(a.redo, f.twins...)
		if first {
			f.item.conflicts++ // the ones behind it only follow
		}
		if f.item.conflicts > a.x.cfg.Conflicts {
			a.answer(f.item, Answer{Err: &UnavailableError{Cause: wrong}})
			return
		}
		a.redo = append(a.redo, f.item)
	case errors.As(f.result.Err, &known):
		a.ahead = max(a.ahead, known.Known.Last)
		a.x.recent.put(a.stream, known.Known)
		a.answer(f.item, Answer{Err: known})
		a.redo = append(a.redo, f.twins...)
	default:
		a.answer(f.item, Answer{Err: f.result.Err})
		a.redo = append(a.redo, f.twins...)
	}
}

func (a *actor) remember(f *flight, first, last domain.Revision) {
	if f.slice.CommandID != "" {
		a.x.recent.put(a.stream, KnownCommand{ID: f.slice.CommandID, RequestDigest: f.slice.RequestDigest, First: first, Last: last})
	}
}

// answerTwins answers the same command sent again while it was in flight.
func (a *actor) answerTwins(f *flight, first, last domain.Revision) {
	for _, it := range f.twins {
		a.answerKnown(it, KnownCommand{ID: f.slice.CommandID, RequestDigest: f.slice.RequestDigest, First: first, Last: last})
	}
}

// rewind forgets what was hoped for and learns what others appended. Nothing is in flight.
func (a *actor) rewind() error {
	clear(a.dirty)
	if a.ahead-a.confirmed > longTail {
		return a.load()
	}
	for done := a.ahead <= a.confirmed; !done; a.checked = done {
		page, err := a.x.store.ReadStream(a.x.ctx, a.stream, a.confirmed+1, Forward, 1_000)
		if err != nil {
			a.reset()
			return err
		}
		for i := range page.Events {
			if err := a.learn(&page.Events[i]); err != nil {
				return err
			}
		}
		done = page.CaughtUp
	}
	a.settleDown()
	return nil
}

// learn folds in an event that somebody else appended.
func (a *actor) learn(r *domain.Recorded) error {
	if r.Event == nil {
		return unknownEvent(r)
	}
	if state := a.x.states.get(a.stream, r.Subject); state != nil && r.Revision > state.Changed {
		state = state.Clone()
		if err := state.Apply(r); err != nil {
			return err
		}
		a.x.states.put(a.stream, r.Subject, state)
	}
	a.confirmed, a.sure = r.Revision, r.RecordedAt
	return nil
}

// load learns where the stream is and keeps nothing else.
func (a *actor) load() error {
	a.reset()
	info, err := a.x.store.Info(a.x.ctx, a.stream)
	if err != nil {
		return err
	}
	a.confirmed, a.sure = info.Last, info.RecordedAt
	a.loaded, a.checked = true, true
	a.settleDown()
	return nil
}

// reset forgets everything about the stream: the next command begins with load.
func (a *actor) reset() {
	a.x.states.drop(a.stream)
	clear(a.dirty)
	a.loaded = false
}

func (a *actor) settleDown() {
	a.known, a.at = a.confirmed, a.sure
	a.ahead, a.rewinding = domain.NoRevision, false
	a.x.group.mend(&a.queue)
}
