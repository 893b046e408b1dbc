package graphql

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections"
	"github.com/annals-io/annals/projections/read"
	"github.com/annals-io/annals/promotion"
)

func promotionsOf(at *model.Moment, rows []read.Promotion) []*model.Promotion {
	return together(at, rows, func(p *model.Peers[model.Promotion], row read.Promotion) *model.Promotion {
		return &model.Promotion{Peers: p, Row: row}
	})
}

// versionPromotions answers the promotions of versions.
func (r *Resolver) versionPromotions(ctx context.Context, objs []*model.ArtifactVersion) ([][]*model.Promotion, error) {
	return each(objs, "promotions", func(at *model.Moment, all []*model.ArtifactVersion) (func(*model.ArtifactVersion) []*model.Promotion, error) {
		keys := distinct(all, func(t *model.ArtifactVersion) int64 { return t.Row.Key })
		found, err := r.Read.PromotionsOf(ctx, at.At, keys)
		var rows []read.Promotion
		for _, key := range keys {
			rows = append(rows, found[key]...)
		}
		of := map[int64][]*model.Promotion{}
		for _, p := range promotionsOf(at, rows) {
			of[p.Row.Version] = append(of[p.Row.Version], p)
		}
		return func(t *model.ArtifactVersion) []*model.Promotion {
			return append([]*model.Promotion{}, of[t.Row.Key]...)
		}, err
	})
}

// promotionList answers a page of the promotions of a workspace.
func (r *Resolver) promotionList(ctx context.Context, at *model.Moment, d *model.PromotionDirection, a pageArgs) (*model.PromotionConnection, error) {
	hash := r.shape("promotions", at.Slug(), d)
	p, err := r.page(a, hash)
	if err != nil {
		return nil, err
	}
	var received *bool
	if d != nil {
		is := *d == model.PromotionDirectionReceived
		received = &is
	}
	found, err := r.Read.Promotions(ctx, at.At, received, p)
	if err != nil {
		return nil, err
	}
	count := func(ctx context.Context, most int) (int, error) {
		return r.Read.CountPromotions(ctx, at.At, received, most)
	}
	return &model.PromotionConnection{List: listed(at, hash, p, found, promotionsOf, count)}, nil
}

// An otherSide is what the caller is told of the other side of a promotion.
type otherSide struct {
	slug   domain.Slug // empty: nothing
	hidden bool
	at     *model.Moment // where the version is; nil: it is not there
	key    int64
}

// otherSides finds the other sides of promotions, for those who may see them.
func (r *Resolver) otherSides(ctx context.Context, objs []*model.Promotion) ([]otherSide, error) {
	return each(objs, "other", func(at *model.Moment, all []*model.Promotion) (func(*model.Promotion) otherSide, error) {
		ids := make([]uuid.UUID, len(all))
		sides := make([]otherSide, len(all))
		places := map[domain.Slug]read.Place{}
		for i, p := range all {
			slug, _, err := promotion.Other(ctx, shownTo{r.Log, at.At}, at.At.Slug, p.Row)
			if err != nil {
				return nil, storeFault(err)
			}
			ids[i], sides[i].slug = p.Row.ID, slug
			if _, opened := places[slug]; opened || slug == "" {
				continue
			}
			if places[slug], err = (walls{r, at}).Behind(ctx, slug); err != nil {
				return nil, err
			}
		}
		there, err := r.Read.Counterparts(ctx, at.At, ids)
		if err != nil {
			return nil, err
		}
		out := make(map[uuid.UUID]otherSide, len(all))
		for i, p := range all {
			side, place := sides[i], places[sides[i].slug]
			if side.slug != "" && !place.Seen {
				side = otherSide{hidden: true}
			} else if c, ok := there[p.Row.ID]; ok && side.slug != "" && place.Is == read.Readable && c.Began <= place.Revision {
				side.at, side.key = &model.Moment{At: place.Moment, Asked: at.Asked}, c.Version
			}
			out[p.Row.ID] = side
		}
		return func(p *model.Promotion) otherSide { return out[p.Row.ID] }, nil
	})
}

// counterparts answers the other sides.
func (r *Resolver) counterparts(ctx context.Context, objs []*model.Promotion) ([]*model.PromotionCounterpart, error) {
	sides, err := r.otherSides(ctx, objs)
	if err != nil {
		return nil, err
	}
	out := make([]*model.PromotionCounterpart, len(objs))
	for i, side := range sides {
		if side.slug == "" {
			continue
		}
		out[i] = &model.PromotionCounterpart{Workspace: string(side.slug)}
		if side.at == nil {
			continue
		}
		found, err := r.versions(ctx, side.at, []int64{side.key})
		if err != nil {
			return nil, err
		}
		out[i].ArtifactVersion = found[side.key]
	}
	return out, nil
}

