package graphql

import (
	"context"
	"slices"
	"strings"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections/read"
)

// memberList answers a page of those who may do something in a place, or, where direct, hold a role there themselves.
func (r *Resolver) memberList(ctx context.Context, at *model.Moment, direct bool, kinds []model.MemberKind, a pageArgs) (*model.MemberConnection, error) {
	hash := r.shape("members", at.Slug(), direct, kinds)
	p, err := r.page(a, hash)
	if err != nil {
		return nil, err
	}
	in, err := r.placeAt(ctx, at)
	if err != nil {
		return nil, err
	}
	var all []*model.Member
	for _, key := range in.everybody() {
		m, err := in.member(key)
		if err != nil {
			return nil, err
		}
		if m == nil || direct && m.Held == nil || kinds != nil && !slices.Contains(kinds, m.Kind()) {
			continue
		}
		all = append(all, m)
	}
	return &model.MemberConnection{List: short(at, hash, p, all, (*model.Member).Member, membersOf)}, nil
}

// membersOf makes a page's members peers: their names are read together.
func membersOf(at *model.Moment, rows []*model.Member) []*model.Member {
	return together(at, rows, func(p *model.Peers[model.Member], m *model.Member) *model.Member {
		m.Peers = p
		return m
	})
}

// memberNow is one member of a place, for the answer of a mutation; nil where they are none.
func (r *Resolver) memberNow(ctx context.Context, at *model.Moment, who domain.Grantee) (*model.Member, error) {
	in, err := r.placeAt(ctx, at)
	if err != nil {
		return nil, err
	}
	m, err := in.member(who.String())
	if err != nil || m == nil {
		return nil, err
	}
	return membersOf(at, []*model.Member{m})[0], nil
}

// cut is the page of a short list that is sorted by a word of each thing.
func cut[T any](all []*T, p read.Page, word func(*T) string) read.List[*T] {
	from, to := 0, len(all)
	if p.After != nil {
		i, same := slices.BinarySearchFunc(all, p.After.Value, func(x *T, after string) int { return strings.Compare(word(x), after) })
		switch {
		case p.Back:
			to = i
		case same:
			from = i + 1
		default:
			from = i
		}
	}
	var l read.List[*T]
	if to-from > p.Limit {
		l.More = true
		if p.Back {
			from = to - p.Limit
		} else {
			to = from + p.Limit
		}
	}
	for _, x := range all[from:max(from, to)] {
		l.Rows = append(l.Rows, read.Sorted[*T]{Row: x, Mark: read.Mark{Value: word(x)}})
	}
	return l
}
