package graphql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections/read"
)

func auditEventsOf(at *model.Moment, rows []read.AuditEntry) []*model.AuditEvent {
	return together(at, rows, func(p *model.Peers[model.AuditEvent], e read.AuditEntry) *model.AuditEvent {
		return &model.AuditEvent{
			Peers: p, Revision: int64(e.Revision), Type: e.Type, Kind: e.Kind, Subject: e.Subject, By: e.Actor,
			OccurredAt: model.Instant(e.OccurredAt), RecordedAt: e.RecordedAt, CorrelationID: model.Word(e.CorrelationID), CommandID: e.CommandID,
		}
	})
}

// auditList answers a page of a workspace's history.
func (r *Resolver) auditList(ctx context.Context, at *model.Moment, f *model.AuditFilter, direction model.SortDirection, a pageArgs) (*model.AuditEventConnection, error) {
	q, ok, err := r.auditQuery(ctx, at, f)
	if err != nil {
		return nil, err
	}
	q.Ascending = direction == model.SortDirectionAsc
	hash := r.shape("audit", at.Slug(), f, direction)
	if q.Page, err = r.page(a, hash); err != nil {
		return nil, err
	}
	var found read.List[read.AuditEntry]
	count := func(ctx context.Context, most int) (int, error) { return 0, nil }
	if ok {
		if found, err = r.Read.Audit(ctx, at.At, q); err != nil {
			return nil, refusedRead(err)
		}
		count = func(ctx context.Context, most int) (int, error) { return r.Read.CountAudit(ctx, at.At, q, most) }
	}
	return &model.AuditEventConnection{List: listed(at, hash, q.Page, found, auditEventsOf, count)}, nil
}

// auditQuery turns a filter into a query. ok is false where it can find nothing.
func (r *Resolver) auditQuery(ctx context.Context, at *model.Moment, f *model.AuditFilter) (q read.AuditQuery, ok bool, err error) {
	if f == nil {
		return q, true, nil
	}
	q = read.AuditQuery{Types: f.Types, ExcludeTypes: f.ExcludeTypes, Actor: value(f.Actor), CorrelationID: value(f.CorrelationID), CommandID: value(f.CommandID), After: instant(f.From), Before: instant(f.To)}
	for _, k := range f.Kinds {
		q.Kinds = append(q.Kinds, domain.Kind(strings.ToLower(string(k))))
	}
	q.From, q.To = revisionOf(f.FromRevision), revisionOf(f.ToRevision)
	if f.Subject == nil {
		return q, true, nil
	}
	node, ok, err := r.findRoot(ctx, at, *f.Subject)
	q.Subject = &node
	return q, ok, err
}

func revisionOf(n *int64) *domain.Revision {
	if n == nil {
		return nil
	}
	r := domain.Revision(*n)
	return &r
}

// auditEvent answers one event of a workspace's history.
func (r *Resolver) auditEvent(ctx context.Context, at *model.Moment, revision int64) (*model.AuditEvent, error) {
	n := domain.Revision(revision)
	found, err := r.Read.Audit(ctx, at.At, read.AuditQuery{From: &n, To: &n, Page: read.Page{Limit: 1}})
	if err != nil || len(found.Rows) == 0 {
		return nil, refusedRead(err)
	}
	return auditEventsOf(at, rowsOf(found.Rows[0].Row))[0], nil
}

// maxEvents bounds the events that a run shows of itself.
const maxEvents = 100

func (r *Resolver) eventsOf(ctx context.Context, at *model.Moment, kind domain.Kind, key int64) ([]*model.AuditEvent, error) {
	found, err := r.Read.Audit(ctx, at.At, read.AuditQuery{Subject: &read.Node{Kind: kind, Key: key}, Page: read.Page{Limit: maxEvents}})
	rows := make([]read.AuditEntry, len(found.Rows))
	for i, s := range found.Rows {
		rows[i] = s.Row
	}
	return auditEventsOf(at, rows), err
}

// stored answers what only the log holds of events.
func stored[V any](ctx context.Context, r *Resolver, objs []*model.AuditEvent, of func(*domain.Recorded) V) ([]V, error) {
	events, err := each(objs, "stored", func(at *model.Moment, all []*model.AuditEvent) (func(*model.AuditEvent) *domain.Recorded, error) {
		revisions := make([]domain.Revision, len(all))
		for i, e := range all {
			revisions[i] = domain.Revision(e.Revision)
		}
		found, err := r.recordedEvents(ctx, at, revisions)
		return func(e *model.AuditEvent) *domain.Recorded { return found[domain.Revision(e.Revision)] }, err
	})
	if err != nil {
		return nil, err
	}
	out := make([]V, len(objs))
	for i, e := range events {
		if e == nil {
			return nil, fmt.Errorf("revision %d is in the history and not in the log", objs[i].Revision)
		}
		out[i] = of(e)
	}
	return out, nil
}

// gap is how many events are read besides those wanted rather than asking the log once more.
const gap = 200

// recordedEvents reads events by revision: neighbours in one go.
func (r *Resolver) recordedEvents(ctx context.Context, at *model.Moment, revisions []domain.Revision) (map[domain.Revision]*domain.Recorded, error) {
	revisions = slices.Clone(revisions)
	slices.Sort(revisions)
	revisions = slices.Compact(revisions)
	out := make(map[domain.Revision]*domain.Recorded, len(revisions))
	for i := 0; i < len(revisions); {
		j := i + 1
		for j < len(revisions) && revisions[j]-revisions[j-1] <= gap && revisions[j]-revisions[i] < 5000 {
			j++
		}
		span := int(revisions[j-1]-revisions[i]) + 1
		page, err := r.Log.ReadStream(ctx, at.At, revisions[i], eventstore.Forward, span)
		var missing *eventstore.NotFoundError
		if errors.As(err, &missing) {
			return out, nil
		}
		if err != nil {
			return nil, storeFault(err)
		}
		for k := range page.Events {
			out[page.Events[k].Revision] = &page.Events[k]
		}
		i = j
	}
	return out, nil
}

// subjectOf is what an event happened to; nil for kinds that have no page.
func subjectOf(e *model.AuditEvent) *model.Ref {
	k := e.SubjectKind()
	if k == nil {
		return nil
	}
	ref := model.Ref{At: e.At, Kind: *k, Key: e.Subject}
	if ref.Kind == model.EntityKindWorkspace {
		ref.Key = 0
	}
	return &ref
}