// hidden says of promotions whether their other side lies where the caller cannot see it.
func (r *Resolver) hidden(ctx context.Context, objs []*model.Promotion) ([]bool, error) {
	sides, err := r.otherSides(ctx, objs)
	out := make([]bool, len(sides))
	for i, side := range sides {
		out[i] = side.hidden
	}
	return out, err
}

// promote carries out a promotion.
func (w *write) promote(in model.PromoteArtifactVersionInput) (*model.PromoteArtifactVersionPayload, error) {
	w.because(in.Reason)
	_, key := w.version(in.ArtifactVersion)
	out := &model.PromoteArtifactVersionPayload{ReceivedRevision: int64(domain.NoRevision)}
	if w.ok() {
		c := caller(w.ctx)
		order := promotion.Order{
			From: w.slug, Version: key, To: domain.Slug(in.To), Name: value(in.Version), Reason: in.Reason,
			Actor: c.Actor, CommandID: w.request.CommandID, Correlation: w.request.Meta.CorrelationID, Since: w.request.IfUnchangedSince,
		}
		if in.Artifact != nil {
			order.Artifact = artifactNameOf(in.Artifact)
		}
		desk := &promotion.Desk{Commands: w.Commands, Log: w.Whole, Moments: w.Moments, Read: w.Read, Logger: w.log}
		done, err := desk.Promote(w.ctx, c.holds, order)
		if err != nil {
			w.notPromoted(err, in)
		} else {
			w.result, w.done = eventstore.Result{Revision: done.Revision, Duplicate: done.Duplicate}, true
			out.ReceivedRevision = int64(done.There)
			out.Read = after(w, func(ctx context.Context, at *model.Moment) (*model.Promotion, error) {
				found, err := w.Read.PromotionsOf(ctx, at.At, []int64{key})
				for _, p := range promotionsOf(at, found[key]) {
					if p.Row.ID == done.Promotion {
						return p, err
					}
				}
				return nil, err
			})
			if done.State == promotion.Received {
				out.There = func(ctx context.Context) (*model.ArtifactVersion, error) { return w.promotedTo(ctx, in.To, done) }
			}
		}
	}
	out.Outcome = w.outcome()
	return out, w.fault
}

// promotedTo is the version as the target received it.
func (w *write) promotedTo(ctx context.Context, to string, done promotion.Outcome) (*model.ArtifactVersion, error) {
	least := int64(done.There)
	at, err := w.open(ctx, to, nil, &least, int(readWait.Milliseconds()))
	var fault *Fault
	if err == errNoWorkspace || asFault(err, &fault) && (fault.Code == codeStale || fault.Code == codePaused) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	key, err := w.Read.ReceivedBy(ctx, at.At, done.Promotion)
	if err != nil || key == 0 {
		return nil, err
	}
	found, err := w.versions(ctx, at, []int64{key})
	return found[key], err
}

// notPromoted keeps why nothing was promoted.
func (w *write) notPromoted(err error, in model.PromoteArtifactVersionInput) {
	var refused *domain.Error
	var late *projections.TimeoutError
	var paused *projections.PausedError
	switch {
	case errors.As(err, &late), errors.As(err, &paused):
		w.fault = unopened(err, false)
		return
	case !errors.As(err, &refused):
		w.failed(err)
		return
	}
	named := *refused
	field, ok := map[string]string{"from": "workspace", "version": "artifactVersion", "name": "version", "artifact_version": "artifactVersion"}[refused.Subject]
	if ok {
		named.Subject = field
	}
	switch {
	case named.Code == domain.Forbidden:
		place := w.slug
		if named.Subject == "to" {
			place = domain.Slug(in.To)
		}
		w.refuse(caller(w.ctx).lacks(w.name, needPromote, "workspace "+string(place)).refusal(named.Subject))
	case named.Subject == "to" && (named.Code == domain.Archived || named.Code == domain.Gone):
		w.refuse(&model.WorkspaceClosed{Message: named.Message, Path: []string{"input", "to"}, Code: model.UserErrorCode(strings.ToUpper(string(named.Code)))})
	default:
		w.refuse(userError(&named, w.request.IfUnchangedSince))
	}
}
