package projections

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/domain"
)

// An OpenPromotion is a promotion that was sent and whose end the source has not said.
type OpenPromotion struct {
	Source domain.Slug
	Began  domain.Revision // of the event that says what is to happen
}

const openPromotionsSQL = `
SELECT w.slug, p.began FROM read.promotions p JOIN read.workspaces w ON w.ws = p.ws
WHERE p.state = 'open' AND NOT w.deleted ORDER BY p.at, p.promotion LIMIT $1`

// OpenPromotions lists promotions without an end, the oldest first, as far as they are projected. The promotions of a
// workspace that was deleted end with it.
func (e *Engine) OpenPromotions(ctx context.Context, limit int) ([]OpenPromotion, error) {
	m, err := e.liveModel(ctx)
	if err != nil {
		return nil, err
	}
	rows, _ := e.Pool.Query(ctx, inSchema(openPromotionsSQL, m.Schema), limit)
	open, err := pgx.CollectRows(rows, pgx.RowToStructByPos[OpenPromotion])
	if err != nil {
		return nil, fmt.Errorf("list open promotions: %w", err)
	}
	return open, nil
}
