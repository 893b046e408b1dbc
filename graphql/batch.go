package graphql

import (
	"context"
	"slices"

	"github.com/annals-io/annals/graphql/model"
)

// peered is a thing that was read together with others.
type peered[T any] interface {
	*T
	Group() *model.Peers[T]
}

// each answers a field for several things. What it needs is read once for all things that were read together,
// whether gqlgen asks for them together (nodes) or one by one (edges, children of children).
func each[T any, P peered[T], V any](objs []P, word string, read func(at *model.Moment, all []*T) (func(*T) V, error)) ([]V, error) {
	out := make([]V, len(objs))
	for i, o := range objs {
		g := o.Group()
		got, err := g.Once(word, func(all []*T) (any, error) { return read(g.At, all) })
		if err != nil {
			return nil, err
		}
		out[i] = got.(func(*T) V)((*T)(o))
	}
	return out, nil
}

// loader reads things by key; those that are missing are left out.
type loader[V any] func(ctx context.Context, at *model.Moment, keys []int64) (map[int64]V, error)

// follow answers a field that points to another thing by its key; 0 points nowhere.
func follow[T any, P peered[T], V any](ctx context.Context, objs []P, word string, key func(*T) int64, load loader[V]) ([]V, error) {
	return each(objs, word, func(at *model.Moment, all []*T) (func(*T) V, error) {
		found, err := load(ctx, at, distinct(all, key))
		return func(o *T) V { return found[key(o)] }, err
	})
}

// followMany answers a field that points to several things.
func followMany[T any, P peered[T], V any](ctx context.Context, objs []P, word string, keys func(at *model.Moment, all []*T) (map[*T][]int64, error), load loader[V]) ([][]V, error) {
	return each(objs, word, func(at *model.Moment, all []*T) (func(*T) []V, error) {
		of, err := keys(at, all)
		if err != nil {
			return nil, err
		}
		var wanted []int64
		for _, ks := range of {
			wanted = append(wanted, ks...)
		}
		slices.Sort(wanted)
		found, err := load(ctx, at, slices.Compact(wanted))
		return func(o *T) []V {
			out := make([]V, 0, len(of[o]))
			for _, k := range of[o] {
				if v, ok := found[k]; ok {
					out = append(out, v)
				}
			}
			return out
		}, err
	})
}

// distinct are the keys that things point to, without 0, each once.
func distinct[T any](all []*T, key func(*T) int64) []int64 {
	keys := make([]int64, 0, len(all))
	for _, o := range all {
		if k := key(o); k != 0 {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// together makes things of rows, and peers of the things.
func together[R, T any](at *model.Moment, rows []R, thing func(*model.Peers[T], R) *T) []*T {
	peers := &model.Peers[T]{At: at, All: make([]*T, len(rows))}
	for i, row := range rows {
		peers.All[i] = thing(peers, row)
	}
	return peers.All
}

// byKey is things by their key.
func byKey[T any](things []*T, key func(*T) int64) map[int64]*T {
	out := make(map[int64]*T, len(things))
	for _, t := range things {
		out[key(t)] = t
	}
	return out
}
