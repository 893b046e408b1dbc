package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/audit/replay"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// replayPage is how many events are read at a time.
const replayPage = 1000

// idleLine is how often an answer in which nothing happens says that it is still there.
const idleLine = 15 * time.Second

// settledAfter is how long after a time something may still be recorded at it: as long as questions as of a time are not
// settled. Who follows until a time hears so much longer.
const settledAfter = 10 * time.Second

// replay answers the events of a workspace as they lie in its stream, a line each, as fast as they are taken. With follow
// it goes on with what is recorded from then on.
func (a historyAPI) replay(w http.ResponseWriter, r *http.Request) {
	ws := domain.Slug(r.PathValue("slug"))
	p, _ := access.From(r.Context())
	if _, err := a.sees(r.Context(), p, ws); err != nil {
		a.fail(w, r, errNoSuchWorkspace)
		return
	}
	part, err := readReplay(r)
	if err == nil {
		part, err = a.settled(r.Context(), ws, part)
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	if err := a.send(r.Context(), w, p, ws, part); err != nil && r.Context().Err() == nil {
		a.log.WarnContext(r.Context(), "a replay was cut off", "workspace", ws, "err", err)
		panic(http.ErrAbortHandler)
	}
}

func readReplay(r *http.Request) (o replay.Part, err error) {
	q := r.URL.Query()
	if o.From, err = readMoment("from", q.Get("from")); err != nil {
		return o, err
	}
	if o.Until, err = readMoment("until", q.Get("until")); err != nil {
		return o, err
	}
	o.Follow, err = readFlag(r, "follow")
	return o, err
}

// readFlag reads a parameter that is true or false; left out, it is false.
func readFlag(r *http.Request, name string) (bool, error) {
	switch r.URL.Query().Get(name) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, &access.Refusal{Status: http.StatusBadRequest, Code: "invalid", Field: name, Message: "it is true or false"}
}

func readMoment(name, text string) (m replay.Moment, err error) {
	if text == "" {
		return m, nil
	}
	if n, err := strconv.ParseInt(text, 10, 63); err == nil && n >= 0 {
		return replay.Moment{Revision: new(domain.Revision(n))}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return m, &access.Refusal{Status: http.StatusBadRequest, Code: "invalid", Field: name, Message: "it is a revision, such as 120, or a time, such as 2026-03-01T12:00:00Z"}
	}
	return replay.Moment{Time: &t}, nil
}

// settled holds a part to what there is of the history, and finds the revision that it begins with: the first that was
// recorded at that time or after it, by halves, for recorded times never go back.
func (a historyAPI) settled(ctx context.Context, ws domain.Slug, o replay.Part) (replay.Part, error) {
	stream := domain.WorkspaceStream(ws)
	info, err := a.store.Info(ctx, stream)
	if err != nil {
		return o, err
	}
	first, err := a.raw().ReadRawStream(ctx, stream, 0, 1)
	if err != nil {
		return o, err
	}
	if len(first.Events) == 0 {
		return o, errNoSuchWorkspace
	}
	err = o.Check(replay.Extent{Name: "workspace " + string(ws), First: first.Events[0].RecordedAt, Last: info.Last, Now: time.Now(), Whose: "the server's time"})
	var no *replay.OutsideError
	if errors.As(err, &no) {
		return o, &access.Refusal{Status: http.StatusBadRequest, Code: no.Code, Field: no.Field, Message: no.Message}
	}
	if o.From.Time == nil {
		return o, err
	}
	low, high := domain.Revision(0), info.Last+1
	for low < high {
		middle := (low + high) / 2
		page, err := a.raw().ReadRawStream(ctx, stream, middle, 1)
		if err != nil {
			return o, err
		}
		if len(page.Events) == 1 && page.Events[0].RecordedAt.Before(*o.From.Time) {
			low = middle + 1
		} else {
			high = middle
		}
	}
	o.From = replay.Moment{Revision: &low}
	return o, nil
}

func (a historyAPI) raw() eventstore.RawStreamReader { return a.store.(eventstore.RawStreamReader) }

// send writes the events there are, and those that come.
func (a historyAPI) send(ctx context.Context, w http.ResponseWriter, p access.Principal, ws domain.Slug, o replay.Part) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	next := domain.Revision(0)
	if o.From.Revision != nil {
		next = *o.From.Revision
	}
	if done, err := a.sendThere(ctx, w, ws, &next, o.Until); err != nil || done || !o.Follow {
		return err
	}
	changes := a.engine.Changes(ctx, ws, next-1)
	idle := time.NewTicker(idleLine)
	defer idle.Stop()
	var over <-chan time.Time // nil: it never is
	if o.Until.Time != nil {
		end := time.NewTimer(time.Until(*o.Until.Time) + settledAfter)
		defer end.Stop()
		over = end.C
	}
	for {
		select {
		case _, open := <-changes:
			if !open {
				return nil
			}
		case <-idle.C:
			if _, err := fmt.Fprintln(w); err != nil { // an empty line, which nobody minds
				return err
			}
			_ = http.NewResponseController(w).Flush() // where it cannot be done, it is sent later
			continue
		case <-over:
			_, err := a.sendThere(ctx, w, ws, &next, o.Until)
			return err
		case <-ctx.Done():
			return nil
		}
		if _, err := a.sees(ctx, p, ws); errors.Is(err, errNoSuchWorkspace) {
			return nil // it is over for who may not see it any more
		}
		if done, err := a.sendThere(ctx, w, ws, &next, o.Until); err != nil || done {
			return err
		}
	}
}

// sendThere writes what there is now from a revision on, and moves it; done says that the end that was asked for came.
func (a historyAPI) sendThere(ctx context.Context, w http.ResponseWriter, ws domain.Slug, next *domain.Revision, until replay.Moment) (done bool, err error) {
	stream := domain.WorkspaceStream(ws)
	source := replay.Source{Name: a.named, Bodies: func(d []domain.Digest) (map[domain.Digest][]byte, error) { return a.store.Evidence(ctx, stream, d) }}
	out := bufio.NewWriterSize(w, 64<<10)
	defer func() {
		err = errors.Join(err, out.Flush())
		_ = http.NewResponseController(w).Flush() // where it cannot be done, it is sent later
	}()
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	for {
		page, err := a.raw().ReadRawStream(ctx, stream, *next, replayPage)
		if err != nil {
			return false, err
		}
		for i := range page.Events {
			if until.Past(&page.Events[i]) {
				page.Events, done = page.Events[:i], true
				break
			}
		}
		entries, err := source.Entries(page.Events)
		if err != nil {
			return false, err
		}
		for i := range entries {
			if err := lines.Encode(&entries[i]); err != nil {
				return false, err
			}
			*next = domain.Revision(entries[i].Revision) + 1
		}
		if done || until.Revision != nil && *next > *until.Revision {
			return true, nil
		}
		if len(page.Events) < replayPage {
			return false, nil
		}
	}
}

// named opens a name, where it can be.
func (a historyAPI) named(p domain.Personal) (string, bool) {
	name, err := a.names.Reveal(p)
	return name, err == nil
}
