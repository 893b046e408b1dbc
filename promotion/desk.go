package promotion

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/evidence"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/projections/read"
)

// Log reads events and what lies beside them: an event store.
type Log interface {
	ReadStream(ctx context.Context, stream domain.Stream, from domain.Revision, dir eventstore.Direction, limit int) (eventstore.Page, error)
	Bodies
}

// Bodies read texts that events refer to.
type Bodies interface {
	Evidence(ctx context.Context, stream domain.Stream, digests []domain.Digest) (map[domain.Digest][]byte, error)
}

// Moments open workspaces at a moment: projections.Engine.
type Moments interface {
	Open(ctx context.Context, slug domain.Slug, asOf projections.AsOf, atLeast *int64, timeout time.Duration) (read.Moment, error)
}

// A Lister lists promotions that were begun and have no end: projections.Engine.
type Lister interface {
	OpenPromotions(ctx context.Context, limit int) ([]projections.OpenPromotion, error)
}

// Holds says what who asks may do in a workspace: nothing in one that is not there for them.
type Holds func(ctx context.Context, ws domain.Slug) (domain.PermissionSet, error)

// A Desk promotes artifact versions. It is safe for concurrent use.
type Desk struct {
	Commands eventstore.Commander
	Log      Log
	// Moments and Read are needed to promote.
	Moments Moments
	Read    *read.DB
	// Begun is needed to carry on what was interrupted.
	Begun Lister
	// Logger is told of promotions that cannot be carried on now; nil: nobody is.
	Logger *slog.Logger
}

// An Order asks for a promotion.
type Order struct {
	From    domain.Slug
	Version int64 // its key in From
	To      domain.Slug
	// Artifact and Name are what the version is called in the target. A zero Artifact is the name that it has in From,
	// and an empty Name the version's own there, or its number where it has none.
	Artifact domain.Name
	Name     string
	Reason   string // needed: it is kept on both sides
	Actor    domain.Actor
	// CommandID makes an order that is sent again the same one; empty: it is one of its own.
	CommandID   string
	Correlation string
	// Since is the revision of From at which the caller saw the version: where it changed later, nothing is done.
	Since *domain.Revision
}

// The states of a promotion.
const (
	Open     = "open"     // it was begun, and is carried on
	Received = "received" // the target has the version
	Refused  = "refused"  // the target did not take it
)

// An Outcome is what became of an order.
type Outcome struct {
	Promotion uuid.UUID
	State     string
	Code      domain.Code     // why it was refused
	Revision  domain.Revision // read at least this of From to see it
	There     domain.Revision // and this of To; NoRevision where it was not received
	Duplicate bool            // this order had been carried out before, or the version was promoted there already
}

// openWait bounds how long a moment is waited for.
const openWait = 5 * time.Second

// maxTries is how often an order is judged again when the version changed meanwhile.
const maxTries = 5

// Promote carries out an order. Refusals are *domain.Error, and then nothing was done on either side: Subject is "from",
// "to", "version", "artifact", "name" or "reason". A promotion that was begun and cannot be carried on now is Open, and no
// error: it is going to happen.
func (d *Desk) Promote(ctx context.Context, holds Holds, o Order) (Outcome, error) {
	if err := o.check(); err != nil {
		return Outcome{}, err
	}
	if err := permit(ctx, holds, o.From, "from"); err != nil {
		return Outcome{}, err
	}
	if err := permit(ctx, holds, o.To, "to"); err != nil {
		return Outcome{}, err
	}
	least := int64(0)
	for try := 1; ; try++ {
		out, err := d.begin(ctx, o, least)
		var changed *domain.Error
		if errors.As(err, &changed) && changed.Code == domain.RevisionConflict && o.Since == nil && try < maxTries {
			least = int64(changed.Actual) // somebody did something to the version, perhaps the same thing: look again
			continue
		}
		return out, err
	}
}

func (o Order) check() error {
	switch {
	case o.From == o.To:
		return &domain.Error{Code: domain.Invalid, Subject: "to", Message: "the version is in that workspace already: promote it to another one"}
	case o.Reason == "":
		return &domain.Error{Code: domain.Required, Subject: "reason", Message: "reason is missing: say why, it is kept in the history of both workspaces"}
	case len(o.Reason) > 2000:
		return &domain.Error{Code: domain.TooLong, Subject: "reason", Message: fmt.Sprintf("reason has %d bytes; at most 2000", len(o.Reason))}
	}
	return nil
}

// permit refuses a workspace that who asks may not see like one that is not there, and one that they may not promote out of
// or into by the permission that it takes.
func permit(ctx context.Context, holds Holds, ws domain.Slug, field string) error {
	held, err := holds(ctx, ws)
	switch {
	case err != nil:
		return err
	case held.Has(domain.PromoteArtifacts):
		return nil
	case held.Has(domain.ReadWorkspace):
		return &domain.Error{Code: domain.Forbidden, Subject: field, Message: fmt.Sprintf("you may not promote artifacts here: it takes the permission %s in workspace %s", domain.PromoteArtifacts, ws)}
	}
	return &domain.Error{Code: domain.NotFound, Subject: field, Message: "there is no such workspace"}
}

