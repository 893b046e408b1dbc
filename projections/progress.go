package projections

import (
	"context"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// Standing is how far a workspace's read model is.
type Standing struct {
	Workspace domain.Slug
	Applied   domain.Revision
	Head      domain.Revision // of the stream, read after Applied
	Lag       int64           // events that are not applied yet
	State     string          // "live" or "paused"
	Reason    string          // why it is paused
	Parked    []Parked
}

// Parked is an event that could not be folded.
type Parked struct {
	Revision domain.Revision
	Error    string
	Tries    int
}

const (
	listProgressSQL = `
SELECT w.slug, coalesce(p.applied, -1), coalesce(p.state, 'live'), coalesce(p.reason, ''), w.number
FROM log.workspaces w LEFT JOIN read.progress p ON p.ws = w.number
WHERE $1::text[] IS NULL OR w.slug = ANY($1)
ORDER BY w.slug`
	listParkedSQL = `SELECT ws, revision, error, tries FROM read.parked ORDER BY ws, revision`
)

// Progress lists how far every workspace is in the live model, by slug.
func (e *Engine) Progress(ctx context.Context) ([]Standing, error) { return e.standings(ctx, nil) }

// ProgressOf is how far one workspace is. A workspace that was not projected yet has applied nothing.
func (e *Engine) ProgressOf(ctx context.Context, slug domain.Slug) (Standing, error) {
	list, err := e.standings(ctx, []domain.Slug{slug})
	if err != nil {
		return Standing{}, err
	}
	if len(list) == 1 {
		return list[0], nil
	}
	if err := e.exists(ctx, slug); err != nil {
		return Standing{}, err
	}
	all := []Standing{{Workspace: slug, Applied: domain.NoRevision, State: string(live)}}
	return all[0], e.heads(ctx, all)
}

func (e *Engine) standings(ctx context.Context, only []domain.Slug) ([]Standing, error) {
	m, err := e.liveModel(ctx)
	if err != nil {
		return nil, err
	}
	at := map[int32]int{}
	var list []Standing
	var s Standing
	var number int32
	rows, _ := e.Pool.Query(ctx, inSchema(listProgressSQL, m.Schema), only)
	_, err = pgx.ForEachRow(rows, []any{&s.Workspace, &s.Applied, &s.State, &s.Reason, &number}, func() error {
		at[number] = len(list)
		list = append(list, s)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the progress of workspaces: %w", err)
	}
	var p Parked
	rows, _ = e.Pool.Query(ctx, inSchema(listParkedSQL, m.Schema))
	_, err = pgx.ForEachRow(rows, []any{&number, &p.Revision, &p.Error, &p.Tries}, func() error {
		if i, ok := at[number]; ok {
			list[i].Parked = append(list[i].Parked, p)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the parked events: %w", err)
	}
	return list, e.heads(ctx, list)
}

// ProgressOfAll is how far some workspaces are, those that were projected, by slug.
func (e *Engine) ProgressOfAll(ctx context.Context, slugs []domain.Slug) ([]Standing, error) {
	if len(slugs) == 0 {
		return nil, nil
	}
	return e.standings(ctx, slugs)
}

// heads reads how far the streams go: at once, where the store can say it at once, else several at a time.
func (e *Engine) heads(ctx context.Context, list []Standing) error {
	if many, ok := e.Store.(eventstore.HeadsReader); ok {
		streams := make([]domain.Stream, len(list))
		for i, s := range list {
			streams[i] = streamOf(s.Workspace)
		}
		heads, err := many.Heads(ctx, streams)
		if err != nil {
			return fmt.Errorf("read how far %d workspaces go: %w", len(list), err)
		}
		for i, head := range heads {
			list[i].Head, list[i].Lag = head, max(0, int64(head-list[i].Applied))
		}
		return nil
	}
	const parallel = 4
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	next := make(chan *Standing)
	for range parallel {
		wg.Go(func() {
			for s := range next {
				info, err := e.Store.Info(ctx, streamOf(s.Workspace))
				if err != nil {
					cancel(fmt.Errorf("read how far workspace %s goes: %w", s.Workspace, err))
					continue
				}
				s.Head = info.Last
				s.Lag = max(0, int64(s.Head-s.Applied))
			}
		})
	}
	for i := range list {
		next <- &list[i]
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}
