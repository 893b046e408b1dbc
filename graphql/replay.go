package graphql

import (
	"context"
	"errors"
	"time"

	"github.com/annals-io/annals/audit/replay"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections/read"
)

// dueTogether is how close to each other events are due that come in one message: nobody sees them apart.
const dueTogether = 20 * time.Millisecond

// replayed sends the history of a workspace as it happened, up to a revision that is settled when it begins.
func (r *Resolver) replayed(ctx context.Context, slug string, from, until *int64, speed *float64) (<-chan *model.EventBatch, error) {
	pace := replay.Pace{Clock: replay.Wall{}}
	if speed != nil {
		var err error
		if pace.Speed, err = replay.CheckSpeed(*speed); err != nil {
			return nil, invalid("speed", "speed is 0.001 to 100,000,000.", "%v", err)
		}
	}
	of := r.followedWorkspace(slug)
	at, err := of.open(ctx, nil, 0)
	if err != nil {
		return nil, unfollowed(err)
	}
	last, end, err := replayedPart(at.At, from, until)
	if err != nil {
		return nil, err
	}
	out := make(chan *model.EventBatch)
	ctx, stop := r.whileReadable(ctx, of.mayRead)
	go func() {
		defer close(out)
		defer stop()
		for last < end {
			batch, ok := untilRead(ctx, r, func() (*model.EventBatch, error) {
				return r.batch(ctx, of, read.AuditQuery{Ascending: true, To: &end}, last)
			})
			if !ok {
				return
			}
			last = min(end, domain.Revision(batch.Revision))
			if !paced(ctx, &pace, batch.Events, int64(last), out) {
				return
			}
		}
	}()
	return out, nil
}

// replayedPart is behind which revision a replay begins, and with which it ends: no later than with what can be read.
func replayedPart(at read.Moment, from, until *int64) (last, end domain.Revision, err error) {
	part := replay.Part{Follow: true} // until may lie ahead: the replay ends with what there is
	last, end = domain.NoRevision, at.Revision
	if until != nil {
		if *until < 0 {
			return 0, 0, invalid("untilRevision", "untilRevision is a revision.", "untilRevision is %d; 0 or more", *until)
		}
		part.Until.Revision = new(domain.Revision(*until))
		end = min(end, *part.Until.Revision)
	}
	if from != nil {
		if *from < 0 {
			return 0, 0, invalid("fromRevision", "fromRevision is a revision.", "fromRevision is %d; 0 or more", *from)
		}
		part.From.Revision = new(domain.Revision(*from))
		last = *part.From.Revision - 1
	}
	var no *replay.OutsideError
	switch errors.As(part.Check(replay.Extent{Name: "workspace " + string(at.Slug), Last: at.Revision}), &no); {
	case no == nil:
		return last, end, nil
	case no.Code == replay.Backward:
		return 0, 0, invalid("untilRevision", "fromRevision is not behind untilRevision.", "%s", no.Message)
	default:
		return 0, 0, &Fault{codeAhead, no.Message, map[string]any{"workspace": string(at.Slug), "head": int64(at.Revision), "argument": "fromRevision", "rule": ruleMoment}}
	}
}

// paced sends events when they are due; the last message tells how far the history was read. False: nobody listens.
func paced(ctx context.Context, pace *replay.Pace, events []*model.AuditEvent, through int64, out chan<- *model.EventBatch) bool {
	for {
		n := 0
		if len(events) > 0 {
			if pace.Due(ctx, events[0].RecordedAt) != nil {
				return false
			}
			for n = 1; n < len(events) && pace.Left(events[n].RecordedAt) <= dueTogether; n++ {
			}
		}
		batch := &model.EventBatch{Events: events[:n], Revision: through}
		if events = events[n:]; len(events) > 0 {
			batch.Revision = batch.Events[n-1].Revision
		}
		select {
		case out <- batch:
		case <-ctx.Done():
			return false
		}
		if len(events) == 0 {
			return true
		}
	}
}