// begin takes the first step, unless it was taken before, and then the others.
func (d *Desk) begin(ctx context.Context, o Order, least int64) (Outcome, error) {
	m, err := d.Moments.Open(ctx, o.From, projections.AsOf{}, &least, openWait)
	if err != nil {
		return Outcome{}, err
	}
	found, err := d.Read.VersionsByKey(ctx, m, []int64{o.Version})
	if err != nil {
		return Outcome{}, err
	}
	if len(found) == 0 || !found[0].Exists {
		return Outcome{}, &domain.Error{Code: domain.NotFound, Subject: "version", Message: "there is no such artifact version"}
	}
	if found[0].Deleted {
		return Outcome{}, &domain.Error{Code: domain.Gone, Subject: "version", Message: "the artifact version was deleted"}
	}
	plan, err := d.plan(ctx, m, found[0], o)
	if err != nil {
		return Outcome{}, err
	}
	if out, known, err := d.known(ctx, m, o, plan); known || err != nil {
		return out, err
	}
	if _, err := d.Commands.Execute(ctx, eventstore.Request{Stream: domain.WorkspaceStream(o.To), Command: domain.ExpectVersion{IO: plan.As}}); err != nil {
		return Outcome{}, aboutTarget(err)
	}
	sent := domain.ArtifactVersionSent{Version: plan.Origin.Version, Promotion: uuid.New()}
	body, err := json.Marshal(plan)
	if err != nil {
		return Outcome{}, fmt.Errorf("write the plan of a promotion: %w", err)
	}
	beside := evidence.New(body)
	sent.Plan = &domain.Text{Evidence: beside.Digest}
	since := m.Revision
	if o.Since != nil {
		since = min(since, *o.Since)
	}
	r := eventstore.Request{
		Stream: domain.WorkspaceStream(o.From), CommandID: o.CommandID, IfUnchangedSince: &since, Digest: o.digest(sent.Version),
		Meta:    domain.Meta{Actor: o.Actor, Reason: o.Reason, CorrelationID: o.Correlation},
		Command: domain.SendVersion{ArtifactVersionSent: sent, Known: true}, Evidence: []eventstore.Evidence{beside},
	}
	if r.CommandID == "" {
		r.CommandID = commandID(sent.Promotion, "sent")
	}
	result, err := d.Commands.Execute(ctx, r)
	if err != nil {
		return Outcome{}, err
	}
	out, err := d.carryOn(ctx, o.From, result.First, &o)
	out.Revision, out.Duplicate = max(out.Revision, result.Last), result.Duplicate
	return out, err
}

// digest tells orders apart that came under one id. The target is not in it: a digest is part of the event, and whoever
// reads that could guess. That an order of the same id goes elsewhere shows in the plan.
func (o Order) digest(version domain.VersionRef) domain.Digest {
	id := domain.VersionEntity(version).ID
	return sha256.Sum256([]byte("promote\x00" + id.String() + "\x00" + o.Reason))
}

// commandID is the id of a step of a promotion.
func commandID(promotion uuid.UUID, step string) string {
	return "promotion:" + promotion.String() + ":" + step
}

// aboutTarget is a refusal of the target, as one of the order.
func aboutTarget(err error) error {
	var refused *domain.Error
	if !errors.As(err, &refused) {
		return err
	}
	out := *refused
	switch out.Subject {
	case "workspace":
		out.Subject = "to"
	case "artifact.version":
		out.Subject = "name"
	default:
		out.Subject = "artifact"
	}
	return &out
}

// known finds a promotion of the version to the same place that was not refused: it is carried on, and no other is begun.
// An order with an id of its own that was carried out before is found by that id.
func (d *Desk) known(ctx context.Context, m read.Moment, o Order, plan Plan) (out Outcome, known bool, err error) {
	found, err := d.Read.PromotionsOf(ctx, m, []int64{o.Version})
	if err != nil {
		return out, false, err
	}
	for _, p := range found[o.Version] {
		if p.Received || p.State == "refused" {
			continue
		}
		was, ok, err := d.planOf(ctx, o.From, p.Other)
		if err != nil {
			return out, false, err
		}
		if !ok || was.To != o.To || was.As.Artifact != plan.As.Artifact || was.As.Version != plan.As.Version {
			continue
		}
		out, err := d.carryOn(ctx, o.From, p.Began, &o)
		out.Revision, out.Duplicate = max(out.Revision, p.Since), true
		return out, true, err
	}
	return out, false, nil
}
