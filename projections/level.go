package projections

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// level waits until a model has applied what another one has applied now, in every workspace. Workspaces that are
// paused in it count only where they must all be level. behind is how many were not, at the end of ctx.
func (e *Engine) level(ctx context.Context, p, than *projection, butPaused bool) (behind int, err error) {
	numbers, applied, err := e.progressed(ctx, than.schema)
	if err != nil {
		return 0, err
	}
	return e.reach(ctx, p, numbers, applied, butPaused)
}

// progressed is what a model has applied, by the numbers of its workspaces.
func (e *Engine) progressed(ctx context.Context, schema string) (numbers []int32, applied []int64, err error) {
	rows, _ := e.Pool.Query(ctx, inSchema(`SELECT ws, applied FROM read.progress`, schema))
	var number int32
	var at domain.Revision
	_, err = pgx.ForEachRow(rows, []any{&number, &at}, func() error {
		numbers, applied = append(numbers, number), append(applied, int64(at))
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read the progress of %s: %w", schema, err)
	}
	return numbers, applied, nil
}

// reach waits until a model has applied that much; see level.
func (e *Engine) reach(ctx context.Context, p *projection, numbers []int32, applied []int64, butPaused bool) (behind int, err error) {
	const behindSQL = `
SELECT count(*) FROM unnest($1::int[], $2::bigint[]) g (ws, applied)
LEFT JOIN read.progress p ON p.ws = g.ws
WHERE coalesce(p.applied, -1) < g.applied AND NOT ($3 AND coalesce(p.state, 'live') = 'paused')`
	for {
		var now int
		err := e.Pool.QueryRow(ctx, inSchema(behindSQL, p.schema), numbers, applied, butPaused).Scan(&now)
		if err != nil && ctx.Err() != nil {
			return behind, ctx.Err()
		}
		if err != nil {
			return behind, fmt.Errorf("see whether %s is level: %w", p.schema, err)
		}
		if behind = now; behind == 0 {
			return 0, nil
		}
		if err := pauseFor(ctx, pollOthers); err != nil {
			return behind, err
		}
	}
}
