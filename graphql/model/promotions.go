package model

import (
	"github.com/annals-io/annals/domain"

	"context"
	"time"

	"github.com/annals-io/annals/projections/read"
)

// A Promotion is one side of a promotion at one moment.
type Promotion struct {
	*Peers[Promotion]
	Row read.Promotion
}

// ID is the id that both sides have.
func (p *Promotion) ID() string { return p.Row.ID.String() }

// Direction is which side it is.
func (p *Promotion) Direction() PromotionDirection {
	if p.Row.Received {
		return PromotionDirectionReceived
	}
	return PromotionDirectionSent
}

// State is where it stands.
func (p *Promotion) State() PromotionState {
	switch p.Row.State {
	case "open":
		return PromotionStateOpen
	case "refused":
		return PromotionStateRefused
	}
	return PromotionStateReceived
}

// Code is why it was refused.
func (p *Promotion) Code() *string { return Word(string(p.Row.Code)) }

// Reason is why it was made.
func (p *Promotion) Reason() *string { return Word(p.Row.Reason) }

// Actor is who made it.
func (p *Promotion) Actor() *Actor {
	return actorOf(p, p.Peers, func(p *Promotion) domain.Actor { return p.Row.Actor })
}

// RecordedAt is when this side recorded it.
func (p *Promotion) RecordedAt() time.Time { return p.Row.At }

// CreatedRevision is that of the event that began it here.
func (p *Promotion) CreatedRevision() int64 { return int64(p.Row.Began) }

// Revision is that of its last change.
func (p *Promotion) Revision() int64 { return int64(p.Row.Since) }

// A PromotionConnection is a page of promotions.
type PromotionConnection struct{ List[Promotion] }

// Edges are the rows with their cursors.
func (c *PromotionConnection) Edges() []*PromotionEdge {
	return edgesOf(&c.List, func(s string, n *Promotion) *PromotionEdge { return &PromotionEdge{s, n} })
}

// A PromoteArtifactVersionPayload is the answer of a promotion.
type PromoteArtifactVersionPayload struct {
	Written[*Promotion]
	ReceivedRevision int64
	There            func(ctx context.Context) (*ArtifactVersion, error)
}

// Promotion is the source's side as it is now.
func (p *PromoteArtifactVersionPayload) Promotion(ctx context.Context) (*Promotion, error) {
	return p.read(ctx)
}

// Received is the version as the target has it.
func (p *PromoteArtifactVersionPayload) Received(ctx context.Context) (*ArtifactVersion, error) {
	if p.There == nil {
		return nil, nil
	}
	return p.There(ctx)
}
