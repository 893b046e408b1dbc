package graphql

import (
	"context"
	"slices"

	"github.com/annals-io/annals/graphql/model"
)

// mostNested is how many levels of nesting are looked through for the outermost run; real ones are five deep at most.
const mostNested = 64

// outermost answers the outermost run that each run is nested in. A producer may name it with the parent (then it is
// known before the runs between were heard of), or not at all: so the parents are walked up, level by level for all
// runs together, and what was said counts where it lies beyond them.
func (r *Resolver) outermost(ctx context.Context, objs []*model.Run) ([]*model.Run, error) {
	return each(objs, "root", func(at *model.Moment, all []*model.Run) (func(*model.Run) *model.Run, error) {
		known := map[int64]*model.Run{}
		for _, run := range all {
			known[run.Row.Key] = run
		}
		above := all
		for level := 0; level < mostNested && len(above) > 0; level++ {
			var missing []int64
			for _, run := range above {
				for _, key := range [...]int64{run.Row.Parent, run.Row.Root} {
					if key != 0 && known[key] == nil && !slices.Contains(missing, key) {
						missing = append(missing, key)
					}
				}
			}
			if len(missing) == 0 {
				break
			}
			found, err := r.runs(ctx, at, missing)
			if err != nil {
				return nil, err
			}
			above = above[:0:0]
			for key, run := range found {
				known[key] = run
				above = append(above, run)
			}
		}
		return func(run *model.Run) *model.Run { return outermostOf(run, known) }, nil
	})
}

func outermostOf(run *model.Run, known map[int64]*model.Run) *model.Run {
	var said int64
	within := []int64{run.Row.Key}
	top := run
	for {
		if top.Row.Root != 0 {
			said = top.Row.Root
		}
		parent := known[top.Row.Parent]
		if parent == nil || slices.Contains(within, parent.Row.Key) {
			break
		}
		top, within = parent, append(within, parent.Row.Key)
	}
	if beyond := known[said]; beyond != nil && !slices.Contains(within, said) {
		return beyond
	}
	if top == run {
		return nil
	}
	return top
}
