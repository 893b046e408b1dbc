package promotion

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/evidence"
)

// carryOn takes the steps of a promotion that are left: at says which event of the source began it. Where an order is
// given, an error after the first step is no error of the order's: the promotion is open then, and carried on later.
func (d *Desk) carryOn(ctx context.Context, from domain.Slug, at domain.Revision, o *Order) (Outcome, error) {
	page, err := d.Log.ReadStream(ctx, domain.WorkspaceStream(from), at, eventstore.Forward, 1)
	if err != nil {
		return Outcome{}, err
	}
	if len(page.Events) == 0 {
		return Outcome{}, fmt.Errorf("revision %d of %s is not there", at, from)
	}
	sent, ok := page.Events[0].Event.(domain.ArtifactVersionSent)
	if !ok {
		return Outcome{}, fmt.Errorf("revision %d of %s begins no promotion: it is %s", at, from, page.Events[0].Type)
	}
	plan, there, err := d.planOf(ctx, from, sent.Plan)
	if err != nil {
		return Outcome{}, err
	}
	if o != nil && there && (plan.To != o.To || o.Artifact != (domain.Name{}) && plan.As.Artifact != o.Artifact || o.Name != "" && plan.As.Version != o.Name) {
		return Outcome{}, &eventstore.CommandConflictError{CommandID: o.CommandID}
	}
	out := Outcome{Promotion: sent.Promotion, State: Open, Revision: at, There: domain.NoRevision}
	meta := page.Events[0].Meta
	err = d.finish(ctx, from, sent, meta, plan, there, &out)
	if err != nil && o != nil {
		d.warn("a promotion is open and will be carried on", sent.Promotion, err)
		err = nil
	}
	return out, err
}

// finish has the target receive the version, and the source say how it ended.
func (d *Desk) finish(ctx context.Context, from domain.Slug, sent domain.ArtifactVersionSent, meta domain.Meta, plan Plan, there bool, out *Outcome) error {
	id := sent.Promotion
	// The request is of who promoted, for their reason. What was said for one side only stays there.
	meta = domain.Meta{Actor: meta.Actor, Reason: meta.Reason, CorrelationID: id.String()}
	refusal := domain.NotFound // the plan was erased: nobody knows any more what is to be received where
	if there {
		result, err := d.receive(ctx, id, meta, plan)
		var refused *domain.Error
		switch {
		case err == nil:
			out.There = result.Revision
			refusal = ""
		case errors.As(err, &refused):
			refusal = refused.Code
		default:
			return err
		}
	}
	end, step := domain.Event(domain.ArtifactVersionPromoted{Version: sent.Version, Promotion: id}), "promoted"
	out.State = Received
	if refusal != "" {
		end, step = domain.ArtifactVersionPromotionRefused{Version: sent.Version, Promotion: id, Code: refusal}, "refused"
		out.State, out.Code = Refused, refusal
	}
	result, err := d.Commands.Execute(ctx, eventstore.Request{
		Stream: domain.WorkspaceStream(from), CommandID: commandID(id, step), Digest: digestOf(id), Meta: meta, Command: domain.EndPromotion{Event: end},
	})
	if errors.Is(err, domain.Gone) {
		return nil // the source was deleted: there is nobody left to tell
	}
	if err != nil {
		return err
	}
	out.Revision = max(out.Revision, result.Revision)
	return nil
}

// digestOf is that of the steps of a promotion: its id says all about them.
func digestOf(id uuid.UUID) domain.Digest { return sha256.Sum256(id[:]) }

func (d *Desk) receive(ctx context.Context, id uuid.UUID, meta domain.Meta, plan Plan) (eventstore.Result, error) {
	body, err := json.Marshal(plan.Origin)
	if err != nil {
		return eventstore.Result{}, fmt.Errorf("write the origin of a promotion: %w", err)
	}
	beside := evidence.New(body)
	received := domain.ArtifactVersionReceived{IO: plan.As, Promotion: id, Origin: &domain.Text{Evidence: beside.Digest}}
	return d.Commands.Execute(ctx, eventstore.Request{
		Stream: domain.WorkspaceStream(plan.To), CommandID: commandID(id, "received"), Digest: digestOf(id), Meta: meta,
		Command: domain.ReceiveVersion{ArtifactVersionReceived: received}, Evidence: []eventstore.Evidence{beside},
	})
}

// mostOpen is how many open promotions are carried on at once.
const mostOpen = 100

// Finish carries on the promotions that are open; it answers how many ended. One that cannot be carried on now is left for
// the next time, and keeps none of the others from it.
func (d *Desk) Finish(ctx context.Context) (ended int, err error) {
	open, err := d.Begun.OpenPromotions(ctx, mostOpen)
	if err != nil {
		return 0, err
	}
	for _, p := range open {
		out, err := d.carryOn(ctx, p.Source, p.Began, nil)
		if ctx.Err() != nil {
			return ended, ctx.Err()
		}
		if err != nil {
			d.warn("a promotion cannot be carried on now", out.Promotion, err)
			continue
		}
		ended++
	}
	return ended, nil
}

// Every is how often Run looks for open promotions.
const Every = 30 * time.Second

// soon is when it looks for the first times: what was interrupted before a restart is listed once it is projected.
const soon = time.Second

// Run carries on what is open, at once and then again and again, until ctx ends. Several processes may do so at the same
// time: each step is taken once.
func (d *Desk) Run(ctx context.Context) {
	for pause := soon; ; pause = min(2*pause, Every) {
		if _, err := d.Finish(ctx); err != nil && ctx.Err() == nil {
			d.warn("open promotions cannot be listed", uuid.Nil, err)
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

func (d *Desk) warn(what string, id uuid.UUID, err error) {
	if d.Logger != nil {
		d.Logger.Warn(what, "promotion", id, "err", err)
	}
}
