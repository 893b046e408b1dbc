package graphql

import (
	"context"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections/read"
)

// touched answers the revision of the last change, for several things: of its row, or of the last event about it
// where that is later, such as one that only set a tag.
func touched[T any, P peered[T]](ctx context.Context, r *Resolver, objs []P, row func(*T) (key int64, since domain.Revision)) ([]int64, error) {
	return each(objs, "revision", func(at *model.Moment, all []*T) (func(*T) int64, error) {
		last, err := r.Read.Touched(ctx, at.At, distinct(all, func(o *T) int64 { key, _ := row(o); return key }))
		return func(o *T) int64 {
			key, since := row(o)
			return int64(max(since, last[key]))
		}, err
	})
}

// updated answers when that was recorded.
func updated[T any, P peered[T]](ctx context.Context, r *Resolver, objs []P, row func(*T) (key int64, since domain.Revision)) ([]*time.Time, error) {
	return each(objs, "updatedAt", func(at *model.Moment, all []*T) (func(*T) *time.Time, error) {
		peers := make([]P, len(all))
		for i, o := range all {
			peers[i] = o
		}
		revisions, err := touched(ctx, r, peers, row)
		if err != nil {
			return nil, err
		}
		wanted := make([]domain.Revision, len(all))
		for i, n := range revisions {
			wanted[i] = domain.Revision(n)
		}
		return recordedAt(ctx, r, at, all, wanted)
	})
}

// created answers when the event was recorded that first named a thing.
func created[T any, P peered[T]](ctx context.Context, r *Resolver, objs []P, row func(*T) (key int64, since domain.Revision)) ([]*time.Time, error) {
	return each(objs, "createdAt", func(at *model.Moment, all []*T) (func(*T) *time.Time, error) {
		wanted := make([]domain.Revision, len(all))
		for i, o := range all {
			key, _ := row(o)
			wanted[i] = read.KeyRevision(key)
		}
		return recordedAt(ctx, r, at, all, wanted)
	})
}

// recordedAt says of each thing when its revision was recorded.
func recordedAt[T any](ctx context.Context, r *Resolver, at *model.Moment, all []*T, revisions []domain.Revision) (func(*T) *time.Time, error) {
	times, err := r.Read.RecordedAt(ctx, at.At, revisions)
	of := make(map[*T]*time.Time, len(all))
	for i, o := range all {
		if t, ok := times[revisions[i]]; ok {
			of[o] = &t
		}
	}
	return func(o *T) *time.Time { return of[o] }, err
}

// Below, where each kind of thing has its key and the revision of its row.

func runRow(t *model.Run) (int64, domain.Revision)                 { return t.Row.Key, t.Row.Since }
func stepRow(t *model.Step) (int64, domain.Revision)               { return t.Row.Key, t.Row.Since }
func pipelineRow(t *model.Pipeline) (int64, domain.Revision)       { return t.Row.Key, t.Row.Since }
func versionRow(t *model.ArtifactVersion) (int64, domain.Revision) { return t.Row.Key, t.Row.Since }
func artifactRow(t *model.Artifact) (int64, domain.Revision)       { return t.Row.Key, t.Row.Since }
func specRow(t *model.PipelineVersion) (int64, domain.Revision)    { return t.Row.Key, t.Row.Since }

// tombstone tells who deleted a thing; nil for one that is there.
func (r *Resolver) tombstone(ctx context.Context, at *model.Moment, key int64, deleted bool, reason string) (*model.Tombstone, error) {
	if !deleted {
		return nil, nil
	}
	found, err := r.Read.Deletions(ctx, at.At, []int64{key})
	if err != nil {
		return nil, err
	}
	e, ok := found[key]
	if !ok {
		return &model.Tombstone{Reason: reason}, nil
	}
	return &model.Tombstone{Reason: reason, At: e.RecordedAt, Revision: int64(e.Revision), Actor: actorAt(at, e.Actor)}, nil
}

// attributes answers parameters or metadata, for several things.
func attributes[T any, P peered[T]](ctx context.Context, r *Resolver, objs []P, space read.Space, names []string, row func(*T) (int64, domain.Revision)) ([][]*model.NamedValue, error) {
	all, err := attributesOf(ctx, r, objs, space, row)
	if err != nil {
		return nil, err
	}
	out := make([][]*model.NamedValue, len(objs))
	for i, list := range all {
		out[i] = []*model.NamedValue{}
		for _, a := range list {
			if names == nil || wanted(names, a.Name) {
				out[i] = append(out[i], model.Named([]domain.Attribute{{Name: a.Name, Value: a.Value}})...)
			}
		}
	}
	return out, nil
}

func wanted(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// spaceWords keep what is read of each space apart among peers.
var spaceWords = map[read.Space]string{read.Parameters: "parameters", read.Metadata: "metadata", read.Tags: "tags"}

func attributesOf[T any, P peered[T]](ctx context.Context, r *Resolver, objs []P, space read.Space, row func(*T) (int64, domain.Revision)) ([][]read.Attribute, error) {
	return each(objs, spaceWords[space], func(at *model.Moment, all []*T) (func(*T) []read.Attribute, error) {
		found, err := r.Read.Attributes(ctx, at.At, distinct(all, func(o *T) int64 { key, _ := row(o); return key }), space)
		return func(o *T) []read.Attribute { key, _ := row(o); return found[key] }, err
	})
}

// tags answers tags, for several things.
func tags[T any, P peered[T]](ctx context.Context, r *Resolver, objs []P, row func(*T) (int64, domain.Revision)) ([][]*model.Tag, error) {
	all, err := attributesOf(ctx, r, objs, read.Tags, row)
	if err != nil {
		return nil, err
	}
	out := make([][]*model.Tag, len(objs))
	for i, list := range all {
		out[i] = make([]*model.Tag, len(list))
		for j, a := range list {
			out[i][j] = &model.Tag{Key: a.Name, Value: a.Value.Text(), Source: model.Word(a.Source)}
		}
	}
	return out, nil
}
