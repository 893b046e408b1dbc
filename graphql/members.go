package graphql

import (
	"context"
	"slices"
	"strings"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections/read"
)

// memberList answers a page of those who hold a role directly.
func (r *Resolver) memberList(ctx context.Context, at *model.Moment, a pageArgs) (*model.MemberConnection, error) {
	hash := shape("members", at.Slug())
	p, err := r.page(a, hash)
	if err != nil {
		return nil, err
	}
	rows, err := r.Read.Members(ctx, at.At)
	if err != nil {
		return nil, err
	}
	all := make([]*model.Member, len(rows))
	for i, row := range rows {
		g, err := domain.ParseGrantee(row.Grantee)
		if err != nil {
			return nil, err // the log holds no other
		}
		all[i] = &model.Member{Member: row.Grantee, Kind: model.MemberKind(strings.ToUpper(string(g.Kind))), ID: g.ID, Roles: row.Roles, Revision: int64(row.Since)}
	}
	l := listed(at, hash, p, cut(all, p, func(m *model.Member) string { return m.Member }),
		func(_ *model.Moment, rows []*model.Member) []*model.Member { return rows },
		func(_ context.Context, most int) (int, error) { return min(len(all), most+1), nil })
	return &model.MemberConnection{List: l}, nil
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
