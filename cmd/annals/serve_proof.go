package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/audit/checkpoint"
	"github.com/annals-io/annals/audit/seal"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// What may be said of a receipt that there is none of.
var (
	errNoEvent  = &access.Refusal{Status: http.StatusNotFound, Code: "not_found", Message: "there is no such event", Field: "event"}
	errUnsealed = &access.Refusal{Status: http.StatusServiceUnavailable, Code: "not_sealed", Message: "the event is not sealed yet: try again in a second", Field: "event"}
	errAltered  = &access.Refusal{Status: http.StatusConflict, Code: "altered", Message: "the event that lies there is not the one that was sealed: tell an operator", Field: "event"}
	errHalted   = &access.Refusal{Status: http.StatusConflict, Code: "not_sealed", Message: "this history is sealed no more, since it is not what was sealed before: tell an operator", Field: "event"}
)

// proof answers the receipt of an event, to who may read its workspace.
func (s *server) proof(w http.ResponseWriter, r *http.Request) {
	slug := domain.Slug(r.PathValue("slug"))
	p, _ := access.From(r.Context())
	err := s.mayProve(r.Context(), p, slug)
	var receipt checkpoint.Proof
	if err == nil {
		receipt, err = s.receipt(r.Context(), domain.WorkspaceStream(slug), r.PathValue("event"))
	}
	if err != nil {
		s.refuseProof(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(receipt.Bytes()) // whoever asked has gone
}

// mayProve refuses who may not read a workspace: as one that is not there, unless they may write to it. A deleted one is
// there for those alone who still read it.
func (s *server) mayProve(ctx context.Context, p access.Principal, slug domain.Slug) error {
	holds, err := s.rights.Holds(ctx, p, slug)
	if err != nil || holds.Has(domain.ReadWorkspace) {
		return err
	}
	standing, err := s.rights.Workspace(ctx, p.Who(), slug)
	if err == nil && holds.Has(domain.IngestEvents) && !standing.Deleted {
		return access.Lacking(domain.ReadWorkspace, "workspace "+string(slug))
	}
	return errors.Join(err, &access.Refusal{Status: http.StatusNotFound, Code: "not_found", Message: "there is no such workspace", Field: "slug"})
}

func (s *server) refuseProof(w http.ResponseWriter, r *http.Request, err error) {
	var no *access.Refusal
	if !errors.As(err, &no) {
		if r.Context().Err() == nil {
			s.log.ErrorContext(r.Context(), "a receipt could not be made", "path", r.URL.Path, "err", err)
		}
		no = &access.Refusal{Status: http.StatusServiceUnavailable, Code: "unavailable", Message: "the server cannot do it now; it was logged"}
	}
	if no.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	access.Refuse(w, no)
}

// receipt is the proof of an event of a stream, named by revision or id, with its leaf. It is checked before it is given
// away: what the database says is not what is to be relied on.
func (s *server) receipt(ctx context.Context, stream domain.Stream, named string) (checkpoint.Proof, error) {
	e, err := s.eventOf(ctx, stream, named)
	if err != nil {
		return checkpoint.Proof{}, err
	}
	l, err := s.history.Leaf(ctx, e)
	if err != nil {
		return checkpoint.Proof{}, err
	}
	proof, err := s.history.Kept().ProveSoon(ctx, stream, e.Revision)
	if errors.Is(err, seal.ErrNotSealed) {
		for _, stop := range s.history.State().Stopped {
			if stop.Tree == string(stream) || stop.Tree == checkpoint.InstanceLog {
				return proof, errHalted
			}
		}
		return proof, errUnsealed
	}
	if err != nil {
		return proof, err
	}
	if _, err := proof.Check(l.Hash(), s.history.Signer.Keys()...); err != nil {
		s.log.ErrorContext(ctx, "ALARM: an event is not the one that was sealed", "stream", stream, "revision", int64(e.Revision), "err", err)
		return proof, errAltered
	}
	proof.Extra = l.Append(nil)
	return proof, nil
}

// eventOf finds an event of a stream by revision or id.
func (s *server) eventOf(ctx context.Context, stream domain.Stream, named string) (*eventstore.NewEvent, error) {
	if n, err := strconv.ParseInt(named, 10, 64); err == nil {
		if n < 0 {
			return nil, errNoEvent
		}
		page, err := s.rawPage(ctx, stream, domain.Revision(n), 1)
		if err != nil || len(page.Events) == 0 {
			return nil, errors.Join(err, errNoEvent)
		}
		return &page.Events[0], nil
	}
	id, err := uuid.Parse(named)
	if err != nil {
		return nil, errNoEvent
	}
	return s.eventByID(ctx, stream, id)
}

// eventByID finds an event of a stream by its id: where the sealer has seen it, else by looking at those of which it has
// not kept the ids: the youngest, and what was sealed before ids were kept.
func (s *server) eventByID(ctx context.Context, stream domain.Stream, id uuid.UUID) (*eventstore.NewEvent, error) {
	places, err := s.history.Kept().Places(ctx, stream, id)
	if err != nil {
		return nil, err
	}
	for _, at := range places.At {
		e, err := s.eventAmong(ctx, stream, id, at, at+1)
		if !errors.Is(err, errNoEvent) {
			return e, err
		}
	}
	e, err := s.eventAmong(ctx, stream, id, places.Behind, domain.Revision(math.MaxInt64))
	if !errors.Is(err, errNoEvent) {
		return e, err
	}
	return s.eventAmong(ctx, stream, id, 0, places.Before)
}

// eventAmong looks at the events of a stream from one revision to before another.
func (s *server) eventAmong(ctx context.Context, stream domain.Stream, id uuid.UUID, from, to domain.Revision) (*eventstore.NewEvent, error) {
	const page = 5000
	for from < to {
		limit := int(min(page, to-from))
		events, err := s.rawPage(ctx, stream, from, limit)
		if err != nil {
			return nil, err
		}
		for i := range events.Events {
			if events.Events[i].EventID == id {
				return &events.Events[i], nil
			}
		}
		if len(events.Events) < limit {
			break
		}
		from += domain.Revision(limit)
	}
	return nil, errNoEvent
}

func (s *server) rawPage(ctx context.Context, stream domain.Stream, from domain.Revision, limit int) (eventstore.RawPage, error) {
	page, err := s.store.ReadRawStream(ctx, stream, from, limit)
	var none *eventstore.NotFoundError
	if errors.As(err, &none) {
		return page, errNoEvent
	}
	if err != nil {
		return page, fmt.Errorf("read %s to prove an event: %w", stream, err)
	}
	return page, nil
}
