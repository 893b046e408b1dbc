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

// A replayOrder is which part of a history is to be shown.
type replayOrder struct {
	from, until replayMoment
	follow      bool
}

// A replayMoment is a revision or a time; neither: it is not said.
type replayMoment struct {
	revision *domain.Revision
	time     *time.Time
}

// replayPage is how many events are read at a time.
const replayPage = 1000

// idleLine is how often an answer in which nothing happens says that it is still there.
const idleLine = 15 * time.Second

// replay answers the events of a workspace as they lie in its stream, a line each, as fast as they are taken. With follow
// it goes on with what is recorded from then on.
func (a historyAPI) replay(w http.ResponseWriter, r *http.Request) {
	ws := domain.Slug(r.PathValue("slug"))
	p, _ := access.From(r.Context())
	if _, err := a.sees(r.Context(), p, ws); err != nil {
		a.fail(w, r, errNoSuchWorkspace)
		return
	}
	order, err := readReplay(r)
	if err == nil {
		order.from, err = a.settled(r.Context(), ws, order.from)
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	if err := a.send(r.Context(), w, p, ws, order); err != nil && r.Context().Err() == nil {
		a.log.WarnContext(r.Context(), "a replay was cut off", "workspace", ws, "err", err)
		panic(http.ErrAbortHandler)
	}
}

func readReplay(r *http.Request) (o replayOrder, err error) {
	q := r.URL.Query()
	for name, to := range map[string]*replayMoment{"from": &o.from, "until": &o.until} {
		if err := to.read(name, q.Get(name)); err != nil {
			return o, err
		}
	}
	switch text := q.Get("follow"); text {
	case "", "false":
	case "true":
		o.follow = true
	default:
		return o, &access.Refusal{Status: http.StatusBadRequest, Code: "invalid", Field: "follow", Message: "it is true or false"}
	}
	return o, nil
}

func (m *replayMoment) read(name, text string) error {
	if text == "" {
		return nil
	}
	if n, err := strconv.ParseInt(text, 10, 63); err == nil && n >= 0 {
		m.revision = new(domain.Revision(n))
		return nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return &access.Refusal{Status: http.StatusBadRequest, Code: "invalid", Field: name, Message: "it is a revision, such as 120, or a time, such as 2026-03-01T12:00:00Z"}
	}
	m.time = &t
	return nil
}

// past says whether an event lies behind the moment.
func (m replayMoment) past(e *eventstore.NewEvent) bool {
	return m.revision != nil && e.Revision > *m.revision || m.time != nil && e.RecordedAt.After(*m.time)
}

// settled finds the first revision recorded at a time or after it, by halves: recorded times never go back.
func (a historyAPI) settled(ctx context.Context, ws domain.Slug, m replayMoment) (replayMoment, error) {
	stream := domain.WorkspaceStream(ws)
	info, err := a.store.Info(ctx, stream)
	if err != nil || m.time == nil {
		return m, err
	}
	low, high := domain.Revision(0), info.Last+1
	for low < high {
		middle := (low + high) / 2
		page, err := a.raw().ReadRawStream(ctx, stream, middle, 1)
		if err != nil {
			return m, err
		}
		if len(page.Events) == 1 && page.Events[0].RecordedAt.Before(*m.time) {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return replayMoment{revision: &low}, nil
}

func (a historyAPI) raw() eventstore.RawStreamReader { return a.store.(eventstore.RawStreamReader) }

// send writes the events there are, and those that come.
func (a historyAPI) send(ctx context.Context, w http.ResponseWriter, p access.Principal, ws domain.Slug, o replayOrder) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	next := domain.Revision(0)
	if o.from.revision != nil {
		next = *o.from.revision
	}
	if done, err := a.sendThere(ctx, w, ws, &next, o.until); err != nil || done || !o.follow {
		return err
	}
	changes := a.engine.Changes(ctx, ws, next-1)
	idle := time.NewTicker(idleLine)
	defer idle.Stop()
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
		case <-ctx.Done():
			return nil
		}
		if _, err := a.sees(ctx, p, ws); errors.Is(err, errNoSuchWorkspace) {
			return nil // it is over for who may not see it any more
		}
		if done, err := a.sendThere(ctx, w, ws, &next, o.until); err != nil || done {
			return err
		}
	}
}

// sendThere writes what there is now from a revision on, and moves it; done says that the end that was asked for came.
func (a historyAPI) sendThere(ctx context.Context, w http.ResponseWriter, ws domain.Slug, next *domain.Revision, until replayMoment) (done bool, err error) {
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
			if until.past(&page.Events[i]) {
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
		if done || until.revision != nil && *next > *until.revision {
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
