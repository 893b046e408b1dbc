package read

import (
	"context"
	"slices"

	"github.com/annals-io/annals/domain"
)

// What a walk leaves out: it goes neither to nor through what the query does not want.

// filtered says whether the query leaves anything out.
func (w *walk) filtered() bool {
	return len(w.q.Statuses)+len(w.q.Pipelines)+len(w.q.Namespaces) > 0 || !w.q.CreatedAfter.IsZero() || !w.q.CreatedBefore.IsZero()
}

// filter refuses the new neighbours that the query leaves out.
func (w *walk) filter(ctx context.Context, hops []hop) error {
	if !w.filtered() {
		return nil
	}
	fresh := map[int64]side{}
	for _, h := range hops {
		if _, ok := w.index[h.to]; !ok && !w.refused[h.to] {
			fresh[h.to] = w.sides[w.index[h.from]].opposite()
		}
	}
	return w.refuse(ctx, fresh)
}

// refuse refuses those of new nodes that the query leaves out.
func (w *walk) refuse(ctx context.Context, fresh map[int64]side) error {
	if !w.filtered() {
		return nil
	}
	var unknown [sides][]int64
	for key, s := range fresh {
		unknown[s] = append(unknown[s], key)
	}
	if err := w.learn(ctx, unknown); err != nil {
		return err
	}
	for key, s := range fresh {
		f := w.fact(key)
		switch {
		case key < w.created[0] || key >= w.created[1],
			s == execution && len(w.q.Statuses) > 0 && !slices.Contains(w.q.Statuses, domain.Status(f.status)),
			s == execution && len(w.q.Pipelines) > 0 && !slices.Contains(w.q.Pipelines, f.pipeline),
			s != execution && len(w.q.Namespaces) > 0 && !slices.Contains(w.q.Namespaces, f.namespace):
			w.refused[key] = true
		}
	}
	return nil
}
